"""The options that say on which deployed stack a command works."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rich_click as click
from click.shell_completion import CompletionItem

from infra.naming import ENVIRONMENTS, REGION
from schemas import RECORD_TYPES


@dataclass(frozen=True)
class StackOptions:
    """Where a command works, as the command line says it.

    Parameters
    ----------
    stack
        Name of the stack; None if it was not given.
    profile
        A profile of the AWS configuration files.
    region
        Name of the AWS region.
    endpoint_url
        Base URL of an AWS-compatible emulator.
    """

    stack: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


def complete_stacks(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the stacks whose names begin with the text."""
    return [CompletionItem(each) for each in ENVIRONMENTS if each.startswith(incomplete)]


def complete_types(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the record types whose names begin with the text."""
    return [CompletionItem(each) for each in RECORD_TYPES if each.startswith(incomplete)]


def types_option(help: str, default: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return the option ``--type``, which may be given several times; the command gets ``types``.

    Parameters
    ----------
    help
        What the command does with them.
    default
        What is taken without the option, for the help.
    """
    return click.option(
        "--type",
        "types",
        multiple=True,
        type=click.Choice(RECORD_TYPES),
        metavar="TYPE",
        shell_complete=complete_types,
        show_default=default,
        help=f"{help} May be given several times.",
    )


def stack_options_of(default: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return what adds ``--stack``, ``--profile``, ``--region`` and ``--endpoint-url``.

    The command gets them as one argument, ``where``.

    Parameters
    ----------
    default
        What is taken without ``--stack``, for the help.
    """

    def add(command: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(command)
        def with_stack(
            *,
            stack: str | None,
            profile: str | None,
            region: str | None,
            endpoint_url: str | None,
            **rest: Any,
        ) -> int:
            return command(where=StackOptions(stack, profile, region, endpoint_url), **rest)

        for option in reversed((_stack_option(default), *_OTHER_OPTIONS)):
            with_stack = option(with_stack)
        return with_stack

    return add


def _stack_option(default: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(
        "--stack",
        shell_complete=complete_stacks,
        show_default=default,
        help="Work on this stack, on AWS unless --endpoint-url is given.",
    )


_OTHER_OPTIONS = (
    click.option(
        "--profile",
        metavar="NAME",
        show_default="as the AWS CLI",
        help="Use the credentials of this profile.",
    ),
    click.option(
        "--region",
        metavar="NAME",
        show_default=REGION,
        help="The AWS region. Stacks are deployed in one region.",
    ),
    click.option(
        "--endpoint-url",
        metavar="URL",
        help="Use the stack at this AWS-compatible emulator instead of AWS.",
    ),
)

stack_options = stack_options_of("the run that `dmd demo --keep` keeps up")
"""Adds the options to a command that works on the run that is kept up, unless a stack is named."""
