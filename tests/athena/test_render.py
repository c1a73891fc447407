"""Answers are shown as Athena shows them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from athena.engine import QueryResult, run_query
from athena.render import athena_text, print_table, render
from athena.values.trino_types import VARCHAR


def _shown(data_dir: Path, expression: str) -> str:
    result = run_query(data_dir, f"SELECT {expression}")
    return athena_text(result.rows[0][0], result.columns[0][1])


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1.50", "1.50"),
        ("cast(0 AS decimal(9,8))", "0.00000000"),
        ("timestamp '2026-11-01 12:00:00'", "2026-11-01 12:00:00.000"),
        ("timestamp '0001-01-01 00:00:00.25'", "0001-01-01 00:00:00.250"),
        ("timestamp '2026-11-01 12:00:00.123456'", "2026-11-01 12:00:00.123456"),
        ("from_unixtime(0)", "1970-01-01 00:00:00.000 UTC"),
        ("from_unixtime_nanos(1000)", "1970-01-01 00:00:00.000001000 UTC"),
        ("date '2026-11-01'", "2026-11-01"),
        ("true", "true"),
        ("array['a', null, 'b c']", "[a, null, b c]"),
        ("map(array['k'], array[1.5])", "{k=1.5}"),
        ("cast(row(1, null) AS row(a integer, b varchar))", "{a=1, b=null}"),
        ("array[row(1, 'x')]", "[{field0=1, field1=x}]"),
        ("x'00ff10'", "00 ff 10"),
        ("2.5e0", "2.5"),
        ("1e7", "1.0E7"),
        ("9999999.5e0", "9999999.5"),
        ("-1e-7", "-1.0E-7"),
        ("1e-3", "0.001"),
        ("0e0", "0.0"),
        ("1.5e300", "1.5E300"),
        ("cast(0.1 AS real)", "0.1"),
        ("0e0 / 0", "NaN"),
        ("-1e0 / 0", "-Infinity"),
        ("interval '26' hour", "1 02:00:00.000"),
        ("date '2024-03-01' - date '2024-03-02'", "-1 00:00:00.000"),
        ("interval '14' month", "1-2"),
        ("json_parse('{\"a\": 1}')", '{"a":1}'),
    ],
)
def test_values_look_as_athena_shows_them(data_dir: Path, expression: str, text: str) -> None:
    assert _shown(data_dir, expression) == text


def test_a_table_is_aligned_numbers_to_the_right(data_dir: Path) -> None:
    sql = "SELECT sale_id, amount, change_id FROM sale ORDER BY sale_id LIMIT 3"
    assert render(run_query(data_dir, sql), "table") == (
        "sale_id | amount | change_id\n"
        "--------+--------+----------\n"
        "s1      |  20.20 | c01\n"
        "s2      |   5.00 | c01\n"
        "s3      |   7.77 |\n"
        "(3 rows)\n"
    )


def test_a_value_cannot_break_a_table_s_line_or_drive_the_terminal() -> None:
    result = QueryResult((("a", VARCHAR),), [("x\ny\x1b[2J",)])
    assert render(result, "table").splitlines()[2] == r"x\ny\x1b[2J"


def test_a_character_of_two_cells_takes_two() -> None:
    result = QueryResult((("a", VARCHAR), ("b", VARCHAR)), [("東京", "x"), ("Rome", "y")])
    assert render(result, "table").splitlines()[2:4] == ["東京 | x", "Rome | y"]


def _terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def _printed(result: QueryResult, width: int) -> str:
    console = _terminal(width)
    print_table(result, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_the_same_table_if_it_is_wide_enough(data_dir: Path) -> None:
    result = run_query(data_dir, "SELECT sale_id, amount FROM sale ORDER BY 1")
    text = render(result, "table")
    assert _printed(result, max(map(len, text.splitlines()))) == text


def test_a_narrower_terminal_shows_a_line_for_each_value(data_dir: Path) -> None:
    result = run_query(data_dir, "SELECT sale_id, amount FROM sale ORDER BY 1 LIMIT 2")
    assert _printed(result, 14) == (
        "-- row 1 --\nsale_id | s1\namount  | 20.20\n"
        "-- row 2 --\nsale_id | s2\namount  | 5.00\n(2 rows)\n"
    )


def test_a_long_value_is_whole_in_a_terminal() -> None:
    value = "long " * 100
    assert value in _printed(QueryResult((("a", VARCHAR),), [(value,)]), 40)


def test_csv_is_quoted_and_null_is_nothing(data_dir: Path) -> None:
    sql = """SELECT note, price, tags FROM demand WHERE change_id IN ('c03', 'c05') ORDER BY 1"""
    text = render(run_query(data_dir, sql), "csv")
    assert text == (
        '"note","price","tags"\n"a, ""quoted"" note","9999999999.99","[rock, pop]"\n,,\n'
    )
    assert list(csv.reader(io.StringIO(text)))[1] == [
        'a, "quoted" note',
        "9999999999.99",
        "[rock, pop]",
    ]


def test_json_is_an_object_a_row_and_exact(data_dir: Path) -> None:
    sql = (
        "SELECT price, score, seats, changed_at, tags, limits, venue, payload, note, is_deleted,"
        " price FROM demand WHERE change_id = 'c05'"
    )
    lines = render(run_query(data_dir, sql), "json").splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "price": "9999999999.99",
            "score": 1e10,
            "seats": 10_000_000_000,
            "changed_at": "2024-03-02 00:30:00.000",
            "tags": ["rock", "pop"],
            "limits": {"max": "7.00", "min": "-1.00"},
            "venue": {"city": "Paris", "country": "FR", "capacity": 250, "geo": None},
            "payload": "aGVsbG8=",
            "note": 'a, "quoted" note',
            "is_deleted": False,
            "price_2": "9999999999.99",
        }
    ]


def test_json_has_no_numbers_that_json_has_not(data_dir: Path) -> None:
    line = render(run_query(data_dir, "SELECT 0e0 / 0 AS x, 1e0 / 0 AS y"), "json")
    assert json.loads(line) == {"x": "NaN", "y": "Infinity"}


def test_no_rows_are_a_head_or_nothing(data_dir: Path) -> None:
    result = run_query(data_dir, "SELECT sale_id FROM sale WHERE 1 = 0")
    assert render(result, "table") == "sale_id\n-------\n(0 rows)\n"
    assert render(result, "csv") == '"sale_id"\n'
    assert render(result, "json") == ""
