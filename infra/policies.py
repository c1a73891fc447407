"""IAM policy documents as plain dictionaries. Their values may be Pulumi outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import pulumi

Statement: TypeAlias = dict[str, Any]
Document: TypeAlias = dict[str, Any]
Condition: TypeAlias = dict[str, dict[str, Any]]

_VERSION = "2012-10-17"


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    condition: Condition | None = None,
) -> Statement:
    """Return a statement that allows ``actions`` on ``resources``.

    Parameters
    ----------
    sid
        Statement ID, which says what the grant is for: letters and digits.
    actions
        For example ``["s3:GetObject"]``.
    resources
        ARNs, wildcards allowed.
    condition
        Values by condition key, by operator, in IAM's spelling.
    """
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }
    if condition:
        statement["Condition"] = condition
    return statement


def document(statements: Sequence[Statement]) -> Document:
    """Return a policy document of ``statements``."""
    return {"Version": _VERSION, "Statement": list(statements)}


def trust(service: str, condition: Condition | None = None) -> Document:
    """Return the trust policy of a role that ``service`` (a service principal) may assume."""
    return _trust({"Service": service}, condition)


def trust_principals(arns: Sequence[str]) -> Document:
    """Return the trust policy of a role that principals of these ARNs may assume."""
    return _trust({"AWS": list(arns)}, None)


def _trust(principal: dict[str, Any], condition: Condition | None) -> Document:
    statement: Statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = condition
    return document([statement])


def only_for(account_id: str, source_arn: str) -> Condition:
    """Return the condition that prevents a service from using a role for another account.

    The confused deputy: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return {
        "StringEquals": {"aws:SourceAccount": account_id},
        "ArnLike": {"aws:SourceArn": source_arn},
    }


def json_text(policy: Document) -> pulumi.Output[str]:
    """Return a policy document as JSON, which is known when its outputs are."""
    return pulumi.Output.json_dumps(policy)
