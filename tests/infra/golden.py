"""The reviewed graphs of the four stacks: dev1 complete, the others as differences from it.

Two more show what changes when dev1 gets one delivery stream for all types: first it has both kinds
(the difference from dev1), then the shared one alone (the difference from having both).

    .venv/bin/python -m tests.infra.golden

writes them again. They are the output of ``dmd resources`` without the hashes of the functions'
packages, which every change of code changes.
"""

from __future__ import annotations

import dataclasses
import re
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
from tests.infra.recorded import VARIANTS, Recording, record_named, stack_of
from tests.support.packages import write_packages

GOLDEN = Path(__file__).parent / "golden"
COMMAND = ".venv/bin/python -m tests.infra.golden"
_WHOLE = ENVIRONMENTS[0]
_OF_THE_PACKAGE = {"code": "(the package)", "sourceCodeHash": "(its SHA-256)"}


def texts(recorded: Callable[[str], Recording]) -> Iterator[tuple[Path, str]]:
    """Yield each stack's file and its expected text."""
    whole = _side(_WHOLE, recorded(_WHOLE))
    yield GOLDEN / f"{_WHOLE}.txt", as_text(whole.graph)
    for stack in ENVIRONMENTS[1:]:
        yield GOLDEN / f"{stack}.txt", diff_as_text(whole, _side(stack, recorded(stack)))
    before = whole
    for name in VARIANTS:
        after = _side(name, recorded(name))
        text = _names_of_removed(diff_as_text(before, after), before.label)
        yield GOLDEN / f"{name}.txt", text
        before = after


def _names_of_removed(text: str, label: str) -> str:
    """Return a difference without what the removed resources were: another graph has them."""
    return re.sub(rf"(?m)^(.* \(only {label}\)\n)(  .*\n)+", r"\1", text)


def _side(name: str, recording: Recording) -> Side:
    stack = stack_of(name)
    graph = recording.graph(stack)
    masked = tuple(
        dataclasses.replace(
            each,
            inputs={key: _OF_THE_PACKAGE.get(key, value) for key, value in each.inputs.items()},
        )
        for each in graph.resources
    )
    settings = settings_of(stack, stack_config(stack))
    return Side(name, Graph(stack, masked), placeholders(settings))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        packages = write_packages(Path(folder))
        GOLDEN.mkdir(exist_ok=True)
        for path, text in texts(lambda name: record_named(name, packages)):
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
