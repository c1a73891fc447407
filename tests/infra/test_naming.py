"""Names are those of the reference, and fit what AWS allows."""

from __future__ import annotations

import pytest

from infra.naming import ENVIRONMENTS, Naming
from schemas import RECORD_TYPES

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


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_longest_codes_give_names_of_at_most_64_characters(record_type: str) -> None:
    names = [
        LONGEST.delivery_stream(record_type),
        LONGEST.delivery_role(record_type),
        LONGEST.transform_function(record_type),
        LONGEST.writer_function,
        LONGEST.schedule(record_type, 15),
        LONGEST.scheduler_role,
    ]
    assert max(map(len, names)) <= 64
    assert len(LONGEST.dead_letter_queue) <= 80  # SQS allows more


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_placeholders_are_filled_in_as_names_are_written(environment: str) -> None:
    naming = Naming("PRD3292", environment, "dmnd-pipeline")
    pattern = "{product_code}.{environment}.{region}.{account_id}.{inventory_code}.{other}"
    assert naming.filled(pattern, account_id="1") == (
        f"prd3292.{environment}.us-east-1.1.dmnd-pipeline.{{other}}"
    )
