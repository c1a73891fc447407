"""The views of the current state, and the named queries, on a real Trino and in ``dmd sql``."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from athena.engine import run_query
from athena.export import write_export
from athena.values.trino_types import TrinoType
from catalog import glue_columns
from catalog.types import trino_type
from catalog.views import current_state_view
from infra.queries import SavedQuery, saved_queries
from schemas import RECORD_TYPES
from tests.trino.conftest import BUCKET, TYPES, Lake
from tests.trino.expected import comparable, current
from tests.trino.history import STATES
from tests.trino.test_tables import answered, partitions_read, projected

pytestmark = pytest.mark.trino

# The columns whose values depend on when, or in which order, an engine works.
_UNSETTLED = {"freshness": {"minutes_ago"}, "rescued-attributes": {"example"}}


@pytest.fixture(scope="session")
def exported(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tables as ``dmd sql`` reads them."""
    folder = tmp_path_factory.mktemp("exported")
    write_export(lake.endpoint.client("glue"), lake.endpoint.client("s3"), BUCKET, folder)
    return folder


@pytest.mark.parametrize("record_type", TYPES)
def test_a_view_has_the_newest_change_of_each_record_that_is_not_deleted(
    lake: Lake, record_type: str
) -> None:
    rows = lake.expected_rows(record_type)
    state = current(projected(lake, rows))
    schema = lake.schema(record_type)
    found = answered(lake, f"{record_type}_latest", record_type)
    assert sorted(found) == sorted(comparable(row, schema) for row in state)
    assert 0 < len(state) < len({row["record_key"] for row in rows})


@pytest.fixture(scope="session")
def states(lake: Lake) -> dict[str, list[str]]:
    """The current state of each case's record: none, or its one row."""
    key = "json_extract_scalar(record_key, '$.pk')"
    known: dict[str, list[str]] = {
        case: [] for (case,) in lake.trino.rows(f"SELECT DISTINCT {key} FROM demand")
    }
    rows = lake.trino.rows(f"SELECT {key}, change_type || ' ' || status FROM demand_latest")
    for case, state in rows:
        known[case].append(state)
    return known


@pytest.mark.parametrize("case", STATES)
def test_the_current_state_after(states: dict[str, list[str]], case: str) -> None:
    state = STATES[case]
    assert states[case] == ([] if state is None else [state])


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_views_types_are_those_of_its_query(lake: Lake, record_type: str) -> None:
    view = current_state_view(record_type)
    described = {row[0]: row[1] for row in lake.trino.rows(f'DESCRIBE "{view.name}"')}
    of_query = {
        column[0]: column[1]
        for column in lake.trino.cursor(f'SELECT * FROM "{record_type}" WHERE false').description
    }
    assert list(described) == [column.name for column in view.columns]
    for column in view.columns:
        assert described[column.name].replace('"', "") == trino_type(column.type).replace('"', "")
    assert list(of_query) == list(described)
    assert len(glue_columns(record_type)) + 1 == len(described)


def test_a_view_keeps_one_row_of_each_record_while_it_reads(lake: Lake) -> None:
    (plan,) = lake.trino.rows("EXPLAIN SELECT change_id FROM sale_latest")
    assert "TopNRanking[partitionBy = [record_key]" in plan[0]
    assert "Window[" not in plan[0]


def test_a_filter_on_a_view_does_not_reach_the_files_and_the_variant_since_a_date_does(
    lake: Lake,
) -> None:
    day = lake.history.today.isoformat()
    first = lake.history.first_date.isoformat()
    of_view = f"SELECT * FROM sale_latest WHERE partition_date >= '{day}'"
    assert partitions_read(lake.trino, of_view)[0] == first
    since = by_name("sale-latest-since").sql.replace("?", f"'{day}'")
    assert partitions_read(lake.trino, since)[0] == day


@pytest.mark.parametrize("days_ago", [0, 4])
@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_variant_since_a_date_is_the_view_of_that_date_on(
    lake: Lake, record_type: str, days_ago: int
) -> None:
    day = (lake.history.today - dt.timedelta(days=days_ago)).isoformat()
    columns = "record_key, change_id, sequence_number, partition_date"
    variant = by_name(f"{record_type}-latest-since").sql
    of_view = f"SELECT {columns} FROM {record_type}_latest WHERE partition_date >= ?"
    found = lake.trino.rows(f"SELECT {columns} FROM ({variant})", [day])
    assert sorted(found) == sorted(lake.trino.rows(of_view, [day]))
    assert bool(found) == (days_ago > 0)


# --- named queries ----------------------------------------------------------------------------


def by_name(name: str) -> SavedQuery:
    (query,) = (each for each in saved_queries(RECORD_TYPES, current=False) if each.name == name)
    return query


def asked(lake: Lake, query: SavedQuery) -> tuple[list[str], list[tuple[Any, ...]], list[str]]:
    """A named query's columns and rows, run with a parameter as Athena runs it."""
    parameters = []
    if "?" in query.sql:
        record_type = query.name.partition("-")[0]
        if query.name.endswith("-history"):
            ((key,),) = lake.trino.rows(
                f'SELECT record_key FROM "{record_type}" GROUP BY record_key '
                "ORDER BY count(*) DESC, record_key LIMIT 1"
            )
            parameters = [key]
        else:
            parameters = [lake.trino.rows("SELECT max(partition_date) FROM event")[0][0]]
    cursor = lake.trino.cursor(query.sql, parameters or None)
    names = [column[0] for column in cursor.description]
    return names, [tuple(row) for row in cursor.fetchall()], parameters


@pytest.mark.parametrize(
    "query", saved_queries(RECORD_TYPES, current=False), ids=lambda query: query.name
)
def test_a_named_query_runs_and_dmd_sql_answers_it_alike(
    lake: Lake, exported: Path, query: SavedQuery
) -> None:
    names, rows, parameters = asked(lake, query)
    sql = query.sql
    for value in parameters:
        sql = sql.replace("?", "'" + value.replace("'", "''") + "'", 1)
    local = run_query(exported, sql)
    assert [name for name, _ in local.columns] == names
    settled = [i for i, name in enumerate(names) if name not in _UNSETTLED.get(query.name, ())]
    assert rows, "there is something to see on the first day"
    assert len(rows) == len(local.rows)
    # Among rows of one time, which come first, and are within a limit, is the engine's choice.
    if "LIMIT" not in query.sql:
        kinds = [kind for _, kind in local.columns]
        of_local = [
            [_listed(value, kind) for value, kind in zip(row, kinds, strict=True)]
            for row in local.rows
        ]
        assert _texts(rows, settled) == _texts(of_local, settled)


def _listed(value: Any, kind: TrinoType) -> Any:
    """A value of dmd sql as Trino's client gives it: a row is the list of its values."""
    if value is None:
        return None
    if kind.name == "array":
        return [_listed(each, kind.members[0]) for each in value]
    if kind.name == "map":
        return {key: _listed(each, kind.members[1]) for key, each in value.items()}
    if kind.name == "row":
        pairs = zip(value.values(), kind.members, strict=True)
        return [_listed(each, member) for each, member in pairs]
    return value


def _texts(rows: Sequence[Sequence[Any]], places: list[int]) -> list[str]:
    """Rows, whatever their order, as texts that are the same for the same values."""
    return sorted(
        json.dumps([row[i] for i in places], default=repr, sort_keys=True) for row in rows
    )


def test_dmd_sql_shows_the_current_state_that_trino_shows(lake: Lake, exported: Path) -> None:
    for record_type in TYPES:
        sql = (
            "SELECT record_key, change_id, changed_at_micros, sequence_number, partition_date "
            f"FROM {record_type}_latest ORDER BY record_key"
        )
        assert lake.trino.rows(sql) == run_query(exported, sql).rows
