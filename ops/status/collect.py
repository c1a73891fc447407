"""Asks AWS what `ops.status.facts` has. It reads, and changes nothing.

Each question needs one action, and its answer is bounded: a listing ends after some thousand keys.

======================================  ==========================================================
``firehose:DescribeDeliveryStream``     state of the delivery streams
``cloudwatch:GetMetricData``            metrics (no resource can be named)
``cloudwatch:DescribeAlarms``           alarms that are on
``logs:FilterLogEvents``                failures by reason, in the transforms' log groups
``s3:ListBucket``                       what has landed, failed, is in quarantine, is planned
``s3:GetObject``                        plans, headers of Avro files, marks of replays
``sqs:GetQueueAttributes``              dead letters
``scheduler:ListSchedules``             schedules
``lambda:GetFunctionConfiguration``     the functions' code
``glue:GetTable``                       the tables' schemas
======================================  ==========================================================

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import fastavro
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

import schemas
from avro_writer.errors import UnreadablePlan
from avro_writer.lanes import Layout
from avro_writer.plan import Plan
from infra.alarms import (
    Metric,
    delivery_metric,
    pipeline_metric,
)
from infra.naming import DATA_PREFIX, function_log_group
from ops.choices.choice import Done
from ops.choices.protocol import Sources
from ops.deployment import Deployment
from ops.status.facts import (
    Partition,
    Pile,
    PlanInFlight,
    Replays,
    StackFacts,
    TypeFacts,
)

_Answer = TypeVar("_Answer")

_AT_ONCE = 16
_MOST_KEYS = 5_000
_MOST_FILES_READ = 50
_MOST_MARKS_READ = 200
_MOST_LOG_PAGES = 10
# The header of an Avro file has its schema, and then its counts.
_HEADER_BYTES = 96 * 1024
_RECENTLY = timedelta(minutes=15)
_FIVE_MINUTES = 300

_OUTCOMES = ("RecordsReceived", "RecordsOk", "RecordsDropped", "RecordsUnclaimed", "RecordsFailed")
_WRITTEN = ("RowsWritten", "RepeatsDropped", "LinesQuarantined", "RunsOutOfTime")
_MISSING = ("ResourceNotFoundException", "EntityNotFoundException")


class _Questions:
    """Asks questions at once, and notes those that are not answered."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._asked: list[tuple[str, Future[Any]]] = []
        self.unknown: list[tuple[str, str]] = []

    def ask(self, what: str, question: Callable[[], _Answer]) -> Callable[[], _Answer | None]:
        """Ask; what is returned waits for the answer, which is None if there is none."""
        future = self._pool.submit(question)

        def answer() -> _Answer | None:
            try:
                return future.result()
            except (ClientError, BotoCoreError, UnreadablePlan) as error:
                self.unknown.append((what, str(error)))
                return None

        return answer


def collect(deployment: Deployment, now: datetime, since: datetime) -> StackFacts:
    """Return the facts about a stack.

    Parameters
    ----------
    deployment
        The stack.
    now, since
        The time, and the beginning of the window over which is counted.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        questions = _Questions(pool)
        types = [
            _ask_of_type(questions, deployment, each, now, since)
            for each in deployment.settings.demand_data_types
        ]
        metrics = questions.ask("metrics", lambda: _metrics(deployment, now, since))
        alarms = questions.ask("alarms", lambda: _alarms(deployment))
        letters = questions.ask("dead letters", lambda: _dead_letters(deployment))
        schedules = questions.ask("schedules", lambda: _schedules(deployment))
        functions = questions.ask("functions", lambda: _functions(deployment))
        found = metrics() or {}
        return StackFacts(
            stack=deployment.stack,
            where=deployment.endpoint_url or f"AWS account {deployment.settings.account_id}",
            now=now,
            since=since,
            types=tuple(each(found) for each in types),
            alarms=alarms(),
            reads_throttled=found.get(("", "ReadProvisionedThroughputExceeded")),
            dead_letters=letters(),
            schedules=schedules(),
            functions=functions(),
            unknown=tuple(sorted(set(questions.unknown))),
        )


_Metrics = Mapping[tuple[str, str], float]
"""Values by record type, empty for the stack, and name of the metric."""


def _ask_of_type(
    questions: _Questions, deployment: Deployment, record_type: str, now: datetime, since: datetime
) -> Callable[[_Metrics], TypeFacts]:
    def ask(
        what: str, question: Callable[..., _Answer], *more: Any
    ) -> Callable[[], _Answer | None]:
        return questions.ask(
            f"{what} of {record_type}", lambda: question(deployment, record_type, *more)
        )

    delivery = ask("delivery stream", _delivery)
    reasons = ask("failures", _reasons, now, since)
    landed = ask("landed objects", _pile, "landing")
    failed = ask("failed records", _pile, "errors")
    quarantined = ask("quarantine", _pile, "quarantine")
    plans = ask("plans", _plans)
    partition = ask("last partition", _last_partition)
    replays = ask("replays", _replays)
    table = ask("table", _table)

    def facts(metrics: _Metrics) -> TypeFacts:
        behind = metrics.get((record_type, "KinesisMillisBehindLatest"))
        return TypeFacts(
            record_type=record_type,
            delivery=delivery(),
            freshness_seconds=metrics.get((record_type, "DeliveryToS3.DataFreshness")),
            behind_seconds=None if behind is None else behind / 1000,
            outcomes=_of(metrics, record_type, _OUTCOMES),
            reasons=reasons() or {},
            written=_of(metrics, record_type, _WRITTEN),
            landed=landed(),
            failed=failed(),
            quarantined=quarantined(),
            plans=plans(),
            partition=partition(),
            replays=replays(),
            table=table(),
        )

    return facts


def _of(metrics: _Metrics, record_type: str, names: Sequence[str]) -> dict[str, int]:
    return {
        name: int(metrics[record_type, name]) for name in names if (record_type, name) in metrics
    }


def _delivery(deployment: Deployment, record_type: str) -> str:
    name = deployment.naming.delivery_stream(record_type)
    try:
        found = deployment.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
    except ClientError as error:
        return _missing(error)
    return str(found["DeliveryStreamDescription"]["DeliveryStreamStatus"])


def _missing(error: ClientError) -> str:
    """Return ``missing`` for a resource that is not there; raise any other error."""
    if error.response["Error"]["Code"] in _MISSING:
        return "missing"
    raise error


def _metrics(
    deployment: Deployment, now: datetime, since: datetime
) -> dict[tuple[str, str], float]:
    settings = deployment.settings
    wanted: dict[tuple[str, str], tuple[Metric, datetime]] = {}
    recently = now - _RECENTLY
    for each in settings.demand_data_types:
        for name in ("DeliveryToS3.DataFreshness", "KinesisMillisBehindLatest"):
            metric = delivery_metric(settings.naming, each, name, "Maximum")
            wanted[each, name] = (metric, recently)
        for name in (*_OUTCOMES, *_WRITTEN):
            wanted[each, name] = (pipeline_metric(settings, each, name, "Sum"), since)
    throttled = Metric(
        namespace="AWS/Kinesis",
        name="ReadProvisionedThroughputExceeded",
        dimensions={"StreamName": settings.stream_name},
        statistic="Average",
    )
    wanted["", throttled.name] = (throttled, recently)
    return _values(deployment.client("cloudwatch"), wanted, now)


def _values(
    cloudwatch: Any, wanted: Mapping[tuple[str, str], tuple[Metric, datetime]], now: datetime
) -> dict[tuple[str, str], float]:
    """Return the value of each metric over its time: the sum, or the highest of five minutes."""
    found: dict[tuple[str, str], float] = {}
    for begin in sorted({begin for _, begin in wanted.values()}):
        keys = [key for key, (_, at) in wanted.items() if at == begin]
        # A period is a multiple of a minute, and there are at most 100,800 values in an answer.
        minutes = max(5, int((now - begin).total_seconds()) // 60 // 100)
        queries = [
            {
                "Id": f"q{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": wanted[key][0].namespace,
                        "MetricName": wanted[key][0].name,
                        "Dimensions": [
                            {"Name": name, "Value": value}
                            for name, value in wanted[key][0].dimensions.items()
                        ],
                    },
                    "Period": minutes * 60,
                    "Stat": wanted[key][0].statistic,
                },
            }
            for number, key in enumerate(keys)
        ]
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=begin, EndTime=now + timedelta(minutes=1)
        )
        values: dict[str, list[float]] = {}
        for page in pages:
            for each in page["MetricDataResults"]:
                values.setdefault(each["Id"], []).extend(each["Values"])
        for number, key in enumerate(keys):
            of = values.get(f"q{number}")
            if of:
                found[key] = sum(of) if wanted[key][0].statistic == "Sum" else max(of)
    return found


def _reasons(
    deployment: Deployment, record_type: str, now: datetime, since: datetime
) -> dict[str, int]:
    """Return failed records by reason, from the transform's lines of metrics."""
    pages = (
        deployment.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=function_log_group(deployment.naming.transform_function(record_type)),
            startTime=_millis(since),
            endTime=_millis(now),
            filterPattern="{ $.RecordsFailed > 0 }",
        )
    )
    found: Counter[str] = Counter()
    try:
        for page in itertools.islice(pages, _MOST_LOG_PAGES):
            for event in page["events"]:
                found.update(_failures(event["message"]))
    except ClientError as error:
        _missing(error)
    return dict(found)


def _failures(message: str) -> dict[str, int]:
    try:
        line = json.loads(message)
        if not line.get("RecordsFailed"):
            return {}
        counts = line["counts"]
    except (ValueError, AttributeError, KeyError):
        return {}
    dropped = ("ok", "other_type", "no_type", "unclaimed_type")
    return {reason: count for reason, count in counts.items() if reason not in dropped}


def _millis(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _listed(deployment: Deployment, prefix: str) -> Iterator[dict[str, Any]]:
    pages = deployment.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=deployment.bucket, Prefix=prefix):
        yield from page.get("Contents", ())


def _pile(deployment: Deployment, record_type: str, area: str) -> Pile:
    found = list(
        itertools.islice(
            _listed(deployment, f"{DATA_PREFIX}/{area}/{record_type}/"), _MOST_KEYS + 1
        )
    )
    counted = found[:_MOST_KEYS]
    times = [each["LastModified"] for each in counted]
    return Pile(
        objects=len(counted),
        bytes=sum(each["Size"] for each in counted),
        oldest=min(times, default=None),
        newest=max(times, default=None),
        complete=len(found) == len(counted),
    )


def _plans(deployment: Deployment, record_type: str) -> tuple[PlanInFlight, ...]:
    s3 = deployment.client("s3")
    found = []
    for each in _listed(deployment, Layout(DATA_PREFIX, record_type).plans):
        try:
            body = s3.get_object(Bucket=deployment.bucket, Key=each["Key"])["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                # A run has finished it in between.
                continue
            raise
        plan = Plan.from_json(body, each["Key"])
        found.append(PlanInFlight(each["Key"], plan.state, each["LastModified"], len(plan.aside)))
    return tuple(found)


def _last_partition(deployment: Deployment, record_type: str) -> Partition | None:
    s3 = deployment.client("s3")
    root = f"{DATA_PREFIX}/avro/{record_type}/"
    dates = [
        each["Prefix"]
        for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=deployment.bucket, Prefix=root, Delimiter="/"
        )
        for each in page.get("CommonPrefixes", ())
        if "partition_date=" in each["Prefix"]
    ]
    if not dates:
        return None
    folder = max(dates)
    files = list(_listed(deployment, folder))
    rows = None
    if len(files) <= _MOST_FILES_READ:
        rows = sum(_rows(s3, deployment.bucket, each["Key"]) for each in files)
    return Partition(
        date=folder.rstrip("/").rsplit("=", 1)[-1],
        files=len(files),
        bytes=sum(each["Size"] for each in files),
        rows=rows,
    )


def _rows(s3: Any, bucket: str, key: str) -> int:
    """Return the number of an Avro file's rows, which its header has."""
    body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_HEADER_BYTES - 1}")["Body"]
    header = fastavro.reader(io.BytesIO(body.read())).metadata
    return int(header["dmd.rows"])


def _replays(deployment: Deployment, record_type: str) -> Replays:
    begun = Sources(deployment.s3_store(), DATA_PREFIX, record_type).begun()
    s3 = deployment.client("s3")
    marks = (
        each["Key"]
        for each in _listed(deployment, f"{DATA_PREFIX}/replay/{record_type}/")
        if each["Key"].endswith(".done.json")
    )
    rows = 0
    for key in itertools.islice(marks, _MOST_MARKS_READ):
        body = s3.get_object(Bucket=deployment.bucket, Key=key)["Body"].read()
        rows += msgspec.json.decode(body, type=Done).rows
    return Replays(len(begun.all), rows, len(begun.unfinished))


def _table(deployment: Deployment, record_type: str) -> str:
    glue = deployment.client("glue")
    try:
        found = glue.get_table(DatabaseName=deployment.naming.database, Name=record_type)["Table"]
    except ClientError as error:
        return _missing(error)
    literal = found["StorageDescriptor"]["SerdeInfo"]["Parameters"]["avro.schema.literal"]
    return "same" if literal == schemas.table(record_type).literal else "differs"


def _alarms(deployment: Deployment) -> tuple[str, ...]:
    prefix = deployment.naming.alarm("")
    pages = deployment.client("cloudwatch").get_paginator("describe_alarms")
    return tuple(
        sorted(
            each["AlarmName"].removeprefix(prefix)
            for page in pages.paginate(AlarmNamePrefix=prefix, StateValue="ALARM")
            for each in page["MetricAlarms"]
            # Not every emulator asks for both.
            if each["StateValue"] == "ALARM"
        )
    )


def _dead_letters(deployment: Deployment) -> int:
    sqs = deployment.client("sqs")
    url = sqs.get_queue_url(QueueName=deployment.naming.dead_letter_queue)["QueueUrl"]
    name = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])


def _schedules(deployment: Deployment) -> dict[str, str]:
    pages = deployment.client("scheduler").get_paginator("list_schedules")
    return {
        each["Name"]: each["State"]
        for page in pages.paginate(GroupName=deployment.naming.schedule_group)
        for each in page["Schedules"]
    }


def _functions(deployment: Deployment) -> dict[str, str]:
    naming = deployment.naming
    archives = {
        naming.writer_function: "avro_writer.zip",
        **{
            naming.transform_function(each): "transform.zip"
            for each in deployment.settings.demand_data_types
        },
    }
    client = deployment.client("lambda")
    found = {}
    for name, archive in archives.items():
        path = deployment.packages / archive
        try:
            deployed = client.get_function_configuration(FunctionName=name)["CodeSha256"]
        except ClientError as error:
            found[name] = _missing(error)
            continue
        if not path.is_file():
            found[name] = "not compared"
            continue
        own = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        found[name] = "same" if own == deployed else "differs"
    return found
