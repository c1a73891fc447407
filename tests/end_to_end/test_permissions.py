"""The pipeline works with exactly the permissions that the program gives: one less is a denial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.demo import LOCAL_PACE
from local.emulator import embedded_emulator
from local.endpoint import Endpoint
from local.feed.generator import generate
from local.feed.stream import feed
from local.gateway import Gateway
from local.pipeline import running_pipeline
from local.provision.provision import Provisioned, local_settings, provision
from local.referenced import make_referenced
from ops.package import build
from ops.wheels import Target
from tests.support.cli import ROOT

PACKAGES = ROOT / "build" / "lambda"


@pytest.fixture(scope="module")
def stack() -> Iterator[tuple[Endpoint, Provisioned]]:
    build(Target.LOCAL, source=ROOT, out=PACKAGES)
    with embedded_emulator() as endpoint:
        packages = PACKAGES / "local"
        settings = local_settings(endpoint, "dev1", overrides=LOCAL_PACE, packages=packages)
        make_referenced(endpoint, settings)
        yield endpoint, provision(endpoint, "dev1", overrides=LOCAL_PACE, packages=packages)


def without(iam: Any, role: str, sid: str) -> str:
    """Take a statement out of a role's policy; return the policy as it was."""
    before = iam.get_role_policy(RoleName=role, PolicyName="grants")["PolicyDocument"]
    kept = [each for each in before["Statement"] if each["Sid"] != sid]
    assert len(kept) == len(before["Statement"]) - 1
    put(iam, role, json.dumps({**before, "Statement": kept}))
    return json.dumps(before)


def put(iam: Any, role: str, document: str) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="grants", PolicyDocument=document)


def run(endpoint: Endpoint, provisioned: Provisioned) -> tuple[Gateway, list[str]]:
    """Take some records through; return the gateway that judged, and the runs that failed."""
    settings = provisioned.settings
    streams = {"demand": provisioned.outputs["delivery_streams"]["demand"]}
    with running_pipeline(endpoint, settings, streams, PACKAGES / "local") as pipeline:
        problems: list[str] = []
        pipeline.start()
        records = generate(2, 40, settings.table_name)
        feed(endpoint.client("kinesis"), settings.stream_name, records)
        pipeline.drain(lambda: None)
        left = ("data-pipeline/landing/", "data-pipeline/compaction/")
        pipeline.schedules(provisioned.outputs["schedule_group"], problems.append).until(
            # The first failure is enough: the rounds that follow could only fail again.
            lambda: bool(problems) or not any(keys(endpoint, provisioned, each) for each in left),
            lambda runs: None,
        )
        return pipeline.gate, problems


MISSING = [
    ("avro-writer", "CreateOutputs", "s3:PutObject", "data-pipeline/avro/demand/"),
    ("avro-writer", "CommitPlan", "s3:PutObject", "data-pipeline/compaction/demand/"),
    ("avro-writer", "CleanUp", "s3:DeleteObject", "data-pipeline/landing/demand/"),
    ("scheduler", "InvokeFunction", "lambda:InvokeFunction", "function:"),
]


def test_with_all_permissions_nothing_is_denied(stack: tuple[Endpoint, Provisioned]) -> None:
    gate, problems = run(*stack)
    assert problems == []
    assert gate.denials() == ()
    acted = {each.role_arn.rsplit("/", 1)[1] for each in gate.activity()}
    naming = stack[1].settings.naming
    assert acted == {
        naming.delivery_role("demand"),
        naming.writer_function,
        naming.scheduler_role,
    }


@pytest.mark.parametrize(("role", "sid", "action", "resource"), MISSING)
def test_one_permission_less_is_a_denial_that_names_role_action_and_resource(
    stack: tuple[Endpoint, Provisioned], role: str, sid: str, action: str, resource: str
) -> None:
    endpoint, provisioned = stack
    iam = endpoint.client("iam")
    name = f"prd3292-dev1-dmnd-pipeline-{role}"
    before = without(iam, name, sid)
    try:
        gate, problems = run(endpoint, provisioned)
    finally:
        put(iam, name, before)
    denied = [
        each
        for each in gate.denials()
        if each.role_arn.endswith(name) and each.action == action and resource in each.resource
    ]
    assert denied
    assert name in denied[0].message
    assert problems, "a missing permission fails the run"
    clear_bucket(endpoint, provisioned)


def keys(endpoint: Endpoint, provisioned: Provisioned, prefix: str = "") -> list[str]:
    bucket = provisioned.settings.bucket_name
    listed = endpoint.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for each in listed.get("Contents", ())]


def clear_bucket(endpoint: Endpoint, provisioned: Provisioned) -> None:
    s3, bucket = endpoint.client("s3"), provisioned.settings.bucket_name
    for key in keys(endpoint, provisioned):
        s3.delete_object(Bucket=bucket, Key=key)
