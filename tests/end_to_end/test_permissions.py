"""The pipeline works with the program's permissions, and fails without any one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo.feed.generator import generate
from demo.feed.stream import feed
from emulation.endpoint import Endpoint
from emulation.gateway import Gateway
from emulation.subscription_filters import LogForwarding
from tests.end_to_end import ci
from tests.end_to_end.provisioned import Stack, without


def run(stack: Stack) -> tuple[Gateway, list[str], int]:
    """Run some records through; return the gateway, the failed runs and the failed records."""
    settings = stack.provisioned.settings
    with stack.running(["demand"]) as pipeline:
        problems: list[str] = []
        pipeline.start()
        records = generate(2, 40, settings.table_name)
        feed(stack.endpoint.client("kinesis"), settings.stream_name, records)
        pipeline.drain(lambda: None)
        pipeline.schedules(stack.provisioned.outputs["schedule_group"], problems.append).until(
            # The first failure is enough: all later rounds would fail too.
            lambda: bool(problems) or not stack.work_left(),
            lambda runs: None,
        )
        return pipeline.gate, problems, pipeline.counts()["demand"].failed


def test_with_all_permissions_nothing_is_denied(stack: Stack) -> None:
    gate, problems, _ = run(stack)
    assert problems == []
    assert gate.denials() == ()
    naming = stack.provisioned.settings.naming
    acted = {each.role_arn.rsplit("/", 1)[1] for each in gate.activity()}
    assert acted == {
        naming.delivery_role("demand"),
        naming.transform_function("demand"),
        naming.writer_function,
        naming.scheduler_role,
    }
    stack.clear_bucket()


def denied(gate: Gateway, role: str, action: str, resource: str) -> list[str]:
    return [
        each.message
        for each in gate.denials()
        if each.role_arn.endswith(role) and each.action == action and resource in each.resource
    ]


MISSING = [
    ("avro-writer", "CreateOutputs", "s3:PutObject", "data-pipeline/avro/demand/"),
    ("avro-writer", "CommitPlan", "s3:PutObject", "data-pipeline/compaction/demand/"),
    ("avro-writer", "CleanUp", "s3:DeleteObject", "data-pipeline/landing/demand/"),
    ("avro-writer", "UseBucketKey", "kms:Decrypt", "key/"),
    ("scheduler", "InvokeFunction", "lambda:InvokeFunction", "function:"),
]


@pytest.mark.parametrize(("role", "sid", "action", "resource"), MISSING)
def test_one_permission_less_is_a_denial_that_names_role_action_and_resource(
    stack: Stack, role: str, sid: str, action: str, resource: str
) -> None:
    name = f"{stack.naming}-{role}"
    with without(stack.endpoint.client("iam"), name, sid):
        gate, problems, _ = run(stack)
    (message, *_) = denied(gate, name, action, resource)
    assert name in message
    assert problems, "a missing permission fails the run"
    stack.clear_bucket()


def test_a_delivery_stream_that_may_not_invoke_fails_its_records(stack: Stack) -> None:
    name = f"{stack.naming}-delivery-demand"
    with without(stack.endpoint.client("iam"), name, "TransformRecords"):
        gate, _, failed = run(stack)
    assert denied(gate, name, "lambda:InvokeFunction", "transform-demand")
    assert failed >= 40
    assert {each.split("/")[1] for each in stack.objects()} == {"errors"}
    stack.clear_bucket()


def test_a_function_that_may_not_write_its_log_works_all_the_same(stack: Stack) -> None:
    name = f"{stack.naming}-transform-demand"
    with without(stack.endpoint.client("iam"), name, "WriteLogs"):
        gate, problems, _ = run(stack)
    assert denied(gate, name, "logs:CreateLogStream", f"/aws/lambda/{name}:log-stream:")
    assert problems == []
    assert any("/avro/" in key for key in stack.objects())
    stack.clear_bucket()


@contextmanager
def detached(stack: Stack, role: str, policy: str) -> Iterator[None]:
    """Detach a managed policy from a role during the ``with``."""
    iam = stack.endpoint.client("iam")
    account = stack.role_arns[0].split(":")[4]
    attachment = {
        "RoleName": f"{stack.naming}-{role}",
        "PolicyArn": f"arn:aws:iam::{account}:policy/{stack.naming}-{policy}",
    }
    iam.detach_role_policy(**attachment)
    try:
        yield
    finally:
        iam.attach_role_policy(**attachment)


def test_log_events_are_forwarded_with_the_log_producers_role(stack: Stack) -> None:
    logs = stack.endpoint.client("logs")
    group = f"/aws/lambda/{stack.naming}-avro-writer"

    def forward_one() -> tuple[int, Gateway]:
        with stack.gateway() as gate:
            forwarding = LogForwarding(
                gate.endpoint,
                lambda role, principal, source: gate.assume_for_service(
                    role, principal, source_arn=source
                ),
                group,
            )
            event = {"timestamp": int(time.time() * 1000), "message": "hello"}
            logs.put_log_events(logGroupName=group, logStreamName="of-the-test", logEvents=[event])
            return forwarding.forward(), gate

    logs.create_log_stream(logGroupName=group, logStreamName="of-the-test")
    forwarded, gate = forward_one()
    assert (forwarded, gate.denials()) == (1, ())
    with detached(stack, "log-producer", "logs-write"):
        forwarded, gate = forward_one()
    assert forwarded == 0
    assert denied(gate, "log-producer", "kinesis:PutRecord", "stream/")


Task = Callable[[Endpoint, Stack], Any]
CI_POLICIES: list[tuple[str, Task, str]] = [
    ("dynamodb-rw", ci.use_the_demand_table, "AccessDeniedException"),
    ("athena-query-execution", ci.query_with_athena, "AccessDeniedException"),
    ("smoke-test", ci.see_what_comes, "AccessDeniedException"),
    ("s3-write", ci.keep_test_objects, "AccessDenied"),
    ("s3-delete-test", ci.keep_test_objects, "AccessDenied"),
]


@pytest.mark.parametrize(("policy", "task", "code"), CI_POLICIES, ids=[p for p, *_ in CI_POLICIES])
def test_continuous_integration_needs_each_of_its_policies(
    stack: Stack, policy: str, task: Task, code: str
) -> None:
    role = f"{stack.role_arns[0].rpartition('/')[0]}/{stack.naming}-ci"
    with detached(stack, "ci", policy), stack.gateway() as gate:
        as_ci = gate.endpoint.with_credentials(ci.assume(gate.endpoint.client("sts"), role))
        with pytest.raises(ClientError) as refused:
            task(as_ci, stack)
    assert refused.value.response["Error"]["Code"] == code
    (denial, *_) = gate.denials()
    assert denial.role_arn == role


def test_the_tables_cannot_be_read_without_the_policy_for_queries(
    stack: Stack, tmp_path: Path
) -> None:
    role = f"{stack.role_arns[0].rpartition('/')[0]}/{stack.naming}-ci"
    with detached(stack, "ci", "athena-query-execution"), stack.gateway() as gate:
        as_ci = gate.endpoint.with_credentials(ci.assume(gate.endpoint.client("sts"), role))
        with pytest.raises(ClientError, match="glue:GetDatabase"):
            ci.read_the_tables(as_ci, stack, tmp_path)
