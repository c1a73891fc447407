"""Athena's queries at the gateway: no emulator answers them, so a function in its place does.

The endpoint still takes the query, names it and knows its workgroup. The gateway adds what came of
it: the state, and the rows.
"""

from __future__ import annotations

import json
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
# What Athena gives in one answer; the first row is the names.
# https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
_MOST_ROWS = 999


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
    """

    sql: str
    database: str | None
    credentials: Credentials


@dataclass(frozen=True)
class QueryRows:
    """The answer to a query.

    Parameters
    ----------
    columns
        The name and the type of each column.
    rows
        The values as Athena writes them; None is NULL.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str | None]]


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
        self._lock = Lock()

    def answer(self, call: ApiCall) -> Answer | None:
        """Return the answer to GetQueryResults; None if the endpoint has to answer the call."""
        found = self._answers.get(str(call.parameters.get("QueryExecutionId")))
        if (call.service, call.operation) != ("athena", "GetQueryResults") or found is None:
            return None
        state, reason = _state(found)
        if state != "SUCCEEDED":
            return _refused(f"Query has not yet finished. Current state: {state}. {reason}".strip())
        rows = found.result()
        if len(rows.rows) > _MOST_ROWS:
            return _refused(f"the local run gives at most {_MOST_ROWS} rows of a query: use LIMIT")
        return _json(200, _result_set(rows))

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
        if (call.service, call.operation) == ("athena", "GetQueryExecution"):

            def show(answer: bytes) -> web.Response | None:
                return self._shown(request, call, answer)

            return Review(200, show)
        return other

    def _start(self, call: ApiCall, credentials: Credentials, name: str) -> None:
        context: Mapping[str, str] = call.parameters.get("QueryExecutionContext") or {}
        query = Query(str(call.parameters["QueryString"]), context.get("Database"), credentials)
        with self._lock:
            self._answers[name] = self._executor.submit(self._run, query)
            while len(self._answers) > _REMEMBERED:
                del self._answers[next(iter(self._answers))]

    def _shown(self, request: web.BaseRequest, call: ApiCall, answer: bytes) -> web.Response | None:
        found = self._answers.get(str(call.parameters.get("QueryExecutionId")))
        if found is None:
            return None
        content = json.loads(answer)
        state, reason = _state(found)
        status = content["QueryExecution"]["Status"]
        status["State"] = state
        if reason:
            status["StateChangeReason"] = reason
        return respond(request, _json(200, content))


def _state(answer: Future[QueryRows]) -> tuple[str, str]:
    if not answer.done():
        return "RUNNING", ""
    error = answer.exception()
    return ("SUCCEEDED", "") if error is None else ("FAILED", str(error))


def _result_set(found: QueryRows) -> dict[str, object]:
    """Return the answer of GetQueryResults; the names are the first row, as for every SELECT."""
    names = [name for name, _ in found.columns]
    return {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [
                {"Data": [{"VarCharValue": value} if value is not None else {} for value in row]}
                for row in [names, *found.rows]
            ],
            "ResultSetMetadata": {
                "ColumnInfo": [{"Name": name, "Type": kind} for name, kind in found.columns]
            },
        },
    }


def _refused(message: str) -> Answer:
    return _json(400, {"__type": "InvalidRequestException", "Message": message})


def _json(status: int, content: object) -> Answer:
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    return Answer(status, headers, json.dumps(content).encode())
