"""``<type>_current`` where no Athena refreshes its table: the changes answer for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from athena.engine import QueryResult, run_query
from athena.errors import SqlError
from athena.tables.folder import read_catalog
from schemas import RECORD_TYPES
from tests.athena.stack_tables import Row, write_stack
from tests.athena.tables import DATABASE, PARQUET_DATABASE

Asked = Callable[..., QueryResult]


def change(key: str, micros: int, change_id: str, *, removed: bool = False, **more: Any) -> Row:
    """A change of an item; each item has its last change in `HISTORY` as the newest."""
    return {
        "record_key": key,
        "change_id": change_id,
        "change_type": "REMOVE" if removed else "INSERT",
        "changed_at": micros // 1000,
        "changed_at_micros": micros,
        "is_deleted": removed,
        "revision": 0,
        **more,
    }


HISTORY = [
    change("changed", 2_000, "c2"),
    change("changed", 1_000, "c1"),
    change("removed", 1_000, "d1"),
    change("removed", 2_000, "d2", removed=True),
    change("back", 1_000, "e1", removed=True),
    change("back", 1_001, "e2"),
    change("later in the stream", 1_000, "f1", sequence_number="99"),
    change("later in the stream", 1_000, "f0", sequence_number="100"),
    change("corrected", 1_000, "g1", revision=1),
    change("corrected", 1_000, "g1"),
]
NEWEST = [("back", "e2"), ("changed", "c2"), ("corrected", "g1"), ("later in the stream", "f0")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stack(tmp_path_factory.mktemp("stack"), dict.fromkeys(RECORD_TYPES, HISTORY))


@pytest.fixture(scope="module")
def asked(folder: Path) -> Asked:
    return lambda sql, **options: run_query(folder, sql, **options)


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_it_has_the_rows_and_the_types_of_the_view_over_all_changes(
    asked: Asked, record_type: str
) -> None:
    current = asked(f"SELECT * FROM {record_type}_current ORDER BY record_key")
    latest = asked(f"SELECT * FROM {record_type}_latest ORDER BY record_key")
    assert (current.columns, current.rows) == (latest.columns, latest.rows)
    names = [name for name, _ in current.columns]
    picked = [names.index("record_key"), names.index("change_id"), names.index("revision")]
    found = [tuple(row[place] for place in picked) for row in current.rows]
    assert found == [(*each, int(each[0] == "corrected")) for each in NEWEST]


def test_its_table_has_the_removed_records_too_and_times_of_microseconds(asked: Asked) -> None:
    table = f"{PARQUET_DATABASE}.event"
    sql = f"SELECT record_key, is_deleted, starts_at FROM {table} ORDER BY 1"
    found = asked(sql)
    assert [row[:2] for row in found.rows] == sorted(
        [*((key, False) for key, _ in NEWEST), ("removed", True)]
    )
    assert str(found.columns[2][1]) == "timestamp(6)"
    described = {row[0]: row[1] for row in asked(f"DESCRIBE {table}").rows}
    assert described["starts_at"] == described["changed_at"] == "timestamp(6)"
    of_view = {row[0]: row[1] for row in asked("DESCRIBE event_current").rows}
    assert of_view["starts_at"] == "timestamp(3)"
    assert list(of_view) == list(described)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM sale_current",
        "SELECT count(*) FROM sale_current s JOIN demand_current d USING (event_id)",
        f"SELECT count(*) FROM {PARQUET_DATABASE}.sale",
        "EXPLAIN SELECT count(*) FROM sale_current",
        "SELECT * FROM (SELECT max(quantity) FROM sale_current)",
    ],
)
def test_the_answer_says_so(asked: Asked, sql: str) -> None:
    (note,) = asked(sql).notes
    assert note.startswith("the current state is worked out from all changes here")


@pytest.mark.parametrize(
    "sql", ["SELECT count(*) FROM sale_latest", "SELECT count(*) FROM sale", "SHOW TABLES"]
)
def test_other_answers_do_not(asked: Asked, sql: str) -> None:
    assert asked(sql).notes == ()


def test_it_is_listed_like_any_view_and_its_table_like_a_table(asked: Asked) -> None:
    def listed(sql: str) -> list[Any]:
        return [name for (name,) in asked(sql).rows]

    views = sorted(f"{each}_{end}" for each in RECORD_TYPES for end in ("current", "latest"))
    assert listed("SHOW VIEWS") == views
    assert listed("SHOW TABLES") == sorted([*RECORD_TYPES, *views])
    assert listed(f"SHOW TABLES IN {PARQUET_DATABASE}") == sorted(RECORD_TYPES)
    assert listed(f"SHOW VIEWS IN {PARQUET_DATABASE}") == []
    kinds = asked(
        "SELECT table_schema, table_type FROM information_schema.tables"
        f" WHERE table_name IN ('sale', 'sale_current') AND table_schema LIKE '{DATABASE}%'"
        " ORDER BY 1, 2"
    )
    assert kinds.rows == [
        (DATABASE, "BASE TABLE"),
        (DATABASE, "VIEW"),
        (PARQUET_DATABASE, "BASE TABLE"),
    ]
    names = "SELECT table_name FROM information_schema.views WHERE table_schema = "
    assert asked(f"{names}'{PARQUET_DATABASE}'").rows == []


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_how_its_table_was_made_is_not_made_up(asked: Asked, kind: str) -> None:
    with pytest.raises(SqlError, match=r"only Athena makes|is a table"):
        asked(f"SHOW CREATE {kind} {PARQUET_DATABASE}.sale")


def test_the_statement_of_the_view_is_that_of_the_stack(asked: Asked) -> None:
    lines = [line for (line,) in asked("SHOW CREATE VIEW sale_current").rows]
    assert lines[-2:] == [
        f'FROM "awsdatacatalog"."{PARQUET_DATABASE}"."sale"',
        "WHERE NOT is_deleted",
    ]


def test_a_stack_without_these_tables_has_no_such_view(tmp_path: Path) -> None:
    folder = write_stack(tmp_path, {"sale": HISTORY}, current=False)
    with pytest.raises(SqlError, match="there is no table 'sale_current'"):
        run_query(folder, "SELECT * FROM sale_current")
    with pytest.raises(SqlError, match="there is no table 'sale' in"):
        run_query(folder, f"SELECT * FROM {PARQUET_DATABASE}.sale")


# As Glue has a table that Athena has made: docs/aws-contracts.md#iceberg-tables.
def iceberg(name: str) -> dict[str, Any]:
    return {
        "DatabaseName": PARQUET_DATABASE,
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"table_type": "ICEBERG", "metadata_location": "s3://bucket/m.json"},
        "StorageDescriptor": {
            "Columns": [{"Name": "record_key", "Type": "string"}],
            "Location": f"s3://bucket/data-pipeline/parquet/{name}/made=1/",
        },
    }


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder from a stack whose Athena has made the table of sales, and once that of demands."""
    folder = write_stack(tmp_path, {"sale": HISTORY})
    file = folder / "catalog.json"
    content = json.loads(file.read_bytes())
    content["tables"] += [iceberg("sale"), iceberg("demand")]
    file.write_text(json.dumps(content))
    return folder


def test_the_changes_answer_for_the_iceberg_table_of_an_export_too(exported: Path) -> None:
    rows = run_query(exported, "SELECT record_key, change_id FROM sale_current ORDER BY 1").rows
    assert rows == NEWEST
    of_database = [t.name for t in read_catalog(exported).tables if t.database == PARQUET_DATABASE]
    assert sorted(of_database) == ["demand", "sale"]


def test_an_iceberg_table_that_no_view_reads_is_refused(exported: Path) -> None:
    with pytest.raises(SqlError, match="is an Iceberg table, which dmd sql cannot read"):
        run_query(exported, f"SELECT * FROM {PARQUET_DATABASE}.demand")
