"""Reading the functions' environment variables strictly.

There are no defaults here; they are in ``Pulumi.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import TypeVar

_Value = TypeVar("_Value")


class VariableError(Exception):
    """An environment variable is missing or has a wrong value; the message says what to set."""


def text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that is not empty.

    Raises
    ------
    VariableError
        It is missing or empty.
    """
    found = environment.get(name)
    if not found:
        raise VariableError(f"the environment variable {name} is missing or empty; set it")
    return found


def one_of(environment: Mapping[str, str], name: str, allowed: Collection[str]) -> str:
    """Return a variable whose value is one of those allowed.

    Raises
    ------
    VariableError
        It is missing, or has another value.
    """
    found = text(environment, name)
    if found not in allowed:
        raise _wrong(name, found, f"one of {', '.join(allowed)}")
    return found


def whole_number(environment: Mapping[str, str], name: str, least: int) -> int:
    """Return a variable that is a whole number, ``least`` or more.

    Raises
    ------
    VariableError
        It is missing, not a whole number in ASCII digits, or too small.
    """
    found = text(environment, name)
    if not found.isascii() or not found.isdigit() or int(found) < least:
        raise _wrong(name, found, f"a whole number from {least}")
    return int(found)


def day(environment: Mapping[str, str], name: str) -> date:
    """Return a variable that is a date, YYYY-MM-DD.

    Raises
    ------
    VariableError
        It is missing, or not a date of that form.
    """
    return _in_form(environment, name, date.fromisoformat, date.isoformat, "a date, YYYY-MM-DD")


def moment(environment: Mapping[str, str], name: str) -> datetime:
    """Return a variable that is a time in UTC with whole seconds, YYYY-MM-DDTHH:MM:SSZ.

    Raises
    ------
    VariableError
        It is missing, or not a time of that form.
    """
    form = "a time in UTC, YYYY-MM-DDTHH:MM:SSZ"
    return _in_form(environment, name, datetime.fromisoformat, moment_text, form)


def moment_text(moment: datetime) -> str:
    """Return a time in UTC as a variable has it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _in_form(
    environment: Mapping[str, str],
    name: str,
    parse: Callable[[str], _Value],
    write: Callable[[_Value], str],
    form: str,
) -> _Value:
    found = text(environment, name)
    try:
        parsed = parse(found)
        # Python accepts other forms of ISO 8601, which other readers of the setting do not.
        if write(parsed) != found:
            raise ValueError(found)
    except ValueError:
        raise _wrong(name, found, form) from None
    return parsed


def _wrong(name: str, found: str, allowed: str) -> VariableError:
    return VariableError(f"the environment variable {name} is {found!r}; set it to {allowed}")
