"""`dmd status` asks a provisioned stack; each fault of the stack is seen."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from avro_writer.plan import Input, Plan
from console.kept_run import KeptRun, announced
from emulation.emulator import embedded_emulator
from estate.provision import local_settings, provision
from estate.referenced import make_referenced
from ops.deployment import Deployment, open_deployment
from ops.options import StackOptions
from ops.status import action
from ops.status.collect import collect
from ops.status.facts import StackFacts
from tests.support.memory_store import MemoryStore
from tests.support.packages import write_packages
from tests.support.replaying import changed, error_lines, put_errors, replay
from tests.support.writer import land, landed_row, ndjson, run


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    packages = write_packages(tmp_path_factory.mktemp("packages"))
    state = tmp_path_factory.mktemp("state")
    with (
        embedded_emulator() as endpoint,
        mock.patch.dict("os.environ", {"DMD_STATE_DIR": str(state)}),
    ):
        make_referenced(endpoint, local_settings(endpoint, "dev1", packages=packages))
        provision(endpoint, "dev1", packages=packages)
        with announced(KeptRun(endpoint.url, "dev1", {}, str(packages))):
            yield open_deployment(StackOptions())


def facts_of(deployment: Deployment) -> StackFacts:
    now = datetime.now(UTC)
    return collect(deployment, now, now - timedelta(hours=24))


def put(deployment: Deployment, store: MemoryStore) -> None:
    s3 = deployment.client("s3")
    for key, (body, _) in store.kept.items():
        s3.put_object(Bucket=deployment.bucket, Key=key, Body=body)


def of_demand(deployment: Deployment) -> Any:
    return next(each for each in facts_of(deployment).types if each.record_type == "demand")


def test_a_fresh_stack_is_healthy(deployment: Deployment) -> None:
    facts = facts_of(deployment)
    assert facts.unknown == ()
    assert [each.delivery for each in facts.types] == ["ACTIVE"] * 4
    assert [each.table for each in facts.types] == ["same"] * 4
    assert (facts.alarms, facts.dead_letters) == ((), 0)
    assert set((facts.schedules or {}).values()) == {"ENABLED"}
    assert set((facts.functions or {}).values()) == {"same"}
    assert len(facts.schedules or {}) == 8


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
    store.put("data-pipeline/quarantine/demand/p/entries-0.jsonl.gz", gzip.compress(b"{}\n"))
    put(deployment, store)
    facts = of_demand(deployment)
    assert (facts.landed.objects, facts.failed.objects, facts.quarantined.objects) == (1, 1, 1)
    assert (facts.partition.date, facts.partition.rows) == ("2026-11-22", 3)
    assert [(each.state, each.aside) for each in facts.plans] == [("reading", 0)]
    assert (facts.replays.sources, facts.replays.rows, facts.replays.unfinished) == (1, 1, 0)


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
    assert of_demand(deployment).reasons == {"not_json": 3, "no_image": 1}


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
    facts = of_demand(deployment)
    assert facts.outcomes["RecordsOk"] == 8, "not what is older than a day"
    assert facts.behind_seconds == 1.5


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


def test_one_denied_question_fails_nothing_else(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    denied = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "not authorized: glue:GetTable"}}, "GetTable"
    )
    with mock.patch("ops.status.collect._table", side_effect=denied):
        status = action.run(StackOptions(), since="24h", watch=None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert status in (3, 4)
    assert {what for what, _ in found["unknown"]} == {
        f"table of {each}" for each in ("demand", "sale", "event", "notification")
    }
    assert found["types"][0]["delivery"] == "ACTIVE"


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
