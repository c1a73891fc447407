"""The part of Java's DateTimeFormatter patterns that a key prefix can sensibly use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from emulation.firehose.errors import InvalidSetting, NotEmulated

_TOKEN = re.compile(r"'(?P<quoted>(?:''|[^'])*)'|(?P<letter>[A-Za-z])(?P=letter)*|[^A-Za-z']")

# The names are English. strftime would use the locale of this machine.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")

# Java takes these from a locale's calendar, and AWS does not document which locale. Around New
# Year `YYYY` differs from `yyyy`, on days that depend on the locale.
_WEEK_BASED = "YwWec"


@dataclass(frozen=True)
class DatePattern:
    """A parsed pattern: literal text and fields, in order.

    Source: docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html, which
    docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html refers to.
    """

    pieces: tuple[str | tuple[str, int], ...]

    @classmethod
    def parse(cls, pattern: str) -> DatePattern:
        """Parse ``pattern``, for example ``yyyy/MM/dd/HH`` or ``'year='yyyy``.

        Raises
        ------
        InvalidSetting
            Java refuses the pattern.
        NotEmulated
            The pattern has a part that is not emulated.
        """
        pieces: list[str | tuple[str, int]] = []
        place = 0
        while place < len(pattern):
            token = _TOKEN.match(pattern, place)
            if token is None:
                raise InvalidSetting(f"date pattern {pattern!r}: a quote is not closed; close it")
            place = token.end()
            quoted, letter = token["quoted"], token["letter"]
            if letter is not None:
                pieces.append(_field(letter, len(token[0]), pattern))
            elif quoted is not None:
                pieces.append(quoted.replace("''", "'") or "'")
            else:
                pieces.append(_literal(token[0], pattern))
        return cls(tuple(pieces))

    def format(self, at: datetime) -> str:
        """Return the text for ``at``, in the time zone that ``at`` carries."""
        return "".join(
            piece if isinstance(piece, str) else _FIELDS[piece[0]](at, piece[1])
            for piece in self.pieces
        )


def _literal(char: str, pattern: str) -> str:
    if char in "{}#":
        raise InvalidSetting(f"date pattern {pattern!r}: {char!r} is reserved; quote it")
    if char in "[]":
        raise NotEmulated(f"date pattern {pattern!r}: optional sections are not emulated")
    return char


def _field(letter: str, count: int, pattern: str) -> tuple[str, int]:
    if letter in _WEEK_BASED:
        raise NotEmulated(
            f"date pattern {pattern!r}: {letter!r} depends on a locale, and AWS does not "
            "document which; use 'y', 'M' and 'd' for dates"
        )
    if letter not in _FIELDS:
        raise NotEmulated(
            f"date pattern {pattern!r}: letter {letter!r} is not emulated; "
            f"use one of {' '.join(_FIELDS)}"
        )
    if count > _LONGEST[letter]:
        raise NotEmulated(
            f"date pattern {pattern!r}: {letter * count!r} is not emulated; "
            f"use at most {_LONGEST[letter]} of {letter!r}"
        )
    return letter, count


def _number(value: Callable[[datetime], int]) -> Callable[[datetime, int], str]:
    return lambda at, count: str(value(at)).zfill(count)


def _year(at: datetime, count: int) -> str:
    return f"{at.year % 100:02d}" if count == 2 else str(at.year).zfill(count)


def _month(at: datetime, count: int) -> str:
    if count <= 2:
        return str(at.month).zfill(count)
    name = _MONTHS[at.month - 1]
    return name[:3] if count == 3 else name


def _day_of_week(at: datetime, count: int) -> str:
    name = _DAYS[at.weekday()]
    return name if count == 4 else name[:3]


def _quarter(at: datetime, count: int) -> str:
    quarter = (at.month - 1) // 3
    if count <= 2:
        return str(quarter + 1).zfill(count)
    return f"Q{quarter + 1}" if count == 3 else _QUARTERS[quarter]


_FIELDS: dict[str, Callable[[datetime, int], str]] = {
    "y": _year,
    "u": _year,
    "M": _month,
    "L": _month,
    "d": _number(lambda at: at.day),
    "D": _number(lambda at: at.timetuple().tm_yday),
    "H": _number(lambda at: at.hour),
    "k": _number(lambda at: at.hour or 24),
    "h": _number(lambda at: at.hour % 12 or 12),
    "K": _number(lambda at: at.hour % 12),
    "m": _number(lambda at: at.minute),
    "s": _number(lambda at: at.second),
    "S": lambda at, count: f"{at.microsecond * 1000:09d}"[:count],
    "a": lambda at, count: "AM" if at.hour < 12 else "PM",
    "E": _day_of_week,
    "Q": _quarter,
}

_LONGEST = dict.fromkeys(_FIELDS, 2) | {
    "y": 19,
    "u": 19,
    "M": 4,
    "L": 4,
    "D": 3,
    "S": 9,
    "a": 1,
    "E": 4,
    "Q": 4,
}
