"""A small table of changes whose current state the state machine refreshes, on a real Trino.

Files are written as the Avro writer writes them, with a mark for each file of an earlier day.
"""

from __future__ import annotations

import copy
import datetime as dt
import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import fastavro
from trino.exceptions import TrinoQueryError

from catalog.columns import GlueColumn
from catalog.current.keys import late_prefix
from catalog.current.machine import Refresh, definition
from catalog.current.statements import Dialect, Statements
from catalog.current.view import refreshed_view_of
from catalog.types import hive_type
from catalog.views import view_of
from emulation.endpoint import Endpoint
from schemas.table import Table, parse_table
from tests.support.state_machine import QueryFailed
from tests.trino.server import Trino

Row = dict[str, Any]

NAME = "thing"
DAYS, TOMBSTONE_DAYS = 2, 5

_NULLABLE: dict[str, Any] = {
    "note": "string",
    "price": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
    "seen_at": {"type": "long", "logicalType": "timestamp-millis"},
    "added_later": {
        "type": "record",
        "name": "Added",
        "fields": [
            {"name": "status_then", "type": "string", "doc": "The status"},
            {
                "name": "moments",
                "type": {
                    "type": "array",
                    "items": {"type": "long", "logicalType": "timestamp-millis"},
                },
                "doc": "Times",
            },
        ],
    },
}


def table(*, grown: bool) -> Table:
    """Return the table, with or without the column that is added later."""
    nullable = [
        {"name": name, "type": ["null", kind], "default": None, "doc": name}
        for name, kind in _NULLABLE.items()
        if grown or name != "added_later"
    ]
    status = {"name": "status", "type": "string", "doc": "Where it stands"}
    schema = {"type": "record", "name": "Thing", "doc": "A thing", "fields": [status, *nullable]}
    return parse_table(NAME, json.dumps(schema), "thing.json")


AT_FIRST, GROWN = table(grown=False), table(grown=True)


def run_queries(trino: Trino, sql: str, database: str) -> None:
    """Run a query of the state machine to its end."""
    try:
        replace(trino, schema=database).rows(sql)
    except TrinoQueryError as error:
        raise QueryFailed(f"{error.error_name}: {error.message}") from error


def refresh_of(described: Table, database: str, bucket: str, data_prefix: str) -> dict[str, Any]:
    """Return the definition of the state machine of a table, with its queries for a Trino.

    Parameters
    ----------
    described
        The table.
    database
        The database of the changes. That of the current state is called like it.
    bucket, data_prefix
        Where the data is.
    """
    statements = Statements(
        described, database, f"{database}_parquet", DAYS, TOMBSTONE_DAYS, Dialect.TRINO
    )
    return definition(Refresh(statements, "refresh", bucket, data_prefix))


@dataclass
class Place:
    """The bucket's part, the databases and the table of one history.

    Parameters
    ----------
    endpoint, trino
        Where they are, and what reads them.
    bucket
        The bucket.
    name
        A word that no other place has.
    like
        The Glue table of a type of the stack. The table here has the same properties.
    first_date
        The first date that the table projects.
    at_first
        The table of changes as it is at first.
    """

    endpoint: Endpoint
    trino: Trino
    bucket: str
    name: str
    like: Mapping[str, Any]
    first_date: dt.date
    at_first: Table = AT_FIRST
    _names: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.glue, self.s3 = self.endpoint.client("glue"), self.endpoint.client("s3")
        for database in (self.database, self.current_database):
            self.glue.create_database(DatabaseInput={"Name": database})
        self.glue.create_table(
            DatabaseName=self.database, TableInput=self._glue_table(self.at_first)
        )

    @property
    def database(self) -> str:
        """The database of the changes."""
        return self.name

    @property
    def current_database(self) -> str:
        """The database of the current state."""
        return f"{self.name}_parquet"

    @property
    def _location(self) -> str:
        return f"{self.name}/avro/{self._kind}/"

    @property
    def _kind(self) -> str:
        return self.at_first.record_type

    def grow(self, grown: Table) -> None:
        """Give the table of changes another schema."""
        self.glue.delete_table(DatabaseName=self.database, Name=self._kind)
        self.glue.create_table(DatabaseName=self.database, TableInput=self._glue_table(grown))

    def refresh(self, described: Table) -> dict[str, Any]:
        """Return the definition of the state machine for the table as it is or was."""
        return refresh_of(described, self.database, self.bucket, self.name)

    def new_name(self) -> str:
        """Return a name that no file and no execution of this place has."""
        return f"n{next(self._names):04}"

    def put(self, described: Table, date: dt.date, file: str, rows: list[Row]) -> None:
        """Write a file of changes of one date."""
        body = io.BytesIO()
        schema = fastavro.parse_schema(copy.deepcopy(described.avro))
        fastavro.writer(body, schema, rows, codec="deflate")
        key = f"{self._location}partition_date={date}/{file}.avro"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.getvalue())

    def mark(self, date: dt.date, file: str) -> None:
        """Say that a file came late."""
        key = f"{late_prefix(self.name, self._kind)}{date}/{file}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"")

    def marks(self) -> list[str]:
        """Return the keys of the marks that are there."""
        listed = self.s3.list_objects_v2(
            Bucket=self.bucket, Prefix=late_prefix(self.name, self._kind)
        )
        return [each["Key"] for each in listed.get("Contents", [])]

    def rows(self, described: Table) -> list[Row]:
        """Return the rows of the table of the current state."""
        names = [each.name for each in refreshed_view_of(described, self.current_database).columns]
        columns = ", ".join(names)
        found = self.trino.rows(f"SELECT {columns} FROM {self.current_database}.{self._kind}")
        return [dict(zip(names, row, strict=True)) for row in found]

    def views(self, described: Table) -> tuple[list[str], list[str]]:
        """Return what the views answer: of the last refresh, and of all changes."""
        current = refreshed_view_of(described, self.current_database).sql
        latest = view_of(described).sql
        here = replace(self.trino, schema=self.database)
        return sorted(map(str, here.rows(current))), sorted(map(str, here.rows(latest)))

    def snapshots(self) -> int:
        """Return how many snapshots the table of the current state has."""
        sql = f'SELECT count(*) FROM {self.current_database}."{self._kind}$snapshots"'
        count: int = self.trino.rows(sql)[0][0]
        return count

    def _glue_table(self, described: Table) -> dict[str, Any]:
        made = {
            name: copy.deepcopy(self.like[name])
            for name in ("TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
        }
        location = f"s3://{self.bucket}/{self._location}"
        made["Parameters"]["storage.location.template"] = (
            f"{location}partition_date=${{partition_date}}/"
        )
        made["Parameters"]["projection.partition_date.range"] = f"{self.first_date},NOW+1DAYS"
        columns = [GlueColumn(c.name, hive_type(c.type), c.doc) for c in described.record.columns]
        descriptor = made["StorageDescriptor"]
        descriptor["Location"] = location
        descriptor["Columns"] = [
            {"Name": each.name, "Type": each.type, "Comment": each.comment} for each in columns
        ]
        descriptor["SerdeInfo"]["Parameters"] = {"avro.schema.literal": described.literal}
        return {"Name": self._kind, **made}
