"""The program's own names in SQL cannot be names of columns or tables, whatever a schema adds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlglot import exp

from athena.translation.parse import parse
from catalog.views import current_state_sql
from demo.reconciliation import Partition
from demo.summary import closing_queries
from infra.queries import saved_queries
from schemas import RECORD_TYPES, SchemaError, parse_table

PARTITION = Partition("demand", "2026-11-01", 1, 1, 1)
TEXTS = {
    **{each.name: each.sql for each in saved_queries(RECORD_TYPES, current=True)},
    **{f"{each}_latest": current_state_sql(each) for each in RECORD_TYPES},
    **{
        f"demo {n}": sql
        for n, sql in enumerate(closing_queries(RECORD_TYPES, [PARTITION], current=True))
    },
}


def names_beside_a_star(sql: str) -> Iterator[str]:
    """Every name that a query defines where all columns of a table are in scope."""
    for select in parse(sql).find_all(exp.Select):
        tables = {each.name for each in select.find_all(exp.Table)}
        if select.find(exp.Star) in select.expressions and tables:
            yield from (each.alias for each in select.expressions if isinstance(each, exp.Alias))


def reads_a_table(select: exp.Select) -> bool:
    source = select.args.get("from_") or select.args.get("from")
    return source is not None and isinstance(source.this, exp.Table)


def taken(record_type: str, column: str) -> bool:
    fields = [{"name": column, "type": "string"}]
    text = json.dumps({"type": "record", "name": "T", "fields": fields})
    try:
        parse_table(record_type, text, "test")
    except SchemaError:
        return False
    return True


@pytest.mark.parametrize("name", TEXTS)
def test_no_name_beside_a_star_is_one_that_a_schema_may_have(name: str) -> None:
    for each in names_beside_a_star(TEXTS[name]):
        assert taken("newness", "newness"), "a schema may have what looks like such a name"
        assert not taken("newness", each), f"{each} may be a column's name"


@pytest.mark.parametrize("name", TEXTS)
def test_what_reads_a_table_uses_none_of_its_own_names(name: str) -> None:
    """A column of that name would be used instead: Trino looks among the columns first."""
    for select in parse(TEXTS[name]).find_all(exp.Select):
        if not reads_a_table(select):
            continue
        own = {each.alias for each in select.expressions if isinstance(each, exp.Alias)}
        clauses = [select.args.get(each) for each in ("where", "group", "having", "order")]
        used = {
            column.name for clause in clauses if clause for column in clause.find_all(exp.Column)
        }
        assert not own & used


def test_the_names_are_found() -> None:
    assert set(names_beside_a_star(TEXTS["demand_latest"])) == {"_newness"}
    assert set(names_beside_a_star(TEXTS["demand-latest-since"])) == {"_newness"}
    selects = parse(TEXTS["files-and-rows"]).find_all(exp.Select)
    assert sum(reads_a_table(each) for each in selects) == len(RECORD_TYPES)
