"""A batch of Firehose records to its answers and counts, in one pass (design §4)."""

from __future__ import annotations

from binascii import a2b_base64
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import Table
from transform.answer import PAYLOAD_LIMIT, Answer
from transform.change_record import ChangeRecordReader, NotAChangeRecord
from transform.row import RowMaker, UnfitRecord


@dataclass(frozen=True)
class Failure:
    """A record that was answered ``ProcessingFailed``, by what may be logged of it."""

    record_id: str
    sequence_number: str | None
    reason: str
    column: str | None = None


@dataclass
class Outcome:
    """What became of a batch.

    Parameters
    ----------
    records
        The answers, one a record, in order.
    counts
        Records by outcome and reason: ``ok``, ``other_type``, ``no_type``, or a failure's reason.
    rescued_attributes, rescued_rows
        How many attributes went to ``rescued_attributes``, and in how many rows.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    rescued_attributes: int = 0
    rescued_rows: int = 0


class Transform:
    """The transform of one record type.

    Parameters
    ----------
    table
        The record type's table.
    type_attribute
        Name of the item's attribute that holds its record type.
    limit
        Most bytes that an answer may have as JSON.
    """

    def __init__(self, table: Table, type_attribute: str, limit: int = PAYLOAD_LIMIT) -> None:
        self._record_type = table.record_type
        self._reader = ChangeRecordReader(type_attribute)
        self._rows = RowMaker(table, type_attribute)
        self._limit = limit

    def batch(self, records: Iterable[Mapping[str, Any]]) -> Outcome:
        """Return the outcome of a batch: every record answered once, in order.

        Parameters
        ----------
        records
            ``records`` of a Firehose transformation event.
        """
        batch = list(records)
        answer = Answer([record["recordId"] for record in batch], self._limit)
        outcome = Outcome(records=answer.records)
        for record in batch:
            record_id = record["recordId"]
            try:
                line, reason, rescued = self._line(record)
                if line is None:
                    answer.without_data(record_id, "Dropped")
                elif not answer.ok(record_id, line):
                    raise UnfitRecord("answer_payload_full")
                elif rescued:
                    outcome.rescued_attributes += rescued
                    outcome.rescued_rows += 1
            except (NotAChangeRecord, UnfitRecord) as error:
                reason = error.reason
                self._fail(answer, outcome, record, reason, getattr(error, "column", None))
            except Exception as error:
                # A record that nobody thought of must not hold up its neighbours: it goes to the
                # error output with its raw source, and the log says where to look.
                reason = f"unexpected_{type(error).__name__}"
                self._fail(answer, outcome, record, reason, None)
            outcome.counts[reason] += 1
        return outcome

    def _line(self, record: Mapping[str, Any]) -> tuple[bytes | None, str, int]:
        try:
            data = a2b_base64(record["data"], strict_mode=True)
        except (KeyError, TypeError, ValueError):
            raise NotAChangeRecord("not_base64") from None
        event, record_type = self._reader.glance(data)
        if record_type != self._record_type:
            return None, "no_type" if record_type is None else "other_type", 0
        line, rescued = self._rows.row(self._reader.read(data, event), _sequence_number(record))
        return line, "ok", rescued

    @staticmethod
    def _fail(
        answer: Answer,
        outcome: Outcome,
        record: Mapping[str, Any],
        reason: str,
        column: str | None,
    ) -> None:
        answer.without_data(record["recordId"], "ProcessingFailed")
        outcome.failures.append(
            Failure(record["recordId"], _sequence_number(record), reason, column)
        )


def _sequence_number(record: Mapping[str, Any]) -> str | None:
    metadata = record.get("kinesisRecordMetadata")
    number = metadata.get("sequenceNumber") if isinstance(metadata, dict) else None
    return number if isinstance(number, str) else None
