"""What ``dmd resources`` does: shows a stack's graph, or the differences between two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

from console.progress import Progress
from console.terminal import output, write
from estate.resources.diff import Side, diff_as_json, diff_as_text
from estate.resources.placeholders import placeholders
from estate.resources.recorder import record
from estate.resources.render import as_json as graph_as_json
from estate.resources.render import as_text
from infra.settings import PROJECT
from infra.stack_config import REPOSITORY, settings_of, stack_config
from release.package import build
from release.wheels import Target

_PACKAGES = Path("build") / "lambda"

# The style of a difference's line, by its first character after the indent.
_STYLES = {"+": "green", "-": "red", "@": "cyan", "#": "dim"}


def print_graph(stack: str, overrides: Mapping[str, str], *, as_json: bool) -> int:
    """Print every resource of a stack; return the exit status.

    Parameters
    ----------
    stack
        Name of the stack.
    overrides
        Settings that replace the stack's own, as text by key.
    as_json
        Print JSON.

    Raises
    ------
    EstateError
        There is no such stack, or the program's graph is unknown without AWS.
    """
    graph = _side(stack, overrides).graph
    write(_json(graph_as_json(graph)) if as_json else as_text(graph))
    return 0


def print_difference(
    first: str, second: str, overrides: Mapping[str, str], *, as_json: bool
) -> int:
    """Print the differences between two stacks; return the exit status.

    Parameters
    ----------
    first, second
        Names of the stacks.
    overrides
        Settings that replace the second stack's own, as text by key.
    as_json
        Print JSON.

    Raises
    ------
    EstateError
        There is no such stack, or a program's graph is unknown without AWS.
    """
    left, right = _side(first, {}), _side(second, overrides)
    if as_json:
        write(_json(diff_as_json(left, right)))
        return 0
    text = diff_as_text(left, right)
    console = output()
    if console.is_terminal:
        lines = (Text(line, _STYLES.get(line.strip()[:1], "")) for line in text.splitlines())
        console.print(Text("\n").join(lines), soft_wrap=True)
    else:
        write(text)
    return 0


def _side(stack: str, overrides: Mapping[str, str]) -> Side:
    overrides = {key.removeprefix(f"{PROJECT}:"): text for key, text in overrides.items()}
    config = stack_config(stack, overrides)
    settings = settings_of(stack, config)
    if Path(settings.package_directory) == _PACKAGES / Target.ARM64:
        with Progress() as progress:
            build(
                Target.ARM64, source=REPOSITORY, out=REPOSITORY / _PACKAGES, progress=progress.step
            )
    changed = ", ".join(f"{key}={value}" for key, value in overrides.items())
    label = f"{stack} with {changed}" if changed else stack
    return Side(label, record(stack, config), placeholders(settings))


def _json(report: object) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"
