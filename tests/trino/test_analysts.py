"""A real Trino answers the queries of ``docs/analysts.md`` as the page says.

``dmd sql`` answers questions of the current state from the changes. Trino answers them from the
tables that the state machines have made of the demo's data.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from athena.engine import QueryResult, run_query
from athena.render import render
from console.state import LAST_RUN
from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from infra.naming import DATA_PREFIX
from schemas import RECORD_TYPES, table
from tests.docs.analysts import PAGE, questions
from tests.support.cli import dmd
from tests.support.state_machine import interpreter
from tests.trino.conftest import BUCKET, DATABASE
from tests.trino.refreshed import refresh_of, run_queries
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
        with started(tools, endpoint.url, DATABASE) as trino:
            trino.wait("SELECT count(*) FROM demand WHERE partition_date = '2026-11-01'")
            refresh(endpoint, trino)
            yield Demo(trino, state / LAST_RUN)


def refresh(endpoint: Endpoint, trino: Trino) -> None:
    """Refresh the tables of all types, as the state machines do."""
    now = dt.datetime.now(dt.UTC)
    with interpreter(endpoint, partial(run_queries, trino)) as made:
        for record_type in RECORD_TYPES:
            machine = refresh_of(table(record_type), DATABASE, BUCKET, DATA_PREFIX)
            assert made.run(machine, name=record_type, started=now).status == "SUCCEEDED"


def test_the_current_state_is_asked() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"(FROM|JOIN) \w+_current", text)) >= 10


@pytest.mark.parametrize(("sql", "answer"), list(questions(PAGE.read_text(encoding="utf-8"))))
def test_the_page_shows_what_trino_answers(demo: Demo, sql: str, answer: str) -> None:
    columns = run_query(demo.data, sql).columns
    assert render(QueryResult(columns, demo.trino.rows(sql)), "table") == answer
