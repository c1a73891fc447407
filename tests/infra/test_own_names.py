"""No name of the program's own in SQL can be a column's or a table's, whatever a schema adds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

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
    **{each.name: each.sql for each in saved_queries(RECORD_TYPES)},
    **{f"{each}_latest": current_state_sql(each) for each in RECORD_TYPES},
    **{f"demo {n}": sql for n, sql in enumerate(closing_queries(RECORD_TYPES, [PARTITION]))},
}


def own_names(sql: str) -> Iterator[str]:
    """Every name that a query gives: to a column, or to a relation (a CTE too) and its columns."""
    tree = parse(sql)
    yield from (each.alias for each in tree.find_all(exp.Alias))
    for relation in tree.find_all(exp.TableAlias):
        yield from (each.name for each in (relation, *relation.columns) if each.name)


def taken(record_type: str, column: str) -> bool:
    fields = [{"name": column, "type": "string"}]
    text = json.dumps({"type": "record", "name": "T", "fields": fields})
    try:
        parse_table(record_type, text, "test")
    except SchemaError:
        return False
    return True


@pytest.mark.parametrize("name", TEXTS)
def test_no_name_that_a_query_gives_is_one_that_a_schema_may_have(name: str) -> None:
    assert taken("newness", "newness"), "a schema may have what looks like such a name"
    for each in own_names(TEXTS[name]):
        assert not taken("newness", each), f"{each} may be a column's name"
        assert not taken(each, "newness"), f"{each} may be a table's name"


def test_the_names_are_found() -> None:
    found = {name: set(own_names(sql)) for name, sql in TEXTS.items()}
    assert found["demand_latest"] == {"_newness"}
    assert found["demand-latest-since"] == {"_newness"}
    assert found["rescued-attributes"] >= {"_record_type", "_rescued", "_attribute", "_value"}
    # So that none is overlooked: each word after AS, but in a CAST.
    for name, sql in TEXTS.items():
        words = sql.replace("(", " ").replace(",", " ").split()
        after = {word for before, word in pairwise(words) if before == "AS"}
        assert after - {"varchar)", "map", "timestamp"} <= found[name]
