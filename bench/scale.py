"""`python -m bench.scale`: docs/scale.md and its plot, from the last run of the benchmark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import refreshes
from bench.cost import (
    Scenario,
    athena_day,
    key_bill,
    limits,
    load_of,
    node_bill,
    project_bill,
)
from bench.inputs import Inputs, load
from bench.priced import BILLED, FREE, NOT_OWNED
from bench.simulation import Day, Simulated, plot, simulate
from bench.watching import watching

_DOCS = Path(__file__).resolve().parents[1] / "docs"
RATES = (10, 1_000, 100_000)
SIZES = (500, 1_500, 10_000)
BILL_RATES = (10, 100, 1_000, 100_000)
SIZE = 1_500
# A peak in the evening, and two hours without delivery, for example because a transform fails.
DAY = Day(base=1_000, peak=5, peak_hours=(18, 21), down_hours=(9, 11), record_bytes=1_500)
# This limit does not depend on the rate: the delivery streams use four of five reads.
_FIXED = "a shard's reads a second"


def page(inputs: Inputs) -> str:
    """Return docs/scale.md."""
    return "\n".join(
        [
            *_head(inputs),
            *_loads(inputs),
            *_limits(inputs),
            *_bills(inputs),
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
        f"- {costs.transform:.0f} µs in the four transforms",
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
        each = load_of(scenario, inputs)
        rows.append(
            f"| {_name(scenario)} | {each.shards:,} | {each.invocations:,.2f} "
            f"| {each.concurrency:,.1f} | {each.objects * 3600:,.0f} | {each.plans * 3600:,.0f} "
            f"| {each.lane:.0%} | {each.node_shards:,} | {each.node_invocations:,.1f} |"
        )
    return [
        "## Load on each part",
        "",
        "| changes/s | KB | shards | transform invocations/s | transforms at the same time "
        "| landed objects/h | plans/h | time that a lane is busy | Node: shards "
        "| Node: invocations/s |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        "A shard delivers 2 MB a second, and four delivery streams share it. So the Kinesis stream "
        "needs one shard for each",
        "0.5 MB a second. The Node worker is the only reader and can read everything that a shard "
        "accepts. More load does not",
        "need more memory in the functions, because the size of a batch does not change.",
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
        "## Which limit is reached first",
        "",
        "The table shows the two limits that are closest, how much of each is used, and the rate "
        "at which the first limit is",
        "reached. It assumes that the Kinesis stream has as many shards as it needs.",
        "",
        "| changes/s | KB | closest limit | second limit | highest possible changes/s |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "One more limit does not depend on the rate: a shard allows five reads a second, and the "
        "four delivery streams make",
        "four of them. **There is room for one more reader of the stream, or for a fifth record "
        "type, but not for both.**",
        "",
        "In practice, the first limit is a stream whose shards are not added in time. Above 0.5 MB "
        "a second for each shard,",
        "Firehose falls behind. Metrics of the stream's producers do not show this. The alarm "
        "`stream-behind` does",
        "([operations](operations.md#alarms)).",
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
    scenarios = [Scenario(rate, SIZE) for rate in BILL_RATES]
    most = Scenario(1_000, SIZE)
    merged = project_bill(most, inputs)["Athena, refreshes"]
    return [
        "## Costs of a month",
        "",
        "In US dollars, at list prices of us-east-1, without free tiers. These are the costs of "
        "this project by item, for changes",
        f"of {SIZE / 1000:g} KB:",
        "",
        *_by_item([project_bill(each, inputs) for each in scenarios]),
        "",
        "And those of the Node worker of the previous system:",
        "",
        *_by_item([node_bill(each, inputs) for each in scenarios]),
        "",
        "The totals for other sizes of changes:",
        "",
        "| changes/s | KB | this project | Node worker | project / worker "
        "| Athena, one day scanned |",
        "|---|---|---|---|---|---|",
        *(_totals(Scenario(rate, size), inputs) for rate in BILL_RATES for size in SIZES),
        "",
        "The Athena column is the price of one query over one day of all four tables. The price is "
        "the same for both systems.",
        "The number of files differs: the worker writes one file for each batch and record type, "
        "which at low rates is",
        "thousands a day, and Athena opens each of them. The worker has no current-state tables, "
        "alarms, dashboard or metrics,",
        "so its bill has no such items.",
        "",
        "In each of these rows, Firehose is the largest item. It is the price for not operating "
        "the delivery ourselves: each of",
        "four delivery streams takes in every record, and each record is billed as at least 5 KB. "
        "The compute time, which the",
        "benchmark measures, is a small part of either bill. The project costs less than the "
        "worker only at these changes a",
        "second:",
        "",
        *(f"- {_cheaper(size, inputs)}" for size in SIZES),
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


def _cheaper(record_bytes: float, inputs: Inputs) -> str:
    """Return at which rates the project costs less than the worker."""
    found = []
    # Steps of 2 %, from one change in 100 seconds on.
    for step in range(900):
        rate = 0.01 * 1.02**step
        project, node = _both(Scenario(rate, record_bytes), inputs)
        if project < node:
            found.append(float(f"{rate:.2g}"))
    of = f"of {record_bytes / 1000:g} KB"
    return f"{of}: from {found[0]:g} to {found[-1]:g}" if found else f"{of}: at no rate"


def _paying(rate: float, inputs: Inputs) -> str:
    """Return at how many questions a month over a year of changes the refreshes pay."""
    scenario = Scenario(rate, SIZE)
    bill = project_bill(scenario, inputs)
    refreshing = bill["Athena, refreshes"] + bill["Step Functions"]
    questions = refreshing / (365 * athena_day(scenario, inputs))
    return f"at {rate:,} changes/s: {questions:.0f}"


def _both(scenario: Scenario, inputs: Inputs) -> tuple[float, float]:
    """Return the whole bills of the project and of the worker."""
    return (
        sum(project_bill(scenario, inputs).values()),
        sum(node_bill(scenario, inputs).values()),
    )


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
    project, node = _both(scenario, inputs)
    return (
        f"| {_name(scenario)} | {project:,.2f} | {node:,.2f} | {project / node:.1f} "
        f"| {athena_day(scenario, inputs):,.4f} |"
    )


def _saved(inputs: Inputs) -> list[str]:
    few, many = watching(), watching(all_counts=True)
    rows = []
    for rate in BILL_RATES[:3]:
        scenario = Scenario(rate, SIZE)
        before, after = (
            project_bill(scenario, inputs, all_counts=all_counts) for all_counts in (True, False)
        )
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
        f"The functions count {many.metrics} things in a stack of four record types. Only the "
        f"{few.metrics} counts that an alarm or the dashboard reads",
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
    large = Scenario(100_000, 1_500)
    bill = project_bill(large, inputs)
    firehose = bill["Firehose, four times the stream"]
    partitioned = (large.rate * 730 * 3600 * inputs.costs(1_500).line_bytes / 1e9) * inputs.price(
        "firehose_partitioned_gb"
    )
    return [
        "## What to adjust, and where the design must change",
        "",
        "| if | then |",
        "|---|---|",
        "| Firehose falls behind (`KinesisMillisBehindLatest`) | add shards to the stream: one for "
        "each 0.5 MB/s |",
        "| Lambda concurrency is used up | raise `transform_memory_mb`: the GB-seconds stay the "
        "same, and fewer invocations run at the same time |",
        "| there are many small invocations | raise `transform_buffer_size_mb`, up to 3; a batch "
        "of 3 MB needs little memory |",
        "| a lane is busy for more than half of the time | raise `delivery_parallelization_factor` "
        "(lanes) |",
        "| analysts need newer data | lower `delivery_buffer_interval_seconds`, `settle_seconds` "
        "and `writer_schedule_minutes`; the files become more and smaller |",
        "| Athena opens too many files | raise `min_plan_bytes` and `max_wait_seconds` |",
        "",
        "In two cases the design must change. Both have the same reason: four delivery streams "
        "read one Kinesis stream.",
        "",
        "1. *A fifth record type, or a reader of another team.* It uses up the reads of the "
        "shards. Instead, one delivery stream",
        "   with dynamic partitioning by record type would read and take in each record once. Its "
        "transform would make the rows",
        "   of all record types and answer with partition keys.",
        "2. *The bill.* At 100,000 changes a second of 1.5 KB, Firehose costs "
        f"{firehose:,.0f} a month. One delivery stream",
        f"   costs about a quarter of this, plus about {partitioned:,.0f} for partitioning. If "
        "records are much smaller than 5 KB,",
        "   packing several records together before Firehose (by a Lambda function on the stream, "
        "or by KPL aggregation)",
        "   reduces the cost further.",
        "",
        "Neither is implemented. With one delivery stream, a record type could no longer fail, "
        "fall behind or be deployed",
        "independently of the others.",
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
        "- as many shards as the peak needs, the default settings, and the measured speed",
        "",
        "![A day](scale.svg)",
        "",
        f"- At most {waiting:,.0f} changes wait.",
        f"- {simulated.caught_up_minutes:.0f} minutes after the outage, the tables are as up to "
        "date as before it. It is this quick because there are",
        "  enough shards for the peak.",
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
