"""Tables can be pasted, and are read in any terminal."""

from __future__ import annotations

import io

from rich.console import Console

from console.tables import print_table
from console.terminal import UNLIMITED

HEADER = ("type", "= written", "note")
ROWS = [("demand", "1,024", "東京 " * 12), ("sale", "7", "")]


def printed(width: int, *, terminal: bool) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False
    )
    print_table(console, HEADER, ROWS)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_where_no_terminal_is_lines_are_plain_and_whole() -> None:
    note = " ".join(["東京"] * 12)
    assert printed(UNLIMITED, terminal=False) == [
        "type    = written  note",
        f"demand      1,024  {note}",
        "sale            7",
    ]


def test_a_terminal_wraps_words_and_breaks_none() -> None:
    lines = printed(40, terminal=True)
    assert lines[0].split() == ["type", "=", "written", "note"]
    assert set(lines[1]) == {"─"}
    assert "".join(lines).count("東京") == 12


def test_a_terminal_that_is_too_narrow_gets_a_line_for_each_value() -> None:
    assert printed(18, terminal=True) == [
        "-- row 1 --",
        "type      | demand",
        "= written | 1,024",
        "note      | " + "東京 " * 12,
        "-- row 2 --",
        "type      | sale",
        "= written | 7",
        "note      | ",
    ]
