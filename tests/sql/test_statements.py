"""A text of SQL is cut where its statements end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.errors import SqlError
from athena.translation.parse import AthenaDialect
from sql.statements import Statements, check_count, placeholders, split

# To sqlglot, two question marks are one operator, which Trino does not have.
PIECES = ("a", " ", "\n", "'", "''", '"', ";", " ? ", "--", "/*", "*/", "1", "-", "/")


@pytest.mark.parametrize(
    ("text", "complete", "rest"),
    [
        ("", (), ""),
        ("a", (), "a"),
        ("a;", ("a",), ""),
        ("a; b ;\n c", ("a", "b"), "c"),
        (";; a;;", ("a",), ""),
        ("';'; b", ("';'",), "b"),
        ("'it''s;'; b", ("'it''s;'",), "b"),
        ('";"";"; b', ('";"";"',), "b"),
        ("a -- ;\n; b", ("a -- ;",), "b"),
        ("a /* ; */; b", ("a /* ; */",), "b"),
        ("a; -- the end", ("a",), ""),
        ("a; /* the\nend */ ", ("a",), ""),
        ("-- only a comment;", (), ""),
        ("'not closed; b", (), "'not closed; b"),
        ("/* not closed; b", (), ""),
    ],
)
def test_a_semicolon_ends_a_statement(text: str, complete: tuple[str, ...], rest: str) -> None:
    assert split(text) == Statements(complete, rest)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_a_second_tokenizer_sees_the_same_ends_and_question_marks(text: str) -> None:
    try:
        tokens = AthenaDialect().tokenize(text)
    except Exception:
        # sqlglot refuses what is not closed.
        return
    statements: list[list[str]] = [[]]
    for token in tokens:
        if token.text == ";" and token.token_type.name == "SEMICOLON":
            statements.append([])
        else:
            statements[-1].append(token.text)
    own = [[t.text for t in AthenaDialect().tokenize(each)] for each in split(text).every]
    assert own == [each for each in statements if each]
    assert placeholders(text) == sum(t.token_type.name == "PLACEHOLDER" for t in tokens)


@pytest.mark.parametrize(
    "sql", ["PREPARE q FROM SELECT ?", "-- a comment\n /* ? */ prepare q FROM SELECT ?"]
)
def test_a_prepared_statement_gets_its_values_later(sql: str) -> None:
    assert placeholders(sql) == 0
    assert placeholders("SELECT prepare, ? FROM t") == 1


def test_how_many_values_execute_needs_is_the_engine_s_to_say() -> None:
    check_count("EXECUTE q", ["1"])
    with pytest.raises(SqlError, match="has 0 \\? and 1 values"):
        check_count("SELECT q", ["1"])
