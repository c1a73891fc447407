"""Runs the pipeline on one machine from end to end: provision, run, report.

See docs/design.md#on-one-machine.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError

from athena.export import write_export
from avro_writer.s3_store import S3Store
from console.errors import CommandError
from console.progress import BYTES, Progress
from demo.failures import FailedRecords, failed_records
from demo.feed.generator import generate
from demo.feed.lines import read_lines, size_of_input
from demo.feed.replication import TableStream
from demo.feed.stream import Fed, StreamRecord, feed
from demo.feed.table import write_items
from demo.queries import LocalAthena
from demo.reconciliation import (
    Partition,
    Tally,
    count_deliveries,
    count_once,
    discrepancies,
    list_keys,
    read_contents,
)
from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from emulation.firehose import DeliveryCounts
from emulation.functions import OWN_CLIENT
from emulation.functions.logs import FunctionLog
from emulation.needs import check_runs
from emulation.pipeline import Pipeline, running_pipeline
from emulation.scheduler.runner import ScheduleRunner
from estate.provision.endpoint_check import check_endpoint
from estate.provision.provision import Provisioned, local_settings, provision
from estate.referenced import make_referenced
from infra.deliveries import deliveries_of
from infra.naming import DATA_PREFIX
from infra.settings import PROJECT, Settings
from infra.stack_config import stack_config

# A stack's settings are for AWS: Firehose buffers for minutes, and the writer waits up to an hour
# to fill a file. A local run works the same way with shorter waits. It may be fed records
# older than a new stack has, so its tables begin earlier. An earlier date still would cost a real
# Trino a listing at the emulator for each day.
LOCAL_OVERRIDES = {
    "delivery_buffer_size_mb": "1",
    "delivery_buffer_interval_seconds": "2",
    "transform_buffer_interval_seconds": "1",
    "settle_seconds": "0",
    "max_wait_seconds": "0",
    "writer_timeout_seconds": "60",
    "first_partition_date": "2024-01-01",
    # A stack that changes its delivery streams was there before. A local one is new.
    "delivery_border": "",
}
# Firehose takes no smaller buffers for a delivery stream that all types share. A run does not wait
# for them: at its end it delivers what is left.
_SHARED_OVERRIDES = {
    "delivery_buffer_size_mb": "64",
    "delivery_buffer_interval_seconds": "60",
}

_TABLE_ITEMS = 24


class DemoError(CommandError):
    """A run cannot start, or failed."""


@dataclass(frozen=True)
class DemoOptions:
    """The options of a run.

    Parameters
    ----------
    stack
        Name of the stack.
    packages
        Folder of the functions' packages, built for this machine.
    endpoint_url
        An AWS-compatible endpoint; None starts the embedded one. The run first checks what the
        endpoint supports, and then deletes there what would deliver too: see
        `emulation.pipeline.Pipeline.take_over`.
    seed, records
        Seed and number of the change records to generate.
    input
        A file of the user's own change records instead, or ``-`` for standard input.
    runtime_client
        Folder of the runtime client that runs the functions.
    settings
        Values, as text by key, that replace the stack's settings.
    """

    stack: str
    packages: Path
    endpoint_url: str | None = None
    seed: int = 1
    records: int = 4000
    input: str | None = None
    runtime_client: Path = OWN_CLIENT
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def overrides(self) -> dict[str, str]:
        """The values that replace the stack's settings, with those of every local run.

        Raises
        ------
        infra.stack_config.StackConfigError
            There is no such stack or setting.
        """
        shared = stack_config(self.stack, self.settings)[f"{PROJECT}:delivery"] == "shared"
        return {**LOCAL_OVERRIDES, **(_SHARED_OVERRIDES if shared else {}), **self.settings}


@dataclass
class Outcome:
    """The result of a run.

    Parameters
    ----------
    stack, endpoint_url
        The stack and its endpoint.
    fed
        Records that the Kinesis stream accepted, and those that it refused.
    table_changes
        How many of them came from writes to the demand table.
    unclaimed
        How many of them have a record type that no delivery stream takes, or none, as the transform
        has counted them.
    failed
        The user's own records that failed in at least one delivery stream; None if the records were
        generated.
    counts
        The counts of each delivery stream.
    once
        The counts of all delivery streams together, in which each record counts once; None if
        whole batches failed.
    partitions
        The partitions of the tables.
    discrepancies
        What does not reconcile, one line each.
    denials
        Requests of roles that their policies do not allow, one line each.
    seconds
        Time from the first record to the last file.
    """

    stack: str
    endpoint_url: str
    fed: Fed
    table_changes: int
    unclaimed: int = 0
    failed: FailedRecords | None = None
    counts: dict[str, Tally] = field(default_factory=dict)
    once: Tally | None = None
    partitions: list[Partition] = field(default_factory=list)
    discrepancies: list[str] = field(default_factory=list)
    denials: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether everything reconciles and no role's request was denied."""
        return not self.discrepancies and not self.denials

    @property
    def mostly_failed(self) -> bool:
        """Whether most of the user's own records failed, or none was fed."""
        if self.failed is None:
            return False
        return not self.fed.accepted or self.failed.count * 2 > self.fed.accepted


@dataclass(frozen=True)
class FinishedRun:
    """A run whose stack is still up: its outcome and its endpoint."""

    outcome: Outcome
    endpoint: Endpoint
    provisioned: Provisioned
    pipeline: Pipeline
    schedules: ScheduleRunner

    def export(self, folder: Path, progress: Progress) -> None:
        """Copy the bucket's objects and the Glue catalog into a folder."""
        write_export(
            self.endpoint.client("glue"),
            self.endpoint.client("s3"),
            self.provisioned.settings.bucket_name,
            folder,
            progress.count,
            databases_prefix=self.provisioned.outputs["database"],
        )


@contextlib.contextmanager
def demo(
    options: DemoOptions, progress: Progress, on_problem: Callable[[str], None]
) -> Iterator[FinishedRun]:
    """Run the whole pipeline once; the stack stays up until the end of the ``with``.

    Parameters
    ----------
    options
        The options of the run.
    progress
        Shows the progress.
    on_problem
        Called with each line of the functions' logs that reports a failure.

    Raises
    ------
    CommandError
        The run cannot start or continue. The error says what to do.
    """
    with contextlib.ExitStack() as stack:
        if options.endpoint_url:
            check_endpoint(options.endpoint_url)
            endpoint = Endpoint(options.endpoint_url)
        else:
            progress.step("Starting the embedded AWS emulator")
            endpoint = stack.enter_context(embedded_emulator())
        settings = local_settings(
            endpoint, options.stack, overrides=options.overrides, packages=options.packages
        )
        if options.endpoint_url:
            progress.step(f"Checking what the endpoint {endpoint.url} can do")
            check_runs(endpoint, progress.show)
            _refuse_old_data(endpoint, settings.bucket_name)
        provisioned = _provision(endpoint, settings, options, progress)
        pipeline = stack.enter_context(
            running_pipeline(
                endpoint,
                settings,
                provisioned.outputs["delivery_streams"],
                options.packages,
                lambda line: _pass_on(line, on_problem),
                options.runtime_client,
                LocalAthena(settings, Path(stack.enter_context(TemporaryDirectory()))).run,
            )
        )
        schedules = pipeline.schedules(provisioned.outputs["schedule_group"], on_problem)
        outcome = _run(pipeline, schedules, provisioned, options, progress)
        progress.end()
        yield FinishedRun(outcome, endpoint, provisioned, pipeline, schedules)


def _provision(
    endpoint: Endpoint, settings: Settings, options: DemoOptions, progress: Progress
) -> Provisioned:
    where = f" at {endpoint.url}" if options.endpoint_url else ""
    progress.step(f"Provisioning stack {options.stack}{where}")
    made = itertools.count(1)
    make_referenced(endpoint, settings)
    return provision(
        endpoint,
        options.stack,
        overrides=options.overrides,
        packages=options.packages,
        progress=lambda each: progress.show(f"{next(made)} resources  {each.type}"),
    )


def _refuse_old_data(endpoint: Endpoint, bucket: str) -> None:
    try:
        found = next(list_keys(endpoint.client("s3"), bucket, f"{DATA_PREFIX}/"), None)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
        return
    if found is not None:
        raise DemoError(
            f"the bucket {bucket} at {endpoint.url} holds data of an earlier run ({found}), and "
            "counts would not reconcile: use a fresh endpoint, or empty the bucket"
        )


def _refuse_objects_of_others(s3: Any, bucket: str, counts: Iterable[DeliveryCounts]) -> None:
    written = sum(each.objects + each.error_objects for each in counts)
    there = sum(
        1 for area in ("landing", "errors") for _ in list_keys(s3, bucket, f"{DATA_PREFIX}/{area}/")
    )
    if there > written:
        raise DemoError(
            f"this run's delivery streams wrote {written:,} objects, and the bucket {bucket} holds "
            f"{there:,} below landing/ and errors/: something else delivers there, perhaps a "
            "Firehose of the endpoint's own, and counts would not reconcile. Use another emulator"
        )


def _run(
    pipeline: Pipeline,
    schedules: ScheduleRunner,
    provisioned: Provisioned,
    options: DemoOptions,
    progress: Progress,
) -> Outcome:
    settings = provisioned.settings
    operator = pipeline.endpoint
    if options.endpoint_url:
        pipeline.take_over(schedules)
    started = time.monotonic()
    # Delivery streams read from LATEST, so they must exist before the first record.
    pipeline.start()
    kinesis = operator.client("kinesis")

    def put(
        records: Iterator[StreamRecord], what: str, total: int | None, unit: str = "records"
    ) -> Fed:
        def show(fed: Fed) -> None:
            done = fed.bytes + fed.accepted if unit == BYTES else fed.accepted + len(fed.refused)
            progress.show(f"{fed.accepted:,} fed  {_stages(pipeline)}", done)

        progress.step(f"Feeding {what} into {settings.stream_name}", total, unit)
        return feed(kinesis, settings.stream_name, records, show)

    table_changes = 0
    if options.input is None:
        progress.step(f"Writing items to the table {settings.table_name}")
        changes, writes = _table_changes(operator, settings.table_name, options, progress)
        from_table = put(changes, "the table's changes", writes)
        table_changes = from_table.accepted
        fed = put(
            generate(options.seed, options.records, settings.table_name),
            f"{options.records:,} generated change records",
            options.records,
        )
        fed.accepted += from_table.accepted
        fed.bytes += from_table.bytes
        fed.refused += from_table.refused
    else:
        fed = put(read_lines(options.input), options.input, size_of_input(options.input), BYTES)
    # Each delivery stream reads every record.
    to_handle = fed.accepted * len(pipeline.counts())
    progress.step("Draining the delivery streams", to_handle, "records", _handled(pipeline))
    pipeline.drain(lambda: progress.show(_stages(pipeline), _handled(pipeline)))
    s3 = operator.client("s3")
    _refuse_objects_of_others(s3, settings.bucket_name, pipeline.counts().values())
    progress.step("Running the Avro writer's schedules")
    schedules.until(
        lambda: not work_left(s3, settings.bucket_name),
        lambda runs: progress.show(f"{runs} runs"),
    )
    progress.step("Forwarding the log events to the central log stream")
    pipeline.forward_logs()
    progress.step("Reading back what was written")
    contents = read_contents(s3, settings.bucket_name, DATA_PREFIX)
    counts = count_deliveries(pipeline.counts(), deliveries_of(settings), contents)
    unclaimed = pipeline.metrics.total("RecordsUnclaimed")
    once = count_once(fed.accepted, counts, contents, unclaimed)
    return Outcome(
        stack=options.stack,
        endpoint_url=operator.url,
        fed=fed,
        table_changes=table_changes,
        unclaimed=unclaimed,
        failed=None if options.input is None else _failed(s3, settings),
        counts=counts,
        once=once,
        partitions=[contents.partitions[key] for key in sorted(contents.partitions)],
        discrepancies=discrepancies(fed.accepted, counts, once),
        denials=[f"{denial.message} ({denial.count} times)" for denial in pipeline.gate.denials()],
        seconds=time.monotonic() - started,
    )


def _failed(s3: Any, settings: Settings) -> FailedRecords:
    # boto3's client tries again by itself, and a run at an endpoint has no deadline.
    store = S3Store(s3, settings.bucket_name, lambda: math.inf)
    return failed_records(store, DATA_PREFIX, deliveries_of(settings), settings.type_attribute)


def _table_changes(
    operator: Endpoint, table_name: str, options: DemoOptions, progress: Progress
) -> tuple[Iterator[StreamRecord], int]:
    """Write items to the table; return the changes in its stream, and their number."""
    dynamodb = operator.client("dynamodb")
    stream = TableStream(dynamodb, operator.client("dynamodbstreams"), table_name)
    writes = write_items(
        dynamodb,
        table_name,
        options.seed,
        _TABLE_ITEMS,
        lambda done: progress.show(f"{done} writes"),
    )
    return stream.read(writes), writes


def work_left(s3: Any, bucket: str) -> bool:
    """Tell whether the Avro writer still has landed objects or plans in a bucket."""
    return any(
        next(list_keys(s3, bucket, f"{DATA_PREFIX}/{area}/"), None) is not None
        for area in ("landing", "compaction")
    )


def _handled(pipeline: Pipeline) -> int:
    return sum(each.delivered + each.dropped + each.failed for each in pipeline.counts().values())


def _stages(pipeline: Pipeline) -> str:
    counts = pipeline.counts().values()
    received = sum(each.received for each in counts)
    objects = sum(each.objects + each.error_objects for each in counts)
    return f"{received:,} received  {_handled(pipeline):,} handled  {objects:,} objects landed"


def _pass_on(line: FunctionLog, on_problem: Callable[[str], None]) -> None:
    # The functions' own lines are JSON. Lambda's line about a crash is not.
    if (
        '"level": "ERROR"' in line.message
        or "Status: error" in line.message
        or line.message.startswith(("[ERROR]", "Traceback"))
    ):
        on_problem(f"{line.function_name}: {line.message}")
