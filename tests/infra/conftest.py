"""Recorded stacks, each registered once for the whole session."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.infra.recorded import Recording, record


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    for name in ("transform", "avro_writer"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as package:
            package.writestr("handler.py", f"NAME = {name!r}\n")
    return folder


@pytest.fixture(scope="session")
def recorded(packages: Path) -> Callable[[str], Recording]:
    """Give the recording of a stack."""

    @cache
    def of(stack: str) -> Recording:
        return record(stack, packages)

    return of


@pytest.fixture(scope="session")
def dev1(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("dev1")
