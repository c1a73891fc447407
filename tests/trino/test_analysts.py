"""A real Trino answers the queries of ``docs/analysts.md`` as the page says.

Nothing refreshes the tables of the current state here. In Trino too, the queries with which
``dmd sql`` stands in for them are views in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from athena.engine import QueryResult, run_query
from athena.render import render
from athena.tables.catalog import Table
from athena.tables.folder import read_catalog
from console.state import LAST_RUN
from emulation.emulator import embedded_emulator
from tests.athena.tables import view
from tests.docs.analysts import PAGE, questions
from tests.support.cli import dmd
from tests.trino.conftest import DATABASE
from tests.trino.server import Tools, Trino, started

pytestmark = pytest.mark.trino


@dataclass(frozen=True)
class Demo:
    """The demo's tables: at the emulator for Trino, and in the folder that ``dmd sql`` reads."""

    trino: Trino
    data: Path


@pytest.fixture(scope="module")
def demo(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state = tmp_path_factory.mktemp("analysts")
    with embedded_emulator() as endpoint:
        done = dmd("demo", "--endpoint-url", endpoint.url, state=state)
        assert done.returncode == 0, done.stderr.decode()
        glue = endpoint.client("glue")
        for table in read_catalog(state / LAST_RUN).tables:
            if table.stand_in:
                glue.create_table(DatabaseName=table.database, TableInput=as_view(table))
        with started(tools, endpoint.url, DATABASE) as trino:
            trino.wait("SELECT count(*) FROM demand WHERE partition_date = '2026-11-01'")
            yield Demo(trino, state / LAST_RUN)


def as_view(table: Table) -> dict[str, Any]:
    """A stand-in as Glue has a view. Glue's own types of its columns do not matter to Trino."""
    assert table.view is not None
    columns = [(each.name, str(each.type), "string") for each in table.columns]
    return view(table.name, table.view.sql, columns)


def test_the_current_state_is_asked() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"(FROM|JOIN) \w+_current", text)) >= 10


@pytest.mark.parametrize(("sql", "answer"), list(questions(PAGE.read_text(encoding="utf-8"))))
def test_the_page_shows_what_trino_answers(demo: Demo, sql: str, answer: str) -> None:
    columns = run_query(demo.data, sql).columns
    assert render(QueryResult(columns, demo.trino.rows(sql)), "table") == answer
