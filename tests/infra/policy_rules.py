"""Checks a policy document with AWS's service reference, statement by statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulation.iam.patterns import has_wild_type
from tests.infra.policy_documents import PolicyDocument, texts
from tests.support.service_reference import Action, ResourceType, action, may_name


def violations(policy: PolicyDocument) -> list[str]:
    """Return the errors of a document, one line each."""
    return [
        f"{policy.label}: {statement.get('Sid', 'statement')}: {finding}"
        for statement in policy.statements
        for finding in _of_statement(statement, policy.trust)
    ]


# Metrics are not resources. The reference names a data set, which is something else.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/permissions-reference-cw.html
_ON_EVERYTHING = ("cloudwatch:GetMetricData",)


# The reference requires all of these types. A request names one of them.
# https://docs.aws.amazon.com/step-functions/latest/dg/concept-create-iam-advanced.html
_EITHER = ("states:DescribeExecution", "states:ListExecutions")


# AWS authorizes an operation on a log group on one of its streams, whose name is empty. So the ARN
# in a policy has to end with ":*".
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
_LOGS = ":log-group:"


def _of_statement(statement: dict[str, Any], trust: bool) -> Iterator[str]:
    for element in ("NotAction", "NotResource", "NotPrincipal"):
        if element in statement:
            yield f"{element} grants what nobody has named"
    for name in texts(statement.get("Action", ())):
        known = action(name)
        if known is None:
            yield f"there is no action {name}"
            continue
        resources = texts(statement.get("Resource", ()))
        matching = known.resource_types
        if not trust:
            yield from _of_resources(known, resources)
            matching = tuple(t for t in known.resource_types if _any_named(t, resources))
        for condition_keys in statement.get("Condition", {}).values():
            for key in condition_keys:
                if not known.knows_key(key, matching):
                    yield f"{name} has no condition key {key}"


def _of_resources(known: Action, resources: list[str]) -> Iterator[str]:
    if not known.resource_types:
        if resources != ["*"]:
            yield f"{known.name} works on no resource: {resources} grants nothing"
        return
    if known.name in _ON_EVERYTHING and resources == ["*"]:
        return
    if not any(_any_named(each, resources) for each in known.resource_types):
        yield f"{known.name} does not work on {resources}"
        return
    for resource in resources:
        if resource == "*":
            kinds = " or ".join(each.name for each in known.resource_types)
            yield f"{known.name} is granted on * though it can be on a {kinds}"
        elif has_wild_type(resource):
            yield f"{known.name} is granted on {resource}, with a wildcard for the resource type"
        elif not any(_any_named(each, [resource]) for each in known.resource_types):
            yield f"{known.name} does not work on {resource}"
        elif _wide(resource):
            yield f"{known.name} is granted on {resource}, which leaves account or name open"
    for each in known.resource_types:
        if each.required and known.name not in _EITHER and not _any_named(each, resources):
            yield f"{known.name} needs a {each.name} too"


def _any_named(resource_type: ResourceType, resources: list[str]) -> bool:
    return any(
        may_name(each, arn) or (_LOGS in each and may_name(each.removesuffix(":*"), arn))
        for each in resources
        for arn in resource_type.arns
    )


def _wide(resource: str) -> bool:
    """Whether a wildcard is in place of a service, region, account or the first name."""
    head, name = resource.split(":", 5)[:5], resource.split(":", 5)[5]
    kinds = ("log-group:", "function:", "stream/", "table/", "database/", "workgroup/", "key/")
    first = name
    for kind in kinds:
        first = first.removeprefix(kind)
    return any(set(part) & set("*?") for part in head) or first[:1] in ("*", "?")
