"""Asks AWS what `ops.status.facts` has. It reads, and changes nothing.

`ops.status.asking.ACTIONS` has the actions that it needs. Each answer is bounded.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from botocore.exceptions import ClientError

import schemas
from infra.naming import function_log_group
from infra.packages import sha256_of
from ops.deployment import Deployment
from ops.status.asking import Questions, code_of
from ops.status.facts import StackFacts, TypeFacts
from ops.status.metrics import OUTCOMES, WRITTEN, Values, read_metrics
from ops.status.objects import Bucket

_Answer = TypeVar("_Answer")

_AT_ONCE = 16
_MOST_LOG_PAGES = 10
_MISSING = ("ResourceNotFoundException", "EntityNotFoundException")
# What the transform counts beside the reasons of failures.
_NOT_FAILED = ("ok", "other_type", "no_type", "unclaimed_type")


def collect(deployment: Deployment, now: datetime, since: datetime) -> StackFacts:
    """Return the facts about a stack.

    Parameters
    ----------
    deployment
        The stack.
    now, since
        The time, and the beginning of the window over which is counted.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool, ThreadPoolExecutor(_AT_ONCE) as reads:
        questions = Questions(pool)
        settings = deployment.settings
        metrics = questions.ask(
            "metrics", lambda: read_metrics(deployment.client("cloudwatch"), settings, now, since)
        )
        alarms = questions.ask("alarms", lambda: _alarms(deployment))
        letters = questions.ask("dead letters", lambda: _dead_letters(deployment))
        schedules = questions.ask("schedules", lambda: _schedules(deployment))
        functions = questions.ask("functions", lambda: _functions(deployment))
        types = [
            _ask_of_type(questions, deployment, each, now, since, reads)
            for each in settings.demand_data_types
        ]
        found = metrics() or {}
        return StackFacts(
            stack=deployment.stack,
            where=deployment.endpoint_url or f"AWS account {settings.account_id}",
            option="" if deployment.local else f" --stack {deployment.stack}",
            now=now,
            since=since,
            alarms=alarms(),
            reads_throttled=found.get(("", "throttled")),
            dead_letters=letters(),
            schedules=schedules(),
            functions=functions(),
            types=tuple(each(found) for each in types),
            # Evaluated last: by now, each question is answered or is here.
            unknown=tuple(questions.unknown),
        )


def _ask_of_type(
    questions: Questions,
    deployment: Deployment,
    record_type: str,
    now: datetime,
    since: datetime,
    reads: Executor,
) -> Callable[[Values], TypeFacts]:
    bucket = Bucket(deployment, record_type, now, since, reads)

    def ask(what: str, question: Callable[[], _Answer]) -> Callable[[], _Answer | None]:
        return questions.ask(f"{what} of {record_type}", question)

    delivery = ask("delivery stream", lambda: _delivery(deployment, record_type))
    reasons = ask("reasons of failures", lambda: _reasons(deployment, record_type, now, since))
    landed = ask("landed objects", bucket.landed)
    failed = ask("failed records", bucket.failed)
    quarantined = ask("quarantine", bucket.quarantined)
    plans = ask("plans", bucket.plans)
    partition = ask("last partition", bucket.last_partition)
    replays = ask("replays", bucket.replays)
    table = ask("table", lambda: _table(deployment, record_type))

    def facts(metrics: Values) -> TypeFacts:
        behind = metrics.get((record_type, "KinesisMillisBehindLatest"))
        return TypeFacts(
            record_type=record_type,
            delivery=delivery(),
            freshness_seconds=metrics.get((record_type, "DeliveryToS3.DataFreshness")),
            behind_seconds=None if behind is None else behind / 1000,
            outcomes=_of(metrics, record_type, OUTCOMES),
            reasons=reasons() or {},
            written=_of(metrics, record_type, WRITTEN),
            landed=landed(),
            failed=failed(),
            quarantined=quarantined(),
            plans=plans(),
            partition=partition(),
            replays=replays(),
            table=table(),
        )

    return facts


def _of(metrics: Values, record_type: str, names: Sequence[str]) -> dict[str, int]:
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
    if code_of(error) in _MISSING:
        return "missing"
    raise error


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
    return {reason: count for reason, count in counts.items() if reason not in _NOT_FAILED}


def _millis(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _table(deployment: Deployment, record_type: str) -> str:
    glue = deployment.client("glue")
    try:
        found = glue.get_table(DatabaseName=deployment.naming.database, Name=record_type)["Table"]
    except ClientError as error:
        return _missing(error)
    serde = found.get("StorageDescriptor", {}).get("SerdeInfo", {}).get("Parameters", {})
    same = serde.get("avro.schema.literal") == schemas.table(record_type).literal
    return "same" if same else "differs"


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
    own = {each: _hash(deployment.packages / each) for each in set(archives.values())}
    client = deployment.client("lambda")
    found = {}
    for name, archive in archives.items():
        try:
            deployed = client.get_function_configuration(FunctionName=name)["CodeSha256"]
        except ClientError as error:
            found[name] = _missing(error)
            continue
        if own[archive] is None:
            found[name] = "not compared"
        else:
            found[name] = "same" if own[archive] == deployed else "differs"
    return found


def _hash(package: Path) -> str | None:
    return sha256_of(package) if package.is_file() else None
