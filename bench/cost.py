"""The costs of a month, and the limit that is reached first, by rate and size of change records.

The settings are the stacks' defaults with either ``delivery``, and those of the previous system for
the Node worker. The bill includes the time that a function waits for S3. `_GET_SECONDS` and
`_PUT_SECONDS` are guesses. `bench.priced` says which items of the bill each kind of resource is in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.inputs import Costs, Inputs
from bench.refreshes import Refreshes, refreshes_of
from bench.watching import Watching, watching

MONTH = 730 * 3600.0  # seconds
_DAY = 86_400.0
_GB = 1e9
_TYPES = 4
_FIREHOSE_STEP = 5 * 1024
_PUT_UNIT = 25 * 1024

KINDS = ("per_type", "shared")
"""The values of the setting ``delivery``."""
_GET_SECONDS, _PUT_SECONDS = 0.03, 0.06
# For each invocation of the Node worker: its own line, and Lambda's START, END and REPORT. A guess.
_NODE_LOG_BYTES = 1500
_NODE_BATCH = 1000
# A plan is put twice and writes one or two files.
_FILES_A_PLAN = 1.5


@dataclass(frozen=True)
class Scenario:
    """A rate of changes a second, and the size of each in bytes."""

    rate: float
    record_bytes: float


@dataclass(frozen=True)
class Load:
    """The load on each part.

    Parameters
    ----------
    shards
        Shards that the stream needs so that all delivery streams can read it.
    invocations
        Transform invocations a second, all functions together.
    concurrency
        Transform invocations at the same time, all functions together.
    objects
        Landed objects a second, all types together.
    plans
        Plans of the writer a second, all lanes together.
    lane
        Share of the time in which a writer's lane is busy.
    node_shards, node_invocations
        Shards, and invocations a second, with the Node worker.
    """

    shards: int
    invocations: float
    concurrency: float
    objects: float
    plans: float
    lane: float
    node_shards: int
    node_invocations: float


def load_of(scenario: Scenario, inputs: Inputs, delivery: str = "per_type") -> Load:
    """Return the load on each part, with one of ``KINDS``."""
    rate, size = scenario.rate, scenario.record_bytes
    costs = inputs.costs(size)
    # All readers share the output of a shard.
    readers = watching(delivery).deliveries
    shards = _shards(scenario, inputs, inputs.quota("shard_bytes_out") / readers)
    buffer = inputs.setting("transform_buffer_size_mb") * 1024 * 1024
    per_stream = max(
        rate * size / buffer, shards / inputs.setting("transform_buffer_interval_seconds")
    )
    vcpu = inputs.setting("transform_memory_mb") / inputs.quota("lambda_vcpu_mb")
    landed = rate / _TYPES * costs.line_bytes
    per_type = max(
        landed / (inputs.setting("delivery_buffer_size_mb") * 1024 * 1024),
        1 / inputs.setting("delivery_buffer_interval_seconds"),
    )
    lanes = inputs.setting("delivery_parallelization_factor")
    gzipped = landed * costs.avro_bytes / costs.line_bytes
    plans = max(
        gzipped / inputs.setting("max_plan_bytes"),
        min(
            gzipped / inputs.setting("min_plan_bytes"),
            lanes * 60 / 3600 / inputs.setting("writer_schedule_minutes"),
        ),
        lanes / inputs.setting("max_wait_seconds"),
    )
    busy = (
        rate / _TYPES / lanes * costs.writer / 1e6
        + per_type / lanes * 2 * _GET_SECONDS
        + plans / lanes * 4 * _PUT_SECONDS
    )
    node_shards = _shards(scenario, inputs, inputs.quota("shard_bytes_in"))
    return Load(
        shards=shards,
        invocations=readers * per_stream,
        concurrency=rate * transform_cpu(costs, delivery) / 1e6 / vcpu,
        objects=_TYPES * per_type,
        plans=_TYPES * plans,
        lane=busy,
        node_shards=node_shards,
        # Each shard is read about once a second, and a batch has at most a thousand records.
        node_invocations=max(float(min(node_shards, rate)), rate / _NODE_BATCH),
    )


def transform_cpu(costs: Costs, delivery: str) -> float:
    """Return the CPU microseconds of a record in all transform functions, with one of ``KINDS``."""
    return costs.shared if delivery == "shared" else costs.transform


def _shards(scenario: Scenario, inputs: Inputs, bytes_a_shard: float) -> int:
    by_records = scenario.rate / inputs.quota("shard_records_in")
    by_bytes = (
        scenario.rate * scenario.record_bytes / min(bytes_a_shard, inputs.quota("shard_bytes_in"))
    )
    return max(1, math.ceil(max(by_records, by_bytes)))


def limits(scenario: Scenario, inputs: Inputs, delivery: str = "per_type") -> dict[str, float]:
    """Return the used share of each limit with the default settings, the largest first."""
    load, readers = load_of(scenario, inputs, delivery), watching(delivery).deliveries
    per_shard = load.concurrency / load.shards / readers
    used = {
        "shards of the account": load.shards / inputs.quota("shards"),
        "Lambda concurrency of the account": load.concurrency / inputs.quota("lambda_concurrency"),
        "outstanding invocations on a shard": per_shard / inputs.quota("firehose_outstanding"),
        "time of a writer's lane": load.lane,
        "S3 puts and deletes on a prefix": 2 * load.objects / inputs.quota("s3_puts"),
        "a shard's reads a second": readers / inputs.quota("shard_reads"),
    }
    return dict(sorted(used.items(), key=lambda each: -each[1]))


@dataclass(frozen=True)
class _Requests:
    """S3 requests of a month: those that are billed as PUT, and those that are billed as GET."""

    puts: float
    gets: float


def project_bill(
    scenario: Scenario,
    inputs: Inputs,
    delivery: str = "per_type",
    watched: Watching | None = None,
) -> dict[str, float]:
    """Return the project's costs of a month by item, in US dollars.

    Parameters
    ----------
    scenario
        Rate and size of the change records.
    inputs
        Prices, settings and measurements.
    delivery
        One of ``KINDS``.
    watched
        What the stack publishes and watches, if not what `watching` says.
    """
    load, costs = load_of(scenario, inputs, delivery), inputs.costs(scenario.record_bytes)
    watched, refreshes = watched or watching(delivery), _refreshes(scenario, inputs)
    requests = _requests(scenario, inputs)
    changes, runs = scenario.rate * MONTH, _runs(inputs)
    billed = math.ceil(scenario.record_bytes / _FIREHOSE_STEP) * _FIREHOSE_STEP
    invocations, objects, plans = (
        each * MONTH for each in (load.invocations, load.objects, load.plans)
    )
    # A run makes two listings and reads a plan.
    waiting = objects * 2 * _GET_SECONDS + plans * 4 * _PUT_SECONDS + runs * 4 * _GET_SECONDS
    # With less than one vCPU, a function uses the same GB-seconds for every size of memory.
    gb_of_vcpu = inputs.quota("lambda_vcpu_mb") / 1024
    seconds = changes * transform_cpu(costs, delivery) / 1e6
    # Unconfirmed: AWS may take the bytes after compression, which are fewer.
    partitioned = (
        changes * costs.line_bytes / _GB * inputs.price("firehose_partitioned_gb")
        + objects * inputs.price("firehose_partitioned_object")
        if delivery == "shared"
        else 0.0
    )
    logged = invocations * watched.transform_bytes + runs * watched.writer_bytes
    kept_months = inputs.setting("log_retention_days") * _DAY / MONTH
    return {
        "Kinesis, the stream itself": _stream(scenario, inputs, load.shards),
        "Firehose, intake": _tiered(
            watched.deliveries * changes * billed / _GB, inputs.aws["prices"]["firehose_gb"]["usd"]
        ),
        "Firehose, dynamic partitioning": partitioned,
        "Lambda, transforms": seconds * gb_of_vcpu * inputs.price("lambda_arm_gb_second")
        + invocations * inputs.price("lambda_request"),
        "Lambda, writer": (changes * costs.writer / 1e6 + waiting)
        * (inputs.setting("writer_memory_mb") / 1024)
        * inputs.price("lambda_arm_gb_second")
        + runs * inputs.price("lambda_request"),
        "S3 requests": requests.puts * inputs.price("s3_put")
        + requests.gets * inputs.price("s3_get"),
        "S3, a month's tables": (changes * costs.avro_bytes + refreshes.stored)
        / _GB
        * inputs.price("s3_gb_month"),
        "Athena, refreshes": refreshes.scanned / 1e12 * inputs.price("athena_tb"),
        "Step Functions": refreshes.transitions * inputs.price("state_transition"),
        "Scheduler": (runs + refreshes.executions) * inputs.price("scheduler_invocation"),
        "CloudWatch logs": logged
        / _GB
        * (inputs.price("logs_gb") + kept_months * inputs.price("logs_gb_month")),
        "CloudWatch metrics": watched.metrics * inputs.price("metric"),
        "CloudWatch alarms": watched.alarm_metrics * inputs.price("alarm_metric"),
        "CloudWatch dashboard": inputs.price("dashboard"),
    }


def shared_of_per_type(inputs: Inputs) -> float:
    """Return what a month costs with ``shared``, as a part of what it costs with ``per_type``.

    This is for 1,000 changes a second of 1.5 KB.
    """
    bills = [sum(project_bill(Scenario(1_000, 1_500), inputs, kind).values()) for kind in KINDS]
    return bills[1] / bills[0]


def key_bill(scenario: Scenario, inputs: Inputs) -> float:
    """Return what a month's requests to a KMS key of the bucket cost at most, in US dollars.

    With an S3 Bucket Key it is a small part of that.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    requests = _requests(scenario, inputs)
    return (requests.puts + requests.gets) * inputs.price("kms_request")


def _requests(scenario: Scenario, inputs: Inputs) -> _Requests:
    load, refreshes = load_of(scenario, inputs), _refreshes(scenario, inputs)
    objects, plans, runs = load.objects * MONTH, load.plans * MONTH, _runs(inputs)
    return _Requests(
        puts=objects + 4 * plans + 3 * runs + refreshes.puts, gets=objects + runs + refreshes.gets
    )


def _refreshes(scenario: Scenario, inputs: Inputs) -> Refreshes:
    files = load_of(scenario, inputs).plans * _FILES_A_PLAN
    return refreshes_of(
        scenario.rate, inputs.costs(scenario.record_bytes).avro_bytes, files, inputs
    )


def _runs(inputs: Inputs) -> float:
    """Return the runs of the writer in a month."""
    lanes = _TYPES * inputs.setting("delivery_parallelization_factor")
    return lanes * MONTH / 60 / inputs.setting("writer_schedule_minutes")


def node_bill(scenario: Scenario, inputs: Inputs) -> dict[str, float]:
    """Return the costs of a month of the previous system's Node worker by item, in US dollars."""
    load, costs = load_of(scenario, inputs), inputs.costs(scenario.record_bytes)
    changes, invocations = scenario.rate * MONTH, load.node_invocations * MONTH
    records = scenario.rate / load.node_invocations
    # One object for each type in a batch; the puts run in parallel.
    objects = invocations * min(_TYPES, records)
    seconds = changes * costs.node / 1e6 + invocations * _PUT_SECONDS
    return {
        "Kinesis, the stream itself": _stream(scenario, inputs, load.node_shards),
        "Lambda, worker": seconds
        * (inputs.quota("lambda_vcpu_mb") / 1024)
        * inputs.price("lambda_x86_gb_second")
        + invocations * inputs.price("lambda_request"),
        "S3 requests": objects * inputs.price("s3_put"),
        "S3, a month's tables": changes * costs.node_bytes / _GB * inputs.price("s3_gb_month"),
        "CloudWatch logs": invocations * _NODE_LOG_BYTES / _GB * inputs.price("logs_gb"),
    }


def athena_day(scenario: Scenario, inputs: Inputs) -> float:
    """Return the cost of a query that scans a day of all four tables, in US dollars."""
    scanned = scenario.rate * _DAY * inputs.costs(scenario.record_bytes).avro_bytes
    return scanned / 1e12 * inputs.price("athena_tb")


def _stream(scenario: Scenario, inputs: Inputs, shards: int) -> float:
    units = scenario.rate * MONTH * math.ceil(scenario.record_bytes / _PUT_UNIT)
    return shards * MONTH / 3600 * inputs.price("kinesis_shard_hour") + units * inputs.price(
        "kinesis_put_unit"
    )


def _tiered(gigabytes: float, tiers: list[tuple[float | None, float]]) -> float:
    total = 0.0
    for most, price in tiers:
        here = gigabytes if most is None else min(gigabytes, most)
        total += here * price
        gigabytes -= here
    return total
