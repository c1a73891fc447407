"""A plan: which landed objects become which Avro files, decided once and kept in S3.

See docs/design.md#the-plan.

Its states, and what may happen in each:

``reading``
    The inputs are proposed. Nothing but the plan is in S3; a run reads them to local files, and
    the plan may still get smaller.
``writing``
    The inputs and the schema are fixed, and so are the outputs: runs put them, create-only.
``written``
    Every output is there: runs delete the inputs, then the plan.

Each step from one to the next is one conditional put, so of all the runs that work on a plan one
takes it and the others see that they were overtaken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from avro_writer.errors import UnreadablePlan

_FORMAT = 2

State = Literal["reading", "writing", "written"]


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
        Unique; sorts by the time it was made. Each attempt that reads the inputs makes another, so
        that the one which is fixed belongs to what was read.
    state
        See the module.
    record_type
        The type of all rows.
    inputs
        In the order they are read in.
    run, run_until
        The run that works on it, and until when in seconds since 1970. Another run that finds the
        plan may leave it alone until then: that saves work, nothing depends on it.
    schema
        The Avro schema that the outputs are written with, as JSON values, whatever is deployed by
        the time they are. None while reading.
    put_until
        Every output up to this date (YYYY-MM-DD) is there; empty if nothing is known.
    """

    id: str
    state: State
    record_type: str
    inputs: tuple[Input, ...]
    run: str
    run_until: float
    schema: dict[str, Any] | None = None
    put_until: str = ""

    def cut(self, count: int) -> Plan:
        """Return the plan with its first ``count`` inputs alone; only while it is ``reading``."""
        return replace(self, inputs=self.inputs[:count])

    def fixed(
        self, run: str, run_until: float, inputs: tuple[Input, ...], schema: dict[str, Any]
    ) -> Plan:
        """Return the plan as it is ``writing``.

        Parameters
        ----------
        run, run_until
            The run that has read the inputs, as in the class.
        inputs
            Those that it read. What it found missing, rewritten, or too much for one plan is none
            of the plan's any more.
        schema
            What it wrote its local files with.
        """
        return replace(
            self, state="writing", run=run, run_until=run_until, inputs=inputs, schema=schema
        )

    def put_to(self, date: str) -> Plan:
        """Return the plan with every output up to a date there."""
        return replace(self, put_until=date)

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

    def without_first(self, count: int) -> Plan:
        """Return the plan without its first ``count`` inputs, which are deleted."""
        return replace(self, inputs=self.inputs[count:])

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
                "put_until": self.put_until,
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
            state, schema = found["state"], found["schema"]
            if state not in get_args(State) or (schema is None) != (state == "reading"):
                raise ValueError(state)
            return cls(
                id=found["id"],
                state=state,
                record_type=found["record_type"],
                inputs=tuple(Input(*each) for each in found["inputs"]),
                run=found["run"],
                run_until=float(found["run_until"]),
                schema=schema,
                put_until=found["put_until"],
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
