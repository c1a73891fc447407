"""Settings come from the stack's configuration. One error names all wrong ones."""

from __future__ import annotations

import datetime
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import schemas
from infra.naming import ENVIRONMENTS
from infra.settings import Settings, SettingsError, parse_settings
from infra.stack_config import REPOSITORY, settings_of, stack_config
from tests.infra.recorded import Recording, record
from tests.support.changes import change, firehose_record
from transform.batch import Transform
from transform.generated import can_be_named


def settings(stack: str = "dev1", **overrides: str) -> Settings:
    return settings_of(stack, stack_config(stack, overrides))


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_names_of_what_is_referred_to_are_those_of_the_reference(stack: str) -> None:
    found = settings(stack)
    assert found.environment == stack
    assert found.table_name == f"prd3292-{stack}-us-east-1-demand-table"
    assert found.stream_name == f"prd3292-{stack}-dmnd-table-stream"
    assert found.bucket_name == f"prd3292.{stack}.us-east-1.demand-capture.tmaws"
    assert found.log_stream_arn == (
        f"arn:aws:kinesis:us-east-1:{found.account_id}:stream/prd3292-{stack}-log-stream"
    )


def test_stacks_of_one_account_share_its_id() -> None:
    accounts = {stack: settings(stack).account_id for stack in ENVIRONMENTS}
    assert accounts["dev1"] == accounts["qa1"] != accounts["preprod1"] == accounts["prod1"]


def test_values_are_typed() -> None:
    found = settings()
    assert found.delivery_batch_size == 1000
    assert found.delivery_parallelization_factor == 2
    assert found.demand_data_types == ("demand", "sale", "event", "notification")
    assert found.transform_buffer_size_mb == Decimal(1)
    assert found.first_partition_date == datetime.date(2026, 11, 1)
    assert found.tracing is False
    assert settings(tracing="true").tracing is True
    assert found.delivery == "per_type"
    assert found.delivery_border is None
    border = settings(delivery_border="2026-12-01T12:05Z").delivery_border
    assert border == datetime.datetime(2026, 12, 1, 12, 5, tzinfo=datetime.UTC)


def test_a_configured_zero_is_not_taken_for_a_missing_value() -> None:
    assert settings(settle_seconds="0").settle_seconds == 0
    assert settings(delivery_buffer_interval_seconds="0").delivery_buffer_interval_seconds == 0


def test_a_name_of_the_stack_replaces_the_pattern() -> None:
    assert settings(bucket_name="another.bucket").bucket_name == "another.bucket"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("account_id", "12345678901"),
        ("account_id", "tm-nonprod"),
        ("product_code", "PRD-3292"),
        ("product_code", "P"),
        ("product_code", "P" * 13),
        ("product_code", "3PRD"),
        ("inventory_code", "dmnd--pipeline"),
        ("inventory_code", "a" * 19),
        ("iac_repo", "git@git.tmaws.io:x"),
        ("table_name", "{product}-table"),
        ("stream_name", ""),
        ("bucket_name", "Upper.Case"),
        ("bucket_name", "two..dots"),
        ("log_stream_arn", "arn:aws:firehose:us-east-1:111122223333:deliverystream/x"),
        ("log_stream_arn", "arn:aws:kinesis:eu-west-1:111122223333:stream/logs"),
        ("log_stream_arn", "arn:aws:kinesis:us-east-1:999999999999:stream/logs"),
        ("bucket_kms_key_arn", "alias/demand-capture"),
        ("bucket_kms_key_arn", "arn:aws:kms:us-east-1:111122223333:alias/demand-capture"),
        ("permissions_boundary_arn", "boundary-of-pipelines"),
        ("permissions_boundary_arn", "arn:aws:iam::111122223333:role/boundary"),
        ("permissions_boundary_arn", "arn:aws:iam::999999999999:policy/boundary"),
        ("ci_runner_role", "arn:aws:iam::111122223333:role/GitRunner"),
        ("alarm_topic_arn", "on-call"),
        ("alarm_topic_arn", "arn:aws:sns:eu-west-1:111122223333:on-call"),
        ("type_attribute", ""),
        ("type_attribute", " type"),
        ("type_attribute", 'ty"pe'),
        ("type_attribute", "ty\\pe"),
        ("type_attribute", "ty\tpe"),
        ("type_attribute", "ty\npe"),
        ("type_attribute", "type\n"),
        ("type_attribute", "a" * 256),
        ("tracing", "True"),
        ("tracing", "yes"),
        ("demand_data_types", '["demand","parking"]'),
        ("demand_data_types", '["demand","demand"]'),
        ("demand_data_types", "[]"),
        ("demand_data_types", "demand"),
        ("demand_data_types", "[[]]"),
        ("delivery", ""),
        ("delivery", "Shared"),
        ("delivery", "per-type"),
        ("delivery_border", "2026-12-01"),
        ("delivery_border", "2026-12-01T12:00"),
        ("delivery_border", "2026-12-01 12:00Z"),
        ("delivery_border", "2026-12-01T12:00:00Z"),
        ("delivery_border", "2026-12-01T12:00+00:00"),
        ("delivery_border", "2026-12-01T12:00Z "),
        ("delivery_border", "2026-12-01T12:60Z"),
        ("delivery_border", "2026-02-29T12:00Z"),
        ("delivery_border", "٢026-12-01T12:00Z"),
        ("delivery_batch_size", "0"),
        ("delivery_batch_size", "1e3"),
        ("delivery_batch_size", "many"),
        ("delivery_parallelization_factor", "-1"),
        ("delivery_buffer_size_mb", "129"),
        ("transform_buffer_size_mb", "3.5"),
        ("transform_buffer_size_mb", "NaN"),
        ("transform_timeout_seconds", "301"),
        ("writer_timeout_seconds", "901"),
        ("log_retention_days", "15"),
        ("log_level", "info"),
        ("first_partition_date", "2024-02-30"),
        ("first_partition_date", "20240101"),
        ("athena_bytes_scanned_limit", "1"),
        ("package_directory", " "),
    ],
)
def test_a_wrong_value_is_named_with_key_stack_and_what_is_allowed(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings("qa1", **{key: value})
    message = str(caught.value)
    assert message.startswith("stack qa1: 1 of its settings cannot be used")
    assert f"dmd-pipeline:{key} = {value!r}" in message
    assert ": must be " in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("product_code", "PR"),
        ("product_code", "P" * 12),
        ("inventory_code", "a"),
        ("inventory_code", "a" * 18),
        ("inventory_code", "a-" * 8 + "a1"),
        ("type_attribute", "a" * 255),
        ("type_attribute", "record type\u2028 é\U0001f600'"),
        ("table_name", "abc"),
        ("table_name", "a" * 255),
        ("stream_name", "a" * 128),
        ("bucket_name", "a" * 63),
        ("ci_runner_role", "a" * 64),
        ("permissions_boundary_arn", "arn:aws:iam::aws:policy/PowerUserAccess"),
        ("permissions_boundary_arn", f"arn:aws:iam::111122223333:policy/path/{'a' * 128}"),
    ],
)
def test_the_longest_and_the_shortest_names_are_taken(key: str, value: str) -> None:
    assert getattr(settings(**{key: value}), key) == value


# Some characters that names may have, and some that they may not.
NAMES = st.text(st.characters() | st.sampled_from('ab "\\\t\x00\x1f\x7f\ud800\u2028'), max_size=4)


@given(NAMES)
@example("a\ud800")
def test_a_type_attribute_that_is_taken_is_one_that_the_transform_can_look_for(name: str) -> None:
    try:
        taken = settings(type_attribute=name).type_attribute
    except SettingsError:
        assert not can_be_named(name) or name[:1].isspace()
    else:
        record = change({taken: {"S": "demand"}})
        (answer,) = (
            Transform(schemas.table("demand"), taken).batch([firehose_record(record)]).records
        )
        assert answer["result"] == "Ok"


def test_all_wrong_keys_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings(account_id="x", bucket_name="X", delivery_batch_size="0", log_level="")
    message = str(caught.value)
    for key in ("account_id", "bucket_name", "delivery_batch_size", "log_level"):
        assert f"dmd-pipeline:{key} = " in message
    assert "4 of its settings" in message


def test_a_missing_key_is_named() -> None:
    config = stack_config("dev1")
    del config["dmd-pipeline:account_id"]
    with pytest.raises(SettingsError, match="dmd-pipeline:account_id is missing: must be an AWS"):
        settings_of("dev1", config)


def test_a_plan_that_could_never_be_made_is_refused() -> None:
    with pytest.raises(SettingsError, match="min_plan_bytes = '2': must be at most"):
        settings(min_plan_bytes="2", max_plan_bytes="1")


SMALL = {"delivery_buffer_size_mb": "63", "delivery_buffer_interval_seconds": "59"}


@pytest.mark.parametrize(
    "delivery",
    [
        {"delivery": "shared"},
        {"delivery": "shared", "delivery_border": "2026-12-01T12:00Z"},
        {"delivery": "per_type", "delivery_border": "2026-12-01T12:00Z"},
    ],
)
def test_buffers_that_firehose_refuses_for_dynamic_partitioning_are_refused(
    delivery: dict[str, str],
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**delivery, **SMALL)
    message = str(caught.value)
    assert "2 of its settings cannot be used" in message
    assert "delivery_buffer_size_mb = '63': must be at least 64" in message
    assert "delivery_buffer_interval_seconds = '59': must be at least 60" in message
    smallest = {"delivery_buffer_size_mb": "64", "delivery_buffer_interval_seconds": "60"}
    assert settings(**delivery, **smallest).delivery_buffer_interval_seconds == 60


def test_delivery_streams_of_one_type_may_have_small_buffers() -> None:
    assert settings(**SMALL).delivery_buffer_size_mb == 63


def test_wrong_buffers_are_reported_once() -> None:
    with pytest.raises(SettingsError, match="1 of its settings"):
        settings(delivery="shared", delivery_buffer_size_mb="none")


def test_an_unknown_stack_is_refused() -> None:
    with pytest.raises(SettingsError, match="'dev2': must be one of dev1, qa1, preprod1, prod1"):
        parse_settings("dev2", lambda key: None)


def test_nothing_is_registered_with_wrong_settings(packages: Path) -> None:
    recording = Recording("111122223333")
    with pytest.raises(SettingsError):
        record("dev1", packages, into=recording, log_level="LOUD")
    assert recording.resources == []


def declarations() -> dict[str, dict[str, Any]]:
    text = (REPOSITORY / "Pulumi.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["config"])


def test_pulumi_yaml_declares_exactly_the_settings() -> None:
    assert set(declarations()) == {field.name for field in fields(Settings)} - {"environment"}


@pytest.mark.parametrize("key", declarations())
def test_each_setting_has_a_type_a_meaning_and_mostly_a_default(key: str) -> None:
    declaration = declarations()[key]
    kind = {"string": str, "integer": int, "array": list, "boolean": bool}[declaration["type"]]
    assert declaration["description"]
    if key == "account_id":
        assert "default" not in declaration
    else:
        assert isinstance(declaration["default"], kind)


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_stack_file_holds_only_what_differs(stack: str) -> None:
    text = (REPOSITORY / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    for key, value in yaml.safe_load(text)["config"].items():
        assert value != declarations()[key.removeprefix("dmd-pipeline:")].get("default")
