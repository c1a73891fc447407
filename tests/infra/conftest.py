"""Recorded stacks. The program of each runs once for the whole session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.recorded import Recording, record_named


@pytest.fixture(scope="session")
def recorded(packages: Path) -> Callable[[str], Recording]:
    """Return a function that records a stack, or a variant of one."""
    return lambda name: record_named(name, packages)


@pytest.fixture(scope="session")
def dev1(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("dev1")
