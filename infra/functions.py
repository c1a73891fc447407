"""Lambda functions, each with its log group and its role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from infra.logs import ForwardedLogGroup, LogForwarding
from infra.naming import function_log_group
from infra.outputs import joined
from infra.packages import Package
from infra.policies import Statement, allow, trust
from infra.roles import Role
from infra.runtime import ARCHITECTURE, RUNTIME
from infra.settings import PROJECT, Settings


class Function(pulumi.ComponentResource):
    """A Python function on Lambda.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    function_name
        Name in Lambda, also the role's.
    description
        What the function does.
    package
        The function's code.
    logs
        Forwards the function's logs.
    handler
        Dotted path of the handler in the package.
    memory_mb, timeout_seconds
        Limits.
    environment
        Environment variables in addition to those of every function.
    statements
        Grants of the function in addition to writing its logs.
    after
        Resources that must be deployed before the function's code.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        function_name: str,
        description: str,
        package: Package,
        logs: LogForwarding,
        handler: str,
        memory_mb: int,
        timeout_seconds: int,
        environment: Mapping[str, str],
        statements: Sequence[Statement] = (),
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:lambda:Function", name, None, opts)
        # Created before the function: Lambda would create a group that keeps its logs forever.
        log_group = ForwardedLogGroup(
            name,
            group_name=function_log_group(function_name),
            settings=settings,
            forwarding=logs,
            opts=pulumi.ResourceOptions(parent=self),
        )
        write_logs = allow(
            "WriteLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [joined(log_group.arn, ":*")],
        )
        role = Role(
            name,
            settings=settings,
            role_name=function_name,
            description=f"Execution role of the Lambda function {function_name}",
            # There is no source condition: a role cannot be passed to another account's function
            # (iam:PassRole), and Lambda's page names no supported condition key.
            # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
            trusts=trust("lambda.amazonaws.com"),
            statements=[write_logs, *_tracing(settings), *statements],
            opts=pulumi.ResourceOptions(parent=self),
        )
        function = aws.lambda_.Function(
            name,
            name=function_name,
            description=description,
            role=role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=handler,
            code=pulumi.FileArchive(package.path),
            source_code_hash=package.sha256,
            memory_size=memory_mb,
            timeout=timeout_seconds,
            tracing_config={"mode": "Active" if settings.tracing else "PassThrough"},
            environment={
                "variables": {
                    **environment,
                    "ENVIRONMENT": settings.environment,
                    "LOG_LEVEL": settings.log_level,
                    "METRICS_NAMESPACE": PROJECT,
                }
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[log_group, *role.grants, *after]),
        )
        self.name = function.name
        self.arn = function.arn
        self.register_outputs({"arn": function.arn})

    def transform_statements(self) -> list[Statement]:
        """Return the grants that Firehose needs to transform records with the function.

        They include its versions: Firehose requires the function's ARN with and without one.
        https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
        """
        return [
            allow(
                "TransformRecords",
                ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"],
                [self.arn, joined(self.arn, ":*")],
            )
        ]

    def invoke_statements(self) -> list[Statement]:
        """Return the grants that a service needs to invoke the function."""
        return [allow("InvokeFunction", ["lambda:InvokeFunction"], [self.arn])]


def _tracing(settings: Settings) -> list[Statement]:
    """Return the grants that a function needs to send traces, if tracing is on.

    X-Ray supports no narrower resource than ``*`` for them.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    """
    if not settings.tracing:
        return []
    return [allow("SendTraces", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"])]
