"""What the refreshes of the current-state tables take in a month."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench.inputs import Inputs
from catalog.current.machine import Refresh, definition
from catalog.current.statements import Statements
from schemas import RECORD_TYPES, table

CHANGES_A_RECORD = 4.0
"""How many changes of the tables are of one record, on average. A guess."""

COMPARED_BYTES = 70.0
"""Bytes of a row in the columns that a merge reads of the table: the key, and what tells which of
two changes is newer. A guess."""

_MONTH_HOURS, _DAY_SECONDS, _MONTH_SECONDS = 730, 86_400.0, 730 * 3600.0
# Taken off the time of the last refresh, see `catalog.current.statements`.
_OVERLAP = 3600.0
# Athena bills at least this for each query.
# https://aws.amazon.com/athena/pricing/
_LEAST_SCANNED = 10 * 1024 * 1024
# What a merge puts and lists: data, deletes, Iceberg's metadata, results, marks, anchor. A guess.
_PUTS = 12
# The footer and the data of each file that a query reads. A guess.
_GETS_A_FILE = 2


@dataclass(frozen=True)
class Refreshes:
    """What the refreshes of all types take in a month.

    Parameters
    ----------
    executions
        Executions of the state machines.
    transitions
        Their state transitions, if nothing has to be tried again.
    scanned
        Bytes that Athena bills.
    puts, gets
        S3 requests.
    stored
        Bytes of the tables.
    """

    executions: float
    transitions: float
    scanned: float
    puts: float
    gets: float
    stored: float


def refreshes_of(rate: float, avro_bytes: float, files: float, inputs: Inputs) -> Refreshes:
    """Return what the refreshes take, with tables that hold the records of a month.

    Parameters
    ----------
    rate
        Changes a second.
    avro_bytes
        Bytes of a change in the tables of changes.
    files
        Avro files a second, all types together.
    inputs
        The inputs of the bill.
    """
    if not inputs.settings["current_state_tables"]:
        return Refreshes(0, 0, 0, 0, 0, 0)
    types = len(RECORD_TYPES)
    interval = inputs.setting("current_state_refresh_minutes") * 60
    executions = types * _MONTH_SECONDS / interval
    maintenances = types * _MONTH_HOURS / 24
    # From the beginning of the day of the last refresh, or of an earlier one. On average half of
    # that day was over at the last refresh, of which an hour is taken off.
    seconds = (inputs.setting("current_state_days") - 0.5) * _DAY_SECONDS + interval + _OVERLAP
    stored = rate * _MONTH_SECONDS / CHANGES_A_RECORD * avro_bytes
    compared = stored * min(COMPARED_BYTES / avro_bytes, 1.0)
    merged = (rate * seconds * avro_bytes + compared) / types
    return Refreshes(
        executions=executions + maintenances,
        transitions=executions * shortest() + maintenances * shortest(maintain=True),
        scanned=(executions + maintenances) * max(merged, _LEAST_SCANNED)
        # Deleting tombstones reads two columns of a table, and OPTIMIZE at most all of it.
        + maintenances * max(2 * stored / types, 2 * _LEAST_SCANNED),
        puts=(executions + maintenances) * _PUTS,
        gets=(executions + maintenances) * files / types * seconds * _GETS_A_FILE,
        stored=stored,
    )


@cache
def shortest(*, maintain: bool = False) -> int:
    """Return the number of states of an execution in which nothing fails and nothing is late."""
    statements = Statements(table(RECORD_TYPES[0]), "a", "b", days=2, tombstone_days=30)
    machine = definition(Refresh(statements, "workgroup", "bucket", "prefix"))
    begin, states = machine["StartAt"], machine["States"]
    if not maintain:
        return _distance(states, begin, "Done")
    due = "IsMaintenanceDue"
    (first,) = (each["Next"] for each in states[due]["Choices"])
    return _distance(states, begin, due) + _distance(states, first, "Done")


def _distance(states: Mapping[str, Any], begin: str, end: str) -> int:
    """Return how many states the shortest way has, both ends included."""
    found = {begin: 1}
    waiting = deque([begin])
    while end not in found:
        here = waiting.popleft()
        for state in _following(states[here]):
            if state not in found:
                found[state] = found[here] + 1
                waiting.append(state)
    return found[end]


def _following(state: Mapping[str, Any]) -> Iterator[str]:
    """Give the states that may come next if nothing fails."""
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (choice["Next"] for choice in state.get("Choices", ()))
