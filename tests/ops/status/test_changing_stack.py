"""`dmd status` of a provisioned stack that has both kinds of delivery streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.deliveries import ALL_TYPES
from ops.deployment import Deployment
from ops.options import StackOptions
from ops.status import action
from ops.status.collect import collect
from ops.status.facts import StackFacts
from ops.status.judge import findings
from tests.support.memory_store import MemoryStore
from tests.support.provisioned_run import provisioned_run
from tests.support.shared_errors import UNANSWERED, changed, put_output, replay_all, stranger

BORDER = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=2)
OVERRIDES = {
    "demand_data_types": '["demand","sale"]',
    "delivery": "shared",
    "delivery_border": f"{BORDER:%Y-%m-%dT%H:%MZ}",
    "delivery_buffer_size_mb": "64",
    "delivery_buffer_interval_seconds": "60",
}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with provisioned_run(tmp_path_factory, OVERRIDES) as made:
        yield made


def facts_of(deployment: Deployment) -> StackFacts:
    now = datetime.now(UTC)
    return collect(deployment, now, now - timedelta(hours=24))


def test_both_kinds_are_there_with_their_border(deployment: Deployment) -> None:
    facts = facts_of(deployment)
    assert [(each.name, each.state, each.since, each.before) for each in facts.deliveries] == [
        (ALL_TYPES, "ACTIVE", BORDER, None),
        ("demand", "ACTIVE", None, BORDER),
        ("sale", "ACTIVE", None, BORDER),
    ]
    assert set((facts.functions or {}).values()) == {"same"}
    assert (facts.former, facts.unknown) == ({}, ())
    assert findings(facts, deployment.settings) == []


def test_a_function_with_another_border_is_found(deployment: Deployment) -> None:
    name = deployment.naming.transform_function("sale")
    client = deployment.client("lambda")
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    for limit in ("2026-11-28T12:00:00Z", "soon", None):
        other = {key: value for key, value in before.items() if key != "ARRIVED_BEFORE"}
        if limit:
            other["ARRIVED_BEFORE"] = limit
        client.update_function_configuration(FunctionName=name, Environment={"Variables": other})
        assert (facts_of(deployment).functions or {})[name] == "other border"
    client.update_function_configuration(FunctionName=name, Environment={"Variables": before})
    assert (facts_of(deployment).functions or {})[name] == "same"


def test_metrics_are_asked_for_by_delivery_stream_and_by_type(deployment: Deployment) -> None:
    now = datetime.now(UTC)

    def datum(metric: str, of: str, value: float) -> dict[str, object]:
        pairs = (("Environment", "dev1"), ("RecordType", of))
        dimensions = [{"Name": name, "Value": each} for name, each in pairs]
        return {
            "MetricName": metric, "Dimensions": dimensions, "Value": value, "Timestamp": now,
        }  # fmt: skip

    deployment.client("cloudwatch").put_metric_data(
        Namespace="dmd-pipeline",
        MetricData=[
            datum("RecordsFailed", ALL_TYPES, 3.0),
            datum("RecordsUnclaimed", ALL_TYPES, 2.0),
            datum("RecordsOk", "sale", 5.0),
        ],
    )
    facts = facts_of(deployment)
    assert facts.deliveries[0].outcomes == {"RecordsFailed": 3, "RecordsUnclaimed": 2}
    assert [each.rows_ok for each in facts.types] == [None, 5]


def test_records_of_all_types_wait_until_their_own_type_has_them(deployment: Deployment) -> None:
    store = MemoryStore()
    after, before = BORDER + timedelta(minutes=1), BORDER - timedelta(minutes=1)
    put_output(
        store,
        ALL_TYPES,
        "a",
        UNANSWERED,
        (changed("demand", 1), after),
        (changed("sale", 2), after),
        (stranger({"S": "refund"}), after),
        (changed("sale", 3), before),
    )

    def waiting() -> int | None:
        s3 = deployment.client("s3")
        for key, (body, _) in store.kept.items():
            s3.put_object(Bucket=deployment.bucket, Key=key, Body=body)
        failed = facts_of(deployment).deliveries[0].failed
        assert failed is not None
        return failed.waiting

    assert waiting() == 3, "the delivery stream of sales has the record from before the border"
    replay_all(store, deployment.settings)
    assert waiting() == 1


def test_the_screen_says_who_answers(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    action.run(StackOptions(), since="24h", watch=None, as_json=False)
    shown = capsys.readouterr().out
    assert f"border {BORDER:%Y-%m-%d %H:%M} UTC; these answer now: demand, sale\n" in shown
    action.run(StackOptions(), since="24h", watch=None, as_json=True)
    found = json.loads(capsys.readouterr().out)["switch"]
    assert found["border"] == BORDER.isoformat()
    assert found["hindrances"][1].startswith("CloudWatch does not say how far")
