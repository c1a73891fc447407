"""The policies of roles, read from the endpoint's IAM and cached until a write to IAM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from emulation.gateway.errors import PolicyNotFound, RoleNotFound
from emulation.iam.policy import Policy, parse_policy


@dataclass(frozen=True)
class RolePolicies:
    """A role, and the policies that say what it may do and who may assume it."""

    arn: str
    trust: Policy
    identity: tuple[Policy, ...]
    boundary: Policy | None


class RolePolicyCache:
    """Roles by name, each read from IAM when it is first needed; thread-safe.

    Parameters
    ----------
    iam
        A boto3 IAM client of an operator.
    """

    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._roles: dict[str, RolePolicies] = {}
        self._generation = 0
        self._lock = Lock()

    def cached(self, role_name: str) -> RolePolicies | None:
        """Return a role that was read before, or None; makes no request."""
        return self._roles.get(role_name)

    def read(self, role_name: str) -> RolePolicies:
        """Return a role, from IAM if it was not read before.

        Raises
        ------
        RoleNotFound
            There is no such role.
        PolicyNotFound
            The role has a managed policy that the endpoint does not know.
        PolicyError
            One of its policies cannot be evaluated.
        """
        found = self._roles.get(role_name)
        if found is not None:
            return found
        generation = self._generation
        found = self._ask(role_name)
        with self._lock:
            # After a write in the meantime, the role may be out of date.
            if generation == self._generation:
                self._roles[role_name] = found
        return found

    def forget(self) -> None:
        """Forget all roles, after a write to IAM."""
        with self._lock:
            self._generation += 1
            self._roles.clear()

    def _ask(self, name: str) -> RolePolicies:
        try:
            role = self._iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                raise RoleNotFound(f"there is no role {name}") from error
            raise
        trust = parse_policy(
            role["AssumeRolePolicyDocument"], name=f"trust policy of role {name}", trust=True
        )
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return RolePolicies(
            role["Arn"],
            trust,
            (*self._inline(name), *self._attached(name)),
            self.managed(boundary) if boundary else None,
        )

    def _inline(self, role: str) -> list[Policy]:
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=role)
        names = [name for page in pages for name in page["PolicyNames"]]
        return [
            parse_policy(
                self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"],
                name=f"inline policy {name} of role {role}",
            )
            for name in names
        ]

    def _attached(self, role: str) -> list[Policy]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        return [
            self.managed(attached["PolicyArn"])
            for page in pages
            for attached in page["AttachedPolicies"]
        ]

    def managed(self, arn: str) -> Policy:
        """Return a managed policy in its default version.

        Raises
        ------
        PolicyNotFound
            The endpoint does not have it. An emulator may lack AWS's own policies.
        """
        try:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found: Mapping[str, Any] = self._iam.get_policy_version(
                PolicyArn=arn, VersionId=version
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                raise PolicyNotFound(
                    f"the endpoint has no managed policy {arn}; create it there, or detach it"
                ) from error
            raise
        return parse_policy(found["PolicyVersion"]["Document"], name=f"managed policy {arn}")
