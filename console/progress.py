"""How far a command is: a bar or a spinner on a terminal, one line for each step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.padding import Padding
from rich.progress import BarColumn, Task
from rich.progress import Progress as RichProgress
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from console.terminal import messages, visible, watched

BYTES = "bytes"
"""The unit that is shown as kB, MB and so on."""

_BAR_CELLS = range(10, 31)
_INDENT = 2


class Progress:
    """The steps of a command, one after another.

    On a terminal, the present step has a spinner, and a bar where its total is known; a finished
    step stays as a line with the seconds that it took. Elsewhere each step is one plain line, when
    it begins.

    Parameters
    ----------
    console
        Where to show it; the standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or messages()
        self._watched = watched(self._console)
        self._live = _Live(self._console, disable=not self._watched)
        self._text: str | None = None
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish(failed=kind is not None)
        self._live.stop()

    def step(self, text: str, total: int | None = None, unit: str = "", completed: int = 0) -> None:
        """Begin a step; the one before it is finished.

        Parameters
        ----------
        text
            What is done, for example ``Building the functions' packages``.
        total, completed
            How much there is to do, if known, and how much of it is done.
        unit
            What is counted, for example ``records`` or `BYTES`.
        """
        self._finish(failed=False)
        self._text, self._began = visible(text), time.monotonic()
        if not self._console.is_terminal:
            self._console.print(self._text)
        self._live.begin(self._text, total, completed, unit)

    def show(
        self, detail: str = "", completed: int | None = None, total: int | None = None
    ) -> None:
        """Show how far the step is: a text, how much is done, and the total if it is new."""
        self._live.show(visible(detail), completed, total)

    def count(self, completed: int, total: int) -> None:
        """Show how much of the step is done."""
        self.show(completed=completed, total=total)

    def say(self, text: str) -> None:
        """Show a text that stays, above the step; its control characters are escaped."""
        self._console.print("\n".join(map(visible, text.split("\n"))))

    def end(self) -> None:
        """Finish the last step."""
        self._finish(failed=False)
        self._live.stop()

    def _finish(self, *, failed: bool) -> None:
        if self._text is None:
            return
        self._live.finish()
        if self._console.is_terminal:
            seconds = time.monotonic() - self._began
            self._console.print(_finished(self._text, seconds, failed, self._console.encoding))
        self._text = None


def _finished(text: str, seconds: float, failed: bool, encoding: str) -> Text:
    marks = ("✓", "✗") if encoding.startswith("utf") else ("ok", "failed:")
    return Text.assemble(
        (marks[failed], "red" if failed else "green"),
        f" {text}",
        (f"  {seconds:.1f}s", "dim"),
    )


class _Live(RichProgress):
    """The present step: its text with a spinner, then a bar or a count, then the detail."""

    def __init__(self, console: Console, disable: bool) -> None:
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line")
        super().__init__(
            console=console,
            disable=disable,
            transient=True,
            # Only what goes through this console may be written in between.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def begin(self, text: str, total: int | None, completed: int, unit: str) -> None:
        self.add_task(text, total=total, completed=completed, unit=unit, detail="")
        self.start()

    def show(self, detail: str, completed: int | None, total: int | None) -> None:
        for task in self.tasks:
            self.update(task.id, completed=completed, total=total, detail=detail)

    def finish(self) -> None:
        for task in self.tasks:
            self.remove_task(task.id)

    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.tasks:
            self._spinner.update(text=Text(task.description))
            yield self._spinner
            if task.total is not None:
                yield Padding(_bar(task, self.console.width - _INDENT), (0, 0, 0, _INDENT))
            if task.fields["detail"]:
                detail = Text(task.fields["detail"], "dim", overflow="ellipsis", no_wrap=True)
                yield Padding(detail, (0, 0, 0, _INDENT))


def _bar(task: Task, width: int) -> Table:
    """Return a bar and as many of count, rate and time left as there is room for."""
    texts = [each for each in (_count(task), _rate(task), _left(task)) if each]
    while len(texts) > 1 and width - sum(len(each) + 1 for each in texts) < _BAR_CELLS[0]:
        texts.pop()
    room = width - sum(len(each) + 1 for each in texts)
    bar = BarColumn(min(max(room, _BAR_CELLS[0]), _BAR_CELLS[-1])).render(task)
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_row(bar, *(Text(each, no_wrap=True) for each in texts))
    return row


def _count(task: Task) -> str:
    total = task.total or 0
    if task.fields["unit"] == BYTES:
        return f"{decimal(int(task.completed))}/{decimal(int(total))}"
    return f"{task.completed:,.0f}/{total:,.0f} {task.fields['unit']}"


def _rate(task: Task) -> str:
    speed = task.finished_speed or task.speed
    if speed is None:
        return ""
    return f"{decimal(int(speed))}/s" if task.fields["unit"] == BYTES else f"{speed:,.0f}/s"


def _left(task: Task) -> str:
    left = task.time_remaining
    return "" if left is None else f"{timedelta(seconds=int(left))} left"
