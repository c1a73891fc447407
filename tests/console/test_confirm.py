"""A command asks before it changes something."""

from __future__ import annotations

import io

import pytest

from console.confirm import confirm
from console.errors import CommandError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_yes_on_the_command_line_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    confirm("Write?", yes=True)


def test_where_nobody_can_be_asked_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(CommandError, match="give --yes to go on"):
        confirm("Write?", yes=False)


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_only_yes_is_yes(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(CommandError, match="the answer was no"):
        confirm("Write?", yes=False)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    confirm("Write?", yes=False)
