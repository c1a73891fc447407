"""What is no SELECT: EXPLAIN, prepared statements, SHOW CREATE, and words that begin nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from athena.engine import run_query
from athena.errors import SqlError

from .tables import DATABASE, LATEST_SQL

PLAN = ["table", "columns", "first_partition", "last_partition", "partitions", "files", "bytes"]


def size(data_dir: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in data_dir.rglob(pattern))


def test_explain_says_what_a_query_reads(data_dir: Path) -> None:
    sql = "EXPLAIN SELECT sale_id FROM sale WHERE partition_date >= '2024-03-03'"
    result = run_query(data_dir, sql)
    assert [name for name, _ in result.columns] == PLAN
    expected = size(data_dir, "sale/partition_date=2024-03-03/*.avro")
    day = "2024-03-03"
    assert result.rows == [
        (f"{DATABASE}.sale", "sale_id, partition_date", day, day, 1, 1, expected)
    ]


def test_explain_has_a_row_for_each_reading_also_of_a_view(data_dir: Path) -> None:
    sql = "EXPLAIN SELECT count(*) FROM demand_latest JOIN sale USING (change_id)"
    rows = run_query(data_dir, sql).rows
    assert [row[0] for row in rows] == [f"{DATABASE}.demand", f"{DATABASE}.sale"]
    assert [row[4:6] for row in rows] == [(3, 6), (2, 2)]
    assert rows[0][6] == size(data_dir, "demand/*/*.avro")


def test_explain_reads_no_file(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "catalog.json").write_text((data_dir / "catalog.json").read_text())
    folder = tmp_path / "data-pipeline/avro/sale/partition_date=2024-03-02"
    folder.mkdir(parents=True)
    (folder / "broken.avro").write_bytes(b"not Avro")
    assert run_query(tmp_path, "EXPLAIN SELECT * FROM sale").rows[0][5:] == (1, 8)
    with pytest.raises(SqlError, match="cannot be read as Avro"):
        run_query(tmp_path, "SELECT * FROM sale")


def test_a_query_without_tables_reads_nothing(data_dir: Path) -> None:
    assert run_query(data_dir, "EXPLAIN SELECT 1").rows == []
    assert run_query(data_dir, 'EXPLAIN SELECT * FROM "sale$partitions"').rows[0][4:] == (0, 0, 0)


@pytest.mark.parametrize(
    ("parameters", "rows"),
    [
        (["2", "'s1'"], [("s1",)]),
        (["-1", "'s1'"], []),
        (["1 + 1", "'s1'"], [("s1",)]),
        (["CAST('2' AS integer)", "concat('s', '1')"], [("s1",)]),
        (["NULL", "'s1'"], []),
    ],
)
def test_a_literal_takes_the_place_of_each_question_mark(
    data_dir: Path, parameters: list[str], rows: list[Any]
) -> None:
    sql = "SELECT sale_id FROM sale WHERE quantity = ? AND sale_id = ? -- a ? in a comment"
    assert run_query(data_dir, sql, parameters=parameters).rows == rows


def test_a_question_mark_can_stand_anywhere_a_literal_can(data_dir: Path) -> None:
    sql = "SELECT 10-?, '?', ? AS x FROM sale WHERE partition_date = ? ORDER BY 1 OFFSET ? LIMIT ?"
    given = ["-5", "date '2024-03-01'", "'2024-03-02'", "1", "1"]
    assert run_query(data_dir, sql, parameters=given).rows == [(15, "?", dt.date(2024, 3, 1))]
    # A parameter limits what is read as a literal does.
    plan = run_query(data_dir, f"EXPLAIN {sql}", parameters=given).rows
    assert plan[0][2:4] == ("2024-03-02", "2024-03-02")


@pytest.mark.parametrize(
    "literal",
    ["1", "-1.5e3", ".5", "'it''s ?'", "X'00'", "date '2026-11-01'", "NULL", "DECIMAL '1.50'"],
)
def test_a_literal_means_what_it_means_in_the_query(data_dir: Path, literal: str) -> None:
    given = run_query(data_dir, "SELECT ?", parameters=[literal])
    written = run_query(data_dir, f"SELECT {literal}")
    assert (given.columns, given.rows) == (written.columns, written.rows)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([], r"1 parameters \(\?\), but 0 values"),
        (["1", "2"], r"1 parameters \(\?\), but 2 values"),
        (["quantity"], "quantity is not a literal"),
        (["(SELECT 1)"], "not a literal"),
        (["1) OR (1 = 1"], "not a literal"),
        (["1; SELECT 2"], "not a literal"),
        (["1, 2"], "not a literal"),
        ([""], "not a literal"),
        (["'a"], "not a literal"),
        (["?"], "not a literal"),
    ],
)
def test_only_a_literal_is_taken_for_a_parameter(
    data_dir: Path, parameters: list[str], message: str
) -> None:
    sql = "SELECT count(*) FROM sale WHERE quantity = ? AND sale_id = 's2'"
    with pytest.raises(SqlError, match=message):
        run_query(data_dir, sql, parameters=parameters)


def test_a_comment_in_a_parameter_hides_nothing_of_the_query(data_dir: Path) -> None:
    sql = "SELECT count(*) FROM sale WHERE quantity = ? AND sale_id = 's2'"
    for parameter in ("1 --", "1 /* */", "0 + 1 --", "-- one\n1"):
        assert run_query(data_dir, sql, parameters=[parameter]).rows == [(1,)]


def test_a_prepared_statement_lives_in_its_session(data_dir: Path) -> None:
    session: dict[str, str] = {}

    def run(sql: str, *parameters: str) -> list[Any]:
        return run_query(data_dir, sql, parameters=parameters, prepared=session).rows

    assert run("PREPARE by_quantity FROM SELECT sale_id FROM sale WHERE quantity = ?") == []
    assert run("EXECUTE BY_QUANTITY USING 7") == [("s3",)]
    assert run("execute by_quantity", "7") == [("s3",)]
    with pytest.raises(SqlError, match="no prepared statement by_quantity; PREPARE it first"):
        run_query(data_dir, "EXECUTE by_quantity USING 7")
    run("PREPARE by_quantity FROM SELECT concat(?, ',', ?)")
    assert run("EXECUTE by_quantity USING 'a, b', replace('(', '(', ')')") == [("a, b,)",)]
    run("DEALLOCATE PREPARE by_quantity")
    with pytest.raises(SqlError, match="no prepared statement by_quantity"):
        run("EXECUTE by_quantity USING 7")
    with pytest.raises(SqlError, match="no prepared statement by_quantity"):
        run("DEALLOCATE PREPARE by_quantity")
    with pytest.raises(SqlError, match="did you mean FROM"):
        run("PREPARE broken FROM SELECT 1 FORM sale")
    assert session == {}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELET 1", "^line 1:1: SELET begins no statement of Athena SQL; did you mean SELECT?"),
        ("-- a comment\n  FROBNICATE x", "^line 2:3: FROBNICATE begins no statement"),
        (
            "SELECT sale_id FORM sale",
            "^line 1:21: .* at sale: .* did you mean FROM instead of FORM",
        ),
        ("SELECT 1 FROM sale WERE quantity = 1", "did you mean WHERE instead of WERE"),
        ("SELECT sale_id, FROM sale", "^line 1:15: .*nothing follows the comma"),
        ("SELECT 'a", "has no end"),
        ("SELECT * FROM sale WHERE", "something is missing here"),
        ("MSCK REPAIR TABLE sale", "does not run MSCK: partitions are projected"),
        ("UNLOAD (SELECT 1) TO 's3://b/'", "does not run UNLOAD: it writes files to S3"),
        ("OPTIMIZE sale REWRITE DATA USING BIN_PACK", "OPTIMIZE: it rewrites Iceberg tables"),
        ("USE other", "does not run USE: write the database before the table's name"),
        ("CALL system.x()", "Athena has no such statement"),
        ("ALTER TABLE sale ADD COLUMNS (a int)", "belong to the pipeline"),
        ("EXPLAIN ANALYZE SELECT 1", "no ANALYZE"),
        ("EXPLAIN (FORMAT JSON) SELECT 1", "no options"),
        ("EXPLAIN SHOW TABLES", "explains a query"),
        ("EXECUTE IMMEDIATE 'SELECT 1'", "write PREPARE name FROM"),
        ("PREPARE SELECT 1", "write PREPARE name FROM"),
        ("SELECT 1 FROM sale LIMIT 2 OFFSET 1", "^line 1:28: in Athena, OFFSET comes before LIMIT"),
        (
            "SELECT 1 FROM sale WHERE sale_id ILIKE 'S%'",
            r"^line 1:34: .*lower\(a\) LIKE lower\(b\)",
        ),
        ("SELECT count(*), channel FROM demand", "^line 1:18: channel is neither in GROUP BY"),
        ("SELECT sold_at AT TIME ZONE 'UTC' FROM sale", "zone of column _col0"),
        ("SHOW CREATE VIEW sale", "is a table; use SHOW CREATE TABLE"),
        ("SHOW CREATE TABLE demand_latest", "is a view; use SHOW CREATE VIEW"),
        ("SHOW PARTITIONS demand_latest", "has no partitions"),
        ("SELECT * FROM information_schema.roles", "it has columns, schemata, tables, views"),
    ],
)
def test_an_error_names_what_is_wrong_and_what_to_write(
    data_dir: Path, sql: str, message: str
) -> None:
    with pytest.raises(SqlError, match=message):
        run_query(data_dir, sql)


def test_show_create_table_is_a_statement_of_athena(data_dir: Path) -> None:
    result = run_query(data_dir, f"SHOW CREATE TABLE {DATABASE}.sale")
    assert [name for name, _ in result.columns] == ["createtab_stmt"]
    lines = [line for (line,) in result.rows]
    assert lines[0] == f"CREATE EXTERNAL TABLE `{DATABASE}`.`sale`("
    assert "  `change_id` string COMMENT 'The demand it answers.'," in lines
    assert "  `sold_at` timestamp)" in lines
    assert lines[lines.index("PARTITIONED BY (") + 1] == "  `partition_date` string)"
    assert lines[lines.index("LOCATION") + 1].endswith("/data-pipeline/avro/sale/'")
    assert "  'projection.partition_date.range'='2024-03-01,2024-03-10'," in lines
    text = "\n".join(lines)
    assert text.count("(") == text.count(")")


def test_show_create_view_has_the_view_s_own_text(data_dir: Path) -> None:
    lines = [line for (line,) in run_query(data_dir, "SHOW CREATE VIEW demand_latest").rows]
    assert lines[0] == f'CREATE VIEW "{DATABASE}"."demand_latest" AS'
    assert "\n".join(lines[1:]) == LATEST_SQL


def test_show_partitions_has_none_and_says_why(data_dir: Path) -> None:
    result = run_query(data_dir, "SHOW PARTITIONS sale")
    assert result.rows == []
    assert 'SELECT * FROM "table$partitions"' in result.notes[0]


def test_an_approximation_of_athena_is_exact_and_said(data_dir: Path) -> None:
    sql = "SELECT approx_percentile(quantity, 0.5), approx_distinct(channel) FROM demand"
    result = run_query(data_dir, sql)
    assert result.rows == [(2, 3)]
    assert [note.split()[0] for note in result.notes] == ["approx_distinct", "approx_percentile"]
    assert run_query(data_dir, "SELECT count(DISTINCT channel) FROM demand").notes == ()


def test_a_sample_has_rows_of_the_table(data_dir: Path) -> None:
    many = (
        "WITH n AS (SELECT x FROM UNNEST(sequence(1, 10000)) AS u(x))"
        " SELECT count(*), count(DISTINCT x), min(x), max(x) FROM n TABLESAMPLE BERNOULLI (50)"
    )
    rows, distinct, least, most = run_query(data_dir, many).rows[0]
    assert rows == distinct
    # Ten standard deviations around the mean.
    assert 4500 < rows < 5500
    assert least >= 1 and most <= 10_000
