"""A stack's program, registered with a monitor that keeps each request whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

from infra.naming import REGION
from local.provision.program import run_program
from local.provision.stack_config import stack_config

ACCOUNTS = {
    "dev1": "111122223333",
    "qa1": "111122223333",
    "preprod1": "444455556666",
    "prod1": "444455556666",
}

# What the provider computes, and nothing else: an output that the program reads and that is not
# here is None, which the tests find in what the program registers.
_ARNS = {
    "aws:athena/workgroup:Workgroup": "athena:{region}:{account}:workgroup/{name}",
    "aws:cloudwatch/logGroup:LogGroup": "logs:{region}:{account}:log-group:{name}",
    "aws:cloudwatch/logStream:LogStream": (
        "logs:{region}:{account}:log-group:{logGroupName}:log-stream:{name}"
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": "glue:{region}:{account}:database/{name}",
    "aws:glue/catalogTable:CatalogTable": "glue:{region}:{account}:table/{databaseName}/{name}",
    "aws:iam/policy:Policy": "iam::{account}:policy/{name}",
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": (
        "firehose:{region}:{account}:deliverystream/{name}"
    ),
    "aws:lambda/function:Function": "lambda:{region}:{account}:function:{name}",
    "aws:scheduler/schedule:Schedule": "scheduler:{region}:{account}:schedule/{groupName}/{name}",
    "aws:scheduler/scheduleGroup:ScheduleGroup": (
        "scheduler:{region}:{account}:schedule-group/{name}"
    ),
    "aws:sqs/queue:Queue": "sqs:{region}:{account}:{name}",
}


@dataclass(frozen=True)
class Recorded:
    """One registration."""

    type: str
    name: str
    custom: bool
    inputs: Mapping[str, Any]
    provider: str
    protect: bool
    delete_before_replace: bool
    replace_on_changes: tuple[str, ...]

    @property
    def physical_name(self) -> str:
        return str(self.inputs["name"])

    def policy(self, key: str = "policy") -> list[dict[str, Any]]:
        return list(json.loads(self.inputs[key])["Statement"])


@dataclass
class Recording:
    """All registrations of one run."""

    account_id: str
    computed: bool = True
    resources: list[Recorded] = field(default_factory=list)

    def of(self, token: str) -> list[Recorded]:
        return [each for each in self.resources if each.type == token]

    def one(self, token: str, name: str) -> Recorded:
        (found,) = (each for each in self.of(token) if each.name == name)
        return found

    @property
    def owned(self) -> list[Recorded]:
        return [each for each in self.resources if each.type.startswith("aws:")]


class _Answers(Mocks):
    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return "", {}
        if not self.recording.computed:
            return "", args.inputs
        outputs = dict(args.inputs)
        if args.typ in _ARNS:
            arn = _ARNS[args.typ].format(
                region=REGION, account=self.recording.account_id, **args.inputs
            )
            outputs["arn"] = f"arn:aws:{arn}"
        if args.typ == "aws:sqs/queue:Queue":
            outputs["url"] = f"https://sqs.example/{args.inputs['name']}"
        return args.name, outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        account = self.recording.account_id
        name = args.args.get("name")
        answer: dict[str, Any]
        match args.token.rpartition(":")[2]:
            case "getCallerIdentity":
                answer = {"accountId": account, "arn": f"arn:aws:iam::{account}:root"}
            case "getStream":
                answer = {"name": name, "arn": f"arn:aws:kinesis:{REGION}:{account}:stream/{name}"}
            case "getTable":
                answer = {"name": name, "arn": f"arn:aws:dynamodb:{REGION}:{account}:table/{name}"}
            case "getBucket":
                bucket = args.args["bucket"]
                answer = {"bucket": bucket, "arn": f"arn:aws:s3:::{bucket}"}
            case other:
                raise AssertionError(f"unexpected lookup {other}")
        return answer, []


class _Recorder(MockMonitor):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_Answers(recording))
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            self.recording.resources.append(
                Recorded(
                    type=request.type,
                    name=request.name,
                    custom=request.custom,
                    inputs=_plain(request.object),
                    provider=request.provider,
                    protect=request.protect,
                    delete_before_replace=request.deleteBeforeReplace,
                    replace_on_changes=tuple(request.replaceOnChanges),
                )
            )
        return response


def _plain(struct: Any) -> dict[str, Any]:
    return dict(MessageToDict(struct))


def record(
    stack: str,
    packages: Path,
    *,
    account_id: str | None = None,
    preview: bool = False,
    into: Recording | None = None,
    **overrides: str,
) -> Recording:
    """Run the program of ``stack``; return what it registered.

    In a preview nothing is computed: IDs, ARNs and URLs are unknown.
    """
    recording = into or Recording(account_id or ACCOUNTS[stack], computed=not preview)
    settings = {"package_directory": str(packages), **overrides}
    run_program(stack, stack_config(stack, settings), _Recorder(recording), preview=preview)
    return recording
