"""Statements on Athena, with botocore's models as the judge of what is asked and answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from athena.errors import SqlError
from athena.render import render
from console.errors import CommandError
from console.progress import Progress
from infra.queries import SavedQuery
from sql.engines.athena import AthenaEngine, price

NAME = "11111111-2222-3333-4444-555555555555"
ID = {"QueryExecutionId": NAME}
START = {
    "QueryString": "SELECT 1",
    "WorkGroup": "analysts",
    "QueryExecutionContext": {"Database": "shop"},
}


class Athena:
    """An engine whose two clients answer what a test has told them, in that order."""

    def __init__(self) -> None:
        made = {
            name: boto3.client(
                name,
                region_name="us-east-1",
                aws_access_key_id="x",
                aws_secret_access_key="x",
            )
            for name in ("athena", "glue")
        }
        self.stub, self.glue = Stubber(made["athena"]), Stubber(made["glue"])
        self.slept: list[float] = []
        self.engine = AthenaEngine(
            made["athena"], made["glue"], "analysts", "shop", "dev1", self.slept.append
        )

    def started(self, **more: Any) -> None:
        self.stub.add_response("start_query_execution", ID, {**START, **more})

    def state(self, state: str, scanned: int = 0, **status: str) -> None:
        execution = {
            "Status": {"State": state, **status},
            "Statistics": {"DataScannedInBytes": scanned},
        }
        self.stub.add_response("get_query_execution", {"QueryExecution": execution}, ID)

    def page(
        self,
        columns: Sequence[tuple[str, str] | tuple[str, str, int, int]],
        rows: Sequence[Sequence[str | None]],
        token: str | None = None,
        following: str | None = None,
    ) -> None:
        keys = ("Name", "Type", "Precision", "Scale")
        answer: dict[str, Any] = {
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if each is None else {"VarCharValue": each} for each in row]}
                    for row in rows
                ],
                "ResultSetMetadata": {
                    "ColumnInfo": [dict(zip(keys, each, strict=False)) for each in columns]
                },
            }
        }
        if following:
            answer["NextToken"] = following
        wanted = {**ID, "NextToken": token} if token else ID
        self.stub.add_response("get_query_results", answer, wanted)

    def run(self, *parameters: str) -> Any:
        with Progress() as progress:
            return self.engine.run("SELECT 1", parameters, progress)


@pytest.fixture
def athena() -> Iterator[Athena]:
    made = Athena()
    with made.stub, made.glue:
        yield made
    made.stub.assert_no_pending_responses()
    made.glue.assert_no_pending_responses()


COLUMNS = [("a", "integer"), ("b", "varchar")]


def test_all_pages_of_an_answer_are_rows(athena: Athena) -> None:
    athena.started()
    athena.state("QUEUED")
    athena.state("RUNNING", 5_000)
    athena.state("SUCCEEDED", 2_000_000_000)
    athena.page(COLUMNS, [["a", "b"], ["1", "x"]], following="more")
    athena.page(COLUMNS, [["2", None], ["3", ""]], token="more")
    answer = athena.run()
    assert answer.result.rows == [(1, "x"), (2, None), (3, "")]
    assert [(name, str(kind)) for name, kind in answer.result.columns] == COLUMNS
    assert (answer.statistics.bytes, answer.statistics.usd) == (2_000_000_000, 0.01)
    assert athena.slept == sorted(athena.slept)
    assert len(athena.slept) == 2


def test_what_athena_says_of_an_answer_is_a_note_on_it(athena: Athena) -> None:
    athena.started()
    athena.state("SUCCEEDED", StateChangeReason="it is of yesterday")
    athena.page(COLUMNS, [["a", "b"], ["1", "x"]])
    assert athena.run().result.notes == ("it is of yesterday",)


def test_the_query_s_name_is_shown_while_it_runs(
    athena: Athena, capsys: pytest.CaptureFixture[str]
) -> None:
    athena.started()
    athena.state("SUCCEEDED")
    athena.page([], [])
    athena.run()
    assert f"Athena runs the query {NAME}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("info", "text", "kind", "value"),
    [
        (("c", "bigint"), "10000000000", "bigint", 10**10),
        (("c", "boolean"), "true", "boolean", True),
        (("c", "boolean"), "false", "boolean", False),
        (("c", "decimal", 12, 2), "9999999999.99", "decimal(12,2)", Decimal("9999999999.99")),
        (("c", "double"), "1.0E10", "double", 1e10),
        (("c", "float"), "0.1", "real", 0.1),
        (("c", "date"), "2026-11-01", "date", dt.date(2026, 11, 1)),
        (
            ("c", "timestamp"),
            "2026-11-01 12:00:00.250",
            "timestamp(3)",
            dt.datetime(2026, 11, 1, 12, 0, 0, 250_000),
        ),
        (("c", "timestamp"), "12026-11-01 12:00:00.000", "varchar", "12026-11-01 12:00:00.000"),
        (
            ("c", "timestamp"),
            "2026-11-01 12:00:00.000000001",
            "varchar",
            "2026-11-01 12:00:00.000000001",
        ),
        (("c", "varbinary"), "00 ff", "varbinary", b"\x00\xff"),
        (("c", "json"), '{"a":1}', "json", '{"a":1}'),
        (("c", "array"), "[a, b]", "varchar", "[a, b]"),
        (("c", "string"), "sale", "varchar", "sale"),
    ],
)
def test_a_value_gets_its_type_back_and_is_shown_as_athena_wrote_it(
    athena: Athena, info: Any, text: str, kind: str, value: Any
) -> None:
    athena.started()
    athena.state("SUCCEEDED")
    athena.page([info], [["c"], [text], [None]])
    result = athena.run().result
    assert str(result.columns[0][1]) == kind
    assert result.rows == [(value,), (None,)]
    assert render(result, "csv") == f'"c"\n"{text.replace(chr(34), chr(34) * 2)}"\n\n'


def test_show_has_no_row_of_names(athena: Athena) -> None:
    athena.started()
    athena.state("SUCCEEDED")
    athena.page([("tab_name", "string")], [["demand"], ["sale"]])
    assert athena.run().result.rows == [("demand",), ("sale",)]


def test_parameters_are_athena_s_own(athena: Athena) -> None:
    athena.started(ExecutionParameters=["'2026-11-01'", "1"])
    athena.state("SUCCEEDED")
    athena.page(COLUMNS, [["a", "b"]])
    assert athena.run("'2026-11-01'", "1").result.rows == []


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_ends_otherwise_is_an_error_with_athena_s_reason(
    athena: Athena, state: str
) -> None:
    athena.started()
    athena.state(state, StateChangeReason="COLUMN_NOT_FOUND: line 1:8")
    with pytest.raises(SqlError, match=f"{state}: COLUMN_NOT_FOUND: line 1:8"):
        athena.run()


def test_what_athena_does_not_start_is_an_error(athena: Athena) -> None:
    athena.stub.add_client_error(
        "start_query_execution", "InvalidRequestException", "line 1:1: mismatched input"
    )
    with pytest.raises(SqlError, match="Athena refuses it: line 1:1: mismatched input"):
        athena.run()


def test_a_missing_permission_is_an_error_that_names_the_policy(athena: Athena) -> None:
    athena.stub.add_client_error(
        "start_query_execution", "AccessDeniedException", "You are not authorized", 400
    )
    with pytest.raises(CommandError, match=r"not authorized.*-athena-query-execution"):
        athena.run()


def test_ctrl_c_stops_the_query(athena: Athena, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(athena.engine, "_sleep", interrupted)
    athena.started()
    athena.state("RUNNING")
    athena.stub.add_response("stop_query_execution", {}, ID)
    with pytest.raises(KeyboardInterrupt):
        athena.run()


def test_saved_queries_are_the_workgroup_s(athena: Athena) -> None:
    for token, ids, following in (({}, ["1"], {"NextToken": "t"}), ({"NextToken": "t"}, ["2"], {})):
        athena.stub.add_response(
            "list_named_queries",
            {"NamedQueryIds": ids, **following},
            {"WorkGroup": "analysts", **token},
        )
    for number, name, told in (("1", "b", {"Description": "It tells."}), ("2", "a", {})):
        query = {"Name": name, "Database": "shop", "QueryString": f"SELECT '{name}'", **told}
        athena.stub.add_response("get_named_query", {"NamedQuery": query}, {"NamedQueryId": number})
    assert athena.engine.saved() == (
        SavedQuery("a", "", "SELECT 'a'"),
        SavedQuery("b", "It tells.", "SELECT 'b'"),
    )


def test_tables_are_those_of_glue(athena: Athena) -> None:
    storage = {"Columns": [{"Name": "Amount", "Type": "decimal(12,2)", "Comment": "Price."}]}
    listed = {
        "Name": "sale",
        "DatabaseName": "shop",
        "StorageDescriptor": storage,
        "PartitionKeys": [{"Name": "partition_date", "Type": "string"}],
    }
    athena.glue.add_response("get_tables", {"TableList": [listed]}, {"DatabaseName": "shop"})
    (shape,) = athena.engine.tables()
    assert (shape.full_name, shape.view) == ("shop.sale", False)
    assert shape.described().rows == [
        ("amount", "decimal(12,2)", "", "Price."),
        ("partition_date", "varchar", "partition key", ""),
    ]


@pytest.mark.parametrize(
    ("scanned", "usd"),
    [(0, 0), (1, 0.00005), (10_000_000, 0.00005), (10_000_001, 0.000055), (10**12, 5)],
)
def test_a_query_is_billed_by_whole_megabytes_and_at_least_ten(scanned: int, usd: float) -> None:
    assert price(scanned) == pytest.approx(usd)
