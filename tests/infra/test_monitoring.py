"""Alarms watch existing metrics, say what to do, and notify the topic; one dashboard shows all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.alarms import alarms_of
from infra.stack_config import REPOSITORY, settings_of, stack_config
from schemas import RECORD_TYPES
from tests.infra.recorded import Recording, record

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:us-east-1:111122223333:on-call"


def alarm(recording: Recording, symptom: str) -> dict[str, Any]:
    return dict(recording.one(ALARM, symptom).inputs)


def metrics_of(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [query["metric"] for query in inputs["metricQueries"] if "metric" in query]


def published() -> set[str]:
    """Return the names of the metrics that the functions publish, read from their code."""
    handlers = (REPOSITORY / name / "handler.py" for name in ("transform", "avro_writer"))
    return {
        name
        for handler in handlers
        for name in re.findall(r'Metric\(\s*"(\w+)"', handler.read_text(encoding="utf-8"))
    }


PER_TYPE = (
    "delivery-late",
    "stream-behind",
    "transform-failing",
    "records-failed",
    "landed-waiting",
    "rows-quarantined",
    "rows-outside-projection",
    "refresh-failing",
    "refresh-late",
)


def test_each_record_type_and_the_writer_have_their_alarms(dev1: Recording) -> None:
    expected = {f"{symptom}-{name}" for symptom in PER_TYPE for name in RECORD_TYPES}
    expected |= {
        "reads-throttled",
        "writer-silent",
        "writer-failing",
        "writer-throttled",
        "dead-letters",
        "records-unclaimed",
    }
    assert {each.name for each in dev1.of(ALARM)} == expected


def test_an_alarm_says_what_to_do_first(dev1: Recording) -> None:
    for each in dev1.of(ALARM):
        description = each.inputs["alarmDescription"]
        assert " First: " in description
        assert len(description) <= 1024


def test_the_runbook_has_a_section_for_each_alarm_and_for_nothing_else(dev1: Recording) -> None:
    symptoms = set()
    for each in dev1.of(ALARM):
        symptom = each.name
        for record_type in RECORD_TYPES:
            symptom = symptom.removesuffix(f"-{record_type}")
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


def test_the_dashboard_shows_the_alarms_first(dev1: Recording) -> None:
    first = next(graphs(dev1))
    prefix = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:prd3292-dev1-dmnd-pipeline-"
    shown = {arn.removeprefix(prefix) for arn in first["properties"]["alarms"]}
    assert shown == {each.name for each in dev1.of(ALARM)}


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
