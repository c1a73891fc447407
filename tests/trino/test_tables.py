"""The tables on a real Trino: every value of every column, pruning, and files of older schemas."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from demo.reconciliation import read_contents
from tests.trino import kinds
from tests.trino.conftest import BUCKET, TYPES, Lake
from tests.trino.expected import column_types, comparable
from tests.trino.server import Trino

pytestmark = pytest.mark.trino


def answered(lake: Lake, relation: str, record_type: str) -> list[str]:
    """The rows of a table or view as Trino gives them, in comparable form."""
    names = [*column_types(lake.schema(record_type)), "rescued_attributes", "partition_date"]
    found = lake.trino.rows(f"SELECT {', '.join(names)} FROM {relation}")
    schema = lake.schema(record_type)
    return [comparable(dict(zip(names, row, strict=True)), schema) for row in found]


def projected(lake: Lake, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the dates that the tables project."""
    return [row for row in rows if row["changed_at"].date() >= lake.history.first_date]


@pytest.mark.parametrize("record_type", TYPES)
def test_every_column_of_every_row_is_exact(lake: Lake, record_type: str) -> None:
    rows = projected(lake, lake.expected_rows(record_type))
    schema = lake.schema(record_type)
    assert len(rows) > 10
    assert set(answered(lake, f'"{record_type}"', record_type)) == {
        comparable(row, schema) for row in rows
    }


def test_a_wrong_digit_would_be_noticed(lake: Lake) -> None:
    row = lake.expected_rows(kinds.NAME)[0]
    schema = lake.schema(kinds.NAME)
    for name in ("a_whole", "a_fine", "a_double", "a_moment"):
        value = row[name]
        step = dt.timedelta(milliseconds=1) if isinstance(value, dt.datetime) else 1
        assert comparable({**row, name: value + step}, schema) != comparable(row, schema)
    assert comparable({**row, "a_double": int(row["a_double"])}, schema) != comparable(row, schema)


@pytest.mark.parametrize("record_type", TYPES)
def test_a_table_has_as_many_rows_as_its_files(lake: Lake, record_type: str) -> None:
    contents = read_contents(lake.endpoint.client("s3"), BUCKET, "data-pipeline")
    first_date = lake.history.first_date.isoformat()
    by_date = {
        each.date: each.rows
        for each in contents.partitions.values()
        if each.record_type == record_type and each.date >= first_date
    }
    rows = lake.trino.rows(
        f'SELECT partition_date, count(*) FROM "{record_type}" GROUP BY partition_date'
    )
    assert dict(rows) == by_date


def test_rows_of_files_written_under_the_older_schema_are_among_them(lake: Lake) -> None:
    rows = lake.trino.rows(
        "SELECT change_id, default_string, default_enum, person.country, person.mood, "
        "person.balance, people[1].country, element_at(people_by_name, 'one').nicknames, "
        "wider_integer, int_to_double FROM kinds WHERE change_id = 'at first 2'"
    )
    assert (
        "at first 2",
        "as before",
        "BLUE",
        "US",
        "FINE",
        None,
        "US",
        None,
        2147483645,
        -2.0,
    ) in rows


# --- partitions -------------------------------------------------------------------------------


def partitions_read(trino: Trino, sql: str) -> list[str]:
    """The partition dates that Trino plans to read for a query, in order."""
    (plan,) = trino.rows(f"EXPLAIN (TYPE IO, FORMAT JSON) {sql}")
    dates = []
    for table in json.loads(plan[0])["inputTableColumnInfos"]:
        (domain,) = [
            each["domain"]
            for each in table["constraint"]["columnConstraints"]
            if each["columnName"] == "partition_date"
        ]
        for each in domain["ranges"]:
            assert each["low"] == each["high"], "partitions are listed one by one"
            dates.append(each["low"]["value"])
    return sorted(dates)


def test_a_day_s_query_plans_and_reads_that_day_s_files_alone(lake: Lake) -> None:
    day = (lake.history.today - dt.timedelta(days=5)).isoformat()
    sql = f"SELECT change_id, max_price FROM demand WHERE partition_date = '{day}'"
    assert partitions_read(lake.trino, sql) == [day]
    cursor = lake.trino.cursor(sql)
    count = len(cursor.fetchall())
    (every,) = lake.trino.rows("SELECT count(*) FROM demand")
    assert cursor.stats["processedRows"] == count
    assert 0 < count < every[0]


@pytest.mark.parametrize(
    "condition",
    [
        "partition_date >= '{day}'",
        "partition_date BETWEEN '{day}' AND '{today}'",
        "CAST(partition_date AS date) >= DATE '{day}'",
        "partition_date >= CAST(current_date - INTERVAL '4' DAY AS varchar)",
    ],
)
def test_a_range_of_days_reads_those_days_alone(lake: Lake, condition: str) -> None:
    today = lake.history.today
    day = (today - dt.timedelta(days=4)).isoformat()
    condition = condition.format(day=day, today=today)
    read = partitions_read(lake.trino, f"SELECT change_id FROM demand WHERE {condition}")
    assert read[:5] == [(today - dt.timedelta(days=n)).isoformat() for n in (4, 3, 2, 1, 0)]
    # The tables project a day ahead.
    assert len(read) <= 6


@pytest.mark.parametrize("date", ["2019-01-01", "1970-01-01", "2999-12-31", "no date"])
def test_dates_outside_the_range_give_no_rows_and_no_error(lake: Lake, date: str) -> None:
    assert lake.trino.rows(f"SELECT * FROM demand WHERE partition_date = '{date}'") == []


def test_a_change_of_before_the_first_date_is_written_and_not_shown(lake: Lake) -> None:
    contents = read_contents(lake.endpoint.client("s3"), BUCKET, "data-pipeline")
    assert contents.partitions["demand", "2019-01-01"].rows == 1
    sql = "SELECT count(*) FROM demand WHERE change_id = 'long-ago'"
    assert lake.trino.rows(sql) == [(0,)]


def test_the_moment_of_a_change_has_its_microseconds(lake: Lake) -> None:
    rows = lake.trino.rows(
        "SELECT changed_at_micros, CAST(from_unixtime_nanos(changed_at_micros * 1000) "
        "AT TIME ZONE 'UTC' AS varchar) FROM demand LIMIT 20"
    )
    for micros, text in rows:
        moment = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=micros)
        assert text.startswith(moment.strftime("%Y-%m-%d %H:%M:%S.%f"))
