"""What became of a batch: the answer, and the counts for the log and the metrics."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from transform.row import Row

OTHER_TYPE = "other_type"
OTHER_DELIVERY = "other_delivery"
UNCLAIMED_TYPE = "unclaimed_type"
NO_TYPE = "no_type"
"""Why a record is dropped."""


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
class RowCounts:
    """Counts of the rows of one record type.

    Parameters
    ----------
    ok
        How many rows there are.
    rescued_attributes, rescued_rows
        How many attributes went to ``rescued_attributes``, and in how many rows.
    attributes_without_column, unfit_values
        How many of these attributes have no column, or a member without a field, and how many do
        not fit their column, which is null.
    """

    ok: int = 0
    rescued_attributes: int = 0
    rescued_rows: int = 0
    attributes_without_column: int = 0
    unfit_values: int = 0

    def add_rescued(self, row: Row) -> None:
        """Count the rescued attributes of a row that has some."""
        self.rescued_attributes += row.rescued
        self.rescued_rows += 1
        self.attributes_without_column += row.without_column
        self.unfit_values += row.unfit

    @property
    def inexact_values(self) -> int:
        """How many of these attributes have a column that does not hold them exactly."""
        return self.rescued_attributes - self.attributes_without_column - self.unfit_values


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
        Records by outcome and reason: ``ok``, ``other_type``, ``other_delivery``,
        ``unclaimed_type``, ``no_type``, or a failure's reason.
    rows
        The counts of the rows of each record type that the function makes.
    unclaimed
        The first records that nobody takes, if this function counts them.
    """

    invocation_id: str | None = None
    answer: bytes = b""
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    rows: dict[str, RowCounts] = field(default_factory=dict)
    unclaimed: list[Unclaimed] = field(default_factory=list)

    @property
    def records_unclaimed(self) -> int:
        """How many records nobody takes, as far as this function can tell."""
        return self.counts[NO_TYPE] + self.counts[UNCLAIMED_TYPE]

    @property
    def records_dropped(self) -> int:
        """How many records this function makes no row of, though nothing is wrong with them."""
        return self.counts[OTHER_TYPE] + self.counts[OTHER_DELIVERY] + self.records_unclaimed

    @property
    def failures_by_column(self) -> Counter[str]:
        """Failures by reason and column, for those of a column."""
        return Counter(f"{each.reason}:{each.column}" for each in self.failures if each.column)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The answers as JSON values."""
        records: list[dict[str, Any]] = json.loads(self.answer)["records"]
        return records
