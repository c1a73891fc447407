"""A query that cannot be answered is refused with a reason; a query reads nothing but tables."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from athena.engine import run_query
from athena.errors import SqlError
from console.errors import CommandError

from .tables import DATABASE, catalog, definitions, view


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT FROM WHERE", "not Athena SQL"),
        ("", "no statement"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("INSERT INTO sale SELECT * FROM sale", "belong to the pipeline"),
        ("DROP TABLE sale", "belong to the pipeline"),
        ("CREATE TABLE x AS SELECT 1 AS a", "belong to the pipeline"),
        ("DELETE FROM sale", "belong to the pipeline"),
        ("SELECT nosuch FROM sale", "column 'nosuch' cannot be resolved; there are amount"),
        ("SELECT * FROM nosuch", "there is no table 'nosuch'.*demand, demand_cities"),
        ("SELECT * FROM other.sale", "there is no database 'other'"),
        ("SELECT * FROM other.db.sale", "there is no catalog 'other'"),
        ("SELECT sale_id::varchar FROM sale", "CAST"),
        ("SELECT frobnicate(1)", "does not know the function frobnicate"),
        ("SELECT round('a')", r"round\(varchar\)"),
        (
            "SELECT 1 FROM sale WHERE partition_date > date '2024-03-01'",
            "compare text with text",
        ),
        ("SELECT current_timestamp AT TIME ZONE 'Asia/Tokyo'", "cast it"),
        ("SELECT channel, price FROM demand GROUP BY channel", "GROUP BY"),
        ("SELECT tags[9] FROM demand WHERE tags IS NOT NULL", "out of bounds: 9 .*element_at"),
        ("SELECT cast('x' AS bigint)", "^cannot cast 'x' to bigint$"),
        ("SELECT timestamp '2024-01-01 00:00:00.1234567'", r"cannot cast '.*' to timestamp\(7\)"),
        ("SELECT cast('2024-01-01 00:00:00.1234567' AS timestamp(6))", r"to timestamp\(6\)"),
        ("SELECT 5 / 0", "(?i)division by zero"),
        ("SELECT cast(array[date '2024-01-01'] AS array(integer))", r"cannot cast array\(date\)"),
        (
            "SELECT decimal '0.00000000000000000001' * decimal '0.00000000000000000001'",
            "has more than 38 fraction digits",
        ),
        ("SELECT interval '1' day * 1.5", r"cannot apply \* to interval day to second"),
        ("WITH RECURSIVE t(n) AS (SELECT 1) SELECT * FROM t", "RECURSIVE"),
        ("SHOW STATS FOR sale", "SHOW TABLES"),
        ("SHOW TABLES IN nosuch", "there is no database 'nosuch'"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused_with_the_reason(
    data_dir: Path, sql: str, message: str
) -> None:
    with pytest.raises(SqlError, match=message):
        run_query(data_dir, sql)


def test_an_error_says_where(data_dir: Path) -> None:
    with pytest.raises(SqlError) as caught:
        run_query(data_dir, "SELECT sale_id,\n  nosuch FROM sale")
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert str(caught.value).startswith("line 2:3: ")
    assert isinstance(caught.value, CommandError)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        'SELECT * FROM "{file}"',
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.character_sets",
        "SELECT * FROM duckdb_tables()",
        "SELECT * FROM sqlite_master",
        "COPY sale TO '{file}'",
        "SET enable_external_access = true",
        "ATTACH '{file}'",
        "INSTALL httpfs",
    ],
)
def test_a_query_reads_nothing_but_the_tables(data_dir: Path, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(SqlError):
        run_query(data_dir, sql.format(file=secret))
    assert secret.read_text() == "a,b\n1,2\n"


def test_a_trailing_semicolon_is_fine_as_in_athena_s_console(data_dir: Path) -> None:
    assert run_query(data_dir, "SELECT 1 ;\n").rows == [(1,)]


def test_the_current_time_is_utc_in_milliseconds(data_dir: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    result = run_query(data_dir, "SELECT now(), current_date, localtimestamp, current_timestamp")
    moment, today, local, same = result.rows[0]
    assert abs(moment - before) < dt.timedelta(seconds=30)
    assert moment.microsecond % 1000 == 0
    assert moment.tzinfo is dt.UTC
    assert today == moment.date()
    assert local == moment.replace(tzinfo=None)
    assert same == moment


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SHOW DATABASES", [(DATABASE,), (f"{DATABASE}_parquet",)]),
        ("show tables", [("demand",), ("demand_cities",), ("demand_latest",), ("sale",)]),
        (f"SHOW TABLES IN {DATABASE}_parquet", []),
        (f"SHOW TABLES IN {DATABASE.upper()} 'sa*'", [("sale",)]),
        ("SHOW TABLES LIKE 'sa*'", [("sale",)]),
        ("SHOW VIEWS", [("demand_cities",), ("demand_latest",)]),
    ],
)
def test_show_lists_databases_and_tables(data_dir: Path, sql: str, rows: list[tuple[str]]) -> None:
    assert run_query(data_dir, sql).rows == rows


@pytest.mark.parametrize("sql", ["DESCRIBE sale", f"SHOW COLUMNS IN {DATABASE}.sale;"])
def test_describe_gives_types_comments_and_partition_keys(data_dir: Path, sql: str) -> None:
    rows = run_query(data_dir, sql).rows
    assert rows[1] == ("change_id", "varchar", "", "The demand it answers.")
    assert rows[2] == ("amount", "decimal(12,2)", "", "")
    assert rows[-1] == ("partition_date", "varchar", "partition key", "")


def _with_catalog(directory: Path, tables: list[dict[str, object]]) -> Path:
    (directory / "catalog.json").write_text(json.dumps(catalog(tables)))
    return directory


def test_a_stale_view_is_refused(tmp_path: Path) -> None:
    views = {
        "fewer": view("fewer", "SELECT 1 AS a, 2 AS b", [("a", "integer", "int")]),
        "renamed": view("renamed", "SELECT 1 AS a", [("b", "integer", "int")]),
        "retyped": view("retyped", "SELECT 'x' AS a", [("a", "integer", "int")]),
    }
    _with_catalog(tmp_path, [*definitions(), *views.values()])
    for name in views:
        with pytest.raises(SqlError, match=rf"view {DATABASE}\.{name} is stale"):
            run_query(tmp_path, f"SELECT * FROM {name}")


def test_a_view_s_error_names_the_view(tmp_path: Path) -> None:
    broken = view("broken", "SELECT nosuch FROM sale", [("nosuch", "varchar", "string")])
    _with_catalog(tmp_path, [*definitions(), broken])
    with pytest.raises(SqlError, match=r"in the view .*broken: .*nosuch"):
        run_query(tmp_path, "SELECT * FROM broken")


def test_a_view_of_itself_is_refused(tmp_path: Path) -> None:
    around = view("around", "SELECT a FROM around", [("a", "integer", "int")])
    _with_catalog(tmp_path, [around])
    with pytest.raises(SqlError, match="uses itself"):
        run_query(tmp_path, "SELECT * FROM around")


def test_a_view_that_athena_did_not_write_is_refused(tmp_path: Path) -> None:
    foreign = {**view("foreign", "SELECT 1 AS a", [("a", "integer", "int")])}
    foreign["ViewOriginalText"] = "SELECT 1 AS a"
    _with_catalog(tmp_path, [foreign])
    with pytest.raises(SqlError, match="does not have the form that Athena writes"):
        run_query(tmp_path, "SELECT * FROM foreign")


def test_a_bare_name_in_two_databases_is_ambiguous(tmp_path: Path) -> None:
    content = catalog(definitions())
    content["databases"].append({"Name": "other"})
    content["tables"].append({**content["tables"][1], "DatabaseName": "other"})
    (tmp_path / "catalog.json").write_text(json.dumps(content))
    with pytest.raises(SqlError, match="ambiguous"):
        run_query(tmp_path, "SELECT * FROM sale")
    assert run_query(tmp_path, "SELECT count(*) FROM other.sale").rows == [(0,)]
    assert run_query(tmp_path, "SELECT count(*) FROM sale", "OTHER").rows == [(0,)]
    with pytest.raises(SqlError, match="no database 'nosuch'"):
        run_query(tmp_path, "SELECT 1", "nosuch")


def test_a_folder_without_tables_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SqlError, match="run `dmd demo` first"):
        run_query(tmp_path, "SELECT 1")
    (tmp_path / "catalog.json").write_text('{"tables": 3}')
    with pytest.raises(SqlError, match="not a catalog"):
        run_query(tmp_path, "SELECT 1")
