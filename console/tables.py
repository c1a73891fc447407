"""Tables for people, and what stands in for a table that a terminal is too narrow for."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.terminal import UNLIMITED

Cell = str | int
"""What a table shows: a text, or a whole number, which gets commas."""


def print_table(console: Console, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table: with style on a terminal, as plain lines elsewhere.

    Parameters
    ----------
    header, rows
        The cells; a column that has only whole numbers, with or without commas, is aligned to the
        right.
    """
    shown = [[f"{each:,}" if isinstance(each, int) else each for each in row] for row in rows]
    _print_texts(console, header, shown)


def _print_texts(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    terminal = console.is_terminal
    table = Table(
        box=box.SIMPLE_HEAD if terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for index, name in enumerate(header):
        numeric = bool(rows) and all(row[index].replace(",", "").isdigit() for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    unlimited = console.options.update(width=UNLIMITED)
    if console.measure(table, options=unlimited).minimum > console.width:
        print_records(console, header, rows)
    elif terminal:
        console.print(table)
    else:
        with console.capture() as captured:
            console.print(table)
        console.print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_records(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows one below the other, a line for each value."""
    width = max(map(cell_len, header))
    names = [name + space(name, width) for name in header]
    lines: list[str] = []
    for number, row in enumerate(rows, 1):
        lines.append(f"-- row {number} --")
        lines += [f"{name} | {value}" for name, value in zip(names, row, strict=True)]
    # One text without style: there may be thousands of rows.
    if lines:
        console.print(Text("\n".join(lines)), soft_wrap=True)


def space(text: str, width: int) -> str:
    """Return what fills a column of some width: a terminal shows some characters two cells wide."""
    return " " * (width - cell_len(text))
