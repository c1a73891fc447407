"""Each alarm of the estate goes off for its fault, and none on a healthy run.

The metrics are those that the local run itself publishes while it is driven into the fault. Where
an emulator has no such fault, or it would take hours, the test says what it puts in its place.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import schemas
from avro_writer.errors import ObjectsSetAside
from avro_writer.run import Report, Run
from avro_writer.settings import Assignment
from demo.feed.generator import generate
from demo.feed.stream import StreamRecord, feed
from emulation.firehose import DeliveryStreamRunner
from emulation.functions.invocation import InvokeRequest
from emulation.functions.logs import FunctionLog
from emulation.functions.warm import WarmFunction
from emulation.metrics import Datum, Metrics
from emulation.pipeline import Pipeline
from infra.alarms import Alarm, alarms_of
from infra.deliveries import ALL_TYPES
from telemetry import Log
from testing.writer_environment import WRITER_ENVIRONMENT
from tests.emulation.firehose.doubles import (
    Clock,
    FakeKinesis,
    FakeLambda,
    FakeS3,
    client_error,
    delivery_stream,
    upper,
)
from tests.end_to_end.provisioned import Stack
from tests.infra.recorded import record_named
from tests.support.alarm_periods import is_on, value
from tests.support.changes import change, firehose_record
from tests.support.memory_store import MemoryStore
from tests.support.packages import write_packages
from tests.support.shared_errors import SHARED
from tests.support.writer import gz_lines, land, landed_row, ndjson, run
from transform.batch import Transform
from transform.counts import count_lines
from transform.settings import Settings

Periods = list[list[Datum]]
TYPE = "demand"
TRANSFORMS = [Transform(schemas.table(name), "type") for name in schemas.RECORD_TYPES]
# What a local run has no metrics of, because it has no refreshes.
REFRESHES = ("refresh-failing", "refresh-late")
# What the tests below drive apart from the pipeline.
APART = ("delivery-late", "stream-behind", "reads-throttled", "landed-waiting", *REFRESHES)


@pytest.fixture(scope="module")
def alarms(stack: Stack) -> dict[str, Alarm]:
    """The alarms by symptom, those of a type without its name."""
    found = {}
    for each in alarms_of(stack.provisioned.settings):
        symptom = each.symptom.removesuffix(f"-{TYPE}")
        if not symptom.endswith(("-sale", "-event", "-notification")):
            found[symptom] = each
    return found


@pytest.fixture(scope="module")
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    with stack.running([TYPE]) as running:
        running.start()
        yield running
    stack.clear_bucket()
    stack.dead_letters()


def put(stack: Stack, *records: dict[str, Any]) -> None:
    lines = (StreamRecord(json.dumps(each).encode(), "key", "test") for each in records)
    feed(stack.endpoint.client("kinesis"), stack.provisioned.settings.stream_name, lines)


def deliver_and_write(stack: Stack, pipeline: Pipeline) -> None:
    """Drain the delivery stream, and run the writer."""
    (runner,) = pipeline._runners.values()
    runner.drain()
    schedules = pipeline.schedules(
        stack.provisioned.outputs["schedule_group"], lambda failure: None
    )
    schedules._round(lambda runs: None)


def published(pipeline: Pipeline) -> list[Datum]:
    pipeline.collect_metrics()
    return pipeline.metrics.drain()


def function(stack: Stack, pipeline: Pipeline, name: str, payload: bytes, kind: Any) -> None:
    request = InvokeRequest(name, payload, invocation_type=kind)
    answer = pipeline.host.invoke(request)
    if kind == "Event":
        pipeline.host.outcome(answer.request_id or "")


def healthy(stack: Stack, pipeline: Pipeline) -> None:
    settings = stack.provisioned.settings
    known = [each for each in generate(3, 80, settings.table_name) if is_row_of_any(each.data)]
    feed(stack.endpoint.client("kinesis"), settings.stream_name, iter(known))
    deliver_and_write(stack, pipeline)


def is_row_of_any(data: bytes) -> bool:
    """Say whether a generated record is well formed and of a known type."""
    record = firehose_record(data)
    return any(each.batch([record]).counts["ok"] for each in TRANSFORMS)


def unfit(stack: Stack, pipeline: Pipeline) -> None:
    put(stack, change({"channel": {"S": "?"}}))
    deliver_and_write(stack, pipeline)


def unclaimed(stack: Stack, pipeline: Pipeline) -> None:
    put(stack, change({"type": {"S": "refund"}}), change({"type": None}))
    deliver_and_write(stack, pipeline)


def broken_transform(stack: Stack, pipeline: Pipeline) -> None:
    name = stack.provisioned.settings.naming.transform_function(TYPE)
    function(stack, pipeline, name, b'{"no": "event"}', "RequestResponse")
    deliver_and_write(stack, pipeline)


def landed(*lines: Any) -> Callable[[Stack, Pipeline], None]:
    def fault(stack: Stack, pipeline: Pipeline) -> None:
        key = "data-pipeline/landing/demand/lanes=2/2026/11/22/10/x.gz"
        body = gz_lines(*lines)
        stack.endpoint.client("s3").put_object(Bucket=stack.bucket, Key=key, Body=body)
        deliver_and_write(stack, pipeline)

    return fault


def broken_writer(stack: Stack, pipeline: Pipeline) -> None:
    """Run the writer with events that no schedule sends; Lambda's retries fail as well."""
    name = stack.provisioned.settings.naming.writer_function
    for _ in range(3):
        function(stack, pipeline, name, b'{"type": "nothing"}', "Event")
    deliver_and_write(stack, pipeline)


def silent_writer(stack: Stack, pipeline: Pipeline) -> None:
    """No schedule fires."""


def throttled_writer(stack: Stack, pipeline: Pipeline) -> None:
    """Another function has used up the account's concurrency. The emulator knows no such limit."""
    name = stack.provisioned.settings.naming.writer_function
    with mock.patch.object(WarmFunction, "_limit", lambda self, configuration: 0):
        function(stack, pipeline, name, b'{"type": "demand", "lane": 0}', "RequestResponse")
    deliver_and_write(stack, pipeline)


# Before the first partition date of a local run.
EARLY = landed_row(1, days=-2000)

FAULTS: dict[str, Callable[[Stack, Pipeline], None]] = {
    "records-failed": unfit,
    "records-unclaimed": unclaimed,
    "transform-failing": broken_transform,
    "rows-quarantined": landed(b"no row"),
    "rows-outside-projection": landed(EARLY),
    "writer-failing": broken_writer,
    "dead-letters": broken_writer,
    "writer-silent": silent_writer,
    "writer-throttled": throttled_writer,
}


def test_every_alarm_has_its_fault_here(alarms: dict[str, Alarm]) -> None:
    assert alarms.keys() == FAULTS.keys() | set(APART)


@pytest.fixture(scope="module")
def good(stack: Stack, pipeline: Pipeline) -> list[Datum]:
    """What a period publishes in which all is well."""
    healthy(stack, pipeline)
    return published(pipeline)


def test_no_alarm_is_on_when_all_is_well(alarms: dict[str, Alarm], good: list[Datum]) -> None:
    local = {symptom: alarm for symptom, alarm in alarms.items() if symptom not in REFRESHES}
    on = [symptom for symptom, alarm in local.items() if is_on(alarm, [good] * 3)]
    assert on == []


def test_each_alarm_has_the_metrics_that_it_reads(
    alarms: dict[str, Alarm], good: list[Datum]
) -> None:
    """An alarm without data would never go off, under whatever name the metric is published."""
    unseen = [
        (symptom, metric.name)
        for symptom, alarm in alarms.items()
        if symptom not in REFRESHES
        for metric in alarm.metrics
        if value(metric, good) is None
    ]
    assert unseen == []


@pytest.mark.parametrize("symptom", FAULTS)
def test_an_alarm_goes_off_for_its_fault_and_ends_with_it(
    symptom: str, stack: Stack, pipeline: Pipeline, alarms: dict[str, Alarm], good: list[Datum]
) -> None:
    FAULTS[symptom](stack, pipeline)
    # The fault lasts: each period of it is like the first.
    bad = published(pipeline)
    alarm = alarms[symptom]
    assert is_on(alarm, [good, *[bad] * alarm.periods]), symptom
    assert not is_on(alarm, [*[bad] * alarm.periods, *[good] * alarm.periods])
    # A writer that fails in each attempt also leaves messages, and an alarm of its own.
    allowed = {symptom, "writer-failing", "dead-letters"}
    if symptom in ("rows-quarantined", "records-failed"):
        allowed = {symptom}
    on = {name for name, each in alarms.items() if is_on(each, [bad] * each.periods)}
    on -= set(REFRESHES)
    assert on <= allowed, "no other alarm cries"


class SharedTransform:
    """The transform of all types in this process, with the environment that the program gives it.

    It publishes as a function of a local run does: by the lines of its log.
    """

    def __init__(self, packages: Path) -> None:
        function = record_named("dev1-shared", packages).one(
            "aws:lambda/function:Function", f"transform-{ALL_TYPES}"
        )
        self._settings = Settings.from_environment(function.inputs["environment"]["variables"])
        self._transform = Transform(
            [schemas.table(each) for each in self._settings.record_types],
            self._settings.type_attribute,
            claimed=self._settings.claimed_types,
            partition_key=self._settings.partition_key,
        )

    def period(self, *records: dict[str, Any]) -> list[Datum]:
        batch = [firehose_record(each, str(number)) for number, each in enumerate(records)]
        outcome = self._transform.batch(batch)
        metrics = Metrics()
        for line in count_lines(outcome, self._settings, 0.1, timestamp_ms=0, context={}):
            metrics.take(FunctionLog("transform", "", "", "", 0, line))
        return metrics.drain()


@pytest.mark.parametrize(
    ("symptom", "fault"),
    [
        (f"records-failed-{ALL_TYPES}", change({"channel": {"S": "?"}})),
        ("records-unclaimed", change({"type": {"S": "refund"}})),
        ("records-unclaimed", change({"type": None})),
    ],
    ids=["unfit", "unclaimed", "without a type"],
)
def test_an_alarm_of_a_shared_transform_goes_off_for_its_fault_and_ends_with_it(
    symptom: str, fault: dict[str, Any], tmp_path: Path
) -> None:
    transform = SharedTransform(write_packages(tmp_path))
    alarms = {each.symptom: each for each in alarms_of(SHARED)}
    well, ill = transform.period(change()), transform.period(change(), fault)
    on = {
        name
        for name, each in alarms.items()
        if name.startswith("records-") and is_on(each, [well, ill])
    }
    assert on == {symptom}
    assert not is_on(alarms[symptom], [ill, well])


class Delivery:
    """A delivery stream with doubles of Kinesis and S3, whose clock can leap."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.kinesis, self.s3 = FakeKinesis(self.clock), FakeS3()
        self.runner = DeliveryStreamRunner(
            delivery_stream(),
            kinesis=self.kinesis,
            lambda_client=FakeLambda(upper),
            s3=self.s3,
            clock=self.clock,
            pause=self.clock.pause,
        )
        self.runner.start()
        self.kinesis.put(b"record")
        self.runner.poll()

    def mend(self) -> None:
        """End the fault."""
        self.s3.errors.clear()
        self.kinesis.throttled.clear()

    def period(self, alarm: Alarm) -> list[Datum]:
        """Poll for a period, and return what Firehose and Kinesis publish at its end."""
        for _ in range(alarm.period_seconds // 60):
            self.clock.pause(60)
            self.runner.poll()
        metrics = Metrics()
        (metric,) = alarm.metrics
        metrics.add(metric.namespace, metric.dimensions, self.runner.metrics())
        metrics.add(metric.namespace, metric.dimensions, self.runner.stream_metrics())
        return metrics.drain()


def refusing(delivery: Delivery) -> None:
    """S3 refuses every put. The emulated S3 refuses none, so a double does."""
    delivery.s3.errors = [(False, client_error("PutObject", "SlowDown"))] * 10_000


def throttling(delivery: Delivery) -> None:
    """Kinesis refuses every read. The emulated Kinesis has no limit, so a double does."""
    delivery.kinesis.throttled = set(delivery.kinesis.shards)


@pytest.mark.parametrize(
    ("symptom", "fault", "hours"),
    [
        ("delivery-late", refusing, 1),
        ("stream-behind", throttling, 1),
        ("reads-throttled", throttling, 1),
    ],
)
def test_an_alarm_of_the_delivery_goes_off_and_ends(
    symptom: str, fault: Callable[[Delivery], None], hours: int, alarms: dict[str, Alarm]
) -> None:
    alarm = alarms[symptom]
    delivery = Delivery()
    well = [delivery.period(alarm) for _ in range(alarm.periods)]
    assert not is_on(alarm, well)
    fault(delivery)
    delivery.kinesis.put(b"another")
    ill = [delivery.period(alarm) for _ in range(hours * 3_600 // alarm.period_seconds)]
    assert is_on(alarm, ill)
    delivery.mend()
    mended = [delivery.period(alarm) for _ in range(2 * alarm.periods)]
    assert not is_on(alarm, mended)
    landed = b"".join(delivery.s3.bodies("landing/"))
    assert landed == b"RECORD\nANOTHER\n", "the fault has lost nothing"


def test_the_alarm_on_landed_rows_that_wait_goes_off(
    alarms: dict[str, Alarm], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The writer runs in this process, over a bucket in memory in which hours can pass."""
    environment = {**WRITER_ENVIRONMENT, "ENVIRONMENT": "dev1", "TMPDIR": str(tmp_path)}
    for name, text in {**environment, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr("tempfile.tempdir", None)
    handler: Any = importlib.reload(importlib.import_module("avro_writer.handler"))
    store = MemoryStore()
    whole_run = Run.run

    def period(now: datetime) -> list[Datum]:
        said = io.StringIO()
        reports: list[Report] = []

        def run_and_report(self: Run) -> None:
            """Run as the handler does: it publishes what a run that fails has seen, too."""
            reports.append(self.report)
            with contextlib.suppress(ObjectsSetAside):
                whole_run(self)

        with mock.patch.object(Run, "run", run_and_report):
            run(store, now=lambda: now)
        (report,) = reports
        handler._publish(report, Assignment(TYPE, 0), Log("ERROR", stream=said), 0.1)
        metrics = Metrics()
        metrics.take(FunctionLog("writer", "", "", "", 0, said.getvalue()))
        return metrics.drain()

    alarm = alarms["landed-waiting"]
    now = store.now
    land(store, "a", ndjson([landed_row(1)]))
    assert not is_on(alarm, [period(now)] * 3), "it is written at once"
    key = land(store, "b", ndjson([landed_row(2)]))
    store.refuse("read", key)
    stuck = [
        period(now + timedelta(seconds=alarm.threshold + minute * 60)) for minute in (1, 6, 11)
    ]
    assert is_on(alarm, stuck)
    assert not is_on(replace(alarm, threshold=alarm.threshold + 3_600), stuck)


# What Step Functions publishes of an execution, by how it ends.
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def refreshed(stack: Stack, *ends: str) -> list[Datum]:
    """Return what is published of a period in which executions end in these ways.

    The emulator runs no execution to its end and publishes nothing of them.
    """
    name = stack.provisioned.settings.naming.refresh(TYPE)
    listed = stack.endpoint.client("stepfunctions").list_state_machines()["stateMachines"]
    (arn,) = (each["stateMachineArn"] for each in listed if each["name"] == name)
    metrics = Metrics()
    for end in ends:
        counts = {"ExecutionsStarted": 1, **{ENDS[each]: int(each == end) for each in ENDS}}
        metrics.add("AWS/States", {"StateMachineArn": arn}, counts)
    return metrics.drain()


@pytest.mark.parametrize("end", ["FAILED", "TIMED_OUT"])
def test_the_alarm_on_refreshes_that_fail_goes_off_and_ends(
    end: str, stack: Stack, alarms: dict[str, Alarm]
) -> None:
    alarm, well = alarms["refresh-failing"], refreshed(stack, "SUCCEEDED")
    assert not is_on(alarm, [well] * 3)
    failed = refreshed(stack, "SUCCEEDED", end)
    assert is_on(alarm, [well, failed])
    assert not is_on(alarm, [well, failed, well])
    assert not is_on(alarm, [refreshed(stack, "ABORTED")]), "somebody has stopped it"


@pytest.mark.parametrize("period", [("FAILED",), ("ABORTED", "TIMED_OUT"), ()])
def test_the_alarm_on_late_refreshes_goes_off_and_ends(
    period: tuple[str, ...], stack: Stack, alarms: dict[str, Alarm]
) -> None:
    alarm, well = alarms["refresh-late"], refreshed(stack, "SUCCEEDED")
    none = refreshed(stack, *period)
    assert not is_on(alarm, [well] * 3)
    assert not is_on(alarm, [none, none, well])
    assert is_on(alarm, [well, none, none, none])
    assert not is_on(alarm, [none, none, none, well])
