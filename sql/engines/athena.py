"""Athena itself, or the endpoint of a local run, in a stack's workgroup."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from botocore.exceptions import ClientError
from rich.filesize import decimal as shown_size

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.tables.catalog import tables_of
from athena.values.trino_types import MAX_PRECISION, VARCHAR, TrinoType, decimal, timestamp
from console.errors import CommandError
from console.progress import Progress
from infra.queries import SavedQuery
from sql.answer import Answer, Statistics
from sql.tables import TableShape, shapes

_WAITING = ("QUEUED", "RUNNING")
# Seconds between two looks at a query, first and at most.
_PAUSES = (0.1, 2.0)
# The list price in us-east-1, in USD; a query is billed for whole megabytes, at least 10.
# https://aws.amazon.com/athena/pricing/
_USD_PER_TERABYTE = 5
_TERABYTE, _MEGABYTE = 10**12, 10**6
_LEAST_MEGABYTES = 10


class AthenaEngine:
    """Runs statements in a workgroup with the caller's credentials.

    Parameters
    ----------
    athena, glue
        boto3's clients.
    workgroup
        The workgroup's name. It decides where results go and how much a query may scan.
    database
        Where table names without a database are looked up.
    label
        What the stack is called in the prompt.
    sleep
        Waits for some seconds.
    """

    def __init__(
        self,
        athena: Any,
        glue: Any,
        workgroup: str,
        database: str,
        label: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._athena = athena
        self._glue = glue
        self._workgroup = workgroup
        self._database = database
        self._sleep = sleep
        self.label = label

    def run(self, sql: str, parameters: Sequence[str], progress: Progress) -> Answer:
        """Answer one statement; see `sql.answer.Engine`.

        https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
        """
        began = time.monotonic()
        wanted = {"ExecutionParameters": list(parameters)} if parameters else {}
        with _explained():
            started = self._athena.start_query_execution(
                QueryString=sql,
                WorkGroup=self._workgroup,
                QueryExecutionContext={"Database": self._database},
                **wanted,
            )
        name = str(started["QueryExecutionId"])
        progress.step(f"Athena runs the query {name}")
        execution = self._finished(name, progress)
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason") or "Athena gives no reason"
            raise SqlError(f"Athena ended the query as {status['State']}: {reason}")
        reason = status.get("StateChangeReason")
        result = replace(self._result(name, progress), notes=(reason,) if reason else ())
        return Answer(result, _statistics(execution, time.monotonic() - began))

    def tables(self) -> tuple[TableShape, ...]:
        """Return the tables and views of the database."""
        with _explained():
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self._database)
            return shapes(tables_of(each for page in pages for each in page["TableList"]))

    def saved(self) -> tuple[SavedQuery, ...]:
        """Return the named queries of the workgroup, in the order of their names."""
        listing = self._athena.get_paginator("list_named_queries")
        with _explained():
            pages = listing.paginate(WorkGroup=self._workgroup)
            names = [each for page in pages for each in page["NamedQueryIds"]]
            found = [self._athena.get_named_query(NamedQueryId=n)["NamedQuery"] for n in names]
        queries = (
            SavedQuery(each["Name"], each.get("Description", ""), each["QueryString"])
            for each in found
        )
        return tuple(sorted(queries, key=lambda query: query.name))

    def _finished(self, name: str, progress: Progress) -> Mapping[str, Any]:
        pause, longest = _PAUSES
        try:
            while True:
                found = self._athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]
                state = found["Status"]["State"]
                if state not in _WAITING:
                    return dict(found)
                scanned = int(found.get("Statistics", {}).get("DataScannedInBytes", 0))
                progress.show(f"{state.lower()}, {shown_size(scanned)} read")
                self._sleep(pause)
                pause = min(pause * 1.5, longest)
        except BaseException:
            # Athena would go on scanning, at the caller's cost.
            self._athena.stop_query_execution(QueryExecutionId=name)
            raise

    def _result(self, name: str, progress: Progress) -> QueryResult:
        """Return all pages of a result.

        https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
        """
        columns: Sequence[Mapping[str, Any]] = ()
        rows: list[list[str | None]] = []
        for page in self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=name):
            found = page["ResultSet"]
            columns = columns or found["ResultSetMetadata"]["ColumnInfo"]
            rows += [[each.get("VarCharValue") for each in row["Data"]] for row in found["Rows"]]
            progress.show(f"{len(rows):,} rows")
        names = [str(each["Name"]) for each in columns]
        # The first row of a query's result is the names. SHOW has no such row.
        if rows and rows[0] == names:
            del rows[0]
        if not columns:
            return QueryResult((), [])
        # A row of DESCRIBE may lack what is empty at its end.
        texts = list(zip(*(row + [None] * (len(names) - len(row)) for row in rows), strict=True))
        read = [_column(info, texts[index] if texts else ()) for index, info in enumerate(columns)]
        values = list(zip(*(column for _, column in read), strict=True))
        return QueryResult(
            tuple(zip(names, (kind for kind, _ in read), strict=True)), values if texts else []
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Say what a refused request means to the author of a statement."""
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "InvalidRequestException":
            raise SqlError(f"Athena refuses it: {message}") from error
        if code == "AccessDeniedException":
            raise CommandError(
                f"{message}: a permission is missing; the policy that ends with "
                "-athena-query-execution allows what queries need"
            ) from error
        raise


def _column(info: Mapping[str, Any], texts: Sequence[str | None]) -> tuple[TrinoType, list[Any]]:
    """Return the type and the values of a column.

    Athena gives texts. Those of arrays, maps and rows cannot be taken apart again, because nothing
    in them is quoted, and stay texts.
    """
    kind, convert = _reader(info, texts)
    try:
        return kind, [None if text is None else convert(text) for text in texts]
    except (ValueError, InvalidOperation):
        # Such as a timestamp of a year that Python does not have.
        return VARCHAR, list(texts)


def _reader(
    info: Mapping[str, Any], texts: Sequence[str | None]
) -> tuple[TrinoType, Callable[[str], Any]]:
    name = str(info["Type"])
    match name:
        case "tinyint" | "smallint" | "integer" | "bigint":
            return TrinoType(name), int
        case "boolean":
            return TrinoType(name), lambda text: text == "true"
        case "double":
            return TrinoType(name), float
        case "float" | "real":
            return TrinoType("real"), float
        case "decimal":
            digits = max((_fraction(text) for text in texts if text), default=0)
            return decimal(info.get("Precision") or MAX_PRECISION, digits), Decimal
        case "date":
            return TrinoType(name), dt.date.fromisoformat
        case "timestamp":
            digits = max((_fraction(text) for text in texts if text), default=3)
            # Python's times have six.
            exact = digits <= 6
            return (timestamp(digits), dt.datetime.fromisoformat) if exact else (VARCHAR, str)
        case "varbinary":
            return TrinoType(name), bytes.fromhex
        case "json":
            return TrinoType(name), str
    return VARCHAR, str


def _fraction(text: str) -> int:
    return len(text.partition(".")[2])


def _statistics(execution: Mapping[str, Any], seconds: float) -> Statistics:
    scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
    return Statistics(seconds, None, scanned, price(scanned))


def price(scanned: int) -> float:
    """Return what a query costs at the list price, in USD.

    Parameters
    ----------
    scanned
        Bytes that it has read; a statement that reads none costs nothing.
    """
    if not scanned:
        return 0.0
    megabytes = max(-(-scanned // _MEGABYTE), _LEAST_MEGABYTES)
    return megabytes * _MEGABYTE / _TERABYTE * _USD_PER_TERABYTE
