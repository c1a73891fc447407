"""The prompt of ``dmd sql``, driven by keys."""

from __future__ import annotations

import io
import os
import re
import select
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.values.trino_types import VARCHAR
from console.progress import Progress
from infra.queries import SavedQuery
from sql.answer import Answer, Statistics
from sql.engines.files import FilesEngine
from sql.prompt import Prompt
from sql.tables import TableColumn, TableShape
from tests.support.cli import ROOT

ENTER, CTRL_C, CTRL_D, TAB = "\r", "\x03", "\x04", "\t"


class Recorder:
    """An engine that remembers what it is asked, and answers with it."""

    label = "recorder"

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def run(self, sql: str, parameters: Sequence[str], progress: Progress) -> Answer:
        self.asked.append((sql, tuple(parameters)))
        if sql == "interrupt":
            raise KeyboardInterrupt
        if sql == "fail":
            raise SqlError("it does not work")
        if sql == "refuse":
            raise ConnectionRefusedError("nobody is there")
        rows: list[tuple[str, ...]] = [("x" * 30, "y" * 30)] * (50 if sql == "long" else 1)
        if sql == "nothing":
            return Answer(QueryResult((), []), Statistics(0.25))
        result = QueryResult((("first", VARCHAR), ("second", VARCHAR)), rows)
        return Answer(result, Statistics(1.5, 2, 3_000, 0.00005))

    def tables(self) -> Sequence[TableShape]:
        columns = (TableColumn("sale_id", "varchar"), TableColumn("amount", "decimal(12,2)"))
        return (TableShape("db", "sale", False, columns), TableShape("db", "sale_now", True, ()))

    def saved(self) -> Sequence[SavedQuery]:
        return (SavedQuery("of-a-day", "What a day had.", "SELECT ? AS day"),)


class Session:
    """What a user types, and what is seen of it."""

    def __init__(self, engine: Recorder | FilesEngine, width: int = 80) -> None:
        self.console = Console(file=io.StringIO(), width=width, height=20, force_terminal=True)
        self.pages: list[str] = []
        self._engine = engine

    def type(self, *keys: str) -> str:
        """Type keys, then leave with Ctrl-D; return what was printed, without style."""
        return self.type_and_see(*((each, None) for each in keys))

    def type_and_see(self, *steps: tuple[str, str | None]) -> str:
        """Type keys, each time until the input line has a text, if one is given."""
        with (
            create_pipe_input() as pipe,
            create_app_session(input=pipe, output=DummyOutput()) as session,
            ThreadPoolExecutor(1) as pool,
        ):

            def feed() -> None:
                try:
                    for keys, line in steps:
                        pipe.send_text(keys)
                        deadline = time.monotonic() + 20
                        while line is not None and not (
                            session.app and session.app.current_buffer.text == line
                        ):
                            assert time.monotonic() < deadline, line
                            time.sleep(0.01)
                except AssertionError:
                    pipe.send_text(CTRL_C)
                    raise
                finally:
                    pipe.send_text(CTRL_D)

            fed = pool.submit(feed)
            assert Prompt(self._engine, self.console, self.pages.append).run() == 0
            fed.result()
        assert isinstance(self.console.file, io.StringIO)
        return re.sub(r"\x1b\[[\d;]*m", "", self.console.file.getvalue())


@pytest.fixture
def engine() -> Recorder:
    return Recorder()


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ("SELECT 1;\r", ["SELECT 1"]),
        ("SELECT 1,\r2\r;\r", ["SELECT 1,\n2"]),
        ("SELECT ';\r';\r", ["SELECT ';\n'"]),
        ("SELECT 1; SELECT 2;\r", ["SELECT 1", "SELECT 2"]),
        ("\r\r;\r", []),
        ("SELECT bad" + CTRL_C + "SELECT 1;\r", ["SELECT 1"]),
        ("SELECT 1;\r\\q\rSELECT 2;\r", ["SELECT 1"]),
    ],
)
def test_a_statement_runs_when_its_semicolon_is_typed(
    engine: Recorder, keys: str, asked: list[str]
) -> None:
    Session(engine).type(keys)
    assert [sql for sql, _ in engine.asked] == asked


def test_statements_are_in_a_history_that_only_the_user_reads(
    engine: Recorder, state: Path
) -> None:
    Session(engine).type("SELECT 1;\r")
    Session(engine).type("SELECT\r2;\r")
    (history,) = state.iterdir()
    assert [*FileHistory(str(history)).load_history_strings()] == ["SELECT\n2;", "SELECT 1;"]
    assert history.stat().st_mode & 0o077 == 0


def test_an_answer_is_followed_by_what_it_took(engine: Recorder) -> None:
    shown = Session(engine).type("a;\r")
    assert shown.splitlines()[-2:] == [
        "(1 row)",
        "1.50 s, 2 files, 3.0 kB read, 0.00005 USD at the list price",
    ]


def test_a_statement_without_an_answer_shows_only_what_it_took(engine: Recorder) -> None:
    assert Session(engine).type("nothing;\r").splitlines()[1:] == ["0.25 s"]


@pytest.mark.parametrize("failing", ["interrupt", "fail", "refuse"])
def test_the_prompt_outlives_a_statement_that_ends_early(
    engine: Recorder, failing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Session(engine).type(f"{failing};\r", "a;\r")
    assert [sql for sql, _ in engine.asked] == [failing, "a"]
    said = {"interrupt": "cancelled", "fail": "it does not work", "refuse": "nobody is there"}
    assert capsys.readouterr().err == f"{said[failing]}\n"


def test_a_value_is_asked_for_each_question_mark(engine: Recorder) -> None:
    Session(engine).type("SELECT ?, '?', ?;\r", "1\r", "'a'\r")
    assert engine.asked == [("SELECT ?, '?', ?", ("1", "'a'"))]


def test_saved_queries_are_listed_and_run(engine: Recorder) -> None:
    shown = Session(engine).type("\\saved\r", "\\saved of-a-day\r", "'2026-11-01'\r")
    assert re.search(r"of-a-day +What a day had\.", shown)
    assert engine.asked == [("SELECT ? AS day", ("'2026-11-01'",))]


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        ("\\d\r", r"db +sale +table\s.*db +sale_now +view\s"),
        ("\\d sale\r", r"amount +decimal\(12,2\)"),
        ('\\d "DB"."SALE";\r', r"amount +decimal\(12,2\)"),
        ("\\?\r", r"\\d TABLE"),
    ],
)
def test_a_command_shows(engine: Recorder, keys: str, pattern: str) -> None:
    assert re.search(pattern, Session(engine).type(keys), re.DOTALL)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("\\d nosuch\r", "there is no table 'nosuch'"),
        ("\\saved nosuch\r", "there is no saved query 'nosuch'; there are of-a-day"),
        ("\\z a\r", "there is no command \\z a"),
    ],
)
def test_a_command_that_does_not_fit_is_an_error(
    engine: Recorder, keys: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Session(engine).type(keys, "a;\r")
    assert said in capsys.readouterr().err
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    ("width", "times", "expanded"),
    [(80, 0, False), (40, 0, True), (80, 1, True), (40, 2, False), (40, 3, True)],
)
def test_rows_are_expanded_as_wanted_or_if_they_are_too_wide(
    engine: Recorder, width: int, times: int, expanded: bool
) -> None:
    shown = Session(engine, width).type("\\x\r" * times, "a;\r")
    assert ("-- row 1 --" in shown) is expanded


def test_what_is_longer_than_the_screen_goes_to_the_pager(engine: Recorder) -> None:
    session = Session(engine)
    assert "(50 rows)" not in session.type("a;\r", "long;\r")
    (page,) = session.pages
    assert "(50 rows)" in page


def test_notes_on_an_answer_are_shown(data_dir: Path) -> None:
    files = FilesEngine(data_dir, None, "files")
    seen = Session(files, 200).type(f"SELECT approx_distinct(change_id) FROM sale;{ENTER}")
    assert "note: approx_distinct is exact here" in seen


def test_tab_completes_what_the_tables_have(data_dir: Path) -> None:
    session = Session(FilesEngine(data_dir, None, "files"))
    shown = session.type_and_see(
        (f"SELECT max(amou{TAB}", "SELECT max(amount"),
        (f") AS m FROM sal{TAB}", "SELECT max(amount) AS m FROM sale"),
        (";" + ENTER, None),
    )
    assert "20.20" in shown


def test_ctrl_c_cancels_a_local_query_and_not_the_prompt(data_dir: Path, state: Path) -> None:
    """In a real terminal, with a query that would take hours."""
    many = "unnest(sequence(1, 10000))"
    query = f"SELECT count(*) FROM {many} a(x), {many} b(y), {many} c(z) WHERE x + y * z = 7;"
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(ROOT)
        os.environ["TERM"] = "dumb"
        os.execv(sys.executable, [sys.executable, "-m", "dmd", "sql", "--data", str(data_dir)])
    seen = b""

    def wait_for(text: bytes, again: str = "") -> None:
        nonlocal seen
        deadline = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536)
            else:
                os.write(terminal, again.encode())
        seen = seen.partition(text)[2]

    try:
        wait_for(f"{data_dir.name}> ".encode())
        os.write(terminal, query.encode() + b"\r")
        wait_for(b"= 7;")
        # The query may not have begun when the first one comes.
        wait_for(b"cancelled", again=CTRL_C)
        os.write(terminal, b"SELECT 6 * 7 AS answer;\r")
        wait_for(b"42")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
