"""Key prefixes: the rules and examples of AWS's page "Understand custom prefixes"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulation.firehose.errors import InvalidSetting, NotEmulated
from emulation.firehose.prefix import parse_prefixes
from tests.emulation.firehose.doubles import Uuids

AT = datetime(2018, 8, 27, 10, 30, tzinfo=UTC)


def evaluated(prefix: str, error_prefix: str) -> tuple[str, str]:
    delivery, errors = parse_prefixes(prefix, error_prefix)
    new_uuid = Uuids()
    return (
        delivery.evaluate(AT, new_uuid=new_uuid),
        errors.evaluate(AT, new_uuid=new_uuid, error_output_type="processing-failed"),
    )


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "expected"),
    [
        (
            "",
            "myFirehoseFailures/!{firehose:error-output-type}/",
            ("2018/08/27/10/", "myFirehoseFailures/processing-failed/"),
        ),
        (
            "myFirehose/DeliveredYear=!{timestamp:yyyy}/anyMonth/rand=!{firehose:random-string}",
            "myFirehoseFailures/!{firehose:error-output-type}/!{timestamp:yyyy}/anyMonth/"
            "!{timestamp:dd}",
            (
                "myFirehose/DeliveredYear=2018/anyMonth/rand=00000000-00",
                "myFirehoseFailures/processing-failed/2018/anyMonth/27",
            ),
        ),
        (
            "myPrefix/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
            "hour=!{timestamp:HH}/",
            "myErrorPrefix/!{timestamp:'year='yyyy'/month='MM'/day='dd'/hour='HH}/"
            "!{firehose:error-output-type}",
            (
                "myPrefix/year=2018/month=08/day=27/hour=10/",
                "myErrorPrefix/year=2018/month=08/day=27/hour=10/processing-failed",
            ),
        ),
        (
            "myFirehosePrefix/",
            "",
            (
                "myFirehosePrefix/2018/08/27/10/",
                "myFirehosePrefix/processing-failed/2018/08/27/10/",
            ),
        ),
        ("", "", ("2018/08/27/10/", "processing-failed/2018/08/27/10/")),
    ],
)
def test_the_examples_of_aws(prefix: str, error_prefix: str, expected: tuple[str, str]) -> None:
    assert evaluated(prefix, error_prefix) == expected


def test_the_prefixes_of_the_design() -> None:
    assert evaluated(
        "data-pipeline/landing/sale/lanes=2/!{timestamp:yyyy/MM/dd/HH}/",
        "data-pipeline/errors/sale/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/",
    ) == (
        "data-pipeline/landing/sale/lanes=2/2018/08/27/10/",
        "data-pipeline/errors/sale/processing-failed/2018/08/27/",
    )


def test_a_prefix_without_expressions_gets_the_hour_appended_as_it_stands() -> None:
    assert evaluated("landing", "")[0] == "landing2018/08/27/10/"


def test_a_prefix_with_no_date_among_its_expressions_gets_the_hour_too() -> None:
    errors = "errors/!{firehose:error-output-type}/"
    assert evaluated("!{firehose:random-string}/", errors)[0] == "00000000-00/2018/08/27/10/"


def test_each_random_string_is_a_new_one() -> None:
    errors = "!{firehose:error-output-type}/!{firehose:random-string}!{firehose:random-string}"
    _, parsed = parse_prefixes("", errors)
    strings = iter(["a" * 36, "b" * 36])
    text = parsed.evaluate(AT, new_uuid=lambda: next(strings), error_output_type="x")
    assert text == f"x/{'a' * 11}{'b' * 11}"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "message"),
    [
        ("!{timestamp:yyyy/MM/dd}", "", "ErrorOutputPrefix is required"),
        ("!{timestamp:yyyy}/", "errors/", "must have !{firehose:error-output-type}"),
        ("!{timestamp:yyyy}/", "errors/!{timestamp:yyyy}/", "must have !{firehose:error-output-"),
        ("!{firehose:error-output-type}/", "", "belongs in ErrorOutputPrefix"),
        (
            "!{partitionKeyFromLambda:type}/",
            "errors/!{partitionKeyFromLambda:type}/!{firehose:error-output-type}/",
            "can't be part of an error prefix",
        ),
        (
            "!{partitionKeyFromLambda:}/",
            "errors/!{firehose:error-output-type}/",
            "!{partitionKeyFromLambda:} is not known",
        ),
        ("!{partitionKeyFromLambda:type}/", "", "ErrorOutputPrefix is required"),
        ("!{firehose:stream-name}/", "", "is not known; the firehose namespace has random-string"),
        ("!{date:yyyy}/", "", "the namespaces are timestamp and firehose"),
        ("a!{b/", "", "may only begin an expression"),
        ("!{timestamp}/", "", "may only begin an expression"),
        ("x" * 513, "", "at most 512"),
        ("!{timestamp:yyyy#}/", "errors/!{firehose:error-output-type}/", "is reserved"),
    ],
)
def test_what_aws_refuses_is_refused(prefix: str, error_prefix: str, message: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        parse_prefixes(prefix, error_prefix)
    assert message in str(refused.value)


def test_keys_from_a_query_are_refused_by_name() -> None:
    with pytest.raises(NotEmulated, match="keys from a query are not emulated"):
        parse_prefixes("customer=!{partitionKeyFromQuery:customer_id}/", "")


def test_keys_of_a_function_are_evaluated_in_their_places() -> None:
    # The example of AWS, with keys from a function.
    # https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-s3bucketprefix.html
    prefix, _ = parse_prefixes(
        "customer_id=!{partitionKeyFromLambda:customer_id}/device=!{partitionKeyFromLambda:device}/"
        "year=!{partitionKeyFromLambda:year}/",
        "errors/!{firehose:error-output-type}/",
    )
    assert prefix.partition_keys == ("customer_id", "device", "year")
    keys = {"customer_id": "1234567890", "device": "mobile", "year": "2019"}
    assert prefix.evaluate(AT, new_uuid=Uuids(), partition_keys=keys) == (
        "customer_id=1234567890/device=mobile/year=2019/"
    )


def test_keys_of_a_function_stand_beside_dates_and_random_strings() -> None:
    prefix, _ = parse_prefixes(
        "landing/!{partitionKeyFromLambda:record_type}/!{timestamp:yyyy/MM/dd/HH}/"
        "!{firehose:random-string}/",
        "errors/!{firehose:error-output-type}/",
    )
    assert prefix.evaluate(AT, new_uuid=Uuids(), partition_keys={"record_type": "sale"}) == (
        "landing/sale/2018/08/27/10/00000000-00/"
    )
