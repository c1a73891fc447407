"""The data directory that the tests of Athena SQL share."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tables import write_data_directory


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``dmd demo --export`` writes it, with the tests' tables."""
    return write_data_directory(tmp_path_factory.mktemp("export"))
