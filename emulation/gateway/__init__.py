"""An authorizer in front of any AWS-compatible endpoint: a role can do what its policies allow.

See docs/design.md#on-one-machine. docs/aws-contracts.md#moto explains why the emulator's own
enforcement is not enough.
"""

from emulation.gateway.activity import Activity, Denial
from emulation.gateway.errors import (
    AccessDenied,
    GatewayError,
    PolicyNotFound,
    RoleNotFound,
    UnjudgeableRequest,
)
from emulation.gateway.lambda_invoke import LambdaInvoke
from emulation.gateway.queries import Query, QueryFailed, QueryRows, RunQuery
from emulation.gateway.server import Gateway
from emulation.iam.errors import (
    MalformedPolicy,
    PolicyError,
    UnknownConditionKey,
    UnknownConditionOperator,
    UnknownPolicyElement,
)
from emulation.iam.grants import Grant

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
    "Query",
    "QueryFailed",
    "QueryRows",
    "RoleNotFound",
    "RunQuery",
    "UnjudgeableRequest",
    "UnknownConditionKey",
    "UnknownConditionOperator",
    "UnknownPolicyElement",
]
