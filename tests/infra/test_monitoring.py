"""Alarms watch existing metrics, say what to do, and notify the topic; one dashboard shows all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.alarms import alarms_of
from infra.deliveries import ALL_TYPES
from infra.stack_config import REPOSITORY, settings_of, stack_config
from schemas import RECORD_TYPES
from tests.infra.count_lines import count_lines_of
from tests.infra.recorded import Recording, record

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:us-east-1:111122223333:on-call"


def alarm(recording: Recording, symptom: str) -> dict[str, Any]:
    return dict(recording.one(ALARM, symptom).inputs)


def metrics_of(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [query["metric"] for query in inputs["metricQueries"] if "metric" in query]


def published() -> set[str]:
    """Return the names of the metrics that the functions publish, read from their code."""
    modules = ("transform/counts.py", "avro_writer/handler.py")
    return {
        name
        for module in modules
        for name in re.findall(
            r'Metric\(\s*"(\w+)"', (REPOSITORY / module).read_text(encoding="utf-8")
        )
    }


PER_DELIVERY = ("delivery-late", "stream-behind", "transform-failing", "records-failed")
PER_TYPE = (
    "landed-waiting",
    "rows-quarantined",
    "rows-outside-projection",
    "refresh-failing",
    "refresh-late",
)


# The names of the delivery streams.
DELIVERIES = {
    "dev1": RECORD_TYPES,
    "dev1-switching": (*RECORD_TYPES, ALL_TYPES),
    "dev1-shared": (ALL_TYPES,),
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_each_delivery_stream_and_table_and_the_writer_have_their_alarms(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    expected = {f"{symptom}-{each}" for symptom in PER_DELIVERY for each in DELIVERIES[name]}
    expected |= {f"{symptom}-{each}" for symptom in PER_TYPE for each in RECORD_TYPES}
    expected |= {
        "reads-throttled",
        "writer-silent",
        "writer-failing",
        "writer-throttled",
        "dead-letters",
        "records-unclaimed",
    }
    assert {each.name for each in recorded(name).of(ALARM)} == expected


@pytest.mark.parametrize("name", DELIVERIES)
def test_an_alarm_says_what_to_do_first(name: str, recorded: Callable[[str], Recording]) -> None:
    for each in recorded(name).of(ALARM):
        description = each.inputs["alarmDescription"]
        assert " First: " in description
        assert len(description) <= 1024


@pytest.mark.parametrize("name", DELIVERIES)
def test_the_runbook_has_a_section_for_each_alarm_and_for_nothing_else(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    symptoms = set()
    for each in recorded(name).of(ALARM):
        symptom = each.name
        for part in (*RECORD_TYPES, ALL_TYPES):
            symptom = symptom.removesuffix(f"-{part}")
        symptoms.add(symptom)
    text = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", text, re.MULTILINE))
    assert set(sections) == symptoms
    for symptom, section in sections.items():
        parts = re.findall(r"^- \*\*(.+):\*\*", section, re.MULTILINE)
        assert parts == ["Means", "Effect", "Look at", "Do", "Over when"], symptom


def test_alarms_tell_the_topic_if_there_is_one(dev1: Recording, packages: Path) -> None:
    told = record("dev1", packages, alarm_topic_arn=TOPIC)
    for each in told.of(ALARM):
        assert each.inputs["alarmActions"] == each.inputs["okActions"] == [TOPIC]
    for each in dev1.of(ALARM):
        assert each.inputs["alarmActions"] == []


def test_alarms_on_own_metrics_watch_what_the_functions_publish(dev1: Recording) -> None:
    watched = {
        metric["metricName"]
        for each in dev1.of(ALARM)
        for metric in metrics_of(dict(each.inputs))
        if metric["namespace"] == "dmd-pipeline"
    }
    assert watched
    assert watched <= published()


def test_what_no_alarm_and_no_graph_reads_is_not_published(dev1: Recording) -> None:
    """Each metric of each record type costs money every month."""
    read = {
        metric["metricName"]
        for each in dev1.of(ALARM)
        for metric in metrics_of(dict(each.inputs))
        if metric["namespace"] == "dmd-pipeline"
    } | shown(dev1)
    assert published() == read


def test_own_metrics_are_read_under_the_dimensions_they_are_published_with(
    dev1: Recording,
) -> None:
    for symptom in ("records-failed-sale", "landed-waiting-sale", "rows-quarantined-sale"):
        for metric in metrics_of(alarm(dev1, symptom)):
            assert metric["dimensions"] == {"Environment": "dev1", "RecordType": "sale"}


OF_TRANSFORMS = {"RecordsOk", "RecordsFailed", "RecordsUnclaimed", "AttributesWithoutColumn"}


@pytest.mark.parametrize("name", DELIVERIES)
def test_what_the_transforms_publish_is_read_and_nothing_else(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    recording = recorded(name)
    read = {
        (metric["metricName"], metric["dimensions"]["RecordType"])
        for each in recording.of(ALARM)
        for metric in metrics_of(dict(each.inputs))
        if metric["metricName"] in OF_TRANSFORMS
    } | {
        (metric[1], metric[5])
        for widget in graphs(recording)
        for metric in widget["properties"].get("metrics", ())
        if len(metric) > 1 and metric[1] in OF_TRANSFORMS
    }
    assert read == set(published_by_transforms(recording))


def published_by_transforms(recording: Recording) -> Iterator[tuple[str, str]]:
    """Yield names and record types of the metrics of the transforms, as they write them."""
    for counts in count_lines_of(recording):
        (directive,) = counts["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "dmd-pipeline"
        assert counts["Environment"] == "dev1"
        for metric in directive["Metrics"]:
            yield metric["Name"], counts["RecordType"]


@pytest.mark.parametrize("name", DELIVERIES)
def test_unclaimed_records_are_one_alarm_over_whatever_counts_them(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    inputs = alarm(recorded(name), "records-unclaimed")
    counting = [each for each in DELIVERIES[name] if each in ("demand", ALL_TYPES)]
    metrics = metrics_of(inputs)
    assert {metric["dimensions"]["RecordType"] for metric in metrics} == set(counting)
    for each in counting:
        assert (
            f"/aws/lambda/prd3292-dev1-dmnd-pipeline-transform-{each}"
            in (inputs["alarmDescription"])
        )
    assert sum(query["returnData"] for query in inputs["metricQueries"]) == 1


@pytest.mark.parametrize("name", DELIVERIES)
def test_an_alarm_says_how_often_the_delivery_streams_read_a_shard(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    description = alarm(recorded(name), "reads-throttled")["alarmDescription"]
    assert f"this pipeline makes {len(DELIVERIES[name])}." in description


def test_a_shared_delivery_stream_is_late_later_for_it_buffers_in_stages(
    dev1: Recording, recorded: Callable[[str], Recording]
) -> None:
    assert alarm(dev1, "delivery-late-sale")["threshold"] == 60 + 300 + 600
    shared = alarm(recorded("dev1-shared"), "delivery-late-all-types")
    assert shared["threshold"] == 60 + 450 + 600
    assert "records of all types" in shared["alarmDescription"].lower()


def test_failed_records_of_a_shared_delivery_stream_are_where_its_alarm_says(
    recorded: Callable[[str], Recording],
) -> None:
    recording = recorded("dev1-shared")
    description = alarm(recording, "records-failed-all-types")["alarmDescription"]
    stream = recording.one("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", ALL_TYPES)
    prefix = stream.inputs["extendedS3Configuration"]["errorOutputPrefix"].partition("!")[0]
    assert f"below {prefix}. First" in description


def test_quarantined_lines_and_objects_are_one_alarm(dev1: Recording) -> None:
    queries = alarm(dev1, "rows-quarantined-event")["metricQueries"]
    names = [query["metric"]["metricName"] for query in queries if "metric" in query]
    assert names == ["LinesQuarantined", "ObjectsQuarantined"]
    assert [query["id"] for query in queries if query["returnData"]] == ["total"]
    assert queries[-1]["expression"] == "SUM(METRICS())"


def test_what_does_not_run_is_an_alarm_and_a_quiet_stream_is_none(
    dev1: Recording,
) -> None:
    silent = {
        each.name for each in dev1.of(ALARM) if each.inputs["treatMissingData"] == "breaching"
    }
    assert silent == {"writer-silent", *(f"refresh-late-{each}" for each in RECORD_TYPES)}
    for symptom in silent:
        assert alarm(dev1, symptom)["comparisonOperator"] == "LessThanThreshold"


def test_the_alarms_on_refreshes_watch_the_state_machine_of_their_type(dev1: Recording) -> None:
    prefix = "arn:aws:states:us-east-1:111122223333:stateMachine:"
    machines = dev1.of("aws:sfn/stateMachine:StateMachine")
    arns = {each.name: prefix + each.physical_name for each in machines}
    for symptom in ("refresh-failing", "refresh-late"):
        for record_type in RECORD_TYPES:
            for metric in metrics_of(alarm(dev1, f"{symptom}-{record_type}")):
                assert metric["namespace"] == "AWS/States"
                assert metric["dimensions"] == {"StateMachineArn": arns[f"{record_type}-current"]}


@pytest.mark.parametrize("minutes", [1, 5, 60, 1440])
def test_periods_are_such_as_cloudwatch_evaluates(minutes: int) -> None:
    """Periods are whole minutes. Together they are at most a day, or a week if each is an hour.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    overrides = {
        "writer_schedule_minutes": str(minutes),
        "current_state_refresh_minutes": str(max(minutes, 5)),
    }
    for each in alarms_of(settings_of("dev1", stack_config("dev1", overrides))):
        assert each.period_seconds % 60 == 0
        longest = 7 * 86_400 if each.period_seconds >= 3_600 else 86_400
        assert each.period_seconds * each.periods <= longest
        assert each.datapoints <= each.periods


def test_an_alarm_on_waiting_is_more_patient_than_the_writer() -> None:
    settings = settings_of("prod1", stack_config("prod1"))
    (found,) = (each for each in alarms_of(settings) if each.symptom == "landed-waiting-sale")
    assert found.threshold > settings.max_wait_seconds + settings.settle_seconds
    assert found.period_seconds >= settings.writer_schedule_minutes * 60


def graphs(recording: Recording) -> Iterator[dict[str, Any]]:
    (dashboard,) = recording.of("aws:cloudwatch/dashboard:Dashboard")
    assert dashboard.inputs["dashboardName"] == "prd3292-dev1-dmnd-pipeline"
    yield from json.loads(dashboard.inputs["dashboardBody"])["widgets"]


def shown(recording: Recording) -> set[str]:
    """Return the names of the functions' own metrics that the dashboard shows."""
    return {
        metric[1]
        for widget in graphs(recording)
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == "dmd-pipeline"
    }


@pytest.mark.parametrize("name", DELIVERIES)
def test_the_dashboard_shows_the_alarms_first(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    first = next(graphs(recorded(name)))
    prefix = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:prd3292-dev1-dmnd-pipeline-"
    shown = {arn.removeprefix(prefix) for arn in first["properties"]["alarms"]}
    assert shown == {each.name for each in recorded(name).of(ALARM)}


@pytest.mark.parametrize("name", DELIVERIES)
def test_the_dashboard_shows_each_delivery_stream_and_its_transform(
    name: str, recorded: Callable[[str], Recording]
) -> None:
    prefix = "prd3292-dev1-dmnd-pipeline-"
    values = [
        metric[3]
        for widget in graphs(recorded(name))
        for metric in widget["properties"].get("metrics", ())
        if len(metric) > 1 and metric[0] in ("AWS/Firehose", "AWS/Lambda")
    ]
    streams, functions = (
        {value.removeprefix(start) for value in values if value.startswith(start)}
        for start in (prefix, f"{prefix}transform-")
    )
    assert functions == set(DELIVERIES[name])
    assert set(DELIVERIES[name]) <= streams
    assert not ({*RECORD_TYPES, ALL_TYPES} - set(DELIVERIES[name])) & streams


def test_the_dashboards_widgets_fill_its_rows_and_do_not_overlap(dev1: Recording) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in graphs(dev1):
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_dashboards_own_metrics_are_published(dev1: Recording) -> None:
    names = shown(dev1)
    assert names
    assert names <= published()
