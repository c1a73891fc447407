"""DuckDB reads the Parquet of an answer with the same types and values."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import duckdb
import pytest

from athena.engine import QueryResult, run_query
from athena.errors import SqlError
from athena.values.trino_types import VARCHAR
from dmd.__main__ import main
from sql.parquet import write_parquet
from tests.support.cli import dmd
from tests.support.terminal import in_terminal


def read(path: Path) -> tuple[list[str], list[tuple[object, ...]]]:
    with duckdb.connect() as database:
        found = database.read_parquet(str(path))
        return [str(each) for each in found.types], found.fetchall()


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("1.50", "DECIMAL(3,2)", "1.50"),
        ("cast(7 AS bigint)", "BIGINT", "7"),
        ("true", "BOOLEAN", "true"),
        ("cast(0.1 AS real)", "FLOAT", "0.1"),
        ("date '2026-11-01'", "DATE", "2026-11-01"),
        ("timestamp '2026-11-01 12:00:00.5'", "TIMESTAMP", "2026-11-01 12:00:00.5"),
        ("from_unixtime(0)", "TIMESTAMP WITH TIME ZONE", "1970-01-01 00:00:00+00"),
        ("array['a', null]", "VARCHAR[]", "[a, NULL]"),
        ("map(array['k'], array[1.5])", "MAP(VARCHAR, DECIMAL(2,1))", "{k=1.5}"),
        (
            "cast(row(1, array[2]) AS row(a integer, b array(integer)))",
            "STRUCT(a INTEGER, b INTEGER[])",
            "{'a': 1, 'b': [2]}",
        ),
        ("x'00ff'", "BLOB", r"\x00\xFF"),
        ("json_parse('{\"a\": 1}')", "VARCHAR", '{"a":1}'),
        ("interval '26' hour", "VARCHAR", "1 02:00:00.000"),
        ("interval '14' month", "VARCHAR", "1-2"),
    ],
)
def test_a_value_keeps_its_type(
    data_dir: Path, tmp_path: Path, expression: str, kind: str, value: str
) -> None:
    path = tmp_path / "answer.parquet"
    with path.open("wb") as file:
        write_parquet(run_query(data_dir, f"SELECT {expression} AS a"), file)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        found = database.read_parquet(str(path))
        assert str(found.types[0]) == kind
        assert database.sql("SELECT a::VARCHAR FROM found").fetchall() == [(value,)]


def test_an_answer_without_rows_keeps_its_columns(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.parquet"
    with path.open("wb") as file:
        write_parquet(run_query(data_dir, "SELECT price FROM demand WHERE false"), file)
    assert read(path) == (["DECIMAL(12,2)"], [])


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    result = QueryResult((("a", VARCHAR), ("a", VARCHAR)), [("x", "y")])
    with (
        (tmp_path / "x").open("wb") as file,
        pytest.raises(SqlError, match="two columns are named a"),
    ):
        write_parquet(result, file)


def test_the_standard_output_takes_it(data_dir: Path, tmp_path: Path) -> None:
    arguments = ("sql", "--data", data_dir, "--format", "parquet")
    done = dmd(*arguments, "SELECT sale_id FROM sale ORDER BY 1 LIMIT 2", state=tmp_path)
    path = tmp_path / "answer.parquet"
    path.write_bytes(done.stdout)
    assert read(path) == (["VARCHAR"], [("s1",), ("s2",)])


def test_a_terminal_does_not(data_dir: Path) -> None:
    command = (sys.executable, "-m", "dmd", "sql", "--data", str(data_dir), "--format", "parquet")
    status, shown = in_terminal((*command, "SELECT 1"), 80, os.environ)
    assert status == 1
    assert "Parquet is not for a terminal" in shown


def test_it_holds_one_answer(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sql", "--data", str(data_dir), "--format", "parquet", "SELECT 1; SELECT 2"]
    assert main(arguments) == 1
    assert "--format parquet is for one statement" in capsys.readouterr().err
