"""What the prompt offers for the word before the cursor."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from sql.completion import KEYWORDS, SqlCompleter
from sql.tables import TableColumn, TableShape


def table(name: str, *columns: str) -> TableShape:
    return TableShape("shop", name, False, tuple(TableColumn(each, "varchar") for each in columns))


TABLES = (
    table("sale", "sale_id", "amount", "Status"),
    table("salary", "person"),
    table("event-log", "message"),
)
COMPLETER = SqlCompleter(lambda: TABLES, ("\\d", "\\dull", "\\q"))


def offered(before: str, after: str = "") -> list[str]:
    document = Document(before + after, len(before))
    return [each.text for each in COMPLETER.get_completions(document, CompleteEvent())]


@pytest.mark.parametrize(
    ("before", "names"),
    [
        ("SELECT * FROM ", ['"event-log"', "salary", "sale"]),
        ("SELECT * FROM s", ["salary", "sale"]),
        ("SELECT * FROM sale JOIN sala", ["salary"]),
        ("\\d sa", ["salary", "sale"]),
        ("DESCRIBE ev", ['"event-log"']),
        ("SELECT * FROM shop.sal", ["salary", "sale"]),
        ("SELECT * FROM sale WHERE sale.", ['"Status"', "amount", "sale_id"]),
        ("SELECT * FROM sale AS s WHERE s.a", ["amount"]),
        ('SELECT * FROM "sale" s WHERE s.STA', ['"Status"']),
        ("SELECT * FROM sale WHERE x.", []),
        ("\\d", ["\\d", "\\dull"]),
        ("SELECT ", []),
        ("", []),
    ],
)
def test_tables_and_columns_stand_where_they_may(before: str, names: list[str]) -> None:
    assert offered(before) == names


def test_columns_of_the_tables_that_the_text_names_come_before_all_else() -> None:
    assert offered("SELECT ", " FROM sale") == []
    assert offered("SELECT a", " FROM sale")[0] == "amount"
    assert "person" not in offered("SELECT p", " FROM sale")
    assert offered("SELECT p")[0] == "person"


def test_functions_and_keywords_are_offered() -> None:
    assert {"date_trunc", "date_diff", "DATE"} <= set(offered("SELECT da"))
    assert "approx_distinct" in offered("SELECT app")


def test_keywords_are_sorted_and_single() -> None:
    assert list(KEYWORDS) == sorted(set(KEYWORDS))
