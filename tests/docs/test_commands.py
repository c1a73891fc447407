"""The commands of `dmd` that the pages show can be typed as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from string import Template

import click
import pytest

from dmd.cli import dmd
from tests.support.cli import ROOT

_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_DMD = ".venv/bin/dmd "
# The runbook sets them.
_VARIABLES = {"stack": "prod1", "type": "sale"}


def shown() -> Iterator[tuple[str, str]]:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = iter(block.replace("\\\n", " ").splitlines())
            for line in lines:
                if line.strip().startswith(_DMD):
                    yield page.name, whole(line, lines).strip().removeprefix(_DMD)


def whole(line: str, following: Iterator[str]) -> str:
    """Return a command whose quotation ends on a later line."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return whole(f"{line}\n{next(following)}", following)
    return line


def parse(line: str) -> str:
    """Parse a command line as a shell and `dmd` do; return the command's path."""
    text = Template(line).safe_substitute(_VARIABLES)
    # Where the shell sends the output to is not the command's.
    args = list(takewhile(lambda each: each != ">", shlex.split(text, comments=True)))
    command: click.Command | None = dmd
    name: str | None = "dmd"
    context: click.Context | None = None
    while isinstance(command, click.Group):
        context = command.make_context(name, args, parent=context)
        name, command, args = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
    assert command is not None
    return command.make_context(name, args, parent=context).command_path


@pytest.mark.parametrize(("page", "line"), list(shown()))
def test_a_command_that_a_page_shows_exists_with_its_options(page: str, line: str) -> None:
    try:
        assert parse(line).split()[0] == "dmd"
    except click.exceptions.Exit as done:
        assert done.exit_code == 0, "it asks for help"


def test_commands_of_several_pages_are_found() -> None:
    assert {"README.md", "operations.md", "runbook.md"} <= {page for page, _ in shown()}


@pytest.mark.parametrize("line", ["statsu", "status --stak x", "errors", "replay --since"])
def test_a_command_that_does_not_exist_is_seen(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line)
