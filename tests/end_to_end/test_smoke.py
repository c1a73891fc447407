"""`dmd smoke` against a run that is kept at work, with the permissions of the CI role alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

import schemas
from console.progress import Progress
from demo.run import DemoOptions, FinishedRun, demo
from demo.upkeep import at_work
from infra.queries import saved_queries
from ops.options import StackOptions
from ops.smoke.action import Options, run
from ops.smoke.items import MARK
from release.package import build
from release.wheels import Target
from sql.action import Source
from tests.end_to_end.provisioned import PACKAGES
from tests.support.cli import ROOT


def as_ci(*types: str, timeout: int | None = None) -> Options:
    return Options(types, timeout, as_ci=True, yes=True, as_json=True)


@dataclass(frozen=True)
class Kept:
    """A run that is kept at work, and what failed in it."""

    run: FinishedRun
    problems: list[str]

    @property
    def where(self) -> StackOptions:
        return StackOptions(stack="dev1", endpoint_url=self.run.outcome.endpoint_url)

    def client(self, service: str) -> Any:
        return self.run.pipeline.endpoint.client(service)

    def marked(self) -> list[dict[str, Any]]:
        table = self.run.provisioned.settings.table_name
        items: list[dict[str, Any]] = self.client("dynamodb").scan(TableName=table)["Items"]
        return [each for each in items if each["pk"]["S"] == MARK]

    def query(self, sql: str) -> list[list[str | None]]:
        """Run a query at the endpoint as a client of Athena does; return the rows."""
        athena = self.client("athena")
        database = self.run.provisioned.settings.naming.database
        started = athena.start_query_execution(QueryString=sql, WorkGroup=database)
        running = {"QueryExecutionId": started["QueryExecutionId"]}
        while True:
            status = athena.get_query_execution(**running)["QueryExecution"]["Status"]
            if status["State"] != "RUNNING":
                break
            time.sleep(0.1)
        assert status["State"] == "SUCCEEDED", status
        rows = athena.get_query_results(**running)["ResultSet"]["Rows"]
        return [[each.get("VarCharValue") for each in row["Data"]] for row in rows[1:]]

    @contextmanager
    def broken(self, function: str) -> Iterator[None]:
        client = self.client("lambda")
        before = client.get_function_configuration(FunctionName=function)["Handler"]
        client.update_function_configuration(FunctionName=function, Handler="gone.handler")
        yield
        client.update_function_configuration(FunctionName=function, Handler=before)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    build(Target.LOCAL, source=ROOT, out=PACKAGES)
    problems: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DMD_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        options = DemoOptions("dev1", PACKAGES / "local", records=20)
        with (
            demo(options, Progress(), problems.append) as finished,
            at_work(finished, problems.append),
        ):
            yield Kept(finished, problems)


def test_a_record_of_each_type_comes_through_and_is_taken_back(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    table = kept.run.provisioned.settings.table_name
    left = {"pk": {"S": MARK}, "sk": {"S": "1/sale"}, "type": {"S": "venue"}}
    kept.client("dynamodb").put_item(TableName=table, Item=left)
    assert run(kept.where, as_ci(timeout=90)) == 0
    captured = capsys.readouterr()
    assert "1 items of an earlier test were still in the table: removed" in captured.err
    found = json.loads(captured.out)
    assert found["healthy"] is True
    assert found["types"].keys() == set(schemas.RECORD_TYPES)
    assert all(each["rows"] == ["INSERT", "REMOVE"] for each in found["types"].values())
    assert kept.marked() == []
    for each in schemas.RECORD_TYPES:
        of_the_test = f"record_key LIKE '%\"{MARK}\"%'"
        assert kept.query(f'SELECT count(*) FROM "{each}" WHERE {of_the_test}') == [["2"]]
        assert kept.query(f'SELECT count(*) FROM "{each}_latest" WHERE {of_the_test}') == [["0"]]
    assert kept.run.pipeline.gate.denials() == ()


def test_it_says_at_which_stage_a_record_stopped(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    naming = kept.run.provisioned.settings.naming
    with (
        kept.broken(f"{naming.prefix}-transform-sale"),
        kept.broken(naming.writer_function),
    ):
        assert run(kept.where, as_ci("sale", "event", timeout=15)) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["healthy"] is False
    assert {name: each["stopped_at"] for name, each in found["types"].items()} == {
        "sale": "transform",
        "event": "writer",
    }
    assert kept.marked() == [], "it is taken back all the same"


def test_it_is_taken_back_if_the_command_is_stopped(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def stopped(seconds: float) -> None:
        seen.append(len(kept.marked()))
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.smoke.action.time.sleep", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(kept.where, as_ci("sale"))
    assert seen == [1], "the item was there"
    assert kept.marked() == []


def test_a_query_that_athena_would_refuse_fails_with_its_reason(kept: Kept) -> None:
    with pytest.raises(AssertionError, match=r"FAILED.*there is no table"):
        kept.query("SELECT 1 FROM nothing")


def test_sql_at_the_endpoint_is_answered_as_on_athena(kept: Kept) -> None:
    """Pages, types, parameters, bytes and saved queries are the endpoint's own."""
    engine = Source(where=kept.where).engine()
    assert engine.label == "dev1 (local)"
    many = "SELECT x, CAST(x AS decimal(12,2)) AS y FROM UNNEST(sequence(1, 2500)) AS t (x)"
    files = "SELECT count(*) FROM sale WHERE change_type = ? OR change_type <> ?"
    with Progress() as progress:
        found = engine.run(many, (), progress)
        scanned = engine.run(files, ("'INSERT'", "'INSERT'"), progress)
    assert [(name, str(kind)) for name, kind in found.result.columns] == [
        ("x", "bigint"),
        ("y", "decimal(12,2)"),
    ]
    assert found.result.rows == [(each, Decimal(each)) for each in range(1, 2501)]
    assert int(scanned.result.rows[0][0]) > 0
    assert scanned.statistics.bytes
    assert scanned.statistics.usd == pytest.approx(0.00005)
    types = kept.run.provisioned.settings.demand_data_types
    assert {each.name for each in engine.saved()} == {
        each.name for each in saved_queries(types, current=True)
    }
    assert {f"{each}_latest" for each in types} < {each.name for each in engine.tables()}


def test_the_current_state_at_the_endpoint_is_worked_out_from_the_changes(kept: Kept) -> None:
    engine = Source(where=kept.where).engine()
    with Progress() as progress:
        current, latest = (
            engine.run(f"SELECT record_key, change_id FROM sale_{view} ORDER BY 1", (), progress)
            for view in ("current", "latest")
        )
    assert current.result.rows == latest.result.rows != []
    (note,) = current.result.notes
    assert note.startswith("the current state is worked out from all changes here")
    assert latest.result.notes == ()


def test_a_query_that_is_stopped_counts_as_cancelled(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(seconds: float) -> None:
        raise KeyboardInterrupt

    engine = Source(where=kept.where).engine()
    monkeypatch.setattr(engine, "_sleep", stopped)
    with Progress() as progress, pytest.raises(KeyboardInterrupt):
        engine.run("SELECT count(*) FROM demand a, demand b, sale c", (), progress)
    listed = kept.client("athena").list_query_executions()["QueryExecutionIds"]
    states = [
        kept.client("athena").get_query_execution(QueryExecutionId=each)["QueryExecution"]
        for each in listed
    ]
    assert [each["Status"]["State"] for each in states].count("CANCELLED") == 1
