"""The targets: what each measures, in one run, and whether it is met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.cost import shared_of_per_type
from bench.inputs import Inputs
from bench.rounds import Measured

MONTH_TARGET = 0.4


@dataclass(frozen=True)
class Target:
    """One target's outcome.

    Parameters
    ----------
    name
        What is measured.
    value
        The median of the rounds; None if it could not be measured here.
    spread
        The least and the most of the rounds.
    target, direction
        The number that the value should be at most, or at least.
    unit
        The unit of the value.
    note
        A remark on the value.
    """

    name: str
    value: float | None
    spread: tuple[float, float] | None
    target: float
    direction: Literal["at most", "at least"]
    unit: str = "ratio"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a value."""
        if self.value is None:
            return None
        if self.direction == "at most":
            return self.value <= self.target
        return self.value >= self.target

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in ``latest.json``."""
        return {**asdict(self), "met": self.met}


def over_peers(measured: dict[str, Measured]) -> list[Target]:
    """Return the targets that compare peers."""
    project = measured["project"].parts
    node = measured["node"].parts["worker"] if "node" in measured else None
    usual, floor = measured["usual"].parts, measured["floor"].parts
    both = list(map(sum, zip(project["transform"].cpu, project["writer"].cpu, strict=True)))
    shared = list(map(sum, zip(project["shared"].cpu, project["writer"].cpu, strict=True)))
    path = list(map(sum, zip(project["own"].cpu, project["writer"].cpu, strict=True)))
    parse = [
        min(pair)
        for pair in zip(floor["parse orjson"].cpu, floor["parse msgspec"].cpu, strict=True)
    ]
    worker = node.cpu if node else None
    return [
        _ratio("end to end CPU, three drops included, project / Node worker", both, worker, 0.6),
        _ratio(
            "end to end CPU, one delivery stream for all types, project / Node worker",
            shared,
            worker,
            0.4,
        ),
        _ratio("path of one row, own transform + writer, project / Node worker", path, worker, 0.4),
        _ratio(
            "transform of its own type, usual Python / project",
            usual["own"].cpu,
            project["own"].cpu,
            4,
            at_least=True,
        ),
        _ratio(
            "dropping another's record / the fastest full JSON parse of it",
            project["drop"].cpu,
            parse,
            0.7,
        ),
        _ratio("writer CPU per row / the floor's", project["writer"].cpu, floor["writer"].cpu, 2.2),
        _ratio(
            "Avro bytes per row, project / Node worker's deflate",
            [project["writer"].bytes_out],
            [node.bytes_out] if node else None,
            1,
        ),
    ]


def over_month(inputs: Inputs) -> Target:
    """Return the target of what a shared delivery stream costs."""
    return from_rounds(
        "a month at 1,000 changes/s of 1.5 KB, shared / per_type",
        [shared_of_per_type(inputs)],
        MONTH_TARGET,
    )


def _ratio(
    name: str,
    above: Iterable[float],
    below: Iterable[float] | None,
    target: float,
    *,
    at_least: bool = False,
) -> Target:
    direction: Literal["at most", "at least"] = "at least" if at_least else "at most"
    if below is None:
        return Target(name, None, None, target, direction, note="there is no Node here")
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return from_rounds(name, ratios, target, direction)


def from_rounds(
    name: str,
    values: list[float],
    target: float,
    direction: Literal["at most", "at least"] = "at most",
    unit: str = "ratio",
    note: str = "",
) -> Target:
    """Return a target's outcome from its value in each round."""
    return Target(
        name,
        round(statistics.median(values), 3),
        (round(min(values), 3), round(max(values), 3)),
        target,
        direction,
        unit,
        note,
    )
