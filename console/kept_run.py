"""The local run that `dmd demo --keep` keeps up: what other commands need to find it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from console.state import STATE_REMEDY, state_directory
from console.storage import writing

_FILE = "kept-run.json"


@dataclass(frozen=True)
class KeptRun:
    """A stack that is up at a local endpoint.

    Parameters
    ----------
    endpoint_url
        The endpoint's base URL.
    stack
        Name of the stack.
    overrides
        Values, as text by key, that replace the stack's settings in this run.
    packages
        Folder of the functions' packages.
    """

    endpoint_url: str
    stack: str
    overrides: Mapping[str, str]
    packages: str


@contextmanager
def announced(run: KeptRun) -> Iterator[None]:
    """Let other commands find a run until the end of the ``with``.

    Raises
    ------
    CannotWriteError
        The state folder cannot be written.
    """
    path = _path()
    text = json.dumps(asdict(run))
    with writing(path, STATE_REMEDY):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        # Another run may have taken its place.
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            path.unlink(missing_ok=True)


def kept_run() -> KeptRun | None:
    """Return the run that is kept up, or None if there is none."""
    try:
        return KeptRun(**json.loads(_path().read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _path() -> Path:
    return state_directory() / _FILE
