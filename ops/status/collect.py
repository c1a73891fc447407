"""Asks AWS what `ops.status.facts` has. It reads, and changes nothing.

`ops.status.asking.ACTIONS` has the actions that it needs. Each answer is bounded.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

import schemas
from environment import VariableError, moment
from infra.deliveries import ALL_TYPES, Delivery, deliveries_of
from infra.naming import function_log_group
from infra.packages import sha256_of
from infra.settings import Settings
from ops.deployment import Deployment
from ops.status.asking import Questions, code_of
from ops.status.facts import DeliveryFacts, StackFacts, TypeFacts
from ops.status.metrics import OUTCOMES, WRITTEN, Values, read_metrics
from ops.status.objects import Bucket
from transform.outcome import NO_TYPE, OTHER_DELIVERY, OTHER_TYPE, UNCLAIMED_TYPE

_Answer = TypeVar("_Answer")

_AT_ONCE = 16
_MOST_LOG_PAGES = 10
_MISSING = ("ResourceNotFoundException", "EntityNotFoundException")
# What the transform counts beside the reasons of failures.
_NOT_FAILED = ("ok", OTHER_TYPE, OTHER_DELIVERY, NO_TYPE, UNCLAIMED_TYPE)


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
        deliveries = [
            _ask_of_delivery(questions, deployment, each, now, since, reads)
            for each in deliveries_of(settings)
        ]
        types = [
            _ask_of_type(questions, deployment, each, now, since, reads)
            for each in settings.demand_data_types
        ]
        former = {
            name: questions.ask(
                f"failed records of {name}", Bucket(deployment, name, now, since, reads).failed
            )
            for name in _former(settings)
        }
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
            deliveries=tuple(each(found) for each in deliveries),
            types=tuple(each(found) for each in types),
            former={name: pile for name, failed in former.items() if (pile := failed())},
            # Evaluated last: by now, each question is answered or is here.
            unknown=tuple(questions.unknown),
        )


def _former(settings: Settings) -> list[str]:
    """Return the delivery streams that the stack may have had, and does not have."""
    present = {each.name for each in deliveries_of(settings)}
    return [each for each in (*settings.demand_data_types, ALL_TYPES) if each not in present]


def _ask_of_delivery(
    questions: Questions,
    deployment: Deployment,
    delivery: Delivery,
    now: datetime,
    since: datetime,
    reads: Executor,
) -> Callable[[Values], DeliveryFacts]:
    name = delivery.name

    def ask(what: str, question: Callable[[], _Answer]) -> Callable[[], _Answer | None]:
        return questions.ask(f"{what} of {name}", question)

    state = ask("delivery stream", lambda: _delivery(deployment, name))
    reasons = ask("reasons of failures", lambda: _reasons(deployment, name, now, since))
    failed = ask("failed records", Bucket(deployment, name, now, since, reads).failed)

    def facts(metrics: Values) -> DeliveryFacts:
        behind = metrics.get((name, "KinesisMillisBehindLatest"))
        return DeliveryFacts(
            name=name,
            since=delivery.since,
            before=delivery.before,
            state=state(),
            freshness_seconds=metrics.get((name, "DeliveryToS3.DataFreshness")),
            behind_seconds=None if behind is None else behind / 1000,
            outcomes=_of(metrics, name, OUTCOMES),
            reasons=reasons() or {},
            failed=failed(),
        )

    return facts


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

    landed = ask("landed objects", bucket.landed)
    quarantined = ask("quarantine", bucket.quarantined)
    plans = ask("plans", bucket.plans)
    partition = ask("last partition", bucket.last_partition)
    replays = ask("replays", bucket.replays)
    table = ask("table", lambda: _table(deployment, record_type))

    def facts(metrics: Values) -> TypeFacts:
        return TypeFacts(
            record_type=record_type,
            rows_ok=_of(metrics, record_type, ["RecordsOk"]).get("RecordsOk"),
            written=_of(metrics, record_type, WRITTEN),
            landed=landed(),
            quarantined=quarantined(),
            plans=plans(),
            partition=partition(),
            replays=replays(),
            table=table(),
        )

    return facts


def _of(metrics: Values, of: str, names: Sequence[str]) -> dict[str, int]:
    return {name: int(metrics[of, name]) for name in names if (of, name) in metrics}


def _delivery(deployment: Deployment, delivery: str) -> str:
    name = deployment.naming.delivery_stream(delivery)
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
    deployment: Deployment, delivery: str, now: datetime, since: datetime
) -> dict[str, int]:
    """Return failed records by reason, from the transform's lines of metrics."""
    pages = (
        deployment.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=function_log_group(deployment.naming.transform_function(delivery)),
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
    deliveries = {
        naming.transform_function(each.name): each for each in deliveries_of(deployment.settings)
    }
    archives = {
        naming.writer_function: "avro_writer.zip",
        **dict.fromkeys(deliveries, "transform.zip"),
    }
    own = {each: _hash(deployment.packages / each) for each in set(archives.values())}
    client = deployment.client("lambda")
    found = {}
    for name, archive in archives.items():
        try:
            deployed = client.get_function_configuration(FunctionName=name)
        except ClientError as error:
            found[name] = _missing(error)
            continue
        if name in deliveries and not _has_border(deployed, deliveries[name]):
            found[name] = "other border"
        elif own[archive] is None:
            found[name] = "not compared"
        else:
            found[name] = "same" if own[archive] == deployed["CodeSha256"] else "differs"
    return found


def _has_border(deployed: Mapping[str, Any], delivery: Delivery) -> bool:
    """Say whether a transform answers for the times of arrival that the settings give it."""
    variables = deployed.get("Environment", {}).get("Variables")
    if variables is None:
        # Without the permission to decrypt them, Lambda leaves them out.
        return True
    try:
        limits = [
            moment(variables, name) if name in variables else None
            for name in ("ARRIVED_SINCE", "ARRIVED_BEFORE")
        ]
    except VariableError:
        return False
    return limits == [delivery.since, delivery.before]


def _hash(package: Path) -> str | None:
    return sha256_of(package) if package.is_file() else None
