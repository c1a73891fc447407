"""Packages for the program to run with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.packages import write_packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packages(tmp_path_factory.mktemp("packages"))
