"""Recorded stacks. The program of each runs once for the whole session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.infra.recorded import Recording, record_named
from tests.support.packages import write_packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def recorded(packages: Path) -> Callable[[str], Recording]:
    """Return a function that records a stack, or a variant of one."""

    @cache
    def of(name: str) -> Recording:
        return record_named(name, packages)

    return of


@pytest.fixture(scope="session")
def dev1(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("dev1")
