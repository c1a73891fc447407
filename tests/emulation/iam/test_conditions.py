from __future__ import annotations

import pytest

from emulation.iam.conditions import Condition
from emulation.iam.context import Context
from emulation.iam.errors import MalformedPolicy, UnknownConditionKey, UnknownConditionOperator

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"


def holds(operator: str, wanted: str | list[str], actual: str | list[str] | None) -> bool:
    values = tuple([wanted] if isinstance(wanted, str) else wanted)
    context = Context({} if actual is None else {"s3:prefix": actual})
    return Condition(operator, "s3:prefix", values).holds(context, variables=True)


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "abc", "ABC", True),
        ("StringNotEqualsIgnoreCase", "abc", "ABC", False),
        ("StringLike", "data/*", "data/x/y", True),
        ("StringLike", "data/?", "data/xy", False),
        ("StringLike", "Data/*", "data/x", False),
        ("StringNotLike", "data/*", "data/x", False),
        ("StringNotLike", "data/*", "other", True),
        ("Bool", "true", "TRUE", True),
        ("Bool", "false", "true", False),
        ("NumericEquals", "10", "10.0", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "9", "10", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "9", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericLessThan", "10", "many", False),
        ("NumericLessThan", "10", "-Infinity", False),
        ("DateLessThan", "2026-11-22T00:00:00Z", "2026-11-21T23:59:59Z", True),
        ("DateGreaterThan", "2026-11-22T00:00:00Z", "2026-11-21T23:59:59Z", False),
        ("DateGreaterThan", "0", "2026-11-21", True),
        ("DateLessThan", "2026", "2025-12-31T23:59:59Z", True),
        ("DateLessThan", "2026", "2026-01-01T00:00:00Z", False),
        ("DateEquals", "2026-11-22T01:00:00+01:00", "2026-11-22T00:00:00Z", True),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
        ("IpAddress", "10.9.9.9/8", "10.1.2.3", True),
        ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", True),
        ("ArnEquals", STREAM, STREAM, True),
        ("ArnLike", "arn:aws:kinesis:*:123456789012:stream/*", STREAM, True),
        ("ArnEquals", "arn:aws:kinesis:*:123456789012:stream/*", STREAM, True),
        ("ArnNotLike", "arn:aws:kinesis:*:*:stream/other", STREAM, True),
        ("ArnNotEquals", STREAM, STREAM, False),
        # The components are compared one by one: no wildcard matches a colon.
        ("ArnLike", "arn:aws:kinesis:*:stream/changes", STREAM, False),
        ("ArnLike", "arn:*:stream/changes", STREAM, False),
        ("ArnLike", STREAM, "changes", False),
        # The last component is the rest, with its colons.
        ("ArnLike", "arn:aws:logs:*:1:log-group:a:*", "arn:aws:logs:r:1:log-group:a:b:c", True),
    ],
)
def test_an_operator_compares_as_iam_does(
    operator: str, wanted: str | list[str], actual: str, expected: bool
) -> None:
    assert holds(operator, wanted, actual) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("ArnLike", False),
        ("NumericLessThan", False),
        ("Bool", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("ArnNotLike", True),
        ("StringEqualsIfExists", True),
        ("ArnLikeIfExists", True),
        ("NumericLessThanIfExists", True),
        ("BoolIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAnyValue:StringEqualsIfExists", True),
    ],
)
def test_an_absent_key_fails_all_operators_except_negated_ones_and_if_exists(
    operator: str, expected: bool
) -> None:
    assert holds(operator, "1", None) is expected


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [
        ("true", None, True),
        ("true", "x", False),
        ("false", "x", True),
        ("false", None, False),
        ("True", None, True),
    ],
)
def test_null_asks_whether_the_key_is_absent(
    wanted: str, actual: str | None, expected: bool
) -> None:
    assert holds("Null", wanted, actual) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "d"], False),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "a"], False),
        ("ForAnyValue:StringNotLike", ["a*"], ["ab", "c"], True),
        ("ForAnyValue:StringNotLike", ["a*"], ["ab", "ac"], False),
        ("ForAllValues:StringLikeIfExists", ["a*"], ["ab"], True),
    ],
)
def test_set_operators_compare_all_values_or_any(
    operator: str, wanted: list[str], actual: list[str], expected: bool
) -> None:
    assert holds(operator, wanted, actual) is expected


@pytest.mark.parametrize(
    "operator",
    ["StringMatches", "BinaryEquals", "stringequals", "ForEachValue:StringEquals", "NullIfExists"],
)
def test_an_unknown_operator_is_an_error(operator: str) -> None:
    with pytest.raises(UnknownConditionOperator, match=operator):
        Condition(operator, "s3:prefix", ("a",))


def test_an_unknown_key_is_an_error_even_if_its_absence_would_pass() -> None:
    with pytest.raises(UnknownConditionKey, match="aws:ResourceTag/team"):
        Condition("StringNotEquals", "aws:ResourceTag/team", ("x",)).holds(
            Context(), variables=True
        )


def test_every_encryption_context_key_is_known() -> None:
    assert Context().values("kms:EncryptionContext:aws:s3:arn") is None


def test_keys_are_case_insensitive() -> None:
    context = Context({"AWS:sourcearn": STREAM})
    assert Condition("ArnEquals", "aws:SourceArn", (STREAM,)).holds(context, variables=True)


def test_policy_variables_are_filled_in_from_the_request() -> None:
    context = Context({"aws:PrincipalAccount": "123456789012", "s3:prefix": "home/123456789012/x"})
    assert Condition("StringLike", "s3:prefix", ("home/${aws:PrincipalAccount}/*",)).holds(
        context, variables=True
    )
    assert not Condition("StringLike", "s3:prefix", ("home/${aws:PrincipalAccount}/*",)).holds(
        context, variables=False
    )


def test_a_variable_in_an_arn_condition_keeps_its_colon() -> None:
    context = Context({"aws:PrincipalAccount": "123456789012", "aws:SourceArn": STREAM})
    condition = Condition(
        "ArnLike", "aws:SourceArn", ("arn:aws:kinesis:*:${aws:PrincipalAccount}:*",)
    )
    assert condition.holds(context, variables=True)


def test_a_wildcard_in_the_value_of_a_variable_is_an_ordinary_character() -> None:
    context = Context({"aws:UserAgent": "*", "s3:prefix": "anything"})
    assert not Condition("StringLike", "s3:prefix", ("${aws:UserAgent}",)).holds(
        context, variables=True
    )


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [("a${*}", "a*", True), ("a${*}", "ab", False), ("${$}{x}", "${x}", True)],
)
def test_special_characters_can_be_written_as_themselves(
    wanted: str, actual: str, expected: bool
) -> None:
    assert holds("StringLike", wanted, actual) is expected


def test_a_variable_without_a_value_takes_its_default_or_matches_nothing() -> None:
    assert holds("StringEquals", "${aws:username, 'nobody'}", "nobody")
    assert not holds("StringLike", "${aws:username}*", "x")


def test_a_key_with_several_values_is_no_variable() -> None:
    context = Context({"aws:username": ["first", "second"], "s3:prefix": "nobody"})
    condition = Condition("StringEquals", "s3:prefix", ("${aws:username, 'nobody'}",))
    assert condition.holds(context, variables=True)


def test_a_negated_comparison_with_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(MalformedPolicy, match="aws:username"):
        holds("StringNotEquals", "${aws:username}", "x")


@pytest.mark.parametrize(
    ("operator", "wanted"),
    [
        ("NumericEquals", "ten"),
        ("NumericEquals", "NaN"),
        ("DateEquals", "tomorrow"),
        ("IpAddress", "here"),
    ],
)
def test_a_policy_value_of_the_wrong_kind_is_an_error(operator: str, wanted: str) -> None:
    with pytest.raises(MalformedPolicy, match=wanted):
        holds(operator, wanted, "1")


def test_null_takes_only_true_or_false() -> None:
    with pytest.raises(MalformedPolicy, match="true or false"):
        Condition("Null", "s3:if-match", ("maybe",))
