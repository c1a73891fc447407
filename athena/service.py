"""Answers queries over a bucket and a Glue catalog at an endpoint, as Athena does on AWS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from athena.engine import QueryResult, run_query
from athena.errors import SqlError
from athena.export import CATALOG_FILE, as_json
from infra.naming import DATA_PREFIX


class TableService:
    """Queries the tables of one database, as a caller whose clients it gets.

    Files of tables never change, so each is fetched once.

    Parameters
    ----------
    glue, s3
        boto3's clients, with the caller's credentials.
    bucket, database
        Of the tables.
    folder
        Where it keeps what it has fetched. An empty folder.
    """

    def __init__(self, glue: Any, s3: Any, bucket: str, database: str, folder: Path) -> None:
        self._glue = glue
        self._s3 = s3
        self._bucket = bucket
        self._database = database
        self._folder = folder
        self._lock = Lock()
        self._prepared: dict[str, str] = {}

    def run(self, sql: str, parameters: Sequence[str] = ()) -> QueryResult:
        """Answer one statement over the tables as they are now.

        Parameters
        ----------
        sql
            The statement. What it prepares is known to later ones, as in a workgroup.
        parameters
            An SQL literal for each ``?``.

        Raises
        ------
        SqlError
            Athena would refuse the query, or it cannot be answered exactly.
        botocore.exceptions.ClientError
            The caller may not read a table or a file.
        """
        with self._lock:
            self._fetch()
            return run_query(
                self._folder,
                sql,
                self._database,
                parameters=parameters,
                prepared=self._prepared,
            )

    def _fetch(self) -> None:
        try:
            database = self._glue.get_database(Name=self._database)["Database"]
        except self._glue.exceptions.EntityNotFoundException:
            raise SqlError(f"there is no database {self._database!r}") from None
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self._database)
        tables = [table for page in pages for table in page["TableList"]]
        listed = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{DATA_PREFIX}/avro/"
        )
        for key in [each["Key"] for page in listed for each in page.get("Contents", ())]:
            path = self._folder / key
            if not path.exists():
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
        catalog = {"bucket": self._bucket, "databases": [database], "tables": tables}
        (self._folder / CATALOG_FILE).write_text(json.dumps(as_json(catalog)), encoding="utf-8")
