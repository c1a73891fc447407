"""Roles, and the managed policies that several roles share."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from infra.policies import Document, Statement, document, json_text
from infra.settings import Settings


class ManagedPolicy(pulumi.ComponentResource):
    """A policy with its own name, ``{naming}-<purpose>``.

    Parameters
    ----------
    purpose
        Its purpose, also the logical name, for example ``kinesis-read``.
    settings
        The stack's settings.
    description
        The purpose as a sentence. IAM cannot change it: a new description replaces the policy and
        detaches the old one from its roles. So it must not name anything that a setting changes.
    statements
        The policy's statements.
    """

    purpose: str
    arn: pulumi.Output[str]

    def __init__(
        self,
        purpose: str,
        *,
        settings: Settings,
        description: str,
        statements: Sequence[Statement],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:iam:ManagedPolicy", purpose, None, opts)
        policy = aws.iam.Policy(
            purpose,
            name=settings.naming.policy(purpose),
            description=description,
            policy=json_text(document(statements)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.purpose = purpose
        self.arn = policy.arn
        self.register_outputs({"arn": policy.arn})


class Role(pulumi.ComponentResource):
    """A role with its policies.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings, which say whether roles have a permissions boundary.
    role_name
        Name in IAM.
    description
        The role's purpose.
    trusts
        Trust policy: who may assume the role, and on whose behalf.
    statements
        Statements of the role's inline policy.
    managed
        Policies that it shares with other roles, or that have their own name.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    grants: list[pulumi.Resource]
    """The resources that must exist before the role can be used."""

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        role_name: str,
        description: str,
        trusts: Document,
        statements: Sequence[Statement] = (),
        managed: Sequence[ManagedPolicy] = (),
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:iam:Role", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=role_name,
            description=description,
            assume_role_policy=json_text(trusts),
            permissions_boundary=settings.permissions_boundary_arn or None,
            opts=child,
        )
        self.grants = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy.purpose}", role=role.name, policy_arn=policy.arn, opts=child
            )
            for policy in managed
        ]
        if statements:
            self.grants.append(
                aws.iam.RolePolicy(
                    name,
                    name="grants",
                    role=role.name,
                    policy=json_text(document(statements)),
                    opts=child,
                )
            )
        self.name = role.name
        self.arn = role.arn
        self.register_outputs({"arn": role.arn})
