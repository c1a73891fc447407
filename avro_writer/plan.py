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
``waiting``
    There is no plan but those that are set aside, each for an object that S3 refuses. The lane's
    next plan stands beside them.

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
# A version that knows nothing of plans that are set aside would plan their inputs anew: it has to
# refuse these.
_FORMAT_WITH_ASIDE = 3

_MOST_TRIES = 2

State = Literal["reading", "writing", "written", "waiting"]


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
        Every output up to this date (YYYY-MM-DD) is there, with its late mark if it needs one;
        empty if nothing is known.
    committed_by
        Who has said that it is written, unlike any other. Runs may share a name: Lambda delivers
        an event twice now and then, with one request id.
    tries
        How many runs had no time to read its first input, though they had begun with it.
    aside
        Plans of the same lane that wait for an object; they hold their inputs.
    waits_for
        Of a plan that is set aside, the key of the object that S3 refuses; empty if it waits for
        something else.
    """

    id: str
    state: State
    record_type: str
    inputs: tuple[Input, ...]
    run: str
    run_until: float
    schema: dict[str, Any] | None = None
    put_until: str = ""
    committed_by: str = ""
    tries: int = 0
    aside: tuple[Plan, ...] = ()
    waits_for: str = ""

    @property
    def goes_whole(self) -> bool:
        """Whether its one input goes to quarantine as it is: runs have no time for its lines."""
        return self.tries >= _MOST_TRIES

    @property
    def held_aside(self) -> frozenset[Input]:
        """The inputs of the plans that are set aside."""
        return frozenset(each for plan in self.aside for each in plan.inputs)

    def cut(self, count: int) -> Plan:
        """Return the plan with its first ``count`` inputs alone; only while it is ``reading``."""
        return replace(self, inputs=self.inputs[:count])

    def tried(self) -> Plan:
        """Return the plan with its first input alone, for which a run had no time once more."""
        return replace(self.cut(1), tries=self.tries + 1)

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

    def written_by(self, run: str, committed_by: str, inputs: tuple[Input, ...]) -> Plan:
        """Return the plan with all of its outputs there.

        Parameters
        ----------
        run, committed_by
            The run that says so, as in the class.
        inputs
            Those that it read. One that it found rewritten is none of the plan's any more, even
            if it is rewritten once more to what it was.
        """
        return replace(self, state="written", run=run, committed_by=committed_by, inputs=inputs)

    def with_inputs(self, inputs: tuple[Input, ...]) -> Plan:
        """Return the plan with those inputs that are not deleted yet; only when it is written."""
        return replace(self, inputs=inputs)

    def left(self) -> Plan:
        """Return what stays of the lane when the plan is done: what is set aside."""
        return replace(
            self, state="waiting", inputs=(), run_until=0.0, schema=None, put_until="",
            committed_by="", tries=0,
        )  # fmt: skip

    def set_aside(self, waits_for: str) -> Plan:
        """Return the lane with the plan among those that are set aside.

        Parameters
        ----------
        waits_for
            As in the class.
        """
        mine = replace(self, aside=(), waits_for=waits_for)
        return replace(self.left(), aside=(*self.aside, mine))

    def taken_up(self, plan: Plan) -> Plan:
        """Return one of the plans that are set aside, in the lane's place again."""
        others = tuple(each for each in self.aside if each != plan)
        return replace(plan, aside=others, waits_for="")

    def to_json(self) -> bytes:
        """Return the plan as it stands in S3."""
        return json.dumps(self._values(), separators=(",", ":")).encode()

    def _values(self) -> dict[str, Any]:
        seldom = {
            "committed_by": self.committed_by,
            "tries": self.tries,
            "waits_for": self.waits_for,
            "aside": [each._values() for each in self.aside],
        }
        return {
            "format": _FORMAT_WITH_ASIDE if self.aside else _FORMAT,
            "id": self.id,
            "state": self.state,
            "record_type": self.record_type,
            "run": self.run,
            "run_until": self.run_until,
            "put_until": self.put_until,
            **{name: value for name, value in seldom.items() if value},
            "inputs": [[each.key, each.etag, each.size] for each in self.inputs],
            "schema": self.schema,
        }

    @classmethod
    def from_json(cls, data: bytes, key: str) -> Plan:
        """Return the plan that stands in S3.

        Raises
        ------
        UnreadablePlan
            It is no plan, or of a format that this version does not know.
        """
        try:
            return cls._from_values(json.loads(data), key)
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadablePlan(
                f"{key} is not a plan ({type(error).__name__}): restore the object, or move it "
                "away, and its inputs are planned anew; see docs/operations.md"
            ) from None

    @classmethod
    def _from_values(cls, found: dict[str, Any], key: str) -> Plan:
        if found["format"] not in (_FORMAT, _FORMAT_WITH_ASIDE):
            raise UnreadablePlan(
                f"{key} is a plan of format {found['format']!r}, this version reads {_FORMAT} and "
                f"{_FORMAT_WITH_ASIDE}: deploy the version that wrote it until the plan is gone"
            )
        state, schema = found["state"], found["schema"]
        if state not in get_args(State) or (schema is None) != (state in ("reading", "waiting")):
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
            # What is below is there only if it says something.
            committed_by=found.get("committed_by", ""),
            tries=found.get("tries", 0),
            aside=tuple(cls._from_values(each, key) for each in found.get("aside", ())),
            waits_for=found.get("waits_for", ""),
        )


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
