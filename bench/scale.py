"""`python -m bench.scale`: docs/scale.md and its plot, from the last run of the benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bench.cost import Scenario, athena_day, limits, load_of, node_bill, project_bill
from bench.inputs import Inputs, load
from bench.simulation import Day, Simulated, plot, simulate

_DOCS = Path(__file__).resolve().parents[1] / "docs"
RATES = (10, 1_000, 100_000)
SIZES = (500, 1_500, 10_000)
# A sale's evening, and two hours in which nothing is delivered (a transform that fails, say).
DAY = Day(base=1_000, peak=5, peak_hours=(18, 21), down_hours=(9, 11), record_bytes=1_500)
# The first that says no on the way up; the reads are four of five whatever the rate is.
_FIXED = "a shard's reads a second"


def page(inputs: Inputs) -> str:
    """Return docs/scale.md."""
    return "\n".join(
        [
            *_head(inputs),
            *_loads(inputs),
            *_limits(inputs),
            *_bills(inputs),
            *_turn(inputs),
            *_day(simulate(DAY, inputs)),
            *_sources(inputs.aws),
        ]
    )


def _head(inputs: Inputs) -> list[str]:
    costs = inputs.costs(1_500)
    return [
        "# What the pipeline does and costs at scale",
        "",
        "Made by `python -m bench.scale` from `bench/results/latest.json` (measured "
        f"{inputs.date}), `bench/aws.json` (prices and quotas) and the defaults of `Pulumi.yaml`.",
        "Do not edit it.",
        "",
        f"A record of 1.5 KB takes {costs.transform:.0f} µs of CPU in the four transforms, "
        f"{costs.writer:.0f} µs in the writer,",
        f"and {costs.node:.0f} µs in the Node worker that the pipeline replaces, on the machine of "
        "the benchmark.",
        "Lambda's Graviton is another machine: take the ratios for granted, and the bill within a "
        "factor of about 1.5.",
        "Costs of other sizes lie on the line through the two sizes that were measured "
        f"({inputs.sizes[0][0]:,.0f} and {inputs.sizes[1][0]:,.0f} bytes).",
        "",
    ]


def _scenarios() -> list[Scenario]:
    return [Scenario(rate, size) for rate in RATES for size in SIZES]


def _name(scenario: Scenario) -> str:
    return f"{scenario.rate:,.0f} | {scenario.record_bytes / 1000:g}"


def _loads(inputs: Inputs) -> list[str]:
    rows = []
    for scenario in _scenarios():
        each = load_of(scenario, inputs)
        rows.append(
            f"| {_name(scenario)} | {each.shards:,} | {each.invocations:,.2f} "
            f"| {each.concurrency:,.1f} | {each.objects * 3600:,.0f} | {each.plans * 3600:,.0f} "
            f"| {each.lane:.0%} | {each.node_shards:,} | {each.node_invocations:,.1f} |"
        )
    return [
        "## What each part does",
        "",
        "| changes/s | KB | shards | transforms/s | at once | landed objects/h | plans/h "
        "| a lane is busy | Node: shards | Node: invocations/s |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        "Four delivery streams share what a shard gives, 2 MB a second: the stream needs a shard "
        "for each 0.5 MB a second;",
        "the Node worker alone could read what a shard takes in. The functions need no more memory "
        "for more load: a batch has its size.",
        "",
    ]


def _limits(inputs: Inputs) -> list[str]:
    rows = []
    for scenario in _scenarios():
        used = {name: share for name, share in limits(scenario, inputs).items() if name != _FIXED}
        first, second = list(used.items())[:2]
        rows.append(
            f"| {_name(scenario)} | {first[0]}, {first[1]:.1%} | {second[0]}, {second[1]:.1%} "
            f"| {_most_rate(scenario.record_bytes, inputs):,.0f} |"
        )
    return [
        "## Which limit is met first",
        "",
        "How much of it is used, with a stream of as many shards as it needs, and at which rate it "
        "is used up.",
        "",
        "| changes/s | KB | first | then | changes/s that it lasts for |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "Above all of them stands one that no rate changes: four delivery streams make four of the "
        "five reads a second",
        "that a shard allows. **There is room for one more reader of the stream, and for no fifth "
        "type beside it.**",
        "A stream whose shards are not added in time is where it stops in practice: at 0.5 MB "
        "a second a shard",
        "Firehose falls behind, and no alarm of the stream's writers shows it (the alarm on "
        "freshness does).",
        "",
    ]


def _most_rate(record_bytes: float, inputs: Inputs) -> float:
    low, high = 1.0, 1e9
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        used = limits(Scenario(middle, record_bytes), inputs)
        if max(share for name, share in used.items() if name != _FIXED) > 1:
            high = middle
        else:
            low = middle
    return float(f"{low:.2g}")


def _bills(inputs: Inputs) -> list[str]:
    out = ["## What a month costs", "", "US dollars, us-east-1, list prices, nothing free.", ""]
    names = [*project_bill(Scenario(1, 1), inputs)]
    header = "| changes/s | KB | " + " | ".join(names) + " | together |"
    out += ["The project:", "", header, "|" + "---|" * (len(names) + 3)]
    for scenario in _scenarios():
        bill = project_bill(scenario, inputs)
        lines = " | ".join(f"{value:,.2f}" for value in bill.values())
        out.append(f"| {_name(scenario)} | {lines} | **{sum(bill.values()):,.2f}** |")
    names = [*node_bill(Scenario(1, 1), inputs)]
    header = "| changes/s | KB | " + " | ".join(names) + " | together | Athena, a day scanned |"
    out += ["", "The reference's Node Lambda:", "", header, "|" + "---|" * (len(names) + 4)]
    for scenario in _scenarios():
        bill = node_bill(scenario, inputs)
        lines = " | ".join(f"{value:,.2f}" for value in bill.values())
        out.append(
            f"| {_name(scenario)} | {lines} | **{sum(bill.values()):,.2f}** "
            f"| {athena_day(scenario, inputs):,.4f} |"
        )
    return [
        *out,
        "",
        "The Athena column is a query over a day of all four tables, the same for both but for the "
        "number of files:",
        "the worker writes one for each batch and type, which at low rates is thousands a day, and "
        "Athena opens each.",
        "",
        "Firehose is what the project pays for not running the delivery itself: four streams each "
        "take in every record,",
        "and each record counts as at least 5 KB. At small records that is more than all else "
        "together; the compute,",
        "which this benchmark is about, is a small part of either bill.",
        "",
    ]


def _turn(inputs: Inputs) -> list[str]:
    large = Scenario(100_000, 1_500)
    bill = project_bill(large, inputs)
    firehose = bill["Firehose, four times the stream"]
    partitioned = (large.rate * 730 * 3600 * inputs.costs(1_500).line_bytes / 1e9) * inputs.price(
        "firehose_partitioned_gb"
    )
    return [
        "## What to turn, and where the design must change",
        "",
        "| when | turn |",
        "|---|---|",
        "| Firehose falls behind (`DataFreshness`) | shards of the stream: one for each 0.5 MB/s |",
        "| Lambda concurrency runs out | `transform_memory_mb` up: the same GB-seconds, fewer at "
        "once |",
        "| many small invocations | `transform_buffer_size_mb` up to 3; a batch of 3 MB takes "
        "little memory |",
        "| a lane is busy more than half of its time | `delivery_parallelization_factor` (lanes) |",
        "| analysts want it sooner | `delivery_buffer_interval_seconds`, `settle_seconds`, "
        "`writer_schedule_minutes` down: more and smaller objects |",
        "| Athena opens too many files | `min_plan_bytes` and `max_wait_seconds` up |",
        "",
        "The design has to change at two places, both because of four readers on one stream.",
        "",
        "1. *A fifth type, or another team's reader.* The shards' reads are used up. One delivery "
        "stream with dynamic",
        "   partitioning by type reads once, takes in each record once, and lands by type: the "
        "transform would answer with",
        "   partition keys and make the rows of all types.",
        f"2. *The bill.* At 100,000 changes a second of 1.5 KB Firehose takes {firehose:,.0f} a "
        "month. One stream takes",
        f"   about a quarter, plus about {partitioned:,.0f} for partitioning. Where 5 KB is far "
        "above a record's size, records",
        "   packed together before Firehose (a Lambda on the stream, or KPL aggregation) divide it "
        "again.",
        "",
        "Neither is done: it gives up that a type can fail, lag, or be deployed by itself.",
        "",
    ]


def _day(simulated: Simulated) -> list[str]:
    waiting = max(simulated.waiting)
    return [
        "## A day with a peak and an outage",
        "",
        f"{DAY.base:,.0f} changes a second of {DAY.record_bytes / 1000:g} KB, {DAY.peak:g} times "
        f"as many from {DAY.peak_hours[0]:g} to {DAY.peak_hours[1]:g} h; from "
        f"{DAY.down_hours[0]:g} to {DAY.down_hours[1]:g} h nothing is delivered.",
        "Shards as the peak needs them; everything else as the settings say and as fast as was "
        "measured.",
        "",
        "![A day](scale.svg)",
        "",
        f"At most {waiting:,.0f} changes wait. After the outage it takes "
        f"{simulated.caught_up_minutes:.0f} minutes until",
        "the tables are as fresh as before it: shards that are enough for the peak are what makes "
        "catching up quick.",
        f"An analyst sees what is at most {simulated.freshness[0]:.0f} minutes old on a quiet hour "
        "(both buffers, the time to settle,",
        f"and the next run), and {max(simulated.freshness):.0f} minutes old at the worst of this "
        "day. The stream keeps what is not delivered",
        "for its retention, a day unless it says otherwise: an outage longer than that loses "
        "changes.",
        "",
    ]


def _sources(aws: dict[str, Any]) -> list[str]:
    rows = []
    for name, each in aws["prices"].items():
        usd = each["usd"]
        shown = (
            "tiers from " + f"{usd[0][1]:g}" if isinstance(usd, list) else f"{usd:.10f}".rstrip("0")
        )
        rows.append(f"| {name} | {shown} | {each['unit']} | {each['page']} | {each['standing']} |")
    for name, each in aws["quotas"].items():
        rows.append(
            f"| {name} | {each['value']:,} | {each['unit']} | {each['page']} | {each['standing']} |"
        )
    return [
        "## Prices and quotas",
        "",
        f"Looked up {aws['looked_up']}, {aws['region']}. {aws['note'][0].upper()}{aws['note'][1:]}",
        "",
        "| name | USD, or quota | for | page | standing |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def main() -> int:
    """Write docs/scale.md and docs/scale.svg."""
    inputs = load()
    (_DOCS / "scale.md").write_text(page(inputs))
    (_DOCS / "scale.svg").write_text(plot(simulate(DAY, inputs), "A day with a peak and an outage"))
    sys.stdout.write("docs/scale.md and docs/scale.svg are written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
