"""The questions of ``docs/analysts.md``, and what ``dmd sql`` answers after ``dmd demo``.

Usage: ``python -m tests.docs.analysts`` runs a demo and writes the answers into the page. The
queries are those of the page.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from athena.engine import run_query
from athena.render import render
from console.state import LAST_RUN
from infra.stack_config import REPOSITORY
from tests.support.cli import dmd_here

PAGE = REPOSITORY / "docs" / "analysts.md"

_QUESTION = re.compile(
    r"^(### \d+\. .*?\n```sql\n(.*?)\n```\n\n```text\n)(.*?)(```)$", re.MULTILINE | re.DOTALL
)


def questions(page: str) -> Iterator[tuple[str, str]]:
    """Yield each query of the page, and the answer that the page shows."""
    for match in _QUESTION.finditer(page):
        yield match[2], match[3]


def with_answers(page: str, answer: Callable[[str], str]) -> str:
    """Return the page with new answers."""
    return _QUESTION.sub(lambda match: f"{match[1]}{answer(match[2])}{match[4]}", page)


def run_demo(state: Path) -> Path:
    """Run the demo as a reader of the page does; return the folder that ``dmd sql`` reads."""
    done = dmd_here("demo", "--json", state=state)
    assert done.returncode == 0, done.stderr.decode()
    return state / LAST_RUN


def answer_of(data: Path, sql: str) -> str:
    """Return what ``dmd sql`` prints."""
    return render(run_query(data, sql), "table")


def main() -> None:
    """Write the page again."""
    with tempfile.TemporaryDirectory() as state:
        data = run_demo(Path(state))
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_answers(page, lambda sql: answer_of(data, sql)), encoding="utf-8")


if __name__ == "__main__":
    main()
