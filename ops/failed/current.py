"""What a failed record would become now: a row, of another type, or a failure again.

Change records go through the transform of this checkout, landed lines through the reader of rows of
this checkout. Both are what the functions run, in this process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pybase64

from avro_writer.outputs import Outputs
from avro_writer.rows import BadRow
from ops.failed.owners import Owners
from ops.failed.records import FailedRecord
from schemas import table
from transform.batch import Transform

# No payload of Lambda limits the answer here.
_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class NowRow:
    """It becomes this row now, a landed line."""

    line: bytes


@dataclass(frozen=True, slots=True)
class NowFails:
    """It still fails.

    Parameters
    ----------
    reason
        Why, as the transform's log or the quarantine says it.
    column
        The column that it does not fit, if that is the reason.
    """

    reason: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class NowOther:
    """It is of another record type, or another delivery stream answers for it.

    Parameters
    ----------
    whose
        Whose it is instead, as people read it.
    """

    whose: str = "another type's record"


Now = NowRow | NowFails | NowOther

_ELSEWHERE = NowOther("another delivery stream's record")


def with_column(reason: str, column: str | None) -> str:
    """Return a reason with the column that it is about, if there is one, as people read it."""
    return f"{reason} ({column})" if column else reason


def current_transform(record_type: str, type_attribute: str) -> Transform:
    """Return the transform of this checkout; no payload of Lambda limits its answers.

    Raises
    ------
    schemas.SchemaError
        The type is unknown, or its schema cannot be used.
    """
    return Transform(table(record_type), type_attribute, _NO_LIMIT)


def transformed(transform: Transform, changes: Iterable[tuple[bytes, str | None]]) -> Iterator[Now]:
    """Yield what each change record becomes.

    Parameters
    ----------
    transform
        What `current_transform` returns.
    changes
        Change records, each with its sequence number in the Kinesis stream, if that is known.
    """
    records = [
        {
            "recordId": str(number),
            "data": pybase64.b64encode(data).decode(),
            "kinesisRecordMetadata": {"sequenceNumber": sequence_number},
        }
        for number, (data, sequence_number) in enumerate(changes)
    ]
    outcome = transform.batch(records)
    failures = {each.record_id: each for each in outcome.failures}
    for answer in outcome.records:
        if answer["result"] == "Ok":
            yield NowRow(pybase64.b64decode(answer["data"]).removesuffix(b"\n"))
        elif answer["result"] == "Dropped":
            yield NowOther()
        else:
            failure = failures[answer["recordId"]]
            yield NowFails(failure.reason, failure.column)


class Code(Protocol):
    """What records become now."""

    def now(self, records: Sequence[FailedRecord]) -> list[Now]:
        """Return what each of some records becomes."""


class WithoutType:
    """What the records become of which nobody can tell the type: no rows.

    Parameters
    ----------
    owners
        Says why.
    """

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    def now(self, records: Sequence[FailedRecord]) -> list[Now]:
        """Return why each of some records has no type."""
        return [
            _ELSEWHERE if each.elsewhere else NowFails(self._owners.why_without_type(each.data))
            for each in records
        ]


class CurrentCode:
    """The transform and the row reader of one record type, as this checkout has them.

    A context manager: it has an empty folder on local disk.

    Parameters
    ----------
    record_type
        The type.
    type_attribute
        The item's attribute with the record type.

    Raises
    ------
    schemas.SchemaError
        The type is unknown, or its schema cannot be used.
    """

    def __init__(self, record_type: str, type_attribute: str) -> None:
        described = table(record_type)
        self.schema: dict[str, Any] = described.avro
        self._transform = current_transform(record_type, type_attribute)
        self._folder = tempfile.TemporaryDirectory(prefix="dmd-")
        self._rows = Outputs(record_type, described.avro, Path(self._folder.name), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def now(self, records: Sequence[FailedRecord]) -> list[Now]:
        """Return what each of some records becomes."""
        changes = transformed(
            self._transform,
            [(each.data, None) for each in records if not (each.landed or each.elsewhere)],
        )
        found: list[Now] = []
        for each in records:
            if each.elsewhere:
                found.append(_ELSEWHERE)
            else:
                found.append(NowRow(each.data) if each.landed else next(changes))
        return [self._checked(each) if isinstance(each, NowRow) else each for each in found]

    def _checked(self, found: NowRow) -> Now:
        try:
            self._rows.rows([found.line])
        except BadRow as error:
            return NowFails(str(error))
        return found
