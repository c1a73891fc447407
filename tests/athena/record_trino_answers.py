"""Send the queries of ``trino_answers.json`` to a real Trino and write its answers there.

Usage: ``python -m tests.athena.record_trino_answers TRINO_URL S3_AND_GLUE_ENDPOINT``

The tests use the recorded answers and need no Trino. To add a query, start Trino 476 with a Hive
connector called ``awsdatacatalog`` on an empty AWS-compatible endpoint, add
``{"sql": "SELECT …"}`` to the file, and run this.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from emulation.endpoint import Endpoint

from .tables import BUCKET, DATABASE, PARQUET_DATABASE, definitions, write_data_directory

ANSWERS = Path(__file__).with_name("trino_answers.json")
HEADERS = {
    "X-Trino-User": "tests",
    "X-Trino-Catalog": "awsdatacatalog",
    "X-Trino-Schema": DATABASE,
    "X-Trino-Time-Zone": "UTC",
    "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
}


def load(endpoint: Endpoint) -> None:
    """Put the tests' tables into an empty endpoint."""
    s3, glue = endpoint.client("s3"), endpoint.client("glue")
    s3.create_bucket(Bucket=BUCKET)
    with tempfile.TemporaryDirectory() as folder:
        directory = write_data_directory(Path(folder))
        for path in directory.rglob("*.avro"):
            key = path.relative_to(directory).as_posix()
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    for database in (DATABASE, PARQUET_DATABASE):
        glue.create_database(DatabaseInput={"Name": database})
    for table in definitions():
        glue.create_table(DatabaseName=DATABASE, TableInput=table)


def _get(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def ask(url: str, sql: str) -> dict[str, Any]:
    """Return Trino's answer: columns as [name, type] and rows, or its error."""
    page = _get(urllib.request.Request(f"{url}/v1/statement", sql.encode(), HEADERS))
    columns: list[Any] = []
    rows: list[Any] = []
    while True:
        if "error" in page:
            error = page["error"]
            return {"error": f"{error['errorName']}: {error['message']}"}
        columns = page.get("columns", columns)
        rows += page.get("data", [])
        if "nextUri" not in page:
            return {"columns": [[c["name"], c["type"]] for c in columns], "rows": rows}
        page = _get(urllib.request.Request(page["nextUri"], headers=HEADERS))


def main(trino_url: str, endpoint_url: str) -> None:
    """Refresh the answers of every query in the file."""
    endpoint = Endpoint(endpoint_url)
    if not endpoint.client("s3").list_buckets()["Buckets"]:
        load(endpoint)
    content = json.loads(ANSWERS.read_text(encoding="utf-8"))
    answers = [
        {
            **{key: entry[key] for key in ("sql", "refused") if key in entry},
            **ask(trino_url, entry["sql"]),
        }
        for entry in content["answers"]
    ]
    lines = ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    ANSWERS.write_text(
        f'{{"engine": {json.dumps(content["engine"])}, "answers": [\n{lines}\n]}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
