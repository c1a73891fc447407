"""`python -m bench.scale`: docs/scale.md and its plot, from the last run of the benchmark."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import refreshes
from bench.cost import (
    KINDS,
    Scenario,
    athena_day,
    key_bill,
    limits,
    load_of,
    node_bill,
    project_bill,
    shared_of_per_type,
)
from bench.inputs import Inputs, load
from bench.priced import BILLED, FREE, NOT_OWNED
from bench.simulation import Day, Simulated, plot, simulate
from bench.targets import MONTH_TARGET
from bench.watching import watching, with_all_counts

_WIDTH = 115
_DOCS = Path(__file__).resolve().parents[1] / "docs"
RATES = (10, 1_000, 100_000)
SIZES = (500, 1_500, 10_000)
BILL_RATES = (10, 100, 1_000, 100_000)
SIZE = 1_500
# A peak in the evening, and two hours without delivery, for example because a transform fails.
DAY = Day(base=1_000, peak=5, peak_hours=(18, 21), down_hours=(9, 11), record_bytes=1_500)
# This limit does not depend on the rate.
_FIXED = "a shard's reads a second"


def page(inputs: Inputs) -> str:
    """Return docs/scale.md."""
    return "\n".join(
        [
            *_head(inputs),
            *_loads(inputs),
            *_limits(inputs),
            *_bills(inputs),
            *_which(inputs),
            *_details(inputs),
            *_saved(inputs),
            *_kinds(),
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
        "This page is for planning: it shows the load on each part, the limits and the costs at "
        "10 to 100,000 changes a second.",
        "`python -m bench.scale` generates it from `bench/results/latest.json` (measured "
        f"{inputs.date}),",
        "`bench/aws.json` (prices and quotas) and the defaults of `Pulumi.yaml`. Do not edit it.",
        "",
        "On the machine of the benchmark, a change record of 1.5 KB takes this much CPU:",
        "",
        f"- {costs.transform:.0f} µs in the four transforms, with `delivery: per_type`",
        f"- {costs.shared:.0f} µs in the one transform, with `delivery: shared`",
        f"- {costs.writer:.0f} µs in the writer",
        f"- {costs.node:.0f} µs in the Node worker that the pipeline replaces",
        "",
        "Lambda's Graviton processors are different machines. Expect similar ratios between these "
        "figures there, but other",
        "absolute times. The real bill may differ from the bill below by a factor of about 1.5.",
        "",
        "Two sizes of records were measured "
        f"({inputs.sizes[0][0]:,.0f} and {inputs.sizes[1][0]:,.0f} bytes). Costs of other sizes "
        "are calculated",
        "linearly from these two.",
        "",
    ]


def _scenarios() -> list[Scenario]:
    return [Scenario(rate, size) for rate in RATES for size in SIZES]


def _name(scenario: Scenario) -> str:
    return f"{scenario.rate:,.0f} | {scenario.record_bytes / 1000:g}"


def _loads(inputs: Inputs) -> list[str]:
    rows = []
    for scenario in _scenarios():
        own, shared = (load_of(scenario, inputs, kind) for kind in KINDS)
        rows.append(
            f"| {_name(scenario)} | {own.shards:,} | {shared.shards:,} | {own.invocations:,.2f} "
            f"| {shared.invocations:,.2f} | {own.concurrency:,.1f} | {shared.concurrency:,.1f} "
            f"| {own.objects * 3600:,.0f} | {own.plans * 3600:,.0f} | {own.lane:.0%} "
            f"| {own.node_shards:,} | {own.node_invocations:,.1f} |"
        )
    readers, _ = (watching(kind).deliveries for kind in KINDS)
    return [
        "## Load on each part",
        "",
        *_wrapped(
            "The setting `delivery` decides whether each record type has a delivery stream of its "
            "own (`per_type`), or all types share one (`shared`)."
        ),
        "",
        "| changes/s | KB | shards: per_type | shared | transform invocations/s: per_type | shared "
        "| transforms at the same time: per_type | shared | landed objects/h | plans/h "
        "| time that a lane is busy | Node: shards | Node: invocations/s |",
        "|" + "---|" * 13,
        *rows,
        "",
        *_wrapped(
            f"A shard delivers 2 MB a second. With `per_type`, {_number(readers)} delivery streams "
            "share it, so the Kinesis stream needs one shard for each "
            f"{2 / readers:g} MB a second. With `shared`, one delivery stream can read everything "
            "that a shard accepts, as the Node worker can. From the landed objects on, nothing "
            "depends on the setting. More load does not need more memory in the functions, "
            "because the size of a batch does not change."
        ),
        "",
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _item(text: str) -> list[str]:
    first, *others = _wrapped(text)
    return [f"- {first}", *(f"  {line}" for line in others)]


def _number(count: int) -> str:
    return ("no", "one", "two", "three", "four", "five")[count]


def _limits(inputs: Inputs) -> list[str]:
    rows = []
    for scenario in _scenarios():
        cells = []
        for kind in KINDS:
            used = limits(scenario, inputs, kind)
            name, share = next(each for each in used.items() if each[0] != _FIXED)
            most = _most_rate(scenario.record_bytes, inputs, kind)
            cells.append(f"{name}, {share:.1%} | {most:,.0f}")
        rows.append(f"| {_name(scenario)} | {' | '.join(cells)} |")
    readers, reads = watching("per_type").deliveries, int(inputs.quota("shard_reads"))
    return [
        "## Which limit is reached first",
        "",
        "The table shows the limit that is closest, how much of it is used, and the rate at which "
        "it is reached. It assumes that",
        "the Kinesis stream has as many shards as it needs.",
        "",
        "| changes/s | KB | per_type: closest limit | highest possible changes/s "
        "| shared: closest limit | highest possible changes/s |",
        "|" + "---|" * 6,
        *rows,
        "",
        *_wrapped(
            f"One more limit does not depend on the rate: a shard allows {_number(reads)} reads a "
            "second. With `shared`, the delivery stream makes one of them, for any number of "
            f"record types. With `per_type`, the {_number(readers)} delivery streams make "
            f"{_number(readers)}. **Then there is room for one more reader of the stream, or for a "
            "fifth record type, but not for both.**"
        ),
        "",
        *_wrapped(
            "In practice, the first limit is a stream whose shards are not added in time. With "
            f"`per_type`, Firehose falls behind above {2 / readers:g} MB a second for each shard. "
            "Metrics of the stream's producers do not show this. The alarm `stream-behind` does "
            "([operations](operations.md#alarms))."
        ),
        "",
    ]


def _most_rate(record_bytes: float, inputs: Inputs, delivery: str) -> float:
    low, high = 1.0, 1e9
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        used = limits(Scenario(middle, record_bytes), inputs, delivery)
        if max(share for name, share in used.items() if name != _FIXED) > 1:
            high = middle
        else:
            low = middle
    return float(f"{low:.2g}")


def _bills(inputs: Inputs) -> list[str]:
    scenarios = [Scenario(rate, SIZE) for rate in BILL_RATES]
    return [
        "## Costs of a month",
        "",
        "In US dollars, at list prices of us-east-1, without free tiers. These are the costs of "
        "this project by item, for changes",
        f"of {SIZE / 1000:g} KB, with `delivery: per_type`:",
        "",
        *_by_item([project_bill(each, inputs, "per_type") for each in scenarios]),
        "",
        "With `delivery: shared`:",
        "",
        *_by_item([project_bill(each, inputs, "shared") for each in scenarios]),
        "",
        "And those of the Node worker of the previous system:",
        "",
        *_by_item([node_bill(each, inputs) for each in scenarios]),
        "",
    ]


def _which(inputs: Inputs) -> list[str]:
    target = Scenario(1_000, SIZE)
    bills = {kind: project_bill(target, inputs, kind) for kind in KINDS}
    partitioning = bills["shared"]["Firehose, dynamic partitioning"]
    costs = inputs.costs(SIZE)
    return [
        "### Which of them to take",
        "",
        "The totals of the three, for each rate and size of changes:",
        "",
        "| changes/s | KB | per_type | shared | Node worker | shared / per_type | shared / worker "
        "| cheapest | Athena, one day scanned |",
        "|" + "---|" * 9,
        *(_totals(Scenario(rate, size), inputs) for rate in BILL_RATES for size in SIZES),
        "",
        *_wrapped(
            f"At {target.rate:,.0f} changes a second of {SIZE / 1000:g} KB, `shared` costs "
            f"{shared_of_per_type(inputs):.2f} times as much as `per_type`. The target is at most "
            f"{MONTH_TARGET:g}."
        ),
        "",
        *_item(
            "**`shared` costs less than `per_type`** at every rate and size of this table. It "
            "takes in each record once and not four times. It also needs fewer shards, alarms and "
            "metrics."
        ),
        *_item(
            "**`per_type` keeps the record types apart.** One type can fail, fall behind or be "
            "deployed without the others. Take it if that is worth the difference: "
            f"{_difference(10, inputs):,.0f} a month at 10 changes a second of {SIZE / 1000:g} KB, "
            f"{_difference(100, inputs):,.0f} at 100, and {_difference(1_000, inputs):,.0f} at "
            "1,000."
        ),
        *_item(
            "**The Node worker costs less than both** at higher rates, because Firehose bills each "
            "record as at least 5 KB. The table shows at which changes a second the project costs "
            "less than the worker."
        ),
        "",
        "| KB | per_type | shared |",
        "|---|---|---|",
        *(
            f"| {size / 1000:g} | {' | '.join(_cheaper(size, inputs, kind) for kind in KINDS)} |"
            for size in SIZES
        ),
        "",
        *_wrapped(
            "Above these rates you pay the difference for a delivery that AWS operates, and for "
            "what the worker does not have: current-state tables, alarms, a dashboard and metrics. "
            "If the bill matters more to you, keep the worker. The compute time, which the "
            "benchmark measures, is a small part of each bill."
        ),
        "",
        *_wrapped(
            "The Athena column is the price of one query over one day of all four tables. The "
            "price is the same for all. The number of files differs: the worker writes one file "
            "for each batch and record type, which at low rates is thousands a day, and Athena "
            "opens each of them."
        ),
        "",
        *_wrapped(
            "*Dynamic partitioning* is billed for each GB and each object that is delivered: "
            f"{partitioning:,.2f} of the bill at {target.rate:,.0f} changes a second. We found no "
            "page of AWS that says whether the bytes are counted before or after compression. The "
            f"bill counts them before it, which is more: some {costs.line_bytes:,.0f} a row."
        ),
        "",
    ]


def _details(inputs: Inputs) -> list[str]:
    most = Scenario(1_000, SIZE)
    merged = project_bill(most, inputs)["Athena, refreshes"]
    return [
        "### What the bill has, and what it has not",
        "",
        "*Refreshes of the current-state tables.* Each refresh reads the changes since the day of "
        "the last one, and of the table",
        f"itself the columns that it compares. At {most.rate:,.0f} changes a second this costs "
        f"{merged:,.2f} a month, with tables that hold",
        f"the records of one month, if {refreshes.CHANGES_A_RECORD:g} changes are of one record "
        f"and the compared columns have {refreshes.COMPARED_BYTES:g} bytes a row. Both",
        "numbers are guesses. The cost grows with the tables, and falls with the interval "
        "(`current_state_refresh_minutes`).",
        "If nobody reads the tables, set `current_state_tables` to false.",
        "",
        "A question of `<type>_latest` reads all changes instead. With a year of them, refreshing "
        "a type costs as much as this",
        "many such questions a month. With more questions, "
        "[`<type>_current`](tables.md#the-current-state) is cheaper:",
        "",
        *(f"- {_paying(rate, inputs)}" for rate in (1, *BILL_RATES[:3])),
        "",
        "*Encryption.* If the bucket has a customer-managed key (`bucket_kms_key_arn`), each S3 "
        "request is also a request to the",
        f"key: at {most.rate:,.0f} changes a second at most {key_bill(most, inputs):,.2f} a month. "
        "An S3 Bucket Key makes it far fewer requests. The key itself",
        "is its owner's.",
        "",
        "Not in the bill: the queries of analysts, the requests of `dmd status`, data transfer, "
        "X-Ray (`tracing` is off), the log",
        "lines of warnings and errors, and what the owners of the table, the streams and the "
        "bucket pay, such as old versions of",
        "deleted objects.",
        "",
    ]


def _cheaper(record_bytes: float, inputs: Inputs, delivery: str) -> str:
    """Return at which rates the project costs less than the worker."""
    found = []
    # Steps of 2 %, from one change in 100 seconds on.
    for step in range(900):
        scenario = Scenario(0.01 * 1.02**step, record_bytes)
        project = sum(project_bill(scenario, inputs, delivery).values())
        if project < sum(node_bill(scenario, inputs).values()):
            found.append(float(f"{scenario.rate:.2g}"))
    return f"from {found[0]:g} to {found[-1]:g}" if found else "at no rate"


def _difference(rate: float, inputs: Inputs) -> float:
    own, shared, _ = _all(Scenario(rate, SIZE), inputs)
    return own - shared


def _paying(rate: float, inputs: Inputs) -> str:
    """Return at how many questions a month over a year of changes the refreshes pay."""
    scenario = Scenario(rate, SIZE)
    bill = project_bill(scenario, inputs)
    refreshing = bill["Athena, refreshes"] + bill["Step Functions"]
    questions = refreshing / (365 * athena_day(scenario, inputs))
    return f"at {rate:,} changes/s: {questions:.0f}"


def _all(scenario: Scenario, inputs: Inputs) -> tuple[float, float, float]:
    """Return the whole bills with `per_type`, with `shared`, and of the worker."""
    own, shared = (sum(project_bill(scenario, inputs, kind).values()) for kind in KINDS)
    return own, shared, sum(node_bill(scenario, inputs).values())


def _by_item(bills: Sequence[dict[str, float]]) -> list[str]:
    """Return a table with a row for each item and a column for each of ``BILL_RATES``."""
    return [
        "| item | " + " | ".join(f"{rate:,} changes/s" for rate in BILL_RATES) + " |",
        "|---|" + "---|" * len(BILL_RATES),
        *(
            f"| {item} | " + " | ".join(f"{bill[item]:,.2f}" for bill in bills) + " |"
            for item in bills[0]
        ),
        "| **total** | " + " | ".join(f"**{sum(bill.values()):,.2f}**" for bill in bills) + " |",
    ]


def _totals(scenario: Scenario, inputs: Inputs) -> str:
    own, shared, node = _all(scenario, inputs)
    least = min((own, "per_type"), (shared, "shared"), (node, "worker"))[1]
    return (
        f"| {_name(scenario)} | {own:,.2f} | {shared:,.2f} | {node:,.2f} | {shared / own:.2f} "
        f"| {shared / node:.1f} | {least} | {athena_day(scenario, inputs):,.4f} |"
    )


def _saved(inputs: Inputs) -> list[str]:
    few, many = watching(), with_all_counts()
    rows = []
    for rate in BILL_RATES[:3]:
        scenario = Scenario(rate, SIZE)
        before, after = (project_bill(scenario, inputs, watched=watched) for watched in (many, few))
        watch = [sum(_watch(bill)) for bill in (before, after)]
        totals = [sum(bill.values()) for bill in (before, after)]
        rows.append(
            f"| {rate:,} | {watch[0]:,.2f} | {watch[1]:,.2f} | {totals[0]:,.2f} "
            f"| {totals[1]:,.2f} | {totals[0] - totals[1]:,.2f} |"
        )
    scanned = inputs.price("logs_scanned_gb")
    return [
        "### Metrics or log fields",
        "",
        f"With `per_type`, the functions count {many.metrics} things in a stack of four types. "
        f"Only the {few.metrics} counts that an alarm or the dashboard reads",
        "are metrics in CloudWatch. The others are fields of the same log lines. Saved queries of "
        "Logs Insights sum them",
        f"([operations](operations.md#metrics-and-logs)), for {scanned:g} a GB scanned. The table "
        "compares this with a metric for",
        "every count: the CloudWatch items of the bill, and the whole bill.",
        "",
        "| changes/s | CloudWatch, all metrics | CloudWatch, as it is | bill, all metrics "
        "| bill, as it is | saved |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


def _watch(bill: dict[str, float]) -> list[float]:
    return [value for item, value in bill.items() if item.startswith("CloudWatch")]


def _kinds() -> list[str]:
    return [
        "### What each kind of resource costs",
        "",
        "| kind | items of the bill, or why it costs nothing |",
        "|---|---|",
        *(
            f"| `{kind.rpartition(':')[2]}` | {', '.join(_quoted(BILLED[kind]))} |"
            for kind in BILLED
        ),
        *(f"| `{kind.rpartition(':')[2]}` | nothing: {FREE[kind]} |" for kind in FREE),
        *(f'| not of the stack | "{item}": {what} |' for item, what in NOT_OWNED.items()),
        "",
    ]


def _quoted(items: Sequence[str]) -> list[str]:
    return [f'"{item}"' for item in items]


def _turn(inputs: Inputs) -> list[str]:
    large = Scenario(100_000, SIZE)
    shared = project_bill(large, inputs, "shared")
    return [
        "## What to adjust, and where the design must change",
        "",
        "| if | then |",
        "|---|---|",
        "| Firehose falls behind (`KinesisMillisBehindLatest`) | add shards to the stream: one for "
        "each 0.5 MB/s with `per_type`, one for each 1 MB/s with `shared` |",
        "| Lambda concurrency is used up | raise `transform_memory_mb`: the GB-seconds stay the "
        "same, and fewer invocations run at the same time |",
        "| there are many small invocations | raise `transform_buffer_size_mb`, up to 3; a batch "
        "of 3 MB needs little memory |",
        "| a lane is busy for more than half of the time | raise `delivery_parallelization_factor` "
        "(lanes) |",
        "| analysts need newer data | lower `delivery_buffer_interval_seconds`, `settle_seconds` "
        "and `writer_schedule_minutes`; the files become more and smaller |",
        "| Athena opens too many files | raise `min_plan_bytes` and `max_wait_seconds` |",
        "| Firehose is too expensive, or the reads of the shards are used up | set `delivery` to "
        "`shared` ([how](deploying.md#change-the-delivery-streams)) |",
        "",
        *_wrapped(
            "In one case the design must change. If records are much smaller than 5 KB, Firehose "
            f"bills more bytes than they have. At {large.rate:,.0f} changes a second of "
            f"{SIZE / 1000:g} KB, its intake costs {shared['Firehose, intake']:,.0f} a month with "
            "`shared`. Packing several records together before Firehose, by a Lambda function on "
            "the stream or by KPL aggregation, would reduce this. It is not implemented."
        ),
        "",
    ]


def _day(simulated: Simulated) -> list[str]:
    waiting = max(simulated.waiting)
    return [
        "## A day with a peak and an outage",
        "",
        "This is a simulation of one day:",
        "",
        f"- {DAY.base:,.0f} changes a second of {DAY.record_bytes / 1000:g} KB",
        f"- from {DAY.peak_hours[0]:g} to {DAY.peak_hours[1]:g} h, {DAY.peak:g} times as many",
        f"- from {DAY.down_hours[0]:g} to {DAY.down_hours[1]:g} h, an outage in which nothing is "
        "delivered",
        "- `delivery: per_type`, as many shards as the peak needs, the default settings, and the "
        "measured speed",
        "",
        "![A day](scale.svg)",
        "",
        f"- At most {waiting:,.0f} changes wait.",
        f"- {simulated.caught_up_minutes:.0f} minutes after the outage, the tables are as up to "
        "date as before it. It is this quick because there are",
        "  enough shards for the peak.",
        "- With `shared`, a change may be half of `delivery_buffer_interval_seconds` later in the "
        "tables, because Firehose buffers it in",
        "  more than one stage.",
        f"- In a quiet hour, a change is in the tables after at most "
        f"{simulated.freshness[0]:.0f} minutes: both buffers, the time to settle, and",
        f"  the next run. At the worst time of this day it takes {max(simulated.freshness):.0f} "
        "minutes.",
        "- The stream keeps changes that are not delivered for its retention, 24 hours by default. "
        "A longer outage loses changes.",
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
        "| name | USD, or quota | for | page | how confirmed |",
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
