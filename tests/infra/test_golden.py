"""The graph of each stack equals the reviewed one."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import pytest

from tests.infra.golden import COMMAND, GOLDEN, texts
from tests.infra.recorded import Recording


def test_each_graph_is_as_it_was_reviewed(recorded: Callable[[str], Recording]) -> None:
    changed: list[str] = []
    for path, text in texts(recorded):
        reviewed = path.read_text(encoding="utf-8") if path.exists() else ""
        changed += difflib.unified_diff(
            reviewed.splitlines(),
            text.splitlines(),
            f"{path.name}, as reviewed",
            f"{path.name}, as the program is now",
            lineterm="",
        )
    if changed:
        pytest.fail("\n".join([*changed, f"If that is what was meant: {COMMAND}"]), pytrace=False)


def test_there_is_no_graph_of_anything_else(recorded: Callable[[str], Recording]) -> None:
    assert set(GOLDEN.iterdir()) == {path for path, _ in texts(recorded)}
