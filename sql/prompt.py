"""``dmd sql`` at a terminal: a prompt that takes statements and a few commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import rich_click as click
from botocore.exceptions import BotoCoreError, ClientError
from prompt_toolkit import PromptSession, prompt
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import completion_is_selected, has_completions
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]
from rich.console import Console
from rich.text import Text

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.render import print_table as print_answer
from athena.values.trino_types import VARCHAR
from console.errors import CommandError
from console.progress import Progress
from console.state import STATE_REMEDY, state_directory
from console.storage import writing
from console.tables import print_table
from console.terminal import messages, output
from sql.answer import Engine
from sql.completion import SqlCompleter
from sql.output import print_notes, print_summary, print_texts
from sql.saved import by_name, listed
from sql.statements import placeholders, split
from sql.tables import TableShape

_HISTORY = "sql-history"
_HELP = (
    ("SELECT …;", "answer a statement; it may have several lines and ends with ;"),
    ("\\d", "list the tables and views"),
    ("\\d TABLE", "list the columns of a table"),
    ("\\saved", "list the saved queries"),
    ("\\saved NAME", "answer a saved query"),
    ("\\x", "show a line for each value: always, never, or if the terminal is too narrow"),
    ("\\?", "show this help"),
    ("\\q, Ctrl-D", "leave"),
    ("Ctrl-C", "cancel the statement that runs, or clear the text"),
    ("Ctrl-R", "search the statements of earlier times"),
)
_COMMANDS = ("\\?", "\\d", "\\q", "\\saved", "\\x")
# What `\x` goes through, and what each is called.
_EXPANDED = {None: "if the terminal is too narrow", True: "always", False: "never"}


class Leave(Exception):
    """The user has enough."""


class Prompt:
    """Asks for statements and answers them, until the user leaves.

    Parameters
    ----------
    engine
        What answers.
    console
        Where answers are shown; the standard output by default.
    page
        Shows a text that is longer than the screen.
    """

    def __init__(
        self,
        engine: Engine,
        console: Console | None = None,
        page: Callable[[str], None] = click.echo_via_pager,
    ) -> None:
        self._engine = engine
        self._console = console or output()
        self._page = page
        self._expanded: bool | None = None
        self._known: Sequence[TableShape] | None = None

    def run(self) -> int:
        """Run until the user leaves; return the exit status.

        Raises
        ------
        CannotWriteError
            The history cannot be written.
        """
        session = self._session()
        self._console.print(Text("\\? lists the commands, \\q leaves.", "dim"))
        while True:
            try:
                text = session.prompt(
                    f"{self._engine.label}> ",
                    prompt_continuation=lambda width, line, wrapped: "-> ".rjust(width),
                )
                self._take(text.strip())
            except KeyboardInterrupt:
                continue
            except (EOFError, Leave):
                return 0

    def _session(self) -> PromptSession[str]:
        history = state_directory() / _HISTORY
        with writing(history, STATE_REMEDY):
            history.parent.mkdir(parents=True, exist_ok=True)
            # Statements may hold values of records.
            history.touch(mode=0o600)
        return PromptSession(
            history=FileHistory(str(history)),
            completer=SqlCompleter(self._completable, _COMMANDS),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            lexer=PygmentsLexer(SqlLexer),
            multiline=True,
            key_bindings=_keys(),
        )

    def _take(self, text: str) -> None:
        try:
            if text.startswith("\\"):
                self._command(*text.rstrip(";").split())
                return
            for statement in split(text).every:
                self._answer(statement)
        except (CommandError, BotoCoreError, ClientError, OSError) as error:
            self._error(str(error))

    def _command(self, name: str, *words: str) -> None:
        match name, words:
            case "\\q", ():
                raise Leave
            case "\\?", ():
                print_table(self._console, ("type", "to"), _HELP)
            case "\\x", ():
                states = list(_EXPANDED)
                self._expanded = states[(states.index(self._expanded) + 1) % len(states)]
                self._console.print(f"A line for each value: {_EXPANDED[self._expanded]}.")
            case "\\d", ():
                self._show_list(_list_of(self._tables()))
            case "\\d", (table,):
                self._describe(table)
            case "\\saved", ():
                self._show_list(listed(self._engine))
            case "\\saved", (query,):
                sql = by_name(self._engine, query).sql
                self._console.print(Text(sql, "dim"), soft_wrap=True)
                self._answer(sql)
            case _:
                raise SqlError(f"there is no command {' '.join((name, *words))}; \\? lists them")

    def _answer(self, sql: str) -> None:
        parameters = [
            prompt(f"{number}. ? = ").strip() for number in range(1, placeholders(sql) + 1)
        ]
        try:
            with Progress() as progress:
                answer = self._engine.run(sql, parameters, progress)
        except KeyboardInterrupt:
            self._error("cancelled")
            return
        with self._paged():
            # A statement such as PREPARE answers nothing.
            if answer.result.columns:
                print_answer(answer.result, self._console, self._expanded)
            print_notes(answer, self._console)
            print_summary(answer, self._console)

    def _describe(self, name: str) -> None:
        wanted = name.replace('"', "").lower()
        found = [each for each in self._tables() if wanted in (each.name, each.full_name)]
        if not found:
            raise SqlError(f"there is no table {name!r}; \\d lists them")
        for table in found:
            self._show_list(table.described())

    def _show_list(self, result: QueryResult) -> None:
        with self._paged():
            print_texts(result, self._console)

    @contextmanager
    def _paged(self) -> Iterator[None]:
        """Show what is printed in the ``with``, by a pager if it is longer than the screen."""
        with self._console.capture() as captured:
            yield
        text = captured.get()
        if text.count("\n") >= self._console.height:
            self._page(text)
        else:
            self._console.file.write(text)
            self._console.file.flush()

    def _tables(self) -> Sequence[TableShape]:
        self._known = self._engine.tables()
        return self._known

    def _completable(self) -> Sequence[TableShape]:
        """Return the tables; none if they cannot be had, for typing must go on."""
        if self._known is None:
            try:
                self._tables()
            except (CommandError, BotoCoreError, ClientError, OSError):
                self._known = ()
        return self._known or ()

    def _error(self, text: str) -> None:
        messages().print(Text(text, "red"), soft_wrap=True)


def _list_of(tables: Sequence[TableShape]) -> QueryResult:
    rows: list[tuple[str, ...]] = [(each.database, each.name, each.kind) for each in tables]
    return QueryResult(tuple((name, VARCHAR) for name in ("database", "name", "kind")), rows)


def _keys() -> KeyBindings:
    """Return what Enter does: it ends a statement or a command, and otherwise begins a line."""
    keys = KeyBindings()

    @keys.add("enter", filter=~(has_completions & completion_is_selected))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text.strip()
        if not text or text.startswith("\\") or not split(text).rest:
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("enter", filter=has_completions & completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    return keys
