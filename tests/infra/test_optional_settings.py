"""What each optional setting changes, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.infra.recorded import Recording, record

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
POLICY = "aws:iam/policy:Policy"
ROLE = "aws:iam/role:Role"
QUERY = "aws:athena/namedQuery:NamedQuery"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def statements(recording: Recording) -> dict[str, list[dict[str, Any]]]:
    """Return the statements by policy."""
    documents = [*recording.of(ROLE_POLICY), *recording.of(POLICY)]
    return {each.name: each.policy() for each in documents}


def added(before: Recording, after: Recording) -> dict[str, list[dict[str, Any]]]:
    old, new = statements(before), statements(after)
    assert old.keys() == new.keys()
    return {
        name: [each for each in new[name] if each not in old[name]]
        for name in new
        if new[name] != old[name]
    }


@pytest.fixture(scope="module")
def with_key(packages: Path) -> Recording:
    return record("dev1", packages, bucket_kms_key_arn=KEY)


def test_the_buckets_key_is_granted_to_whoever_reads_or_writes_objects(
    dev1: Recording, with_key: Recording
) -> None:
    found = added(dev1, with_key)
    assert found.keys() == {
        "delivery-demand",
        "delivery-sale",
        "delivery-event",
        "delivery-notification",
        "avro-writer",
        "current",
        "athena-query-execution",
        "s3-write",
        "operate",
    }
    for (statement,) in found.values():
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        assert statement["Resource"] == [KEY]


def test_the_key_is_used_through_s3_for_the_pipelines_objects_alone(with_key: Recording) -> None:
    bucket = "arn:aws:s3:::prd3292.dev1.us-east-1.demand-capture.tmaws"
    (statement,) = (
        each for each in statements(with_key)["avro-writer"] if each["Sid"] == "UseBucketKey"
    )
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/data-pipeline/*"]},
    }


def test_functions_are_traced_only_if_told(dev1: Recording, packages: Path) -> None:
    traced = record("dev1", packages, tracing="true")
    assert modes(dev1) == {"PassThrough"}
    assert modes(traced) == {"Active"}
    found = added(dev1, traced)
    assert len(found) == 5, "each function's role"
    for (statement,) in found.values():
        assert statement["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def modes(recording: Recording) -> set[str]:
    functions = recording.of("aws:lambda/function:Function")
    return {each.inputs["tracingConfig"]["mode"] for each in functions}


def test_another_runner_may_assume_the_ci_role(packages: Path) -> None:
    recording = record("dev1", packages, ci_runner_role="Runner7")
    (trust,) = recording.one("aws:iam/role:Role", "ci").policy("assumeRolePolicy")
    assert "arn:aws:iam::111122223333:role/Runner7" in trust["Principal"]["AWS"]


BOUNDARY = "arn:aws:iam::111122223333:policy/boundary-of-pipelines"


def test_each_role_gets_the_boundary_and_nothing_else_changes(
    dev1: Recording, packages: Path
) -> None:
    bounded = record("dev1", packages, permissions_boundary_arn=BOUNDARY)
    expected = {each.urn: each.inputs for each in dev1.owned}
    for each in dev1.of(ROLE):
        assert "permissionsBoundary" not in each.inputs
        expected[each.urn] = {**each.inputs, "permissionsBoundary": BOUNDARY}
    assert {each.urn: each.inputs for each in bounded.owned} == expected


def test_the_order_of_the_types_replaces_no_query(dev1: Recording, packages: Path) -> None:
    # Other than most resources, a named query is replaced by whatever changes it.
    moved = record("dev1", packages, demand_data_types='["notification","sale","event","demand"]')
    before, after = ({e.name: e.inputs for e in each.of(QUERY)} for each in (dev1, moved))
    assert before == after
