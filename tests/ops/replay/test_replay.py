"""`dmd errors` and `dmd replay` against a bucket of the embedded emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import fastavro
import pytest

import schemas
from console.errors import CommandError
from console.kept_run import KeptRun, announced
from emulation.emulator import embedded_emulator
from ops.deployment import Deployment, open_deployment
from ops.failed import action as errors_action
from ops.failed import current
from ops.failed.options import ChosenOptions
from ops.options import StackOptions
from ops.replay import action
from tests.support.memory_store import MemoryStore
from tests.support.replaying import (
    bad_line,
    changed,
    error_lines,
    put_errors,
    put_quarantine,
    unfit,
)

HERE = StackOptions()
ALL = ChosenOptions((), None, None, None, None, None, None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with embedded_emulator() as endpoint:
        yield endpoint.url


@pytest.fixture
def deployment(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """A stack whose bucket has a change record that is a row, one that is not, and a bad line."""
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path))
    bucket = f"bucket-{abs(hash(request.node.name)) % 10**9}"
    store = MemoryStore()
    put_errors(store, "a", error_lines(changed(1), unfit(2), changed(3, days=1)))
    put_errors(store, "b", error_lines(b"no json"))
    put_errors(store, "a", error_lines(changed(1)), record_type="sale")
    put_quarantine(store, "p", [bad_line(4), bad_line(5, stranger=1)])
    with announced(KeptRun(url, "dev1", {"bucket_name": bucket}, "")):
        found = open_deployment(HERE)
        s3 = found.client("s3")
        s3.create_bucket(Bucket=bucket)
        for key, (body, _) in store.kept.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        yield found


def tables(deployment: Deployment) -> dict[str, list[dict[str, Any]]]:
    s3 = deployment.client("s3")
    found: dict[str, list[dict[str, Any]]] = {}
    listed = s3.list_objects_v2(Bucket=deployment.bucket, Prefix="data-pipeline/avro/")
    for each in listed.get("Contents", ()):
        body = s3.get_object(Bucket=deployment.bucket, Key=each["Key"])["Body"]
        date = each["Key"].split("partition_date=")[1].split("/")[0]
        found.setdefault(date, []).extend(fastavro.reader(body))  # type: ignore[arg-type]
    return found


def run_json(capsys: pytest.CaptureFixture[str], **given: Any) -> Any:
    given = {"chosen": ALL, "dry_run": False, "yes": True, **given}
    action.run(HERE, as_json=True, **given)
    return json.loads(capsys.readouterr().out)


def test_what_becomes_a_row_is_written_once_at_its_own_date(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = run_json(capsys)
    demand = counts["demand"]
    assert (demand["records"], demand["rows"], demand["files"]) == (6, 3, 3)
    assert demand["failed"] == {
        "not_json": 1,
        "required_attribute_missing (demand_id)": 1,
        "does not fit the schema: Object contains unknown field `stranger`": 1,
    }
    assert counts["sale"]["other_type"] == 1, "it is no sale, and no sale's row is made of it"
    assert all(each["reconciled"] for each in counts.values())
    written = tables(deployment)
    ids = {date: sorted(row["change_id"] for row in rows) for date, rows in written.items()}
    assert ids == {"2026-11-22": ["c-1", "c-4"], "2026-11-23": ["c-3"]}
    assert {row["revision"] for rows in written.values() for row in rows} == {0}
    again = run_json(capsys)
    assert again["rows"] == 0, "nothing is left to write"
    assert tables(deployment) == written


def test_a_later_fix_brings_back_what_failed_again(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys)
    text = (Path(schemas.__file__).parent / "demand.json").read_text()
    mended = json.loads(text)
    (field,) = (each for each in mended["fields"] if each["name"] == "demand_id")
    field.update(type=["null", "string"], default=None)
    table = schemas.parse_table("demand", json.dumps(mended), "demand.json")
    with mock.patch.object(
        current, "table", lambda name: table if name == "demand" else schemas.table(name)
    ):
        counts = run_json(capsys)
    assert (counts["demand"]["rows"], counts["demand"]["already"]) == (1, 3)
    rows = [row for rows in tables(deployment).values() for row in rows]
    assert sorted(row["change_id"] for row in rows) == ["c-1", "c-2", "c-3", "c-4"]


def test_a_dry_run_and_no_answer_write_nothing(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = run_json(capsys, dry_run=True)
    assert (plan["waiting"], plan["rows"], plan["unfinished"]) == (7, 3, 0)
    assert plan["not_rows"]["another type's record"] == 1
    with pytest.raises(CommandError, match="nothing was changed"):
        action.run(HERE, ALL, dry_run=False, yes=False, as_json=False)
    assert tables(deployment) == {}


@pytest.mark.parametrize(
    ("chosen", "written"),
    [
        ({"types": ("sale",)}, []),
        ({"where": "quarantine"}, ["c-4"]),
        ({"reason": "unknown FIELD"}, ["c-4"]),
        ({"key": "DEMAND#3"}, ["c-3"]),
        ({"key": '{"pk":"DEMAND#1","sk":7}'}, ["c-1"]),
        ({"source": "/a"}, ["c-1", "c-3", "c-4"]),
        ({"day": "2026-11-21"}, []),
        ({"since": "2026-11-22"}, ["c-1", "c-3", "c-4"]),
        ({"since": "2026-11-23"}, []),
    ],
)
def test_only_what_was_chosen_is_written(
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
    chosen: dict[str, Any],
    written: list[str],
) -> None:
    run_json(capsys, chosen=ChosenOptions(**{**vars(ALL), **chosen}))
    rows = [row for rows in tables(deployment).values() for row in rows]
    assert sorted(row["change_id"] for row in rows) == written


def test_errors_says_what_waits_and_what_was_replayed(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    def groups() -> dict[tuple[str, str], int]:
        errors_action.run(HERE, ALL, explain=True, as_json=True)
        found = json.loads(capsys.readouterr().out)
        return {
            (each["now"], "replayed" if each["replayed"] else "waits"): each["records"]
            for each in found["groups"]
            if each["record_type"] == "demand" and each["where" if "where" in each else "area"]
        }

    before = groups()
    assert before[("a row", "waits")] in (1, 2), "the last of the groups with this outcome"
    run_json(capsys)
    assert ("a row", "waits") not in groups()
    assert ("a row", "replayed") in groups()


def test_errors_shows_a_record_only_when_asked(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors_action.run(HERE, ALL, explain=False) == 0
    shown = capsys.readouterr().out
    assert "DEMAND#1" not in shown
    assert "Records that wait: 7" in shown
    errors_action.run(HERE, ALL, explain=True, column="demand_id", show=True)
    shown = capsys.readouterr().out
    assert "DEMAND#2" in shown
    assert "DEMAND#1" not in shown, "it has another reason"


def test_what_cannot_be_read_is_named_and_holds_up_nothing(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "data-pipeline/errors/demand/processing-failed/2026/11/22/11/broken"
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=b"?")
    assert action.run(HERE, ALL, dry_run=False, yes=True, as_json=False) == 1
    shown = capsys.readouterr().out
    assert f"demand: cannot be read: {key}: a line is not one of Firehose" in shown
    assert sum(map(len, tables(deployment).values())) == 3


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"since": "yesterday"}, "'yesterday' is not a day: write 2026-11-28, or a time ago"),
        ({"since": "1d", "day": "2026-11-22"}, "give --since or --day, not both"),
        ({"border": "noon"}, "--border 'noon' is not a time in UTC such as 2026-12-01T12:00Z"),
    ],
)
def test_a_wrong_option_says_what_to_write(
    deployment: Deployment, chosen: dict[str, Any], text: str
) -> None:
    with pytest.raises(CommandError, match=text):
        action.run(
            HERE,
            ChosenOptions(**{**vars(ALL), **chosen}),
            dry_run=True,
            yes=True,
            as_json=False,
        )


def test_a_damaged_quarantine_is_named_and_holds_up_nothing(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "data-pipeline/quarantine/demand/damaged/entries-0.jsonl.gz"
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=b"?")
    counts = run_json(capsys)
    assert counts["demand"]["rows"] == 3
    assert [each.partition(":")[0] for each in counts["demand"]["unreadable"]] == [key]
    assert counts["sale"]["other_type"] == 1


def test_the_records_before_a_broken_line_are_replayed(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    body = error_lines(*(changed(number) for number in range(10, 460))) + b"?\n"
    key = "data-pipeline/errors/demand/processing-failed/2026/11/22/11/long"
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=body)
    counts = run_json(capsys)["demand"]
    assert (counts["rows"], counts["reconciled"]) == (3 + 450, True)
    assert len(counts["unreadable"]) == 1


def test_an_object_of_all_types_is_shown_and_replayed_by_type(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack had a shared delivery stream once."""
    refund = changed(31, item={"type": {"S": "refund"}})
    body = error_lines(changed(30), refund, b"?", code="Lambda.FunctionError")
    key = "data-pipeline/errors/all-types/processing-failed/2026/11/22/a"
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=body)
    chosen = ChosenOptions(**{**vars(ALL), "types": ("demand",), "source": "all-types"})
    errors_action.run(HERE, chosen, explain=True, as_json=True)
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert {(each["record_type"], each["now"]) for each in groups} == {
        ("demand", "a row"),
        ("all-types", "unclaimed_type"),
        ("all-types", "not_json"),
    }
    counts = run_json(capsys, chosen=chosen)
    assert counts["demand"]["rows"] == 1
    assert counts["all-types"]["failed"] == {"unclaimed_type": 1, "not_json": 1}
    assert "sale" not in counts
    rows = [row["change_id"] for rows in tables(deployment).values() for row in rows]
    assert rows == ["c-30"]
    errors_action.run(HERE, chosen, explain=True)
    shown = capsys.readouterr().out
    assert "Records that wait: 2; replayed: 1. None becomes a row now." in shown


@pytest.mark.parametrize(
    ("border", "rows"),
    [("2026-11-22T11:59Z", 0), ("2026-11-22T12:00Z", 0), ("2026-11-22T12:01Z", 1)],
)
def test_a_batch_from_beyond_the_border_of_an_ended_change_is_the_other_kinds(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], border: str, rows: int
) -> None:
    """The stack has one for each type again, since the border; its record arrived at noon."""
    body = error_lines(changed(40), code="Lambda.FunctionError")
    key = "data-pipeline/errors/all-types/processing-failed/2026/11/22/b"
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=body)
    given = {"source": "all-types", "border": border}
    plan = run_json(capsys, chosen=ChosenOptions(**{**vars(ALL), **given}), dry_run=True)
    assert (plan["waiting"], plan["rows"]) == (1, rows)
    assert plan["not_rows"] == ({} if rows else {"another delivery stream's record": 1})


def test_a_change_that_is_not_ended_has_its_border_in_the_settings(deployment: Deployment) -> None:
    changing = replace(
        deployment, settings=replace(deployment.settings, delivery_border=datetime.now(UTC))
    )
    with pytest.raises(CommandError, match="changes its delivery streams now"):
        errors_action.owners_of(changing, replace(ALL, border="2026-11-22T12:00Z"))
