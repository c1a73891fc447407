"""Roles that AWS services work with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from infra.policies import Document, Statement, document, json_text


class ServiceRole(pulumi.ComponentResource):
    """A role that one AWS service assumes, with its policies.

    Parameters
    ----------
    name
        Logical name.
    role_name
        Name in IAM.
    description
        What the role is for.
    trusts
        Trust policy: which service, on whose behalf.
    statements
        What the role may do, as one inline policy.
    managed
        Logical name to ARN of managed policies to attach.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    grants: list[pulumi.Resource]
    """What must be in place before the service may use the role."""

    def __init__(
        self,
        name: str,
        *,
        role_name: str,
        description: str,
        trusts: Document,
        statements: Sequence[Statement],
        managed: Mapping[str, pulumi.Input[str]] | None = None,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:iam:ServiceRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=role_name,
            description=description,
            assume_role_policy=json_text(trusts),
            opts=child,
        )
        inline = aws.iam.RolePolicy(
            name,
            name="grants",
            role=role.name,
            policy=json_text(document(statements)),
            opts=child,
        )
        attached = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=arn, opts=child
            )
            for policy, arn in (managed or {}).items()
        ]
        self.name = role.name
        self.arn = role.arn
        self.grants = [inline, *attached]
        self.register_outputs({"arn": role.arn})
