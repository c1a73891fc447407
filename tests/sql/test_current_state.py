"""``<type>_current`` in ``dmd sql``: listed like any view, answered with a note."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from dmd.__main__ import main
from sql.command import FORMATS
from sql.completion import SqlCompleter
from sql.engines.files import FilesEngine
from tests.athena.stack_tables import write_stack
from tests.athena.tables import DATABASE, PARQUET_DATABASE

from .test_prompt import Session

NOTE = "note: the current state is worked out from all changes here"
SALE = {
    "record_key": "k",
    "change_id": "c",
    "changed_at": 1,
    "changed_at_micros": 1000,
    "is_deleted": False,
    "revision": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stack(tmp_path_factory.mktemp("stack"), {"sale": [SALE], "demand": []})


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_how_it_was_answered(
    folder: Path, form: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    query = "SELECT count(*) AS sales FROM sale_current"
    assert main(["sql", "--data", str(folder), "--format", form, query]) == 0
    shown = capfdbinary.readouterr()
    assert shown.err.decode().startswith(NOTE)
    if form == "parquet":
        assert pq.read_table(io.BytesIO(shown.out)).to_pylist() == [{"sales": 1}]
    else:
        assert b"sales" in shown.out
        assert b"note" not in shown.out


@pytest.fixture
def engine(folder: Path) -> FilesEngine:
    return FilesEngine(folder, None, "stack")


def test_the_prompt_says_so_too(engine: FilesEngine) -> None:
    assert NOTE in Session(engine, 200).type("SELECT count(*) FROM sale_current;\r")


def test_the_prompt_lists_the_view_and_its_table(engine: FilesEngine) -> None:
    seen = [line.split() for line in Session(engine, 200).type("\\d\r").splitlines()]
    assert [DATABASE, "sale_current", "view"] in seen
    assert [PARQUET_DATABASE, "sale", "table"] in seen
    session = Session(engine, 200)
    session.type("\\d sale_current\r")
    (page,) = session.pages
    assert "changed_at_micros" in page
    assert "timestamp(3)" in page


def test_the_view_is_completed(engine: FilesEngine) -> None:
    before = Document("SELECT * FROM sale_c")
    offered = SqlCompleter(engine.tables, ()).get_completions(before, CompleteEvent())
    assert [each.text for each in offered] == ["sale_current"]
