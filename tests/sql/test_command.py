"""``dmd sql`` on the command line."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from athena.engine import run_query
from dmd.__main__ import main
from infra.queries import saved_queries
from sql.engines.files import FilesEngine
from tests.athena.stack_tables import write_stack
from tests.athena.tables import catalog, definitions, view


def _run(*arguments: str) -> int:
    return main(["sql", *arguments])


def test_a_query_is_answered(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--data", str(data_dir), "--format", "json", "SELECT 1 AS a") == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_a_query_comes_from_standard_input(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 2 AS b"))
    assert _run("--data", str(data_dir), "--format", "csv", "-") == 0
    assert capsys.readouterr().out == '"b"\n"2"\n'


def test_the_last_run_is_asked_by_default(
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path))
    assert _run("SELECT 1") == 1
    assert "run `dmd demo` first" in capsys.readouterr().err
    shutil.copytree(data_dir, tmp_path / "last-run")
    assert _run("SELECT count(*) FROM sale") == 0
    assert "4" in capsys.readouterr().out


def test_an_error_goes_to_standard_error(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "SELECT nosuch FROM sale") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("dmd sql: line 1:8: column 'nosuch' cannot be resolved")


@pytest.mark.parametrize("given", [["\\d sale"], ["-c", "\\d"]])
def test_a_command_of_the_prompt_is_refused_with_the_option_in_its_place(
    data_dir: Path, capsys: pytest.CaptureFixture[str], given: list[str]
) -> None:
    assert _run("--data", str(data_dir), *given) == 1
    error = capsys.readouterr().err
    assert error.startswith("dmd sql: \\d is a command of the prompt, not a statement; --tables ")


def test_tables_lists_columns_types_and_comments(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "--tables") == 0
    shown = capsys.readouterr().out
    assert "prd3292_dev1_dmnd_pipeline.demand_latest (view)" in shown
    assert "Price of one seat." in shown


def test_tables_of_an_unknown_database_are_an_error(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "--tables", "--database", "nosuch") == 1
    assert "there is no database 'nosuch'" in capsys.readouterr().err


def test_a_views_columns_have_the_comments_that_glue_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = view(
        "prices", "SELECT price FROM demand", [("price", "decimal(12,2)", "decimal(12,2)")]
    )
    prices["StorageDescriptor"]["Columns"][0]["Comment"] = "What a seat costs."
    (tmp_path / "catalog.json").write_text(json.dumps(catalog([*definitions(), prices])))
    assert _run("--data", str(tmp_path), "--format", "json", "DESCRIBE prices") == 0
    assert json.loads(capsys.readouterr().out)["comment"] == "What a seat costs."


def test_statements_on_standard_input_are_answered_one_after_another(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1 AS a;\n-- the second\nSELECT ';' AS b"))
    assert _run("--data", str(data_dir), "--format", "json") == 0
    answers = capsys.readouterr().out.splitlines()
    assert [json.loads(each) for each in answers] == [{"a": 1}, {"b": ";"}]


def test_statements_of_a_file_end_at_the_first_that_fails(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "queries.sql"
    file.write_text("SELECT 1 AS a; SELECT nosuch FROM sale; SELECT 3 AS c;")
    assert _run("--data", str(data_dir), "--format", "csv", "-f", str(file)) == 1
    shown = capsys.readouterr()
    assert shown.out == '"a"\n"1"\n'
    assert "column 'nosuch' cannot be resolved" in shown.err


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"\xff", "not a text")])
def test_a_file_that_cannot_be_read_is_an_error(
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    said: str,
) -> None:
    file = tmp_path / "queries.sql"
    if content is not None:
        file.write_bytes(content)
    assert _run("--data", str(data_dir), "-f", str(file)) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("-c", "SELECT 7 AS a"), ("SELECT 7 AS a",)])
def test_a_statement_is_an_argument_or_an_option(
    data_dir: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert _run("--data", str(data_dir), "--format", "json", *arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 7}


def test_each_parameter_is_the_value_of_a_question_mark(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "SELECT ? AS a, '?' AS b, ? AS c -- ?"
    parameters = ("--param", "'it''s ?'", "--param", "-1.5")
    assert _run("--data", str(data_dir), "--format", "json", query, *parameters) == 0
    assert json.loads(capsys.readouterr().out) == {"a": "it's ?", "b": "?", "c": "-1.5"}


@pytest.mark.parametrize(
    ("query", "parameters", "said"),
    [
        ("SELECT ?", (), "has 1 ? and 0 values were given"),
        ("SELECT 1", ("1",), "has 0 ? and 1 values were given"),
        ("SELECT 1 WHERE 1 = ?", ("2 OR true",), "the parameter 2 OR true is not a literal"),
        ("SELECT ?; SELECT ?", ("1",), "--param is for one statement, and there are 2"),
    ],
)
def test_parameters_that_do_not_fit_are_an_error(
    data_dir: Path,
    capsys: pytest.CaptureFixture[str],
    query: str,
    parameters: tuple[str, ...],
    said: str,
) -> None:
    given = [word for each in parameters for word in ("--param", each)]
    assert _run("--data", str(data_dir), query, *given) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err


def test_a_prepared_statement_is_known_to_those_after_it(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "PREPARE q FROM SELECT ? AS a; EXECUTE q USING 5; DEALLOCATE PREPARE q; EXECUTE q USING 5"
    )
    assert _run("--data", str(data_dir), "--format", "json", text) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"a": 5}
    assert "there is no prepared statement q" in shown.err


def test_a_note_on_an_answer_is_no_part_of_it(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "SELECT approx_distinct(channel) AS a FROM demand"
    assert _run("--data", str(data_dir), "--format", "json", query) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"a": 3}
    assert shown.err.startswith("note: approx_distinct is exact here; Athena's answer is")


def test_saved_queries_are_those_of_the_tables_that_there_are(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "--saved") == 0
    listed = [line.partition("|")[0].strip() for line in capsys.readouterr().out.splitlines()[2:-1]]
    assert listed == [each.name for each in saved_queries(["demand", "sale"], current=False)]


@pytest.mark.parametrize(("current", "view"), [(True, "sale_current"), (False, "sale_latest")])
def test_a_saved_query_asks_the_current_state_where_the_stack_keeps_it(
    tmp_path: Path, current: bool, view: str
) -> None:
    folder = write_stack(tmp_path, {"sale": []}, current=current)
    (query,) = (
        each.sql
        for each in FilesEngine(folder, None, "stack").saved()
        if each.name == "current-records"
    )
    assert f'FROM "{view}"' in query
    assert run_query(folder, query).rows == [("sale", 0, None)]


def test_a_saved_query_is_answered_by_its_name(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = saved_queries(["demand", "sale"], current=False)
    (query,) = (each.sql for each in queries if each.name == "files-and-rows")
    arguments = ("--data", str(data_dir), "--format", "csv")
    assert _run(*arguments, query) == 0
    answer = capsys.readouterr().out
    assert answer.startswith('"record_type","partition_date","files","changes"')
    assert _run(*arguments, "--saved", "files-and-rows") == 0
    assert capsys.readouterr().out == answer


def test_an_unknown_saved_query_is_an_error_that_names_the_known_ones(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "--saved", "nosuch") == 1
    assert "there is no saved query 'nosuch'; there are changes-of" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tables", "SELECT 1"),
        ("-c", "SELECT 1", "--saved"),
        ("--data", "x", "--stack", "dev1"),
        ("--kept", "--trino", "http://h/c/s"),
        ("--saved", "--param", "1"),
        ("--profile", "x", "SELECT 1"),
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_use(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        _run(*arguments)
    assert "usage: dmd sql" in capsys.readouterr().err
