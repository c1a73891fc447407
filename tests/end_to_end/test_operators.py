"""The commands of people on call work with the policy `{naming}-operate`, and need all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from emulation.gateway.role_policies import RolePolicyCache
from emulation.iam.grants import grants
from emulation.pipeline import Pipeline
from infra.naming import REGION
from ops.backfill import action as backfill
from ops.backfill.action import BackfillOptions
from ops.deployment import Deployment, as_role, open_deployment
from ops.failed import action as errors
from ops.failed.options import ChosenOptions
from ops.options import StackOptions
from ops.replay import action as replay
from ops.replay import stream_action
from ops.status import action as status
from tests.end_to_end import ci
from tests.end_to_end.provisioned import Stack
from tests.support.changes import change
from tests.support.exports import ExportBuilder, full_line, spread
from tests.support.memory_store import MemoryStore
from tests.support.replaying import bad_line, changed, error_lines, put_errors, put_quarantine

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ALL = ChosenOptions((), None, None, None, None, None, None)
# What no run here does: which command does it, or which page of docs/ says to do it.
UNUSED_HERE = {
    "logs:FilterLogEvents": "the logs of the writer and of Firehose: docs/runbook.md",
    "s3:PutObject current/*/late": "rows of an earlier date than today, which no row here has",
    "kms:GenerateDataKey": "S3 asks for it, in place of the caller",
    "kms:Decrypt": "S3 and Kinesis ask for it, in place of the caller",
}


@pytest.fixture(scope="module")
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    with stack.running(["demand"]) as running:
        yield running
    stack.clear_bucket()


@pytest.fixture(scope="module")
def role(stack: Stack) -> str:
    """The ARN of somebody's role that has the policy alone."""
    iam = stack.endpoint.client("iam")
    made = iam.create_role(RoleName="on-call", AssumeRolePolicyDocument=json.dumps(TRUST))
    policy = str(stack.provisioned.outputs["operate_policy"])
    iam.attach_role_policy(RoleName="on-call", PolicyArn=policy)
    return str(made["Role"]["Arn"])


@pytest.fixture
def on_call(
    stack: Stack, pipeline: Pipeline, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StackOptions:
    """Work at the gateway, which judges each request, as that role."""
    credentials = ci.assume(pipeline.endpoint.client("sts"), role)
    path = tmp_path / "credentials"
    path.write_text(
        "[on-call]\n"
        f"aws_access_key_id = {credentials.access_key_id}\n"
        f"aws_secret_access_key = {credentials.secret_access_key}\n"
        f"aws_session_token = {credentials.session_token}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path))
    return StackOptions("dev1", "on-call", REGION, pipeline.endpoint.url)


def export_of(stack: Stack, folder: Path) -> Path:
    """A full export of the demand table, in a local folder."""
    settings = stack.provisioned.settings
    (line,) = [full_line(change()["dynamodb"]["NewImage"])]
    builder = ExportBuilder(
        spread([line], 1), table_name=settings.table_name, until=datetime.now(UTC)
    )
    for key, body in builder.objects().items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder / builder.folder


def denials_of(pipeline: Pipeline, role: str) -> list[str]:
    return [each.message for each in pipeline.gate.denials() if each.role_arn == role]


def refresh_by_hand(deployment: Deployment) -> None:
    """Do with a current-state table what the runbook says."""
    client = deployment.client("stepfunctions")
    machine = {"stateMachineArn": deployment.settings.refresh_arn("demand")}
    started = client.start_execution(**machine, input="{}")["executionArn"]
    listed = client.list_executions(**machine)["executions"]
    assert [each["executionArn"] for each in listed] == [started]
    assert client.describe_execution(executionArn=started)["status"] == "RUNNING"
    client.stop_execution(executionArn=started)
    assert client.describe_execution(executionArn=started)["status"] == "ABORTED"


def test_the_commands_need_this_policy_and_no_more(
    stack: Stack,
    pipeline: Pipeline,
    role: str,
    on_call: StackOptions,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = MemoryStore()
    put_errors(store, "a", error_lines(changed(1), b"?"))
    put_quarantine(store, "p", [bad_line(2)])
    store.put("data-pipeline/compaction/demand/2-0.json", b"no plan")
    s3 = stack.endpoint.client("s3")
    for key, (body, _) in store.kept.items():
        s3.put_object(Bucket=stack.bucket, Key=key, Body=body)
    assert status.run(on_call, since="1h", watch=None, as_json=True) in (3, 4)
    seen: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [each["what"] for each in seen["unknown"]] == ["plans of demand"], "it is no plan"
    assert errors.run(on_call, ALL, explain=True) == 0
    assert replay.run(on_call, ALL, dry_run=False, yes=True, as_json=False) == 0
    assert "Everything reconciles" in capsys.readouterr().out
    since = ChosenOptions(("demand",), None, None, "1h", None, None, None)
    assert stream_action.run(on_call, since, dry_run=True, yes=True, as_json=False) == 0
    assert status.run(on_call, since="1h", watch=None, as_json=False) in (3, 4)
    assert backfill.run(on_call, BackfillOptions(str(export_of(stack, tmp_path)), yes=True)) == 0
    deployment = open_deployment(on_call)
    refresh_by_hand(deployment)
    ci_role = deployment.naming.ci_role
    assert f"/{ci_role}/" in as_role(deployment, ci_role).caller_arn
    assert denials_of(pipeline, role) == []

    identity = RolePolicyCache(stack.endpoint.client("iam")).read("on-call").identity
    granted = {(each.action, each.resource) for each in grants(role, identity)}
    unused = {(each.action, each.resource) for each in pipeline.gate.unused_grants([role])}
    assert unused < granted
    left = {
        (action, resource)
        for action, resource in unused
        if not any(
            action == name.split()[0] and all(part in resource for part in name.split()[1:])
            for name in UNUSED_HERE
        )
        # Asked of one type, it is used.
        and not any(each in resource for each in ("sale", "event", "notification"))
    }
    assert left == set(), "a grant that no command needs"


@pytest.mark.parametrize(
    ("client", "method", "arguments"),
    [
        ("s3", "delete_object", {"Bucket": "BUCKET", "Key": "data-pipeline/errors/demand/x"}),
        ("s3", "put_object", {"Bucket": "BUCKET", "Key": "data-pipeline/avro/x", "Body": b""}),
        ("s3", "put_object", {"Bucket": "BUCKET", "Key": "data-pipeline/landing/x", "Body": b"",
                              "IfNoneMatch": "*"}),
        ("s3", "put_object", {"Bucket": "BUCKET", "Key": "data-pipeline/current/demand/refreshed/x",
                              "IfNoneMatch": "*"}),
        ("s3", "get_object", {"Bucket": "BUCKET", "Key": "data-pipeline/landing/demand/x"}),
        ("lambda", "invoke", {"FunctionName": "prd3292-dev1-dmnd-pipeline-avro-writer"}),
    ],
)  # fmt: skip
def test_anything_else_is_denied(
    stack: Stack,
    pipeline: Pipeline,
    role: str,
    on_call: StackOptions,
    client: str,
    method: str,
    arguments: dict[str, Any],
) -> None:
    given = {
        name: stack.bucket if value == "BUCKET" else value for name, value in arguments.items()
    }
    with pytest.raises(Exception, match=r"AccessDenied|not authorized"):
        getattr(open_deployment(on_call).client(client), method)(**given)
