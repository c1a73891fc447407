"""The handler as Lambda calls it: answers, log lines, metrics, settings."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from environment import VariableError
from infra.log_queries import OF_TRANSFORM
from tests.support.changes import change, firehose_record
from transform.settings import Settings

ENVIRONMENT = {
    "RECORD_TYPE": "demand",
    "TYPE_ATTRIBUTE": "type",
    "METRICS_NAMESPACE": "dmd-pipeline",
    "ENVIRONMENT": "dev1",
    "LOG_LEVEL": "INFO",
}
SHARED = {
    **{name: value for name, value in ENVIRONMENT.items() if name != "RECORD_TYPE"},
    "RECORD_TYPES": "demand,sale",
    "DELIVERY": "all-types",
    "PARTITION_KEY": "record_type",
}
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def handler_of(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Handler:
    return handler_in(monkeypatch, {**ENVIRONMENT, **environment})


def handler_in(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Handler:
    for name in (*ENVIRONMENT, *SHARED):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    import transform.handler

    module: Any = importlib.reload(transform.handler)
    handler: Handler = module.handler
    return handler


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Handler:
    return handler_of(monkeypatch)


def test_it_answers_and_counts_by_outcome_and_reason(
    handler: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [
        firehose_record(change({"note": {"S": "SECRET"}}), "1"),
        firehose_record(change({"type": {"S": "sale"}}), "2"),
        firehose_record(b"{SECRET", "3"),
        firehose_record(change({"channel": {"S": "SECRET"}}), "4"),
    ]
    answer = handler(
        {"invocationId": "i-1", "records": records}, SimpleNamespace(aws_request_id="r-1")
    )
    assert [each["result"] for each in answer["records"]] == [
        "Ok",
        "Dropped",
        "ProcessingFailed",
        "ProcessingFailed",
    ]
    written = capsys.readouterr().out
    assert "SECRET" not in written, "logs hold no record contents"
    warning, metrics = map(json.loads, written.splitlines())
    assert warning["level"] == "WARNING"
    assert [
        (each["recordId"], each["eventID"], each["reason"], each["column"])
        for each in warning["first"]
    ] == [
        ("3", None, "not_json", None),
        ("4", "b015b5f0-0001", "required_column_does_not_fit", "channel"),
    ]
    assert metrics["counts"] == {
        "ok": 1,
        "other_type": 1,
        "not_json": 1,
        "required_column_does_not_fit": 1,
    }
    directive = metrics["_aws"]["CloudWatchMetrics"][0]
    assert directive["Dimensions"] == [["Environment", "RecordType"]]
    published = {metric["Name"] for metric in directive["Metrics"]}
    assert published == {"RecordsOk", "RecordsFailed", "AttributesWithoutColumn"}
    for name in (*published, *OF_TRANSFORM):
        assert isinstance(metrics[name], int | float)
    assert metrics["RecordsReceived"] == 4
    assert (metrics["RecordsOk"], metrics["RecordsDropped"], metrics["RecordsFailed"]) == (1, 1, 2)
    assert metrics["rows_with_rescued_attributes"] == 1
    assert (metrics["AttributesWithoutColumn"], metrics["ValuesNotHeldExactly"]) == (1, 0)
    assert metrics["failed_by_column"] == {"required_column_does_not_fit:channel": 1}
    assert "RecordsUnclaimed" not in metrics, "another function counts them"


def test_the_metrics_have_the_time_and_the_duration_of_the_call(
    handler: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    before, started = time.time(), time.perf_counter()
    handler({"records": []}, None)
    took, after = time.perf_counter() - started, time.time()
    metrics = json.loads(capsys.readouterr().out)
    assert 0 < metrics["BatchDuration"] <= took * 1000
    assert int(before * 1000) <= metrics["_aws"]["Timestamp"] <= after * 1000


def test_the_function_that_counts_for_all_says_where_the_unclaimed_records_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counting = handler_of(monkeypatch, CLAIMED_TYPES="demand,sale")
    types: list[Any] = [{"S": "sale"}, {"S": "SECRET"}, {"N": "1"}, None, {"S": "demand"}]
    records = [
        firehose_record(change({"type": each}), str(number)) for number, each in enumerate(types)
    ]
    answer = counting({"invocationId": "i-1", "records": records}, None)
    assert [each["result"] for each in answer["records"]] == ["Dropped"] * 4 + ["Ok"]
    written = capsys.readouterr().out
    assert "SECRET" not in written, "logs hold no record contents"
    warning, metrics = map(json.loads, written.splitlines())
    assert (metrics["RecordsDropped"], metrics["RecordsUnclaimed"]) == (4, 3)
    assert (warning["level"], warning["unclaimed"]) == ("WARNING", 3)
    assert [each["sequenceNumber"] for each in warning["first"]] == ["49571", "49572", "49573"]

    counting({"records": records[:1]}, None)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["RecordsUnclaimed"] == 0, "an alarm needs the zero, too"


def test_the_shared_function_counts_records_for_all_and_rows_by_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = handler_in(monkeypatch, SHARED)
    changes: list[Any] = [
        change({"note": {"S": "x"}}),
        change({"channel": {"S": "?"}}),
        change({"type": {"S": "event"}}),
        change({"latitude": {"S": "north"}}),
        b"{",
    ]
    records = [firehose_record(each, str(number)) for number, each in enumerate(changes)]
    answer = shared({"records": records}, SimpleNamespace(aws_request_id="r-1"))
    keys = {"partitionKeys": {"record_type": "demand"}}
    assert [(each["result"], each.get("metadata")) for each in answer["records"]] == [
        ("Ok", keys),
        ("ProcessingFailed", None),
        ("Dropped", None),
        ("Ok", keys),
        ("ProcessingFailed", None),
    ]
    failed, unclaimed, *lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert (failed["failed"], unclaimed["unclaimed"]) == (2, 1)
    assert failed["record_type"] == unclaimed["record_type"] == "all-types"
    whole, rows = lines
    assert published(whole) == ("all-types", {"RecordsFailed", "RecordsUnclaimed"})
    assert published(rows) == ("demand", {"RecordsOk", "AttributesWithoutColumn"}), "no sale came"
    assert (whole["RecordsFailed"], whole["RecordsUnclaimed"]) == (2, 1)
    assert (whole["RecordsReceived"], whole["RecordsDropped"]) == (5, 1)
    assert whole["counts"] == {
        "ok": 2,
        "required_column_does_not_fit": 1,
        "unclaimed_type": 1,
        "not_json": 1,
    }
    assert whole["failed_by_column"] == {"required_column_does_not_fit:channel": 1}
    assert (rows["RecordsOk"], rows["AttributesWithoutColumn"]) == (2, 1)
    assert (rows["ValuesNotHeld"], rows["ValuesNotHeldExactly"]) == (1, 0)
    assert rows["rows_with_rescued_attributes"] == 2
    assert set(OF_TRANSFORM) <= whole.keys() | rows.keys()
    assert not whole.keys() & rows.keys() & {*OF_TRANSFORM, "RecordsOk"}, "queries sum them"

    shared({"records": []}, None)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["RecordsUnclaimed"] == 0, "an alarm needs the zero, too"


def published(line: dict[str, Any]) -> tuple[str, set[str]]:
    """The dimension of a line's metrics, and their names."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Environment", "RecordType"]]
    assert line["record_type"] == line["RecordType"]
    return line["RecordType"], {each["Name"] for each in directive["Metrics"]}


def test_a_function_answers_only_for_its_span_of_arrivals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    early, late = (firehose_record(change(), each) for each in ("1", "2"))
    late["kinesisRecordMetadata"]["approximateArrivalTimestamp"] += 900
    for variable, results in {
        "ARRIVED_SINCE": ["Dropped", "Ok"],
        "ARRIVED_BEFORE": ["Ok", "Dropped"],
    }.items():
        with monkeypatch.context() as patch:
            # One tenth of a second before and after this, the two records arrived.
            limited = handler_of(patch, **{variable: "2024-07-11T23:23:54Z"})
        answer = limited({"records": [early, late]}, None)
        assert [each["result"] for each in answer["records"]] == results
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert line["counts"] == {"ok": 1, "other_delivery": 1}
        assert (line["RecordsDropped"], line["RecordsFailed"]) == (1, 0)


def test_a_batch_of_broken_records_does_not_flood_the_log(
    handler: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    handler({"records": [firehose_record(b"{", str(n)) for n in range(5000)]}, None)
    written = capsys.readouterr().out
    assert len(written) < 10_000
    warning, metrics = map(json.loads, written.splitlines())
    assert [each["recordId"] for each in warning["first"]] == [str(n) for n in range(20)]
    assert warning["failed"] == metrics["RecordsFailed"] == 5000


@pytest.mark.parametrize("failures", [1, 19, 20, 21])
def test_the_first_twenty_failures_are_logged(
    handler: Handler, capsys: pytest.CaptureFixture[str], failures: int
) -> None:
    handler({"records": [firehose_record(b"{", str(n)) for n in range(failures)]}, None)
    warning = json.loads(capsys.readouterr().out.splitlines()[0])
    assert len(warning["first"]) == min(failures, 20)


@pytest.mark.parametrize(
    ("environment", "name"),
    [(each, name) for each in (ENVIRONMENT, SHARED) for name in each],
)
def test_a_missing_variable_is_named(environment: dict[str, str], name: str) -> None:
    with pytest.raises(VariableError, match=name):
        Settings.from_environment({**environment, name: ""})


def test_a_function_has_one_type_or_several() -> None:
    one, several = map(Settings.from_environment, (ENVIRONMENT, SHARED))
    assert (one.record_types, one.delivery, one.partition_key) == (("demand",), "demand", None)
    assert one.claimed_types is None
    assert several.record_types == several.claimed_types == ("demand", "sale")
    assert (several.delivery, several.partition_key) == ("all-types", "record_type")
    neither = {name: value for name, value in ENVIRONMENT.items() if name != "RECORD_TYPE"}
    both = {**SHARED, "RECORD_TYPE": "demand"}
    for wrong, why in ((neither, "neither is set"), (both, "not both")):
        with pytest.raises(VariableError, match=f"RECORD_TYPE and RECORD_TYPES, {why}"):
            Settings.from_environment(wrong)


def test_a_function_that_is_told_of_a_type_before_its_code_keeps_on_with_the_others() -> None:
    # The provider changes the variables first, and the code some seconds later.
    told = Settings.from_environment({**SHARED, "RECORD_TYPES": "demand,refund,sale"})
    assert told.record_types == ("demand", "sale")
    assert told.claimed_types == ("demand", "refund", "sale")


@pytest.mark.parametrize(
    "types", ["refund", "demand,all-types", "demand,", "demand,demand", "demand, sale"]
)
def test_types_that_cannot_be_are_refused_with_the_known_ones(types: str) -> None:
    with pytest.raises(VariableError, match="demand, event, notification, sale"):
        Settings.from_environment({**SHARED, "RECORD_TYPES": types})


@pytest.mark.parametrize(
    "time",
    [
        "",
        "2026-12-01",
        "2026-12-01T12:00Z",
        "2026-12-01T12:00:00",
        "2026-12-01T12:00:00+00:00",
        "2026-12-01T12:00:00.000Z",
        "20261201T120000Z",
        "2026-12-01 12:00:00Z",
        "2026-13-01T12:00:00Z",
        "soon",
    ],
)
@pytest.mark.parametrize("name", ["ARRIVED_SINCE", "ARRIVED_BEFORE"])
def test_a_limit_that_is_not_a_whole_second_of_utc_is_refused(name: str, time: str) -> None:
    with pytest.raises(VariableError, match=name):
        Settings.from_environment({**ENVIRONMENT, name: time})


@pytest.mark.parametrize("name", ['ty"pe', "ty\\pe", "ty\npe", "\x1f"])
def test_a_type_attribute_that_cannot_be_looked_for_is_refused(name: str) -> None:
    with pytest.raises(VariableError, match="TYPE_ATTRIBUTE"):
        Settings.from_environment({**ENVIRONMENT, "TYPE_ATTRIBUTE": name})


def test_an_unknown_record_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(VariableError, match="demand, event, notification, sale"):
        Settings.from_environment({**ENVIRONMENT, "RECORD_TYPE": "refund"})
