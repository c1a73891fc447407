"""The answers on ``docs/analysts.md`` are those of the demo's tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.analysts import PAGE, answer_of, questions, run_demo, with_answers

TEXT = PAGE.read_text(encoding="utf-8")
QUESTIONS = list(questions(TEXT))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_demo(tmp_path_factory.mktemp("analysts"))


@pytest.mark.parametrize(("sql", "answer"), QUESTIONS)
def test_the_page_shows_what_the_demo_answers(data: Path, sql: str, answer: str) -> None:
    assert answer == answer_of(data, sql), "python -m tests.docs.analysts"
    assert "(0 rows)" not in answer


def test_every_query_of_the_page_is_a_question_with_an_answer() -> None:
    assert len(QUESTIONS) == TEXT.count("```sql\n") == TEXT.count("\n### 10. ") * 10


def test_new_answers_replace_the_old_ones_and_nothing_else() -> None:
    written = with_answers(TEXT, lambda sql: f"{sql.upper()}\n")
    assert [answer for _, answer in questions(written)] == [
        f"{sql.upper()}\n" for sql, _ in QUESTIONS
    ]
    old = dict(QUESTIONS)
    assert with_answers(written, lambda sql: old[sql]) == TEXT
