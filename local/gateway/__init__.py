"""An authorizer in front of any AWS-compatible endpoint: roles can do what their policies allow.

See design §7; aws-contracts §9 says why the emulator's own enforcement is not enough.
"""

from local.gateway.activity import Activity, Denial
from local.gateway.errors import (
    AccessDenied,
    GatewayError,
    MalformedPolicy,
    PolicyError,
    PolicyNotFound,
    RoleNotFound,
    UnjudgeableRequest,
    UnknownConditionKey,
    UnknownConditionOperator,
    UnknownPolicyElement,
)
from local.gateway.grants import Grant
from local.gateway.lambda_invoke import LambdaInvoke
from local.gateway.server import Gateway

__all__ = [
    "AccessDenied",
    "Activity",
    "Denial",
    "Gateway",
    "GatewayError",
    "Grant",
    "LambdaInvoke",
    "MalformedPolicy",
    "PolicyError",
    "PolicyNotFound",
    "RoleNotFound",
    "UnjudgeableRequest",
    "UnknownConditionKey",
    "UnknownConditionOperator",
    "UnknownPolicyElement",
]
