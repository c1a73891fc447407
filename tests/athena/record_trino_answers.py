"""Send queries to a real Trino, and write its answers beside them.

Usage: ``python -m tests.athena.record_trino_answers``

``trino_answers.json`` has the edges of the language, ``analyst_answers.json`` the queries that
analysts write. To add one, add ``{"sql": "SELECT …"}`` to a file and run this, which asks Trino for
the answers that are missing. It needs what ``make test-trino`` needs, which asks for all of them
again. Most tests use the recorded answers and need no Trino.

An entry with ``refused`` is one that dmd sql does not answer; the text is part of its message. One
with ``varies`` gets another answer each time.
"""

from __future__ import annotations

import json
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from tests.trino.server import VERSION, Tools, find_tools, started

from .tables import BUCKET, DATABASE, PARQUET_DATABASE, definitions, write_data_directory

ANSWERS = tuple(Path(__file__).with_name(f"{name}_answers.json") for name in ("trino", "analyst"))
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


@contextmanager
def trino_over_tables(tools: Tools) -> Iterator[str]:
    """Yield the address of a Trino that reads the tests' tables."""
    with embedded_emulator() as endpoint, started(tools, endpoint.url, DATABASE) as server:
        load(endpoint)
        server.wait("SELECT count(*) FROM demand")
        yield f"http://127.0.0.1:{server.port}"


def read(path: Path) -> list[dict[str, Any]]:
    """Return the queries of a file, with the answers that are recorded."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["answers"]
    return entries


def main() -> None:
    """Ask for the answers that are missing."""
    with trino_over_tables(find_tools()) as url:
        for path in ANSWERS:
            answers = read(path)
            for entry in answers:
                if not {"error", "columns"} & entry.keys():
                    entry |= ask(url, entry["sql"])
            lines = ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
            path.write_text(
                f'{{"engine": "Trino {VERSION}", "answers": [\n{lines}\n]}}\n', encoding="utf-8"
            )


if __name__ == "__main__":
    main()
