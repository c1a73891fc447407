"""No refresh of the current state misses what a backfill writes for an earlier date.

See docs/exactly-once.md#files-of-earlier-dates.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from demo.feed.market import Market
from demo.feed.replication import json_attribute
from ops.backfill.items import ItemReader, RowTimes
from ops.backfill.ledger import Ledger
from ops.backfill.parts import RowMakers
from ops.backfill.source import LocalFolder, open_export
from ops.backfill.work import Worker
from tests.support.exploration import Explored, Violation, shown
from tests.support.exports import ExportBuilder, full_line
from tests.support.late_files import (
    check_end,
    check_marks,
    explore,
    file_ids,
    mark_before_file,
    only_the_first_put_is_marked,
    refresh_program,
)
from tests.support.memory_store import MemoryStore
from tests.support.programs import AskingStore, Program
from tests.support.runs import NOW
from tests.support.writer import FIRST_DATE

_PREFIX = "data-pipeline"
_EXPORTED = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    """An export of one demand."""
    item = json_attribute({"M": Market(Random(3)).item("demand", _EXPORTED)})["M"]
    return LocalFolder(ExportBuilder({"one": [full_line(item)]}).write(tmp_path))


def backfill(store: Any, folder: LocalFolder) -> None:
    """Write the export."""
    export = open_export(folder)
    reader = ItemReader(export, RowTimes.of(export, timedelta(minutes=5)), ["pk", "sk"], "type")
    ledger = Ledger(store, _PREFIX, export.id)
    worker = Worker(
        export, folder, store, _PREFIX, ledger, reader, RowMakers(["demand"], "type"), 9,
        FIRST_DATE, lambda: NOW,
    )  # fmt: skip
    worker.do(export.files[0])


def explored(names: str, folder: LocalFolder) -> Explored:
    """Explore backfills A and B, and a refresh R."""

    def main(store: AskingStore, left: Callable[[], float]) -> None:
        backfill(store, folder)

    def check(store: MemoryStore) -> None:
        done = any("/done/" in key for key in store.keys(f"{_PREFIX}/backfill/"))
        check_marks(store, () if done else file_ids(store))
        backfill(store, folder)
        check_marks(store, ())
        check_end(store)

    programs = {each: refresh_program(each) if each == "R" else Program(main) for each in names}
    return explore(programs, MemoryStore(now=NOW, page_size=2), check)


def test_no_refresh_misses_a_late_file(
    folder: LocalFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shown("two backfills and a refresh", explored("ABR", folder), capsys)
    assert found.crash_points > 5


@pytest.mark.parametrize("broken", [mark_before_file, only_the_first_put_is_marked])
def test_a_rule_that_is_broken_is_found(
    broken: Callable[[], AbstractContextManager[object]], folder: LocalFolder
) -> None:
    with broken(), pytest.raises(Violation, match=r"no mark|no refresh"):
        explored("AR", folder)
