"""The queries of ``docs/tables.md`` can be run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from athena.engine import run_query
from infra.stack_config import REPOSITORY
from schemas import RECORD_TYPES
from tests.athena.stack_tables import write_stack

PAGE = REPOSITORY / "docs" / "tables.md"
QUERIES = re.findall(r"^```sql\n(.*?)\n```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stack(tmp_path_factory.mktemp("stack"), {each: [] for each in RECORD_TYPES})


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_of_the_page_has_an_answer(folder: Path, sql: str) -> None:
    whole = sql.replace("SELECT …", "SELECT *").replace("?", "'2026-11-01'")
    assert run_query(folder, whole).columns


def test_the_first_query_is_of_the_current_state() -> None:
    assert "FROM demand_current" in QUERIES[0]
