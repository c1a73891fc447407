"""A plan: which landed objects become which Avro files, decided once and kept in S3 (design §5)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from avro_writer.errors import UnreadablePlan
from avro_writer.store import LandedObject

_FORMAT = 1

State = Literal["writing", "written"]


@dataclass(frozen=True)
class Input:
    """A landed object as the plan takes it: key and ETag are its identity, size is in bytes."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True)
class Plan:
    """What one file a date is made of. Its outputs are a function of it and of its inputs.

    Parameters
    ----------
    id
        Unique; sorts by the time it was made.
    state
        ``writing`` until every output is there, then ``written``.
    record_type
        The type of all rows.
    schema
        The Avro schema that the outputs are written with, as JSON values, whatever is deployed by
        the time they are.
    inputs
        In the order they are read in.
    run, run_until
        The run that works on it, and until when in seconds since 1970. Another run that finds the
        plan may leave it alone until then: that saves work, nothing depends on it.
    """

    id: str
    state: State
    record_type: str
    schema: dict[str, Any]
    inputs: tuple[Input, ...]
    run: str
    run_until: float

    def written_by(self, run: str, inputs: tuple[Input, ...]) -> Plan:
        """Return the plan with all of its outputs there.

        Parameters
        ----------
        run
            The run that says so.
        inputs
            Those that it read. One that it found rewritten is none of the plan's any more, even
            if it is rewritten once more to what it was.
        """
        return replace(self, state="written", run=run, inputs=inputs)

    def to_json(self) -> bytes:
        """Return the plan as it stands in S3."""
        return json.dumps(
            {
                "format": _FORMAT,
                "id": self.id,
                "state": self.state,
                "record_type": self.record_type,
                "run": self.run,
                "run_until": self.run_until,
                "inputs": [[each.key, each.etag, each.size] for each in self.inputs],
                "schema": self.schema,
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def from_json(cls, data: bytes, key: str) -> Plan:
        """Return the plan that stands in S3.

        Raises
        ------
        UnreadablePlan
            It is no plan, or of a format that this version does not know.
        """
        try:
            found = json.loads(data)
            if found["format"] != _FORMAT:
                raise UnreadablePlan(
                    f"{key} is a plan of format {found['format']!r}, this version reads {_FORMAT}: "
                    "deploy the version that wrote it until the plan is gone"
                )
            if found["state"] not in ("writing", "written"):
                raise ValueError(found["state"])
            return cls(
                id=found["id"],
                state=found["state"],
                record_type=found["record_type"],
                schema=found["schema"],
                inputs=tuple(Input(*each) for each in found["inputs"]),
                run=found["run"],
                run_until=float(found["run_until"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadablePlan(
                f"{key} is not a plan ({type(error).__name__}): restore the object, or move it "
                "away, and its inputs are planned anew; see docs/operations.md"
            ) from None


def plan_id(now: datetime, unique: str) -> str:
    """Return a plan's id: sorts by time, and is unique as far as ``unique`` is.

    Parameters
    ----------
    now
        The time, aware.
    unique
        Letters and digits, random.
    """
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}"[:-3] + f"Z-{unique}"


@dataclass(frozen=True)
class BatchRules:
    """When a batch is worth a plan, and when it is full.

    Parameters
    ----------
    max_objects, max_bytes
        A batch has no more; a single object above ``max_bytes`` is a batch of its own.
    min_bytes
        A batch of so many bytes is worth a plan.
    max_wait
        So is any batch whose oldest object is older than this.
    settle
        Objects younger than this are left to settle.
    """

    max_objects: int
    max_bytes: int
    min_bytes: int
    max_wait: timedelta
    settle: timedelta


def choose_batch(
    landed: Iterable[LandedObject], rules: BatchRules, now: datetime
) -> tuple[LandedObject, ...]:
    """Return the next batch of a lane, empty if there is none worth a plan yet.

    Reads no more of ``landed`` than it takes, so that listing costs grow with the batch and not
    with the backlog.

    Parameters
    ----------
    landed
        The lane's landed objects, oldest first.
    rules
        When a batch is worth a plan.
    now
        The time, aware.
    """
    batch: list[LandedObject] = []
    total = 0
    full = False
    for each in landed:
        if each.last_modified > now - rules.settle:
            continue
        if batch and total + each.size > rules.max_bytes:
            full = True
            break
        batch.append(each)
        total += each.size
        if len(batch) == rules.max_objects or total >= rules.max_bytes:
            full = True
            break
    if full or total >= rules.min_bytes:
        return tuple(batch)
    if batch and min(each.last_modified for each in batch) <= now - rules.max_wait:
        return tuple(batch)
    return ()
