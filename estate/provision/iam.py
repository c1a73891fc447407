"""Creates IAM roles and policies; existing ones get the new documents."""

from __future__ import annotations

from typing import Any

from estate.provision.resource import Clients, Created, Kind, Registration, create_unless

_TAKEN = ("EntityAlreadyExists",)
_MOST_VERSIONS = 5


def _role(clients: Clients, role: Registration) -> Created:
    iam = clients("iam")
    parameters = role.parameters(
        {
            "name": "RoleName",
            "description": "Description",
            "assumeRolePolicy": "AssumeRolePolicyDocument",
            "permissionsBoundary": "PermissionsBoundary",
        }
    )
    name = parameters["RoleName"]

    def existing() -> Any:
        iam.update_assume_role_policy(
            RoleName=name, PolicyDocument=parameters["AssumeRolePolicyDocument"]
        )
        iam.update_role(RoleName=name, Description=parameters.get("Description", ""))
        iam.tag_role(RoleName=name, Tags=role.tag_list())
        return iam.get_role(RoleName=name)

    answer = create_unless(
        _TAKEN, lambda: iam.create_role(**parameters, Tags=role.tag_list()), existing
    )
    return Created(name, {"arn": answer["Role"]["Arn"], "uniqueId": answer["Role"]["RoleId"]})


def _role_policy(clients: Clients, policy: Registration) -> Created:
    parameters = policy.parameters(
        {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"}
    )
    clients("iam").put_role_policy(**parameters)
    return Created(f"{parameters['RoleName']}:{parameters['PolicyName']}")


def _policy(clients: Clients, policy: Registration) -> Created:
    iam = clients("iam")
    parameters = policy.parameters(
        {"name": "PolicyName", "description": "Description", "policy": "PolicyDocument"}
    )

    def existing() -> Any:
        arn = f"arn:aws:iam::{clients.account_id}:policy/{parameters['PolicyName']}"
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) >= _MOST_VERSIONS:
            spare = [version for version in versions if not version["IsDefaultVersion"]]
            oldest = min(spare, key=lambda version: version["CreateDate"])
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=parameters["PolicyDocument"], SetAsDefault=True
        )
        iam.tag_policy(PolicyArn=arn, Tags=policy.tag_list())
        return iam.get_policy(PolicyArn=arn)

    answer = create_unless(
        _TAKEN, lambda: iam.create_policy(**parameters, Tags=policy.tag_list()), existing
    )
    arn = answer["Policy"]["Arn"]
    return Created(arn, {"arn": arn, "policyId": answer["Policy"]["PolicyId"]})


def _attachment(clients: Clients, attachment: Registration) -> Created:
    parameters = attachment.parameters({"role": "RoleName", "policyArn": "PolicyArn"})
    clients("iam").attach_role_policy(**parameters)
    return Created(f"{parameters['RoleName']}/{parameters['PolicyArn']}")


KINDS: dict[str, Kind] = {
    "aws:iam/role:Role": Kind(_role, ("name",), _TAKEN, folds_case=True),
    "aws:iam/rolePolicy:RolePolicy": Kind(_role_policy, ("role", "name")),
    "aws:iam/policy:Policy": Kind(_policy, ("name",), _TAKEN, folds_case=True),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(_attachment, ("role", "policyArn")),
}
