"""`dmd status` asks a provisioned stack; each fault of the stack is seen."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from avro_writer.plan import Input, Plan
from emulation.endpoint import Endpoint
from emulation.gateway import Gateway
from ops.deployment import Deployment
from ops.options import StackOptions
from ops.status import action, objects
from ops.status.asking import ACTIONS
from ops.status.collect import collect
from ops.status.command import status as status_command
from ops.status.facts import DeliveryFacts, Pile, StackFacts, TypeFacts
from ops.status.judge import Health, findings
from tests.support.memory_store import MemoryStore
from tests.support.provisioned_run import provisioned_run
from tests.support.replaying import bad_line, changed, error_lines, put_errors, replay
from tests.support.writer import land, landed_row, ndjson, run


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with provisioned_run(tmp_path_factory) as made:
        yield made


def facts_of(deployment: Deployment) -> StackFacts:
    now = datetime.now(UTC)
    return collect(deployment, now, now - timedelta(hours=24))


def put(deployment: Deployment, store: MemoryStore) -> None:
    s3 = deployment.client("s3")
    for key, (body, _) in store.kept.items():
        s3.put_object(Bucket=deployment.bucket, Key=key, Body=body)


@dataclass(frozen=True)
class Facts:
    """What is known of a record type and of its own delivery stream."""

    of: TypeFacts
    delivery: DeliveryFacts


def about(deployment: Deployment, name: str) -> Facts:
    facts = facts_of(deployment)
    return Facts(
        next(each for each in facts.types if each.record_type == name),
        next(each for each in facts.deliveries if each.name == name),
    )


def pile(found: Pile | None) -> Pile:
    assert found is not None
    return found


def test_a_fresh_stack_is_healthy(deployment: Deployment) -> None:
    facts = facts_of(deployment)
    assert facts.unknown == ()
    assert [each.state for each in facts.deliveries] == ["ACTIVE"] * 4
    assert {name: each.objects for name, each in facts.former.items()} == {"all-types": 0}
    assert [each.table for each in facts.types] == ["same"] * 4
    assert (facts.alarms, facts.dead_letters) == ((), 0)
    assert set((facts.schedules or {}).values()) == {"ENABLED"}
    assert set((facts.functions or {}).values()) == {"same"}
    assert len(facts.schedules or {}) == 16
    assert findings(facts, deployment.settings) == []


def test_what_is_in_the_bucket_is_counted(deployment: Deployment) -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(1), landed_row(2)]))
    run(store)
    land(store, "b", ndjson([landed_row(3)]))
    put_errors(store, "a", error_lines(changed(7), b"?"))
    replay(store)
    landed = Input("data-pipeline/landing/demand/lanes=2/x", '"1"', 1)
    plan = Plan("0", "reading", "demand", (landed,), "before", 0.0)
    store.put("data-pipeline/compaction/demand/2-0.json", plan.to_json())
    store.put(
        "data-pipeline/quarantine/demand/p/entries-0.jsonl.gz",
        gzip.compress(json.dumps(bad_line(9)).encode()),
    )
    put(deployment, store)
    found = about(deployment, "demand")
    facts: Any = found.of
    failed = pile(found.delivery.failed)
    assert (facts.landed.objects, failed.objects, facts.quarantined.objects) == (1, 1, 1)
    assert (facts.partition.date, facts.partition.rows) == ("2026-11-22", 3)
    assert [(each.state, each.aside) for each in facts.plans] == [("reading", 0)]
    assert (facts.replays.sources, facts.replays.rows, facts.replays.unfinished) == (1, 1, 0)


@pytest.fixture
def sale(deployment: Deployment) -> Iterator[Callable[..., Facts]]:
    """Puts objects of the sale type by the end of their keys, and returns its facts."""
    s3 = deployment.client("s3")
    kept: set[str] = set()

    def facts(bodies: Mapping[str, bytes] = MappingProxyType({})) -> Facts:
        for key, body in bodies.items():
            kept.add(f"data-pipeline/{key}")
            s3.put_object(Bucket=deployment.bucket, Key=f"data-pipeline/{key}", Body=body)
        return about(deployment, "sale")

    yield facts
    for key in kept:
        s3.delete_object(Bucket=deployment.bucket, Key=key)


ERRORS = "errors/sale/processing-failed"


def test_of_more_objects_than_are_listed_the_newest_are_still_known(
    sale: Callable[..., Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_MOST_KEYS", 2)
    old = datetime.now(UTC) - timedelta(days=40)
    today = f"{datetime.now(UTC):%Y/%m/%d}"
    many = {f"{ERRORS}/{old:%Y/%m/%d}/{number}": b"?" for number in range(3)}
    begin = datetime.now(UTC)
    found = sale({**many, f"{ERRORS}/{today}/a": error_lines(b"1", b"2")}).delivery.failed
    assert found is not None
    assert (found.objects, found.complete) == (2, False)
    assert found.newest is not None
    assert found.newest >= begin.replace(microsecond=0), "the last one, beyond the listing's end"
    assert found.waiting == 2


def test_what_was_replayed_does_not_wait(deployment: Deployment) -> None:
    store = MemoryStore()
    put_errors(store, "replayed", error_lines(changed(71), changed(72)))
    put_errors(store, "replayed-in-part", error_lines(changed(73), b"no json"))
    store.put(
        "data-pipeline/quarantine/demand/20261128T100000000Z-0/entries-0.jsonl.gz",
        gzip.compress(json.dumps(bad_line(74)).encode() + b"\n"),
    )

    def waiting() -> tuple[int, int]:
        found = about(deployment, "demand")
        failed, quarantined = pile(found.delivery.failed), pile(found.of.quarantined)
        return failed.waiting or 0, quarantined.waiting or 0

    before = waiting()
    put(deployment, store)
    assert waiting() == (before[0] + 4, before[1] + 1)
    replay(store)
    put(deployment, store)
    assert waiting() == (before[0] + 1, before[1]), "what failed again"


def test_a_copy_in_quarantine_is_no_entry_more(sale: Callable[..., Facts]) -> None:
    plan = f"quarantine/sale/{datetime.now(UTC):%Y%m%dT%H%M%S000Z}-0"
    copy = f"data-pipeline/{plan}/objects/0-a.gz"
    entry = {"kind": "object", "key": "a", "etag": "e", "reason": "no time", "copy": copy}
    found = sale(
        {
            f"{plan}/entries-0.jsonl.gz": gzip.compress(json.dumps(entry).encode() + b"\n"),
            f"{plan}/objects/0-a.gz": gzip.compress(b"one\ntwo\n"),
        }
    ).of.quarantined
    assert found is not None
    assert (found.objects, found.waiting) == (1, 2)


def test_records_that_are_too_many_to_read_are_not_counted(
    sale: Callable[..., Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_MOST_BYTES", 10)
    found = sale({f"{ERRORS}/{datetime.now(UTC):%Y/%m/%d}/a": error_lines(b"1")}).delivery.failed
    assert found is not None
    assert (found.objects, found.waiting) == (1, None)


def test_the_last_partition_is_one_that_queries_see(sale: Callable[..., Facts]) -> None:
    dates = ("2026-11-20", "2026-11-21", "9999-01-01", "?")
    found = sale({f"avro/sale/partition_date={each}/a.avro": b"" for each in dates}).of.partition
    assert found is not None
    assert (found.date, found.files, found.rows) == ("2026-11-21", 1, None)


def test_reasons_come_from_the_transforms_log(deployment: Deployment) -> None:
    logs = deployment.client("logs")
    group = f"/aws/lambda/{deployment.naming.transform_function('demand')}"
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    lines = [
        {"RecordsFailed": 3, "counts": {"ok": 5, "not_json": 2, "no_image": 1, "other_type": 4}},
        {"RecordsFailed": 0, "counts": {"ok": 5}},
        {"RecordsFailed": 1, "counts": {"not_json": 1}},
    ]
    now = int(datetime.now(UTC).timestamp() * 1000) - 1000
    events = [{"timestamp": now, "message": json.dumps(each)} for each in lines]
    events.append({"timestamp": now, "message": "START RequestId"})
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    assert about(deployment, "demand").delivery.reasons == {"not_json": 3, "no_image": 1}


def test_metrics_are_summed_over_the_window(deployment: Deployment) -> None:
    naming = deployment.naming
    now = datetime.now(UTC)
    of_type = [{"Name": "Environment", "Value": "dev1"}, {"Name": "RecordType", "Value": "demand"}]
    deployment.client("cloudwatch").put_metric_data(
        Namespace="dmd-pipeline",
        MetricData=[
            {"MetricName": "RecordsOk", "Dimensions": of_type, "Value": 4.0,
             "Timestamp": now - timedelta(hours=hours)}
            for hours in (0, 3, 40)
        ],
    )  # fmt: skip
    deployment.client("cloudwatch").put_metric_data(
        Namespace="AWS/Firehose",
        MetricData=[
            {"MetricName": "KinesisMillisBehindLatest", "Value": 1500.0, "Timestamp": now,
             "Dimensions": [
                 {"Name": "DeliveryStreamName", "Value": naming.delivery_stream("demand")}
             ]}
        ],
    )  # fmt: skip
    facts = about(deployment, "demand")
    assert facts.of.rows_ok == 8, "not what is older than a day"
    assert facts.delivery.behind_seconds == 1.5


def test_what_was_changed_by_hand_is_seen(deployment: Deployment, tmp_path: Path) -> None:
    scheduler = deployment.client("scheduler")
    group = deployment.naming.schedule_group
    name = deployment.naming.schedule("sale", 0)
    found = scheduler.get_schedule(GroupName=group, Name=name)
    kept = {
        each: found[each] for each in ("ScheduleExpression", "FlexibleTimeWindow", "Target")
    } | {"GroupName": group, "Name": name}
    glue = deployment.client("glue")
    database = deployment.naming.database
    glue.delete_table(DatabaseName=database, Name="event")
    deployment.client("lambda").update_function_code(
        FunctionName=deployment.naming.writer_function, ZipFile=gzip.compress(b"other")
    )
    deployment.client("sqs").send_message(
        QueueUrl=deployment.client("sqs").get_queue_url(
            QueueName=deployment.naming.dead_letter_queue
        )["QueueUrl"],
        MessageBody="x",
    )
    scheduler.update_schedule(**kept, State="DISABLED")
    facts = facts_of(deployment)
    assert (facts.schedules or {})[name] == "DISABLED"
    assert (facts.functions or {})[deployment.naming.writer_function] == "differs"
    assert {each.record_type: each.table for each in facts.types}["event"] == "missing"
    assert facts.dead_letters == 1
    found = findings(facts, deployment.settings)
    assert {
        (Health.BROKEN, f"schedules of the writer are disabled: {name}"),
        (Health.BROKEN, "the table event does not exist"),
        (Health.DEGRADED, "the dead-letter queue has 1 message"),
    } <= {(each.health, each.what) for each in found}


@contextlib.contextmanager
def as_somebody(deployment: Deployment, *denied: str) -> Iterator[Deployment]:
    """Who may use all actions of `dmd status` but some, judged as AWS does."""
    allowed = [each for each in ACTIONS.values() if each not in denied]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    with Gateway(Endpoint(str(deployment.endpoint_url))) as gateway:
        iam = gateway.endpoint.client("iam")
        name = f"somebody-{len(allowed)}-{len(iam.list_roles()['Roles'])}"
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                 "Action": "sts:AssumeRole"}  # fmt: skip
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(statement))
        credentials = gateway.assume_for_service(arn, "lambda.amazonaws.com")
        endpoint = gateway.endpoint.with_credentials(credentials)
        yield replace(deployment, make_client=functools.cache(endpoint.client))


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_who_has_the_listed_actions_knows_everything(deployment: Deployment) -> None:
    with as_somebody(deployment) as somebody:
        assert facts_of(somebody).unknown == ()


@pytest.mark.parametrize("action", sorted(set(ACTIONS.values())))
def test_an_action_that_is_denied_is_named_and_fails_nothing_else(
    deployment: Deployment, sale: Callable[..., Facts], action: str
) -> None:
    """Each listed action is needed, too."""
    sale({"compaction/sale/2-1.json": Plan("0", "reading", "sale", (), "run", 0.0).to_json()})
    with as_somebody(deployment, action) as somebody:
        facts = facts_of(somebody)
    assert {each.action for each in facts.unknown} == {action}
    found = findings(facts, deployment.settings)
    assert [each.what for each in found if action in each.what] == [
        f"you may not use {action}, so these are not known: "
        + ", ".join(each.what for each in facts.unknown)
    ]
    for what, told in (
        ("alarms", facts.alarms),
        ("dead letters", facts.dead_letters),
        ("schedules", facts.schedules),
        ("functions", facts.functions),
        ("delivery stream of sale", facts.deliveries[1].state),
        ("plans of sale", facts.types[1].plans),
        ("table of sale", facts.types[1].table),
    ):
        assert (told is None) == (what in {each.what for each in facts.unknown}), what


def test_what_nobody_can_read_is_said_and_the_rest_is_there(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    s3 = deployment.client("s3")
    keys = [
        "data-pipeline/compaction/notification/2-1.json",
        "data-pipeline/avro/notification/partition_date=2026-11-22/no.avro",
        "data-pipeline/replay/notification/0/0.done.json",
    ]
    for key in keys:
        s3.put_object(Bucket=deployment.bucket, Key=key, Body=b"?")
    status = action.run(StackOptions(), since="24h", watch=None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    for key in keys:
        s3.delete_object(Bucket=deployment.bucket, Key=key)
    assert status in (3, 4)
    assert [each["what"] for each in found["unknown"]] == [
        "plans of notification", "replays of notification",
    ]  # fmt: skip
    assert f"{keys[0]} is not a plan" in found["unknown"][0]["error"]
    (notification,) = (t for t in found["types"] if t["record_type"] == "notification")
    assert (notification["partition"]["files"], notification["partition"]["rows"]) == (1, None)
    (stream,) = (d for d in found["deliveries"] if d["name"] == "notification")
    assert stream["state"] == "ACTIVE"


def test_watch_asks_again(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        action.run(StackOptions(), since="1h", watch=30, as_json=False, sleep=sleep)
    assert waited == [30, 30]
    assert capsys.readouterr().out.count("schedules enabled") == 2


@pytest.mark.parametrize(("given", "watch"), [([], None), (["--watch"], 30), (["--watch", "5"], 5)])
def test_watch_needs_no_number(given: list[str], watch: int | None) -> None:
    assert status_command.make_context("status", given).params["watch"] == watch
