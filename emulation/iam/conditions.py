"""IAM's condition operators.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
and reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache

from emulation.iam.context import Context
from emulation.iam.errors import MalformedPolicy, UnknownConditionOperator
from emulation.iam.patterns import matches, resolved

# Takes the request's value, the policy's value, the context, and whether ${…} is a variable.
Comparison = Callable[[str, str, Context, bool], bool]

_ARN_COMPONENTS = 6


def _on_resolved(compare: Callable[[str, str], bool]) -> Comparison:
    def comparison(value: str, wanted: str, context: Context, variables: bool) -> bool:
        text = resolved(wanted, context, variables=variables)
        return text is not None and compare(value, text)

    return comparison


def _like(ignore_case: bool) -> Comparison:
    def comparison(value: str, wanted: str, context: Context, variables: bool) -> bool:
        return matches(wanted, value, context, variables=variables, ignore_case=ignore_case)

    return comparison


def _arn(value: str, wanted: str, context: Context, variables: bool) -> bool:
    # IAM compares the six components of an ARN one by one. A wildcard matches no colon, except in
    # the last component, which is the rest. A colon inside a variable separates nothing.
    split = value.split(":", _ARN_COMPONENTS - 1)
    pieces = _split_outside_variables(wanted) if variables else wanted.split(":", 5)
    return len(split) == len(pieces) == _ARN_COMPONENTS and all(
        matches(piece, part, context, variables=variables)
        for piece, part in zip(pieces, split, strict=True)
    )


def _split_outside_variables(pattern: str) -> list[str]:
    pieces, depth = [""], 0
    for index, character in enumerate(pattern):
        if pattern.startswith("${", index):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        if character == ":" and not depth and len(pieces) < _ARN_COMPONENTS:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    seconds = _number(text)
    try:
        if seconds is not None and len(text) != len("2026"):
            return datetime.fromtimestamp(float(seconds), UTC)
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == len("2026") else text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ordered(
    read: Callable[[str], Decimal | datetime | None], compare: Callable[..., bool], kind: str
) -> Comparison:
    def comparison(value: str, wanted: str) -> bool:
        limit, actual = read(wanted), read(value)
        if limit is None:
            raise MalformedPolicy(f"condition value {wanted!r} is not a {kind}")
        return actual is not None and compare(actual, limit)

    return _on_resolved(comparison)


def _in_network(value: str, wanted: str) -> bool:
    try:
        network = ipaddress.ip_network(wanted, strict=False)
    except ValueError as error:
        raise MalformedPolicy(f"condition value {wanted!r} is not an IP address range") from error
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


_POSITIVE: dict[str, Comparison] = {
    "StringEquals": _on_resolved(operator.eq),
    "StringEqualsIgnoreCase": _on_resolved(lambda a, b: a.casefold() == b.casefold()),
    "StringLike": _like(ignore_case=False),
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _on_resolved(lambda a, b: a.lower() == b.lower()),
    "IpAddress": _on_resolved(_in_network),
    **{
        f"{kind}{suffix}": _ordered(read, compare, name)
        for kind, read, name in (("Numeric", _number, "number"), ("Date", _moment, "date"))
        for suffix, compare in (
            ("Equals", operator.eq),
            ("LessThan", operator.lt),
            ("LessThanEquals", operator.le),
            ("GreaterThan", operator.gt),
            ("GreaterThanEquals", operator.ge),
        )
    },
}
_NEGATED: dict[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
_QUANTIFIERS = ("ForAllValues", "ForAnyValue")


@cache
def _parsed(written: str) -> tuple[str, str, bool]:
    """Return the quantifier (or ""), the operator's name, and whether it ends with IfExists."""
    quantifier, _, name = written.rpartition(":")
    if quantifier and quantifier not in _QUANTIFIERS:
        return "", written, False
    if name.endswith("IfExists") and name != "NullIfExists":
        return quantifier, name.removesuffix("IfExists"), True
    return quantifier, name, False


@dataclass(frozen=True)
class Condition:
    """One operator applied to one key, as a policy writes it.

    Parameters
    ----------
    operator
        The operator as written, with its quantifier and suffix: ``ForAnyValue:StringLikeIfExists``.
    key
        The condition key, in any case.
    values
        The values in the policy. One must match; for a negated operator, none may match.

    Raises
    ------
    UnknownConditionOperator
        The evaluator does not implement the operator.
    MalformedPolicy
        ``Null`` has a value other than true or false.
    """

    operator: str
    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        _, name, _ = _parsed(self.operator)
        if name == "Null":
            if any(value.lower() not in ("true", "false") for value in self.values):
                given = ", ".join(self.values)
                raise MalformedPolicy(f"Null of {self.key} must be true or false, not {given}")
        elif name not in _POSITIVE and name not in _NEGATED:
            raise UnknownConditionOperator(
                f"the gateway does not know the condition operator {self.operator} (of "
                f"{self.key}); implement it in emulation/iam/conditions.py or use another"
            )

    def holds(self, context: Context, *, variables: bool) -> bool:
        """Return whether a request with this context fulfils the condition.

        Raises
        ------
        UnknownConditionKey
            The gateway does not know the key's value.
        MalformedPolicy
            A value in the policy does not fit the operator, or a negated operator compares with
            a policy variable that has no value.
        """
        quantifier, name, if_exists = _parsed(self.operator)
        values = context.values(self.key)
        if name == "Null":
            absent = values is None
            return any(absent == (wanted.lower() == "true") for wanted in self.values)
        negated = name in _NEGATED
        if values is None:
            return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
        compare = _POSITIVE[_NEGATED.get(name, name)]
        if negated:
            self._require_resolvable(context, variables)

        def passes(value: str) -> bool:
            return negated != any(
                compare(value, wanted, context, variables) for wanted in self.values
            )

        quantified = any if quantifier == "ForAnyValue" else all
        return quantified(passes(value) for value in values)

    def _require_resolvable(self, context: Context, variables: bool) -> None:
        # A negated comparison with an unknown value would hold for every request.
        for wanted in self.values:
            if resolved(wanted, context, variables=variables) is None:
                raise MalformedPolicy(
                    f"{self.operator} of {self.key} compares with {wanted}, which has no value in "
                    "this request"
                )
