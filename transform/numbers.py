"""Converts DynamoDB numbers, text of up to 38 significant digits, exactly to column values.

This module uses no float, which would round, and not boto3's deserializer, which raises on numbers
that DynamoDB itself returns (docs/aws-contracts.md#dynamodb-change-records).
"""

from __future__ import annotations

import re
from decimal import Decimal

# An exponent of more than three digits is out of range. The pattern refuses it, because Decimal
# would need much memory to write out such a number.
_NUMBER = re.compile(r"-?[0-9]{1,200}(?:\.[0-9]{1,200})?(?:[eE][+-]?[0-9]{1,3})?")
_SHORT_INTEGER = re.compile(r"-?[0-9]{1,18}")
# Most numbers are whole, positive and shorter than this. Their text needs no pattern.
_SHORT = 19
_SHORT_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,18}))?")
SHORT_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")

# Any two numbers with at most this many digits are different doubles.
DOUBLE_DIGITS = 15

_MAX_DIGITS = 38
_MIN_EXPONENT, _MAX_EXPONENT = -130, 125


def exact(text: str) -> Decimal | None:
    """Return the number that the text of an ``N`` attribute means, or None if it is not a number.

    A number out of DynamoDB's range (38 significant digits, magnitude 1E-130 to 9.99E+125) is None.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
    HowItWorks.NamingRulesDataTypes.html
    """
    if SHORT_NUMBER.fullmatch(text):
        return Decimal(text)
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if not number:
        return number
    # as_tuple and adjusted read the digits themselves: no decimal context rounds them.
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) > _MAX_DIGITS or not _MIN_EXPONENT <= number.adjusted() <= _MAX_EXPONENT:
        return None
    return number


def integer(text: str) -> int | None:
    """Return the integer that a number's text means (``5``, ``5.0``, ``5E+3``), or None."""
    if text.isdigit() and text.isascii() and len(text) < _SHORT:
        return int(text)
    if _SHORT_INTEGER.fullmatch(text):
        return int(text)
    number = exact(text)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)


def plain(text: str) -> str | None:
    """Return a number's text without exponent and extra zeros, or None if it is not a number.

    Equal numbers have the same such text, so it can be part of a key.
    """
    if text.isdigit() and text.isascii() and len(text) < _SHORT and text[0] != "0":
        return text
    number = exact(text)
    if number is None:
        return None
    digits = format(number, "f")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    sign, digits = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
    digits = digits.lstrip("0") or "0"
    if digits[0] == ".":
        digits = "0" + digits
    return digits if digits == "0" else sign + digits


def fixed_point(text: str, precision: int, scale: int) -> str | None:
    """Return a number's text with exactly ``scale`` decimals, or None if it does not fit exactly.

    Parameters
    ----------
    text
        The text of an ``N`` attribute.
    precision, scale
        Number of decimal digits in total, and after the point.
    """
    match = _SHORT_DECIMAL.fullmatch(text)
    if match is None:
        digits = plain(text)
        if digits is None:
            return None
        sign, unsigned = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
        whole, _, fraction = unsigned.partition(".")
    else:
        sign, whole, fraction = match.groups("")
        if len(fraction) > scale:
            fraction = fraction.rstrip("0")
        if sign and whole == "0" and not fraction.strip("0"):
            sign = ""
    if len(fraction) > scale or (whole != "0" and len(whole) > precision - scale):
        return None
    if not scale:
        return sign + whole
    return f"{sign}{whole}.{fraction.ljust(scale, '0')}"


def double(text: str) -> tuple[float, bool] | None:
    """Return the nearest double and whether it is exact, or None if the text is not a number.

    It is exact if the double's shortest text is the same number.
    """
    if SHORT_NUMBER.fullmatch(text):
        nearest = float(text)
        return nearest, len(text) <= DOUBLE_DIGITS or Decimal(repr(nearest)) == Decimal(text)
    number = exact(text)
    if number is None:
        return None
    nearest = float(text)
    return nearest, Decimal(repr(nearest)) == number
