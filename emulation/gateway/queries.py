"""Athena's queries at the gateway: no emulator answers them, so a function in its place does.

The endpoint still takes the query, names it and knows its workgroup. The gateway adds what came of
it: the state, and the rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from threading import Lock

from aiohttp import web

from emulation.endpoint import Credentials
from emulation.gateway.api_call import ApiCall
from emulation.gateway.faults import Answer
from emulation.gateway.forwarding import Review, respond

_REMEMBERED = 1_000
# What Athena gives in one answer; the first row of the first is the names.
# https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
_MOST_ROWS = 1_000
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


class QueryFailed(Exception):
    """Athena would refuse the query, or it cannot be answered. The text says why."""


@dataclass(frozen=True)
class Query:
    """A query as StartQueryExecution gives it.

    Parameters
    ----------
    sql
        One statement.
    database
        Where table names without a database are looked up, if it is given.
    credentials
        Those of the caller: Athena reads tables and files with the caller's permissions.
    parameters
        An SQL literal for each ``?`` of the statement.
    """

    sql: str
    database: str | None
    credentials: Credentials
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryRows:
    """The answer to a query.

    Parameters
    ----------
    columns
        The name of each column, and its type with all parameters, such as ``decimal(12,2)``.
    rows
        The values as Athena writes them; None is NULL.
    bytes_read
        Size of the files that were read.
    notes
        Sentences about the answer. In Athena's API they stand in the reason of the query's state.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str | None]]
    bytes_read: int = 0
    notes: Sequence[str] = ()


RunQuery = Callable[[Query], QueryRows]
"""Answers a query; it raises `QueryFailed` if there is no answer. It may take seconds."""


class Queries:
    """The queries that were started through this gateway, and their answers; thread-safe.

    Parameters
    ----------
    run
        Answers a query.
    executor
        Runs ``run``.
    """

    def __init__(self, run: RunQuery, executor: Executor) -> None:
        self._run = run
        self._executor = executor
        self._answers: dict[str, Future[QueryRows]] = {}
        self._stopped: set[str] = set()
        self._lock = Lock()

    def answer(self, call: ApiCall) -> Answer | None:
        """Return the answer to GetQueryResults; None if the endpoint has to answer the call."""
        name = str(call.parameters.get("QueryExecutionId"))
        found = self._answers.get(name)
        if (call.service, call.operation) != ("athena", "GetQueryResults") or found is None:
            return None
        state, reason = self._state(name, found)
        if state != "SUCCEEDED":
            return _refused(f"Query has not yet finished. Current state: {state}. {reason}".strip())
        begin = int(call.parameters.get("NextToken") or 0)
        count = min(int(call.parameters.get("MaxResults") or _MOST_ROWS), _MOST_ROWS)
        return _json(200, _result_set(found.result(), begin, count))

    def review(
        self,
        request: web.BaseRequest,
        call: ApiCall,
        credentials: Credentials,
        other: Review | None,
    ) -> Review | None:
        """Return what to do with the endpoint's answer to a call of Athena.

        Parameters
        ----------
        request, call
            The request, and its call.
        credentials
            Those of the caller.
        other
            What is done with the answer besides.
        """
        if (call.service, call.operation) == ("athena", "StartQueryExecution"):

            def start(answer: bytes) -> web.Response | None:
                self._start(call, credentials, json.loads(answer)["QueryExecutionId"])
                return other.look(answer) if other else None

            return Review(200, start)
        if (call.service, call.operation) == ("athena", "StopQueryExecution"):

            def stop(answer: bytes) -> web.Response | None:
                self._stop(str(call.parameters.get("QueryExecutionId")))
                return other.look(answer) if other else None

            return Review(200, stop)
        if (call.service, call.operation) == ("athena", "GetQueryExecution"):

            def show(answer: bytes) -> web.Response | None:
                return self._shown(request, call, answer)

            return Review(200, show)
        return other

    def _start(self, call: ApiCall, credentials: Credentials, name: str) -> None:
        context: Mapping[str, str] = call.parameters.get("QueryExecutionContext") or {}
        query = Query(
            str(call.parameters["QueryString"]),
            context.get("Database"),
            credentials,
            tuple(call.parameters.get("ExecutionParameters") or ()),
        )
        with self._lock:
            self._answers[name] = self._executor.submit(self._run, query)
            while len(self._answers) > _REMEMBERED:
                oldest = next(iter(self._answers))
                del self._answers[oldest]
                self._stopped.discard(oldest)

    def _stop(self, name: str) -> None:
        """Let a query that has not ended count as cancelled; what works on it is not stopped."""
        found = self._answers.get(name)
        if found is not None and not found.done():
            self._stopped.add(name)

    def _state(self, name: str, answer: Future[QueryRows]) -> tuple[str, str]:
        if name in self._stopped:
            return "CANCELLED", ""
        if not answer.done():
            return "RUNNING", ""
        error = answer.exception()
        if error is not None:
            return "FAILED", str(error)
        return "SUCCEEDED", "; ".join(answer.result().notes)

    def _shown(self, request: web.BaseRequest, call: ApiCall, answer: bytes) -> web.Response | None:
        name = str(call.parameters.get("QueryExecutionId"))
        found = self._answers.get(name)
        if found is None:
            return None
        content = json.loads(answer)
        state, reason = self._state(name, found)
        status = content["QueryExecution"]["Status"]
        status["State"] = state
        if state == "SUCCEEDED":
            statistics = content["QueryExecution"].setdefault("Statistics", {})
            statistics["DataScannedInBytes"] = found.result().bytes_read
        if reason:
            status["StateChangeReason"] = reason
        return respond(request, _json(200, content))


def _result_set(found: QueryRows, begin: int, count: int) -> dict[str, object]:
    """Return an answer of GetQueryResults; the names are the first row, as for every SELECT."""
    every = [[name for name, _ in found.columns], *found.rows]
    end = begin + count
    return {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [
                {"Data": [{"VarCharValue": value} if value is not None else {} for value in row]}
                for row in every[begin:end]
            ],
            "ResultSetMetadata": {
                "ColumnInfo": [_column_info(name, kind) for name, kind in found.columns]
            },
        },
        **({"NextToken": str(end)} if end < len(every) else {}),
    }


def _column_info(name: str, kind: str) -> dict[str, object]:
    info: dict[str, object] = {"Name": name, "Type": re.sub(r"\(.*\)", "", kind)}
    numbers = _DECIMAL.fullmatch(kind)
    if numbers is not None:
        info |= {"Precision": int(numbers[1]), "Scale": int(numbers[2])}
    return info


def _refused(message: str) -> Answer:
    return _json(400, {"__type": "InvalidRequestException", "Message": message})


def _json(status: int, content: object) -> Answer:
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    return Answer(status, headers, json.dumps(content).encode())
