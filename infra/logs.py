"""Log groups, and the forwarding of their events to the central log stream."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.lookups import CentralLogStream
from infra.naming import REGION
from infra.policies import only_for, trust
from infra.roles import ManagedPolicy, Role
from infra.settings import Settings


class LogForwarding(pulumi.ComponentResource):
    """The role and policy with which CloudWatch Logs forwards events to the central log stream.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    log_stream
        The central log stream.
    """

    role: Role
    destination_arn: str

    def __init__(
        self,
        name: str,
        settings: Settings,
        log_stream: CentralLogStream,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:logs:LogForwarding", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        policy = ManagedPolicy(
            "logs-write",
            settings=settings,
            description="Write to the central log stream",
            statements=log_stream.write_statements(),
            opts=child,
        )
        self.role = Role(
            "log-producer",
            settings=settings,
            role_name=settings.naming.log_producer_role,
            description="Role with which CloudWatch Logs forwards log events",
            # AWS's page names no narrower source than the account's logs. Its examples use only
            # one of the two keys. If CloudWatch Logs sends only one of them, the other must be
            # removed: see docs/deploying.md.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#DestinationKinesisExample
            trusts=trust(
                "logs.amazonaws.com",
                only_for(settings.account_id, f"arn:aws:logs:{REGION}:{settings.account_id}:*"),
            ),
            managed=[policy],
            opts=child,
        )
        self.destination_arn = log_stream.arn
        self.register_outputs({"role": self.role.arn})


class ForwardedLogGroup(pulumi.ComponentResource):
    """A log group with retention that forwards all events to the central log stream.

    Parameters
    ----------
    name
        Logical name.
    group_name
        Name in CloudWatch Logs.
    settings
        The stack's settings.
    forwarding
        Forwards the events.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        group_name: str,
        settings: Settings,
        forwarding: LogForwarding,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:logs:ForwardedLogGroup", name, None, opts)
        group = aws.cloudwatch.LogGroup(
            name,
            name=group_name,
            retention_in_days=settings.log_retention_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.cloudwatch.LogSubscriptionFilter(
            name,
            name="central-log-stream",
            log_group=group.name,
            filter_pattern="",
            destination_arn=forwarding.destination_arn,
            role_arn=forwarding.role.arn,
            # By default, all events of a log stream go to one shard.
            distribution="Random",
            # CloudWatch Logs sends a test message when the filter is created.
            opts=pulumi.ResourceOptions(parent=self, depends_on=forwarding.role.grants),
        )
        self.name = group.name
        self.arn = group.arn
        self.register_outputs({"arn": group.arn})
