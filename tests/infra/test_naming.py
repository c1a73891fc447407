"""Names equal those of the reference, and keep to AWS's limits."""

from __future__ import annotations

import dataclasses

import pytest

from infra.deliveries import ALL_TYPES
from infra.naming import ENVIRONMENTS, Naming
from infra.stack_config import settings_of, stack_config
from infra.tables import UnusableSchemaError, check_schemas
from schemas import RECORD_TYPES, table
from schemas.names import MOST_IN_TYPE

LONGEST = Naming("A" * 12, "preprod1", "a" * 18)


def test_names_of_dev1() -> None:
    naming = Naming("PRD3292", "dev1", "dmnd-pipeline")
    assert naming.prefix == "prd3292-dev1-dmnd-pipeline"
    assert naming.database == "prd3292_dev1_dmnd_pipeline"
    assert naming.parquet_database == "prd3292_dev1_dmnd_pipeline_parquet"
    assert naming.delivery_stream("sale") == "prd3292-dev1-dmnd-pipeline-sale"
    assert naming.transform_function("sale") == "prd3292-dev1-dmnd-pipeline-transform-sale"
    assert naming.writer_function == "prd3292-dev1-dmnd-pipeline-avro-writer"
    assert naming.policy("kinesis-read") == "prd3292-dev1-dmnd-pipeline-kinesis-read"


def names_of(naming: Naming, record_type: str) -> list[str]:
    """Every name in Lambda, IAM, Firehose and Scheduler that contains a record type's name."""
    return [
        naming.delivery_stream(record_type),
        naming.delivery_role(record_type),
        naming.transform_function(record_type),
        naming.schedule(record_type, 15),
    ]


@pytest.mark.parametrize("record_type", [*RECORD_TYPES, ALL_TYPES])
def test_the_longest_codes_give_names_of_at_most_64_characters(record_type: str) -> None:
    names = [*names_of(LONGEST, record_type), LONGEST.writer_function, LONGEST.scheduler_role]
    assert max(map(len, names)) <= 64
    assert len(LONGEST.dead_letter_queue) <= 80  # SQS allows more


def test_a_type_with_the_longest_name_fits_in_every_environment_with_the_shortest_codes() -> None:
    def longest(name: str) -> int:
        shortest = [Naming("P3", environment, "a") for environment in ENVIRONMENTS]
        return max(len(each) for naming in shortest for each in names_of(naming, name))

    assert longest("x" * MOST_IN_TYPE) == 64
    assert longest("x" * (MOST_IN_TYPE + 1)) == 65


@pytest.mark.parametrize(
    ("codes", "most"),
    [({}, 23), ({"product_code": "P" * 12, "inventory_code": "a" * 18}, 13)],
)
def test_a_type_whose_names_do_not_fit_in_every_environment_is_refused(
    codes: dict[str, str], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_stack = settings_of("dev1", stack_config("dev1", codes))
    monkeypatch.setattr("infra.tables.table", lambda name: table("demand"))
    fits, too_long = "x" * most, "x" * (most + 1)
    check_schemas(dataclasses.replace(of_stack, demand_data_types=(fits, "demand")))
    with pytest.raises(UnusableSchemaError) as caught:
        check_schemas(dataclasses.replace(of_stack, demand_data_types=(too_long, "demand")))
    message = str(caught.value)
    assert "stack dev1: 1 of the schemas" in message
    assert f"schemas/{too_long}.json: " in message
    assert "in preprod1: that has 65 characters, and AWS takes 64" in message


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_placeholders_are_filled_in_as_names_are_written(environment: str) -> None:
    naming = Naming("PRD3292", environment, "dmnd-pipeline")
    pattern = "{product_code}.{environment}.{region}.{account_id}.{inventory_code}.{other}"
    assert naming.filled(pattern, account_id="1") == (
        f"prd3292.{environment}.us-east-1.1.dmnd-pipeline.{{other}}"
    )
