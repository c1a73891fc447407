"""The whole pipeline on one machine: every record fed is found in the output, exactly once."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest

import schemas
from demo import action
from demo.feed.generator import generate
from demo.run import LOCAL_OVERRIDES, FinishedRun, demo
from dmd.__main__ import main
from emulation.emulator import embedded_emulator
from testing.reference import DROPPED, FAILED, outcome
from tests.end_to_end.conftest import RECORDS, SEED, Run, own_lines
from tests.support.changes import change
from tests.support.cli import dmd, dmd_here

TABLE = "prd3292-dev1-us-east-1-demand-table"


def rows(export: Path, record_type: str) -> Iterator[dict[str, Any]]:
    """A table's rows, read by fastavro, with the date of their folder."""
    for path in sorted((export / "data-pipeline/avro" / record_type).rglob("*.avro")):
        with path.open("rb") as file:
            for row in fastavro.reader(file):
                assert isinstance(row, dict)
                date = path.parent.name.removeprefix("partition_date=")
                assert date == row["changed_at"].date().isoformat()
                yield row


def comparable(row: dict[str, Any]) -> str:
    """A row without its sequence number, as text that is the same for the same values."""
    kept = {name: value for name, value in row.items() if name != "sequence_number"}
    if isinstance(kept["rescued_attributes"], str):
        kept["rescued_attributes"] = json.loads(kept["rescued_attributes"])
    return json.dumps(kept, default=repr, sort_keys=True)


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_the_tables_hold_exactly_the_rows_that_the_reference_expects(
    generated: Run, record_type: str
) -> None:
    outcomes = [outcome(each.data, record_type) for each in generate(SEED, RECORDS, TABLE)]
    expected = {comparable(each) for each in outcomes if isinstance(each, dict)}
    # Changes of the table itself have today's date. Generated changes do not.
    generated_ids = {json.loads(each)["change_id"] for each in expected}
    actual = [r for r in rows(generated.export, record_type) if r["change_id"] in generated_ids]
    assert {comparable(row) for row in actual} == expected
    assert len(actual) == len(expected), "each row once, though records came twice"
    counts = generated.summary["types"][record_type]
    table_changes = generated.summary["table_changes"]
    of_type = counts["written"] + counts["repeats"] - sum(isinstance(o, dict) for o in outcomes)
    assert counts["failed"] == outcomes.count(FAILED)
    assert counts["dropped"] == outcomes.count(DROPPED) + table_changes - of_type
    assert of_type > 0, "some changes came through the table itself"


def test_every_count_reconciles(generated: Run) -> None:
    summary = generated.summary
    assert summary["reconciled"] is True
    assert summary["denials"] == []
    assert summary["fed"] == RECORDS + summary["table_changes"]
    for counts in summary["types"].values():
        assert counts["received"] == summary["fed"]
        assert counts["received"] == sum(
            counts[name] for name in ("written", "dropped", "failed", "repeats", "quarantined")
        )
        assert counts["repeats"] > 0
        assert counts["failed"] > 0


def test_a_record_that_nobody_takes_counts_once(generated: Run, own: Run) -> None:
    """The reference says which records all four drop, and which fail in at least one."""
    fed = [each.data for each in generate(SEED, RECORDS, TABLE)]
    by_all = [{outcome(data, name) == DROPPED for name in schemas.RECORD_TYPES} for data in fed]
    failed = [any(outcome(data, name) == FAILED for name in schemas.RECORD_TYPES) for data in fed]
    once = generated.summary["each_record_once"]
    assert generated.summary["unclaimed"] == once["dropped"] == by_all.count({True}) > 0
    assert once["failed"] == sum(failed)
    for run, line in ((generated, once), (own, own.summary["each_record_once"])):
        assert run.summary["fed"] == line["received"]
        assert line["received"] == sum(
            line[name] for name in ("written", "dropped", "failed", "repeats", "quarantined")
        )
    assert own.summary["unclaimed"] == 2


def test_failed_records_keep_their_raw_source(generated: Run) -> None:
    failed = [
        each.data
        for each in generate(SEED, RECORDS, TABLE)
        if outcome(each.data, "demand") == FAILED
    ]
    assert sorted(error_sources(generated.export, "demand")) == sorted(failed)


def error_sources(export: Path, record_type: str) -> Iterator[bytes]:
    for path in (export / "data-pipeline/errors" / record_type).rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            for line in text.splitlines():
                yield base64.b64decode(json.loads(line)["rawData"])


def test_nothing_is_left_behind_and_nothing_lies_elsewhere(generated: Run) -> None:
    areas = {path.name for path in (generated.export / "data-pipeline").iterdir()}
    assert areas == {"avro", "current", "errors"}
    assert {p.name for p in generated.export.iterdir()} == {"data-pipeline", "catalog.json"}


def test_each_file_of_an_earlier_date_has_its_late_mark_and_nothing_else_has(
    generated: Run,
) -> None:
    data = generated.export / "data-pipeline"
    late, ended = set(), set()
    for path in (data / "avro").glob("*/*/*.avro"):
        record_type, folder, _ = path.relative_to(data / "avro").parts
        day = folder.removeprefix("partition_date=")
        mark = f"{record_type}/late/{day}/{path.stem}"
        if LOCAL_OVERRIDES["first_partition_date"] <= day:
            late.add(mark)
            # The run may have gone over midnight.
            if date.fromisoformat(day) < datetime.now(UTC).date() - timedelta(days=1):
                ended.add(mark)
    marks = [path for path in (data / "current").rglob("*") if path.is_file()]
    names = {path.relative_to(data / "current").as_posix() for path in marks}
    assert ended <= names <= late
    assert ended, "generated changes are of earlier dates"
    assert not any(path.stat().st_size for path in marks)


def test_each_step_is_one_plain_line_where_no_terminal_watches(generated: Run) -> None:
    lines = generated.said.splitlines()
    assert "Provisioning stack dev1" in lines
    assert "Running the Avro writer's schedules" in lines
    assert len(lines) == len(set(lines)) <= 15
    assert generated.said.replace("\n", "").isprintable(), "no control characters"


def test_the_summary_has_partitions_and_the_answers_of_its_queries(generated: Run) -> None:
    partitions = generated.summary["partitions"]
    written = Counter({t: c["written"] for t, c in generated.summary["types"].items()})
    assert (
        Counter({t: sum(p["rows"] for p in partitions if p["record_type"] == t) for t in written})
        == written
    )
    of_a_day, current, joined = generated.summary["queries"]
    day = max(partitions, key=lambda each: int(each["rows"]))["date"]
    assert f"WHERE partition_date = '{day}'" in of_a_day["sql"]
    every = {name: list(rows(generated.export, name)) for name in schemas.RECORD_TYPES}
    changes = Counter(
        (name, row["change_type"])
        for name, of_type in every.items()
        for row in of_type
        if row["changed_at"].date().isoformat() == day
    )
    assert changes == {
        (row["record_type"], row["change_type"]): row["changes"] for row in of_a_day["rows"]
    }
    newest = {
        (name, row["record_key"]): row
        for name, of_type in every.items()
        for row in sorted(of_type, key=lambda each: (each["changed_at_micros"], _order(each)))
    }
    left = Counter(name for (name, _), row in newest.items() if not row["is_deleted"])
    assert left == {row["record_type"]: row["records"] for row in current["rows"]}
    living = {
        name: [row for (of, _), row in newest.items() if of == name and not row["is_deleted"]]
        for name in ("demand", "sale")
    }
    seats: dict[str, list[int]] = defaultdict(list)
    for sale in living["sale"]:
        seats[sale["demand_id"]].append(sale["quantity"])
    sold: dict[str, list[int]] = defaultdict(list)
    for demand in living["demand"]:
        sold[demand["channel"]] += seats[demand["demand_id"]]
    assert {name: (len(each), sum(each) or None) for name, each in sold.items()} == {
        row["channel"]: (row["sold"], row["seats_sold"]) for row in joined["rows"]
    }
    assert any(sold.values())


def _order(row: dict[str, Any]) -> int:
    """A change's place in the stream, which orders changes of the same time."""
    return int(row["sequence_number"])


def test_the_catalog_is_exported_as_the_glue_api_returns_it(generated: Run) -> None:
    catalog = json.loads((generated.export / "catalog.json").read_bytes())
    tables = {table["Name"]: table for table in catalog["tables"]}
    for record_type in schemas.RECORD_TYPES:
        serde = tables[record_type]["StorageDescriptor"]["SerdeInfo"]["Parameters"]
        assert json.loads(serde["avro.schema.literal"]) == schemas.avro_schema(record_type)


def test_a_stack_of_fewer_types_runs_and_answers_from_its_own_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(LOCAL_OVERRIDES, "demand_data_types", '["demand", "event"]')
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path))
    assert main(["demo", "--json", "--records", "40"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["reconciled"] is True
    assert set(summary["types"]) == {"demand", "event"}
    for query in summary["queries"]:
        assert {row["record_type"] for row in query["rows"]} == {"demand", "event"}


def test_a_users_own_records_end_where_they_should(own: Run) -> None:
    counts = own.summary["types"]["demand"]
    assert own.summary["table_changes"] == 0, "nothing else is fed"
    assert own.summary["fed"] == len(own_lines()) - 1
    (refused,) = own.summary["refused"]
    assert "standard input, line 13" in refused
    assert (counts["written"], counts["repeats"]) == (4, 1)
    assert counts["dropped"] == 2
    assert counts["failed"] == 5
    by_id = {row["change_id"]: row for row in rows(own.export, "demand")}
    assert set(by_id) == {"first", "second", "third", "large"}
    assert by_id["second"]["max_price"] == Decimal("99.95")
    assert json.loads(by_id["second"]["rescued_attributes"]) == {"x": {"S": "kept"}}
    assert by_id["third"]["is_expired"] is True
    assert len(by_id["large"]["rescued_attributes"]) > 900_000
    unreadable = {b"not json", b"", b"\xff\xfe", b"[1, 2]"}
    for record_type in ("sale", "event", "notification"):
        assert set(error_sources(own.export, record_type)) == unreadable


def test_a_run_in_which_most_records_failed_says_so_and_why(
    own: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert own.summary["failed"] == {
        "count": 5,
        "reasons": {
            "not_json": 3,
            "not_a_change_record": 1,
            "required_column_does_not_fit (requested_seats)": 1,
        },
    }
    assert own.summary["mostly_failed"] is False
    lines = tmp_path / "mostly_wrong.jsonl"
    lines.write_bytes(
        b"\n".join([json.dumps(change()).encode(), b'{"id": 5}', b'{"id": 5}', b"x", b""])
    )
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path / "state"))
    finished: list[FinishedRun] = []

    @contextmanager
    def one_run(*given: Any) -> Iterator[FinishedRun]:
        """Run the demo, and let the second command report the same run."""
        if not finished:
            finished.append(running.enter_context(demo(*given)))
        yield finished[0]

    monkeypatch.setattr(action, "demo", one_run)
    demo_of = ["demo", "--set", 'demand_data_types=["demand", "sale"]', "--input", str(lines)]
    with ExitStack() as running:
        assert main(demo_of) == 1
        said = capsys.readouterr().out
        assert main([*demo_of, "--json"]) == 1
        summary = json.loads(capsys.readouterr().out)
    assert summary["failed"]["reasons"] == {"not_a_change_record": 2, "not_json": 1}
    assert (summary["mostly_failed"], summary["reconciled"]) == (True, True)
    assert "Everything reconciles" not in said
    assert "Most of them are no change records that can become rows: 3 failed" in said
    assert re.search(r"not_a_change_record +2\n", said)


def test_athena_sql_answers_over_the_last_run_and_over_an_export(own: Run) -> None:
    sql = (
        "SELECT change_id, max_price, party.adults AS adults, partition_date FROM demand "
        "WHERE is_expired OR max_price > DECIMAL '99.94' ORDER BY changed_at_micros"
    )
    expected = [
        {"change_id": "second", "max_price": "99.95", "adults": 2, "partition_date": "2024-07-12"},
        {"change_id": "third", "max_price": None, "adults": None, "partition_date": "2024-07-13"},
    ]
    for run, data in ((dmd, ()), (dmd_here, ("--data", own.export))):
        done = run("sql", *data, "--format", "json", sql, state=own.state)
        assert done.returncode == 0, done.stderr
        assert [json.loads(line) for line in done.stdout.splitlines()] == expected
    wrong = dmd_here("sql", "SELECT nothing FROM demand", state=own.state)
    assert wrong.returncode == 1
    assert b"nothing" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--input", "/no/such/file.jsonl"), "/no/such/file.jsonl"),
        (("--endpoint-url", "https://kinesis.us-east-1.amazonaws.com"), "pulumi up"),
        (("--stack", "dev9"), "dev9"),
        (("--endpoint-url", "http://127.0.0.1:9"), "127.0.0.1:9"),
        (("--export", Path(__file__).parent), "empty"),
        (("--export", Path(__file__) / "below"), "cannot write"),
        (("--input", ""), "no such file"),
    ],
)
def test_what_cannot_begin_is_one_clear_line(
    tmp_path: Path, arguments: tuple[str | Path, ...], says: str
) -> None:
    done = dmd_here("demo", *arguments, state=tmp_path)
    assert done.returncode == 1
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("dmd demo: ")
    assert says in line


def test_a_query_before_any_run_says_what_to_do(tmp_path: Path) -> None:
    done = dmd_here("sql", "SELECT 1", state=tmp_path / "none")
    assert done.returncode == 1
    assert b"dmd demo" in done.stderr


def test_a_text_with_any_line_end_of_unicode_and_a_second_stack_do_no_harm(tmp_path: Path) -> None:
    record = change({"channel": {"S": "WEB"}, "customerId": {"S": "a\u2028b\u0085c"}})
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    with embedded_emulator() as endpoint:
        there = ("--endpoint-url", endpoint.url)
        other = dmd_here("provision", *there, "--stack", "qa1", state=tmp_path)
        assert other.returncode == 0, other.stderr
        one_type = ("--set", 'demand_data_types=["demand"]')
        demo_there = ("demo", *there, *one_type, "--input", path)
        done = dmd_here(*demo_there, "--json", state=tmp_path)
        assert done.returncode == 0, done.stderr
        again = dmd_here(*demo_there, state=tmp_path)
        assert again.returncode == 1
        assert b"earlier run" in again.stderr
    (answer,) = json.loads(done.stdout)["queries"][0]["rows"]
    assert (answer["record_type"], answer["changes"]) == ("demand", 1)
    sql = ("sql", "--format", "json", "SELECT customer_id FROM demand")
    assert json.loads(dmd_here(*sql, state=tmp_path).stdout) == {"customer_id": "a\u2028b\u0085c"}
