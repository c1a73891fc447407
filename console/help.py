"""How the commands' help looks."""

from __future__ import annotations

import inspect

import rich_click as click
from click.core import augment_usage_errors
from rich.text import Text

CONTEXT_SETTINGS = {
    "help_option_names": ["-h", "--help"],
    # No frames: the help stays readable in a narrow terminal, and can be pasted.
    "rich_help_config": {
        "theme": "default-slim",
        "text_markup": None,
        "show_arguments": False,
        "default_string": "\\[default: {}]",
    },
}
"""The settings of click's context that all commands inherit."""


class Command(click.RichCommand):
    """A command with help of several paragraphs, and an epilog that keeps its lines."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; every error knows the command that it is about."""
        with augment_usage_errors(ctx):
            return super().parse_args(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, a blank line between its paragraphs."""
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        _write(formatter, "\n\n".join(each.replace("\n", " ") for each in paragraphs))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog; examples stand as they are written."""
        if self.epilog:
            _write(formatter, inspect.cleandoc(self.epilog))


def _write(formatter: click.HelpFormatter, text: str) -> None:
    assert isinstance(formatter, click.RichHelpFormatter)  # noqa: S101 - rich-click makes it
    formatter.write(Text(f"{text}\n"))
