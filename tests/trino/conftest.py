"""One stack with its tables filled, and one Trino over it, for all tests here."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from schemas import RECORD_TYPES
from tests.trino import expected, kinds
from tests.trino.history import History, history
from tests.trino.server import Tools, Trino, TrinoMissing, find_tools, started

REPOSITORY = Path(__file__).parents[2]
DATABASE = "prd3292_dev1_dmnd_pipeline"
BUCKET = "prd3292.dev1.us-east-1.demand-capture.tmaws"
TYPES = (*RECORD_TYPES, kinds.NAME)

_NOT_RUN = pytest.StashKey[str]()
# What the pipeline is made of; a copy of it gets the schema that these tests add.
_PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
_PARTS = [
    pattern.rstrip("*") for pattern in _PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
]
_FILES = ("__main__.py", "Pulumi*.yaml", "pyproject.toml", "requirements.txt")


@dataclass(frozen=True)
class Lake:
    """The filled tables: what was fed, the schemas then and now, and the engine that reads them."""

    endpoint: Endpoint
    trino: Trino
    history: History
    schemas_at_first: Path
    schemas: Path

    def schema(self, record_type: str) -> dict[str, Any]:
        """A type's schema file as it is now."""
        schema: dict[str, Any] = json.loads((self.schemas / f"{record_type}.json").read_bytes())
        return schema

    def expected_rows(self, record_type: str) -> list[expected.Row]:
        """The rows of a table in the order in which the stream took their changes."""
        before = expected.rows(self.history.first, record_type, self.schemas_at_first)
        after = expected.rows(self.history.second, record_type, self.schemas)
        schema = self.schema(record_type)
        return [expected.read_as(row, schema) for row in (*before, *after)]


@pytest.fixture(scope="session")
def tools(request: pytest.FixtureRequest) -> Tools:
    """What runs Trino; a machine without it skips the tests, and the summary says so."""
    try:
        return find_tools()
    except TrinoMissing as missing:
        request.config.stash[_NOT_RUN] = str(missing)
        pytest.skip(f"this machine lacks {missing}")


@pytest.fixture(scope="session")
def lake(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("lake")
    tree = _copy_of_the_project(folder / "tree")
    fed = history(dt.datetime.now(dt.UTC).date())
    with embedded_emulator() as endpoint, started(tools, endpoint.url, DATABASE) as trino:
        at_first = _land(tree, endpoint, fed, fed.first, now=False)
        schemas_at_first = shutil.copytree(at_first, folder / "schemas-at-first")
        schemas = _land(tree, endpoint, fed, fed.second, now=True)
        trino.wait(f"SELECT count(*) FROM demand WHERE partition_date = '{fed.today}'")
        yield Lake(endpoint, trino, fed, schemas_at_first, schemas)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say it where nobody can overlook it that nothing was held against a real Trino."""
    missing = config.stash.get(_NOT_RUN, None)
    if missing:
        terminalreporter.section(
            "NOT RUN: the tables on a real Trino", sep="=", red=True, bold=True
        )
        terminalreporter.line(f"This machine lacks {missing}.", red=True, bold=True)


def _copy_of_the_project(tree: Path) -> Path:
    for part in _PARTS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, tree / part, ignore=ignored)
    for pattern in _FILES:
        for file in REPOSITORY.glob(pattern):
            shutil.copy(file, tree)
    (tree / "tests" / "trino").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("land.py"), tree / "tests" / "trino")
    return tree


def _land(
    tree: Path, endpoint: Endpoint, fed: History, lines: tuple[bytes, ...], *, now: bool
) -> Path:
    """Feed a run of records with the type's schema as it is now or was; return the schemas."""
    schema = json.dumps(kinds.schema(now=now), indent=1)
    (tree / "schemas" / f"{kinds.NAME}.json").write_text(schema, encoding="utf-8")
    file = tree / "changes.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    arguments = (endpoint.url, str(fed.first_date), ",".join(TYPES), str(file))
    done = subprocess.run(
        [sys.executable, "-m", "tests.trino.land", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return tree / "schemas"
