"""The data directory that the tests of ``dmd sql`` share, and a state folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.athena.tables import write_data_directory


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``dmd demo --export`` writes it, with the tables of the tests of Athena's SQL."""
    return write_data_directory(tmp_path_factory.mktemp("export"))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder, empty."""
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"
