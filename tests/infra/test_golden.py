"""The graph of each stack equals the reviewed one."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.golden import COMMAND, GOLDEN, texts
from tests.infra.recorded import Recording


@pytest.fixture(scope="module")
def expected(recorded: Callable[[str], Recording]) -> dict[Path, str]:
    """The text that each file should have."""
    return dict(texts(recorded))


def test_each_graph_is_as_it_was_reviewed(expected: dict[Path, str]) -> None:
    changed: list[str] = []
    for path, text in expected.items():
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


def test_there_is_no_graph_of_anything_else(expected: dict[Path, str]) -> None:
    assert set(GOLDEN.iterdir()) == expected.keys()
