"""Tables are read as Glue describes them: location, projection, schema literal, column types."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from athena.engine import run_query
from athena.errors import SqlError

from .tables import (
    DEMAND_COLUMNS,
    DEMAND_SCHEMA,
    SALE_COLUMNS,
    SALE_ROWS,
    SALE_SCHEMA,
    avro_table,
    catalog,
    write_avro,
    write_data_directory,
)

NOW = dt.datetime(2024, 3, 2, 12, tzinfo=dt.UTC)


def _sales(directory: Path, date: str) -> Path:
    return directory / "data-pipeline" / "avro" / "sale" / f"partition_date={date}"


@pytest.fixture
def own_dir(tmp_path: Path) -> Path:
    return write_data_directory(tmp_path)


@pytest.fixture
def sale_dir(tmp_path: Path) -> Callable[..., Path]:
    """Write a data directory with a sale table that a test changes."""

    def write(
        change: Callable[[dict[str, Any]], None] = lambda table: None, dates: str = "2024-03-01,NOW"
    ) -> Path:
        table = avro_table("sale", SALE_SCHEMA, SALE_COLUMNS, dates=dates)
        change(table)
        for date, rows in SALE_ROWS.items():
            write_avro(_sales(tmp_path, date) / "a.avro", SALE_SCHEMA, rows)
        (tmp_path / "catalog.json").write_text(json.dumps(catalog([table])))
        return tmp_path

    return write


def _count(directory: Path, sql: str = "SELECT count(*) FROM sale", **options: Any) -> int:
    return int(run_query(directory, sql, **options).rows[0][0])


def test_objects_that_athena_ignores_are_ignored(own_dir: Path) -> None:
    folder = _sales(own_dir, "2024-03-02")
    (folder / "_SUCCESS").write_text("not avro")
    (folder / ".hidden.avro").write_text("not avro")
    (folder / "empty.avro").touch()
    assert _count(own_dir) == 4


def test_objects_below_a_partition_are_read(own_dir: Path) -> None:
    folder = _sales(own_dir, "2024-03-02")
    write_avro(folder / "deeper" / "b.avro", SALE_SCHEMA, SALE_ROWS["2024-03-03"])
    assert _count(own_dir) == 5


def test_a_truncated_file_fails_the_queries_that_read_it_and_no_others(own_dir: Path) -> None:
    path = _sales(own_dir, "2024-03-02") / "a.avro"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SqlError, match=r"partition_date=2024-03-02/a\.avro"):
        run_query(own_dir, "SELECT * FROM sale")
    assert _count(own_dir, "SELECT count(*) FROM sale WHERE partition_date = '2024-03-03'") == 1


def test_a_foreign_file_is_an_error_that_names_it(own_dir: Path) -> None:
    (_sales(own_dir, "2024-03-03") / "notes.txt").write_text("hello")
    with pytest.raises(SqlError, match=r"notes\.txt"):
        run_query(own_dir, "SELECT * FROM sale")


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("partition_date = '2024-03-03'", 1),
        ("partition_date IN ('2024-03-03', '2024-03-04')", 1),
        ("partition_date BETWEEN '2024-03-03' AND '2024-03-09'", 1),
        ("partition_date > '2024-03-02'", 1),
        ("s.partition_date >= '2024-03-03' AND quantity > 0", 1),
        ("partition_date LIKE '2024-03-03%'", 1),
    ],
)
def test_a_filter_on_the_date_keeps_other_partitions_unread(
    own_dir: Path, condition: str, count: int
) -> None:
    (_sales(own_dir, "2024-03-02") / "broken.avro").write_text("broken")
    assert _count(own_dir, f"SELECT count(*) FROM sale s WHERE {condition}") == count


@pytest.mark.parametrize(
    "condition",
    [
        "partition_date = '2024-03-03' OR quantity = 2",
        "NOT partition_date = '2024-03-02'",
        "substr(partition_date, 1, 7) = '2024-03'",
    ],
)
def test_any_other_filter_reads_every_partition(own_dir: Path, condition: str) -> None:
    (_sales(own_dir, "2024-03-02") / "broken.avro").write_text("broken")
    with pytest.raises(SqlError, match=r"broken\.avro"):
        run_query(own_dir, f"SELECT count(*) FROM sale WHERE {condition}")


def test_a_column_that_only_takes_the_date_column_s_name_is_no_partition(own_dir: Path) -> None:
    names = "partition_date, b, c, d, e, f"
    sql = f"SELECT count(*) FROM sale AS s({names}) WHERE partition_date = 's1'"
    assert _count(own_dir, sql) == 1


def test_the_path_of_a_row_s_file_can_be_asked_for_and_is_in_no_star(own_dir: Path) -> None:
    result = run_query(own_dir, """SELECT "$path" FROM sale WHERE sale_id = 's4'""")
    path = "data-pipeline/avro/sale/partition_date=2024-03-03/a.avro"
    assert result.rows == [(f"s3://prd3292-dev1-dmnd/{path}",)]
    names = [name for name, _ in run_query(own_dir, "SELECT * FROM sale").columns]
    assert names == [*(name for name, _, _ in SALE_COLUMNS), "partition_date"]


@pytest.mark.parametrize(
    ("dates", "count"),
    [
        ("2024-03-01,NOW+1DAYS", 4),
        ("2024-03-01,NOW", 3),
        ("2024-03-03,NOW+1DAYS", 1),
        ("NOW-1YEARS,NOW+1MONTHS", 4),
        ("2024-03-01,NOW-1DAYS", 0),
        ("2024-01-01,2024-03-02", 3),
    ],
)
def test_dates_outside_the_projected_range_have_no_rows(
    sale_dir: Callable[..., Path], dates: str, count: int
) -> None:
    assert _count(sale_dir(dates=dates), now=NOW) == count


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("projection.partition_date.range", "2024-01-01", "two dates"),
        ("projection.partition_date.range", "2024-01-01,SOON", "SOON"),
        ("projection.partition_date.format", "YYYY-MM-DD", "yyyy-MM-dd"),
        ("projection.enabled", "false", "no partitions are registered"),
        ("storage.location.template", "s3://elsewhere/${partition_date}/", "elsewhere"),
    ],
)
def test_a_table_that_athena_cannot_project_is_an_error(
    sale_dir: Callable[..., Path], parameter: str, value: str, message: str
) -> None:
    directory = sale_dir(lambda table: table["Parameters"].update({parameter: value}))
    with pytest.raises(SqlError, match=message):
        run_query(directory, "SELECT * FROM sale")


def test_a_table_without_partitions_is_read_whole(sale_dir: Callable[..., Path]) -> None:
    def unpartition(table: dict[str, Any]) -> None:
        table["PartitionKeys"] = []
        table["Parameters"] = {}

    assert _count(sale_dir(unpartition)) == 4


def test_an_old_file_gets_the_defaults_of_new_columns(own_dir: Path) -> None:
    sql = "SELECT DISTINCT note, channel FROM demand WHERE partition_date = '2024-03-01'"
    assert run_query(own_dir, sql).rows == [(None, "web")]


def test_a_new_column_without_a_default_fails_as_in_athena(sale_dir: Callable[..., Path]) -> None:
    def add(table: dict[str, Any]) -> None:
        schema = copy.deepcopy(SALE_SCHEMA)
        schema["fields"].append({"name": "seat", "type": "string"})
        table["StorageDescriptor"]["Columns"].append({"Name": "seat", "Type": "string"})
        serde = table["StorageDescriptor"]["SerdeInfo"]["Parameters"]
        serde["avro.schema.literal"] = json.dumps(schema)

    with pytest.raises(SqlError, match=r"a\.avro"):
        run_query(sale_dir(add), "SELECT seat FROM sale")


def test_a_column_that_the_literal_lacks_is_an_error(sale_dir: Callable[..., Path]) -> None:
    def add(table: dict[str, Any]) -> None:
        table["StorageDescriptor"]["Columns"].append({"Name": "seat", "Type": "string"})

    with pytest.raises(SqlError, match=r"lacks seat"):
        run_query(sale_dir(add), "SELECT seat FROM sale")


@pytest.mark.parametrize(
    ("column", "kind"), [("amount", "decimal(12,4)"), ("sold_at", "bigint"), ("quantity", "bigint")]
)
def test_a_column_that_athena_would_read_wrongly_is_an_error(
    sale_dir: Callable[..., Path], column: str, kind: str
) -> None:
    def change(table: dict[str, Any]) -> None:
        columns = table["StorageDescriptor"]["Columns"]
        next(c for c in columns if c["Name"] == column)["Type"] = kind

    directory = sale_dir(change)
    with pytest.raises(SqlError, match=rf"column {column}: Glue says"):
        run_query(directory, f"SELECT {column} FROM sale")
    assert _count(directory, "SELECT count(sale_id) FROM sale") == 4


@pytest.mark.parametrize("kind", ["x", "array<>", "uniontype<int>"])
def test_an_unknown_column_type_is_an_error(sale_dir: Callable[..., Path], kind: str) -> None:
    def change(table: dict[str, Any]) -> None:
        table["StorageDescriptor"]["Columns"][0]["Type"] = kind

    with pytest.raises(SqlError, match=f"column sale_id: dmd sql does not know the type '{kind}'"):
        run_query(sale_dir(change), "SELECT quantity FROM sale")


def test_a_type_defined_in_another_column_is_found(tmp_path: Path) -> None:
    schema = {
        "type": "record",
        "name": "pair",
        "fields": [
            {
                "name": "first",
                "type": {
                    "type": "record",
                    "name": "point",
                    "fields": [{"name": "x", "type": "int"}],
                },
            },
            {"name": "second", "type": "point"},
        ],
    }
    columns = [("first", "struct<x:int>", ""), ("second", "struct<x:int>", "")]
    table = avro_table("pair", schema, columns)
    path = tmp_path / "data-pipeline/avro/pair/partition_date=2024-03-01/a.avro"
    write_avro(path, schema, [{"first": {"x": 1}, "second": {"x": 2}}])
    (tmp_path / "catalog.json").write_text(json.dumps(catalog([table])))
    assert run_query(tmp_path, "SELECT second.x FROM pair").rows == [(2,)]


def test_every_column_of_the_widest_table_is_typed(own_dir: Path) -> None:
    result = run_query(own_dir, "SELECT * FROM demand WHERE change_id = 'c01'")
    assert [name for name, _ in result.columns][:-1] == [name for name, _, _ in DEMAND_COLUMNS]
    stored = {f["name"] for f in DEMAND_SCHEMA["fields"]}
    row = dict(zip((name for name, _ in result.columns), result.rows[0], strict=True))
    assert stored < row.keys()
    assert {name: type(row[name]).__name__ for name in ("changed_at", "price", "opens_on")} == {
        "changed_at": "datetime",
        "price": "Decimal",
        "opens_on": "date",
    }
    assert {name: type(row[name]).__name__ for name in ("tags", "labels", "venue", "payload")} == {
        "tags": "list",
        "labels": "dict",
        "venue": "dict",
        "payload": "bytes",
    }
