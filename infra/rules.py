"""Rules for settings. A rule reads the engine's text, and says what is allowed."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Protocol


class Rule(Protocol):
    """Reads one setting."""

    @property
    def allowed(self) -> str:
        """What is allowed, to complete "must be ..."."""

    def read(self, text: str) -> object:
        """Return the value; raise ValueError if ``text`` is not allowed."""


@dataclass(frozen=True)
class Text:
    """Text that matches a pattern as a whole."""

    pattern: str
    allowed: str

    def read(self, text: str) -> str:
        """Return the text."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(text)
        return text


@dataclass(frozen=True)
class Whole:
    """A whole number in a range; both ends are allowed."""

    minimum: int
    maximum: int
    unit: str

    @property
    def allowed(self) -> str:
        """The range and the unit."""
        return f"a whole number from {self.minimum} to {self.maximum} ({self.unit})"

    def read(self, text: str) -> int:
        """Return the number."""
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise ValueError(text)
        value = int(text)
        if not self.minimum <= value <= self.maximum:
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class Number:
    """A number with decimals in a range; both ends are allowed."""

    minimum: Decimal
    maximum: Decimal
    unit: str

    @property
    def allowed(self) -> str:
        """The range and the unit."""
        return f"a number from {self.minimum} to {self.maximum} ({self.unit})"

    def read(self, text: str) -> Decimal:
        """Return the number."""
        try:
            value = Decimal(text)
        except InvalidOperation as error:
            raise ValueError(text) from error
        if not (value.is_finite() and self.minimum <= value <= self.maximum):
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class WholeOneOf:
    """One of some whole numbers."""

    options: Sequence[int]
    unit: str

    @property
    def allowed(self) -> str:
        """The numbers and the unit."""
        return f"one of {', '.join(map(str, self.options))} ({self.unit})"

    def read(self, text: str) -> int:
        """Return the number."""
        if text not in {str(option) for option in self.options}:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    options: Sequence[str]

    @property
    def allowed(self) -> str:
        """The words."""
        return f"one of {', '.join(self.options)}"

    def read(self, text: str) -> str:
        """Return the word."""
        if text not in self.options:
            raise ValueError(text)
        return text


@dataclass(frozen=True)
class Flag:
    """Yes or no, as the engine writes booleans."""

    allowed: str = "true or false"

    def read(self, text: str) -> bool:
        """Return the boolean."""
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"


@dataclass(frozen=True)
class ListOf:
    """A list of different words, at least one; the engine passes lists as JSON."""

    options: Sequence[str]

    @property
    def allowed(self) -> str:
        """The words."""
        return f"a list of at least one of {', '.join(self.options)}, each at most once"

    def read(self, text: str) -> tuple[str, ...]:
        """Return the words."""
        value = json.loads(text)
        if not (isinstance(value, list) and value):
            raise ValueError(text)
        for word in value:
            if word not in self.options or value.count(word) > 1:
                raise ValueError(text)
        return tuple(value)


@dataclass(frozen=True)
class Date:
    """A date of the calendar, YYYY-MM-DD."""

    allowed: str = "a date, YYYY-MM-DD"

    def read(self, text: str) -> datetime.date:
        """Return the date."""
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError(text)
        return datetime.date.fromisoformat(text)


@dataclass(frozen=True)
class Moment:
    """A minute, YYYY-MM-DDTHH:MMZ, or empty for None."""

    allowed: str = "a time in UTC such as 2026-12-01T12:00Z, in quotes, or empty"

    def read(self, text: str) -> datetime.datetime | None:
        """Return the time, aware."""
        if not text:
            return None
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z", text, re.ASCII):
            raise ValueError(text)
        return datetime.datetime.fromisoformat(text)

    def write(self, moment: datetime.datetime | None) -> str:
        """Return the text from which `read` makes this time, without its seconds."""
        return f"{moment.astimezone(datetime.UTC):%Y-%m-%dT%H:%MZ}" if moment else ""
