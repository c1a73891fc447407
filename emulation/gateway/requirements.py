"""The permissions that a call needs: IAM actions, each on a resource, with condition keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emulation.gateway import s3_requirements
from emulation.gateway.api_call import ApiCall
from emulation.gateway.errors import UnjudgeableRequest
from emulation.gateway.further_requirements import further_requirements
from emulation.gateway.key_requirements import key_requirements
from emulation.gateway.requirement import Requirement
from emulation.gateway.resource_rules import Place, filled, table
from emulation.gateway.resources import (
    ACTIONS,
    CONDITION_KEYS,
    FREE,
    IAM_PREFIXES,
    OF_A_ROLE_AS_IT_IS,
    RESOURCES,
)

# A transaction needs the permissions of its items.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
_IN_TRANSACTIONS = {
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
_TRANSACTIONS = ("TransactGetItems", "TransactWriteItems")


def requirements(call: ApiCall, place: Place) -> tuple[Requirement, ...]:
    """Return all permissions that a call needs; it is allowed if each of them is.

    Parameters
    ----------
    call
        The call with its body. Of S3's operations, only DeleteObjects needs one.
    place
        The caller's account, and what the gateway knows of it.

    Raises
    ------
    UnjudgeableRequest
        The gateway does not know the operation, or finds no resource in the parameters.
    """
    needed = _requirements(call, place)
    resources = dict.fromkeys(each.resource for each in needed)
    return (
        *needed,
        *further_requirements(call, place),
        *key_requirements(call, resources, place.keys),
    )


def _requirements(call: ApiCall, place: Place) -> tuple[Requirement, ...]:
    if call.service == "s3":
        return s3_requirements.requirements(call)
    if (call.service, call.operation) in FREE:
        return ()
    if call.service == "dynamodb" and call.operation in _TRANSACTIONS:
        found = tuple(dict.fromkeys(_transaction(call, place)))
        return _known(call, tuple(Requirement(action, resource) for action, resource in found))
    rule = RESOURCES.get(call.service, {}).get(call.operation)
    if rule is None:
        raise UnjudgeableRequest(
            f"the gateway does not know the resource of {call.service}:{call.operation}; "
            "add the operation to emulation/gateway/resources.py"
        )
    prefix = IAM_PREFIXES.get(call.service, call.service)
    action = f"{prefix}:{ACTIONS.get((call.service, call.operation), call.operation)}"
    keys = _condition_keys(call, place)
    return _known(call, tuple(Requirement(action, name, keys) for name in rule(call, place)))


def _known(call: ApiCall, found: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    if not found:
        raise UnjudgeableRequest(
            f"the gateway finds no resource in the parameters of this {call.service}:"
            f"{call.operation}; give its ARN or name (a token works only if it was issued to a "
            "role through this gateway)"
        )
    return found


def _transaction(call: ApiCall, place: Place) -> Iterator[tuple[str, str]]:
    for item in call.parameters.get("TransactItems") or ():
        for kind, details in item.items():
            if kind not in _IN_TRANSACTIONS:
                raise UnjudgeableRequest(
                    f"{call.operation}: the gateway does not know items of type {kind}"
                )
            yield _IN_TRANSACTIONS[kind], table(details.get("TableName"), call, place)


def _condition_keys(call: ApiCall, place: Place) -> Mapping[str, str]:
    if call.service == "kms":
        written: Mapping[str, Any] = call.parameters.get("EncryptionContext") or {}
        return {f"kms:EncryptionContext:{name}": str(value) for name, value in written.items()}
    if call.service == "iam" and call.operation in OF_A_ROLE_AS_IT_IS:
        return {**_written_keys(call, place), **_boundary_of_the_role(call, place)}
    return _written_keys(call, place)


def _boundary_of_the_role(call: ApiCall, place: Place) -> Mapping[str, str]:
    role = f"arn:aws:iam::{place.account}:role/{call.parameters.get('RoleName')}"
    boundary = place.boundaries.get(role)
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


def _written_keys(call: ApiCall, place: Place) -> Mapping[str, str]:
    """Return the condition keys that the parameters give."""
    templates = CONDITION_KEYS.get((call.service, call.operation), {})
    values = {name: filled(text, call.parameters, call, place) for name, text in templates.items()}
    return {name: value for name, value in values.items() if value is not None}
