"""An Athena that runs no query: it keeps their texts, and makes and drops tables in Glue."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from catalog.columns import GlueColumn
from catalog.current.statements import Statements
from catalog.types import hive_type
from tests.support.state_machine import QueryFailed


@dataclass
class AthenaDouble:
    """Takes the queries of one state machine.

    Parameters
    ----------
    glue
        A boto3 client of Glue.
    failures
        How often a query fails, by the first word of its text.
    queries
        The texts of the queries so far.
    statements
        Those of the state machine that runs. The double knows its table by them.
    """

    glue: Any
    failures: dict[str, int] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    statements: Statements = field(init=False)

    def __call__(self, sql: str, database: str) -> None:
        verb = sql.split()[0]
        self.queries.append(sql)
        if self.failures.get(verb, 0):
            self.failures[verb] -= 1
            raise QueryFailed("ICEBERG_COMMIT_ERROR: somebody else was faster")
        where = {"DatabaseName": self.statements.current_database}
        name = self.statements.table.record_type
        tables = [each["Name"] for each in self.glue.get_tables(**where)["TableList"]]
        if verb == "DROP" and name in tables:
            self.glue.delete_table(**where, Name=name)
        if verb == "CREATE" and name not in tables:
            location = re.search(r"LOCATION '(.*?)'", sql)
            assert location is not None
            columns = [
                GlueColumn(each.name, hive_type(each.type), each.doc)
                for each in self.statements.columns
            ]
            self.glue.create_table(
                **where,
                TableInput={
                    "Name": name,
                    "StorageDescriptor": {
                        "Location": location[1],
                        "Columns": [{"Name": each.name, "Type": each.type} for each in columns],
                    },
                },
            )

    def verbs(self) -> list[str]:
        """Return the first word of each query, in order."""
        return [sql.split()[0] for sql in self.queries]
