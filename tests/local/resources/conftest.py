"""Packages that stand for the functions', so that nothing has to be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.packages import write_packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packages(tmp_path_factory.mktemp("packages"))
