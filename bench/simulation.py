"""A simulated day of the pipeline by minutes: a peak, an outage, and the time to catch up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.chart import Line, Plot, lines
from bench.cost import Scenario, load_of
from bench.inputs import Inputs

_MINUTES = 24 * 60
_TYPES = 4


@dataclass(frozen=True)
class Day:
    """The load of a day.

    Parameters
    ----------
    base
        Changes a second outside the peak.
    peak, peak_hours
        The factor in the peak, and the hours of its beginning and end.
    down_hours
        The hours of the beginning and end of an outage, in which nothing is delivered.
    record_bytes
        Size of a change record.
    """

    base: float
    peak: float
    peak_hours: tuple[float, float]
    down_hours: tuple[float, float]
    record_bytes: float


@dataclass(frozen=True)
class Simulated:
    """The result, minute by minute.

    Parameters
    ----------
    arrived, landed, written
        Changes a second.
    waiting
        Changes that wait, in the stream and landed.
    freshness
        Age of the data in minutes: all changes that are older are in the tables.
    caught_up_minutes
        Minutes from the end of the outage until no change waits longer than before it.
    """

    arrived: list[float]
    landed: list[float]
    written: list[float]
    waiting: list[float]
    freshness: list[float]
    caught_up_minutes: float


def simulate(day: Day, inputs: Inputs) -> Simulated:
    """Return the day with the shards that its peak needs, and with the default settings."""
    scenario = Scenario(day.base * day.peak, day.record_bytes)
    shards, costs = load_of(scenario, inputs).shards, inputs.costs(day.record_bytes)
    read = shards * inputs.quota("shard_bytes_out") / _TYPES / day.record_bytes
    vcpu = inputs.setting("transform_memory_mb") / inputs.quota("lambda_vcpu_mb")
    outstanding = shards * inputs.quota("firehose_outstanding") * _TYPES
    deliver = min(read, outstanding * vcpu / (costs.transform / 1e6))
    lanes = _TYPES * inputs.setting("delivery_parallelization_factor")
    write = lanes * 1e6 / costs.writer
    # The waiting time without a backlog: both buffers, the time to settle, and the next run.
    steady = (
        inputs.setting("transform_buffer_interval_seconds")
        + inputs.setting("delivery_buffer_interval_seconds")
        + inputs.setting("settle_seconds")
    ) / 60 + inputs.setting("writer_schedule_minutes")
    arrived: list[float] = []
    landed: list[float] = []
    written: list[float] = []
    waiting: list[float] = []
    freshness: list[float] = []
    in_stream = in_landing = 0.0
    total_in, total_out, cumulative = 0.0, 0.0, []
    oldest = 0
    for minute in range(_MINUTES):
        hour = minute / 60
        rate = day.base * (day.peak if _within(hour, day.peak_hours) else 1.0)
        in_stream += rate * 60
        total_in += rate * 60
        cumulative.append(total_in)
        lands = 0.0 if _within(hour, day.down_hours) else min(in_stream, deliver * 60)
        in_stream -= lands
        in_landing += lands
        writes = min(in_landing, write * 60)
        in_landing -= writes
        total_out += writes
        while oldest < minute and cumulative[oldest] <= total_out + 1e-6:
            oldest += 1
        arrived.append(rate)
        landed.append(lands / 60)
        written.append(writes / 60)
        waiting.append(in_stream + in_landing)
        freshness.append(steady + minute - oldest)
    end = math.ceil(day.down_hours[1] * 60)
    caught_up = next(
        (minute for minute in range(end, _MINUTES) if freshness[minute] <= steady + 1), _MINUTES
    )
    return Simulated(arrived, landed, written, waiting, freshness, float(caught_up - end))


def plot(simulated: Simulated, title: str) -> str:
    """Return the day as SVG."""
    hours: Sequence[float] = [minute / 60 for minute in range(_MINUTES)]
    return lines(
        title,
        hours,
        [
            Plot(
                "Changes a second",
                [
                    Line("arriving", simulated.arrived),
                    Line("landing", simulated.landed),
                    Line("written", simulated.written),
                ],
            ),
            Plot(
                "Changes that wait, in the stream and landed",
                [Line("waiting", simulated.waiting)],
            ),
            Plot(
                "Minutes until a change is in the tables",
                [Line("age of the data", simulated.freshness)],
            ),
        ],
    )


def _within(hour: float, hours: tuple[float, float]) -> bool:
    return hours[0] <= hour < hours[1]
