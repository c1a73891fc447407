"""Turns a batch of Firehose records into answers and counts, in one pass.

See docs/design.md#the-transform.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas import Table
from transform.change_record import ChangeRecordReader, NotAChangeRecord, event_id_of
from transform.firehose import (
    PAYLOAD_LIMIT,
    Answer,
    FirehoseRecord,
    read_event,
)
from transform.row import Row, UnfitRecord
from transform.typed import Glanced, TypedRowMaker

# How many rows are made together. Each step runs over all of them: the more, the faster, while the
# results fit into the processor's cache.
_TOGETHER = 32

# Enough to find out who writes them. A table may have many items of other types.
_MOST_UNCLAIMED_NAMED = 5


@dataclass(frozen=True)
class Failure:
    """A record that was answered ``ProcessingFailed``, without its content: this may be logged."""

    record_id: str
    sequence_number: str | None
    reason: str
    column: str | None = None
    event_id: str | None = None


@dataclass(frozen=True)
class Unclaimed:
    """A record that nobody takes, without its content: where to find it in the Kinesis stream."""

    shard_id: str | None
    sequence_number: str | None
    event_id: str | None


@dataclass
class Outcome:
    """The result of a batch.

    Parameters
    ----------
    invocation_id
        Firehose's identifier of the batch.
    answer
        The response payload: one answer for each record, in order, as JSON.
    counts
        Records by outcome and reason: ``ok``, ``other_type``, ``unclaimed_type``, ``no_type``, or a
        failure's reason.
    rescued_attributes, rescued_rows
        How many attributes went to ``rescued_attributes``, and in how many rows.
    attributes_without_column, unfit_values
        How many of these attributes have no column, or a member without a field, and how many do
        not fit their column, which is null. The others have a column that does not hold them
        exactly.
    unclaimed
        The first records that nobody takes, if this function counts them.
    """

    invocation_id: str | None = None
    answer: bytes = b""
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    rescued_attributes: int = 0
    rescued_rows: int = 0
    attributes_without_column: int = 0
    unfit_values: int = 0
    unclaimed: list[Unclaimed] = field(default_factory=list)

    @property
    def failures_by_column(self) -> Counter[str]:
        """Failures by reason and column, for those of a column."""
        return Counter(f"{each.reason}:{each.column}" for each in self.failures if each.column)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The answers as JSON values."""
        records: list[dict[str, Any]] = json.loads(self.answer)["records"]
        return records


class Transform:
    """The transform of one record type.

    Parameters
    ----------
    table
        The record type's table.
    type_attribute
        Name of the item's attribute that holds its record type.
    limit
        Maximum size of the answer as JSON, in bytes.
    claimed
        The record types that some function takes, if this one tells the types that nobody takes
        (``unclaimed_type``) from those of others. Of all functions, one does: each record that
        nobody takes is then counted once.
    """

    def __init__(
        self,
        table: Table,
        type_attribute: str,
        limit: int = PAYLOAD_LIMIT,
        claimed: Collection[str] | None = None,
    ) -> None:
        self._record_type = table.record_type
        self._claimed = None if claimed is None else frozenset(claimed)
        self._reader = ChangeRecordReader(type_attribute)
        self._rows = TypedRowMaker(table, type_attribute)
        self._limit = limit

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
        outcome = Outcome(event.invocation_id)
        counts = outcome.counts
        for record, found in zip(event.records, self._found(event.records), strict=True):
            if isinstance(found, str):
                answer.without_data("Dropped")
                counts[found] += 1
                if self._claimed is not None and found != "other_type":
                    _name_unclaimed(outcome, record)
            elif not isinstance(found, Row):
                _fail(answer, outcome, record, found)
            elif answer.ok(found.line):
                counts["ok"] += 1
                outcome.rescued_attributes += found.rescued
                outcome.rescued_rows += found.rescued > 0
                outcome.attributes_without_column += found.without_column
                outcome.unfit_values += found.unfit
            else:
                _fail(answer, outcome, record, UnfitRecord("answer_payload_full"))
        outcome.answer = answer.to_json()
        return outcome

    def _found(self, records: Sequence[FirehoseRecord]) -> Iterator[Row | str | Exception]:
        """Yield for each record its row, the reason to drop it, or the error."""
        found: list[Row | str | Exception] = []
        own: list[Glanced] = []
        places: list[int] = []
        claimed = self._claimed
        for record in records:
            try:
                data = record.bytes()
            except ValueError:
                found.append(NotAChangeRecord("not_base64"))
                continue
            try:
                event, record_type = self._reader.glance(data)
            except Exception as error:
                found.append(error)
                continue
            if record_type == self._record_type:
                if len(own) == _TOGETHER:
                    yield from self._with_rows(found, own, places)
                    found, own, places = [], [], []
                own.append(Glanced(data, event, record.sequence_number))
                places.append(len(found))
            if record_type is None:
                found.append("no_type")
            elif claimed is None or record_type in claimed:
                found.append("other_type")
            else:
                found.append("unclaimed_type")
        yield from self._with_rows(found, own, places)

    def _with_rows(
        self, found: list[Row | str | Exception], own: Sequence[Glanced], places: Sequence[int]
    ) -> list[Row | str | Exception]:
        for place, row in zip(places, self._rows.rows(own), strict=True):
            found[place] = row
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
