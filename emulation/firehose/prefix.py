"""Key prefixes with expressions: dates, generated values and the keys of a partition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

from emulation.firehose.date_pattern import DatePattern
from emulation.firehose.errors import InvalidSetting, NotEmulated

_EXPRESSION = re.compile(r"!\{([^{}:]*):([^{}]*)\}")
_DEFAULT_DATES = DatePattern.parse("yyyy/MM/dd/HH/")
MAX_CHARACTERS = 512
_RANDOM_CHARACTERS = 11
# A Wednesday in September: the longest English names of a day and a month.
_LONGEST_NAMES = datetime(2000, 9, 27, 12, tzinfo=UTC)
_NO_KEYS: Mapping[str, str] = MappingProxyType({})


class Generated(Enum):
    """The values of the ``firehose`` namespace."""

    RANDOM_STRING = "random-string"
    ERROR_OUTPUT_TYPE = "error-output-type"


@dataclass(frozen=True)
class PartitionKey:
    """A key that the transform answers for each record."""

    name: str


Part: TypeAlias = str | DatePattern | Generated | PartitionKey


@dataclass(frozen=True)
class Prefix:
    """A parsed prefix: literal text, dates, generated values and keys, in order.

    Source: docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html.
    """

    parts: tuple[Part, ...]

    def evaluate(
        self,
        at: datetime,
        *,
        new_uuid: Callable[[], str],
        error_output_type: str = "",
        partition_keys: Mapping[str, str] = _NO_KEYS,
    ) -> str:
        """Return the prefix of one object.

        Parameters
        ----------
        at
            Arrival of the oldest record in the object, in the delivery stream's time zone.
        new_uuid
            Returns a UUID. Each random string is the beginning of a new one.
        error_output_type
            Why the records failed, for example ``processing-failed``.
        partition_keys
            The values of the keys that the prefix has, by name.
        """
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            elif isinstance(part, DatePattern):
                texts.append(part.format(at))
            elif isinstance(part, PartitionKey):
                texts.append(partition_keys[part.name])
            elif part is Generated.RANDOM_STRING:
                texts.append(new_uuid()[:_RANDOM_CHARACTERS])
            else:
                texts.append(error_output_type)
        return "".join(texts)

    @property
    def has_expressions(self) -> bool:
        """Return whether anything in the prefix depends on the object."""
        return any(not isinstance(part, str) for part in self.parts)

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """Return the names of the keys, in order."""
        return tuple(part.name for part in self.parts if isinstance(part, PartitionKey))

    def _has_dates(self) -> bool:
        return any(isinstance(part, DatePattern) for part in self.parts)


def parse_prefixes(prefix: str, error_prefix: str) -> tuple[Prefix, Prefix]:
    """Return the prefixes of delivered objects and of error objects.

    Parameters
    ----------
    prefix
        The destination's ``Prefix``; empty when it has none.
    error_prefix
        The destination's ``ErrorOutputPrefix``; empty when it has none.

    Raises
    ------
    InvalidSetting
        The prefixes break one of AWS's rules for them.
    NotEmulated
        A prefix uses keys from a query, or a date pattern that is not emulated.
    """
    delivery = _parse("Prefix", prefix)
    if Generated.ERROR_OUTPUT_TYPE in delivery.parts:
        raise InvalidSetting(
            f"Prefix {prefix!r}: error-output-type belongs in ErrorOutputPrefix only"
        )
    errors = _parse("ErrorOutputPrefix", error_prefix)
    if errors.partition_keys:
        raise InvalidSetting(
            "Dynamic Partitioning Namespaces can't be part of an error prefix expression"
        )
    if not error_prefix:
        if delivery.has_expressions:
            raise InvalidSetting(
                f"Prefix {prefix!r} has expressions, so ErrorOutputPrefix is required; "
                "give one with !{firehose:error-output-type}"
            )
        errors = Prefix((*delivery.parts, Generated.ERROR_OUTPUT_TYPE, "/", _DEFAULT_DATES))
    elif Generated.ERROR_OUTPUT_TYPE not in errors.parts:
        # AWS requires it if the prefix has expressions. What AWS does without expressions is
        # not documented, so that case is refused too.
        raise InvalidSetting(
            f"ErrorOutputPrefix {error_prefix!r} must have !{{firehose:error-output-type}}"
        )
    # AWS's example of a prefix with keys and without dates gets no date.
    # https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-s3bucketprefix.html
    if not delivery._has_dates() and not delivery.partition_keys:
        delivery = Prefix((*delivery.parts, _DEFAULT_DATES))
    return delivery, errors


def _parse(setting: str, text: str) -> Prefix:
    parts: list[Part] = []
    # re.split with two groups gives: text, namespace, value, text, namespace, value, …, text.
    pieces = _EXPRESSION.split(text)
    for place in range(0, len(pieces), 3):
        literal = pieces[place]
        if "!{" in literal:
            raise InvalidSetting(
                f"{setting} {text!r}: '!{{' may only begin an expression !{{namespace:value}}"
            )
        if literal:
            parts.append(literal)
        if place + 2 < len(pieces):
            parts.append(_expression(setting, pieces[place + 1], pieces[place + 2]))
    parsed = Prefix(tuple(parts))
    length = len(
        parsed.evaluate(
            _LONGEST_NAMES,
            new_uuid=lambda: "0" * 36,
            error_output_type="processing-failed",
            partition_keys=dict.fromkeys(parsed.partition_keys, ""),
        )
    )
    if length > MAX_CHARACTERS:
        raise InvalidSetting(
            f"{setting} evaluates to {length} characters; at most {MAX_CHARACTERS} are allowed"
        )
    return parsed


def _expression(setting: str, namespace: str, value: str) -> Part:
    expression = f"!{{{namespace}:{value}}}"
    if namespace == "timestamp":
        return DatePattern.parse(value)
    if namespace == "firehose":
        for generated in Generated:
            if generated.value == value:
                return generated
        known = ", ".join(generated.value for generated in Generated)
        raise InvalidSetting(
            f"{setting}: {expression} is not known; the firehose namespace has {known}"
        )
    if namespace == "partitionKeyFromLambda" and value:
        return PartitionKey(value)
    if namespace == "partitionKeyFromQuery":
        raise NotEmulated(
            f"{setting}: {expression}: keys from a query are not emulated; "
            "use partitionKeyFromLambda"
        )
    raise InvalidSetting(
        f"{setting}: {expression} is not known; the namespaces are timestamp and firehose, and "
        "with dynamic partitioning also partitionKeyFromLambda and partitionKeyFromQuery"
    )
