"""Reads how far the records of a smoke test have come: what is in the bucket, and the tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from avro_writer.store import Store
from infra.deliveries import deliveries_of
from infra.naming import DATA_PREFIX
from infra.settings import Settings
from ops.errors import SmokeError
from ops.smoke.evidence import CHANGES, Evidence

_POLL_SECONDS = 0.5
_AREAS = ("landing", "errors", "quarantine", "avro")
_FINISHED = ("SUCCEEDED", "FAILED", "CANCELLED")
# This machine's clock may differ from S3's and DynamoDB's.
_CLOCKS_APART = timedelta(minutes=5)


class Watch:
    """Follows the records of one run.

    Parameters
    ----------
    store
        The stack's bucket.
    athena
        boto3's client.
    settings
        The stack's settings.
    keys
        The ``record_key`` of each type's record.
    began
        When the run began. Aware.
    pause
        Waits for a number of seconds.
    """

    def __init__(
        self,
        store: Store,
        athena: Any,
        settings: Settings,
        keys: Mapping[str, str],
        began: datetime,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._athena = athena
        self._settings = settings
        self._keys = keys
        self._began = began.astimezone(UTC)
        self._pause = pause
        self._before = {
            record_type: {area: set(self._objects(record_type, area)) for area in _AREAS}
            for record_type in keys
        }
        self.seen = {record_type: Evidence() for record_type in keys}

    def look(self) -> None:
        """Look once at what has come since the last time.

        A table is queried only if it has a new file: each query costs what it reads.

        Raises
        ------
        SmokeError
            Athena refuses a query.
        """
        to_query = []
        for record_type, seen in self.seen.items():
            if seen.complete:
                continue
            new = {
                area: set(self._objects(record_type, area)) - before
                for area, before in self._before[record_type].items()
            }
            seen.waiting = bool(new["landing"])
            seen.landed |= seen.waiting
            seen.failed |= new["errors"]
            seen.quarantined |= new["quarantine"]
            if new["avro"] - seen.files:
                seen.files |= new["avro"]
                to_query.append(record_type)
        if to_query:
            for record_type, change in self._query(to_query):
                self.seen[record_type].rows.add(change)

    def _query(self, record_types: Iterable[str]) -> list[tuple[str, str]]:
        days = ", ".join(f"'{day}'" for day in self._days())
        changes = ", ".join(f"'{change}'" for change in CHANGES)
        sql = "\nUNION ALL\n".join(
            f"SELECT '{each}' AS record_type, CAST(change_type AS varchar) AS change_type "  # noqa: S608
            f'FROM "{each}" '
            f"WHERE partition_date IN ({days}) AND change_type IN ({changes}) "
            f"AND record_key = '{self._keys[each].replace(chr(39), chr(39) * 2)}'"
            for each in record_types
        )
        started = self._athena.start_query_execution(
            QueryString=sql,
            WorkGroup=self._settings.naming.database,
            QueryExecutionContext={"Database": self._settings.naming.database},
        )
        running = {"QueryExecutionId": started["QueryExecutionId"]}
        while True:
            status = self._athena.get_query_execution(**running)["QueryExecution"]["Status"]
            if status["State"] in _FINISHED:
                break
            self._pause(_POLL_SECONDS)
        if status["State"] != "SUCCEEDED":
            raise SmokeError(
                f"Athena did not answer the query of the test ({status['State']}): "
                f"{status.get('StateChangeReason', 'it gives no reason')}"
            )
        found = self._athena.get_query_results(**running)["ResultSet"]["Rows"]
        # The first row has the names.
        return [
            (row["Data"][0]["VarCharValue"], row["Data"][1]["VarCharValue"]) for row in found[1:]
        ]

    def _days(self) -> list[str]:
        now = datetime.now(UTC)
        first = (self._began - _CLOCKS_APART).date()
        last = (now + _CLOCKS_APART).date()
        return [
            (first + timedelta(days=number)).isoformat()
            for number in range((last - first).days + 1)
        ]

    def _objects(self, record_type: str, area: str) -> Iterable[str]:
        """List what a new record of a type can add to an area: there, only some days can change."""
        prefix = f"{DATA_PREFIX}/{area}/{record_type}/"
        prefixes = [prefix]
        if area == "avro":
            prefixes = [f"{prefix}partition_date={day}/" for day in self._days()]
        elif area == "errors":
            prefixes = [
                f"{DATA_PREFIX}/errors/{each.name}/processing-failed/{day.replace('-', '/')}/"
                for each in deliveries_of(self._settings)
                if record_type in each.record_types
                for day in self._days()
            ]
        for each in prefixes:
            for found in self._store.objects(each):
                yield found.key
