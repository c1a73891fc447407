"""Turns a batch of Firehose records into answers and counts, in one pass.

See docs/design.md#the-transform.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from schemas import Table
from transform.arrivals import ALWAYS, Arrivals
from transform.change_record import ChangeRecordReader, NotAChangeRecord, event_id_of
from transform.firehose import (
    PAYLOAD_LIMIT,
    Answer,
    FirehoseRecord,
    end_of_data,
    read_event,
)
from transform.outcome import (
    NO_TYPE,
    OTHER_DELIVERY,
    OTHER_TYPE,
    UNCLAIMED_TYPE,
    Failure,
    Outcome,
    RowCounts,
    Unclaimed,
)
from transform.row import Row, UnfitRecord
from transform.typed import Glanced, TypedRowMaker

# How many rows of a type are made together. Each step runs over all of them: the more, the faster,
# while the results fit into the processor's cache.
_TOGETHER = 32

# Enough to find out who writes them. A table may have many items of other types.
_MOST_UNCLAIMED_NAMED = 5


class Transform:
    """The transform of one record type, or of several.

    Parameters
    ----------
    tables
        The table of each record type whose rows it makes.
    type_attribute
        Name of the item's attribute that holds its record type.
    limit
        Maximum size of the answer as JSON, in bytes.
    claimed
        The record types that some function takes, if this one tells the types that nobody takes
        (``unclaimed_type``) from those of others. Of all functions, one does: each record that
        nobody takes is then counted once. If the answers have partition keys, no other function
        takes any of these types: the records of one without a table fail.
    partition_key
        The key for dynamic partitioning that has each row's record type. None if the answers have
        no partition keys.
    arrivals
        The times of arrival of the records that it answers for. It drops all others.
    """

    def __init__(
        self,
        tables: Table | Sequence[Table],
        type_attribute: str,
        limit: int = PAYLOAD_LIMIT,
        claimed: Collection[str] | None = None,
        *,
        partition_key: str | None = None,
        arrivals: Arrivals = ALWAYS,
    ) -> None:
        tables = [tables] if isinstance(tables, Table) else tables
        self._claimed = None if claimed is None else frozenset(claimed)
        self._reader = ChangeRecordReader(type_attribute)
        self._rows = {each.record_type: TypedRowMaker(each, type_attribute) for each in tables}
        self._ends = {
            each: end_of_data(None if partition_key is None else {partition_key: each})
            for each in self._rows
        }
        self._other_type = (
            OTHER_TYPE if partition_key is None else UnfitRecord("type_without_schema")
        )
        self._together = _TOGETHER * len(tables)
        self._limit = limit
        self._arrivals = arrivals if arrivals.limited else None

    def batch(self, records: Iterable[Mapping[str, Any]]) -> Outcome:
        """Return the outcome of a Firehose transformation event's ``records`` (JSON values)."""
        return self.payload(msgspec.json.encode({"records": list(records)}))

    def payload(self, payload: bytes) -> Outcome:
        """Return the outcome of a batch. Every record is answered once, in order.

        Parameters
        ----------
        payload
            A Firehose transformation event as JSON.

        Raises
        ------
        msgspec.DecodeError
            The payload is not such an event.
        """
        event = read_event(payload)
        answer = Answer([record.record_id for record in event.records], self._limit)
        outcome = Outcome(event.invocation_id, rows={each: RowCounts() for each in self._rows})
        counts = outcome.counts
        of_type = {each: (outcome.rows[each], end) for each, end in self._ends.items()}
        for record, found in zip(event.records, self._found(event.records), strict=True):
            if isinstance(found, str):
                answer.without_data("Dropped")
                counts[found] += 1
                if self._claimed is not None and found in (NO_TYPE, UNCLAIMED_TYPE):
                    _name_unclaimed(outcome, record)
            elif not isinstance(found, Row):
                _fail(answer, outcome, record, found)
            else:
                rows, end = of_type[found.record_type]
                if answer.ok(found.line, end):
                    rows.ok += 1
                    if found.rescued:
                        rows.add_rescued(found)
                else:
                    _fail(answer, outcome, record, UnfitRecord("answer_payload_full"))
        if ok := sum(each.ok for each in outcome.rows.values()):
            counts["ok"] = ok
        outcome.answer = answer.to_json()
        return outcome

    def _found(self, records: Sequence[FirehoseRecord]) -> Iterator[Row | str | Exception]:
        """Yield for each record its row, the reason to drop it, or the error."""
        found: list[Any] = []
        places: dict[str | None, list[int]] = {each: [] for each in self._rows}
        waiting = 0
        claimed, arrivals, glance = self._claimed, self._arrivals, self._reader.glance
        for record in records:
            if arrivals is not None:
                arrived = record.arrived
                if arrived is None:
                    found.append(UnfitRecord("no_arrival_time"))
                    continue
                if arrived not in arrivals:
                    found.append(OTHER_DELIVERY)
                    continue
            try:
                data = record.bytes()
            except ValueError:
                found.append(NotAChangeRecord("not_base64"))
                continue
            try:
                event, record_type = glance(data)
            except Exception as error:
                found.append(error)
                continue
            own = places.get(record_type)
            if own is not None:
                own.append(len(found))
                # It holds the place of its row.
                found.append(Glanced(data, event, record.sequence_number))
                waiting += 1
                if waiting == self._together:
                    yield from self._with_rows(found, places)
                    found, waiting = [], 0
            elif record_type is None:
                found.append(NO_TYPE)
            elif claimed is None or record_type in claimed:
                found.append(self._other_type)
            else:
                found.append(UNCLAIMED_TYPE)
        yield from self._with_rows(found, places)

    def _with_rows(
        self, found: list[Any], places: Mapping[str | None, list[int]]
    ) -> list[Row | str | Exception]:
        """Put the rows into their places, and forget the places."""
        for rows, own in zip(self._rows.values(), places.values(), strict=True):
            made = rows.rows([found[place] for place in own])
            for place, row in zip(own, made, strict=True):
                found[place] = row
            own.clear()
        return found


def _fail(answer: Answer, outcome: Outcome, record: FirehoseRecord, error: Exception) -> None:
    if isinstance(error, NotAChangeRecord | UnfitRecord):
        reason = error.reason
    else:
        # An unexpected error must not fail the other records of the batch. Firehose writes the
        # record's source to the error output, and the log names the record.
        reason = f"unexpected_{type(error).__name__}"
    answer.without_data("ProcessingFailed")
    outcome.counts[reason] += 1
    outcome.failures.append(
        Failure(
            record.record_id,
            record.sequence_number,
            reason,
            getattr(error, "column", None),
            _event_id(record),
        )
    )


def _name_unclaimed(outcome: Outcome, record: FirehoseRecord) -> None:
    if len(outcome.unclaimed) < _MOST_UNCLAIMED_NAMED:
        outcome.unclaimed.append(
            Unclaimed(record.shard_id, record.sequence_number, _event_id(record))
        )


def _event_id(record: FirehoseRecord) -> str | None:
    try:
        return event_id_of(record.bytes())
    except ValueError:
        return None
