"""The reviewed graphs of the four stacks: dev1 complete, the others as differences from it.

    .venv/bin/python -m tests.infra.golden

writes them again. They are the output of ``dmd resources`` without the hashes of the functions'
packages, which every change of code changes.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from estate.resources.diff import Side, diff_as_text
from estate.resources.graph import Graph
from estate.resources.placeholders import placeholders
from estate.resources.render import as_text
from infra.naming import ENVIRONMENTS
from infra.stack_config import settings_of, stack_config
from tests.infra.recorded import Recording, record
from tests.support.packages import write_packages

GOLDEN = Path(__file__).parent / "golden"
COMMAND = ".venv/bin/python -m tests.infra.golden"
_WHOLE = ENVIRONMENTS[0]
_OF_THE_PACKAGE = {"code": "(the package)", "sourceCodeHash": "(its SHA-256)"}


def texts(recorded: Callable[[str], Recording]) -> Iterator[tuple[Path, str]]:
    """Yield each stack's file and its expected text."""
    base = _side(_WHOLE, recorded(_WHOLE))
    for stack in ENVIRONMENTS:
        text = (
            as_text(base.graph)
            if stack == _WHOLE
            else diff_as_text(base, _side(stack, recorded(stack)))
        )
        yield GOLDEN / f"{stack}.txt", text


def _side(stack: str, recording: Recording) -> Side:
    graph = recording.graph(stack)
    masked = tuple(
        dataclasses.replace(
            each,
            inputs={key: _OF_THE_PACKAGE.get(key, value) for key, value in each.inputs.items()},
        )
        for each in graph.resources
    )
    settings = settings_of(stack, stack_config(stack))
    return Side(stack, Graph(stack, masked), placeholders(settings))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        packages = write_packages(Path(folder))
        GOLDEN.mkdir(exist_ok=True)
        for path, text in texts(lambda stack: record(stack, packages)):
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
