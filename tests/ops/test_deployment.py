"""Which stack a command works on, and what is said if there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.errors import CommandError
from console.kept_run import KeptRun, announced, kept_run
from emulation.emulator import embedded_emulator
from infra.stack_config import StackConfigError
from ops.deployment import as_role, open_deployment
from ops.errors import DeploymentError
from ops.options import StackOptions


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "")
    monkeypatch.delenv("AWS_PROFILE")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with embedded_emulator() as endpoint:
        yield endpoint.url


def test_without_options_it_is_the_run_that_is_kept_up(url: str) -> None:
    with announced(KeptRun(url, "qa1", {"settle_seconds": "0"}, "packages")):
        found = open_deployment(StackOptions())
    assert (found.stack, found.endpoint_url, found.local) == ("qa1", url, True)
    assert found.settings.settle_seconds == 0, "with the settings of that run"
    assert found.settings.account_id == found.client("sts").get_caller_identity()["Account"]
    assert found.packages == Path("packages")
    assert kept_run() is None, "nobody finds it when it is over"


def test_a_run_that_took_the_place_of_another_is_still_found_when_that_one_ends(url: str) -> None:
    second = KeptRun(url, "dev1", {}, "")
    with announced(KeptRun(url, "qa1", {}, "")):
        later = announced(second)
        later.__enter__()
    assert kept_run() == second


def test_an_endpoint_alone_has_the_first_stack(url: str) -> None:
    assert open_deployment(StackOptions(endpoint_url=url)).stack == "dev1"
    assert open_deployment(StackOptions(endpoint_url=url, stack="prod1")).stack == "prod1"


@pytest.mark.parametrize(
    ("where", "error", "text"),
    [
        (StackOptions(), DeploymentError, "no local run is kept up: name a deployed stack"),
        (StackOptions(stack="dev2"), StackConfigError, "there is no stack 'dev2'; the stacks are"),
        (StackOptions(stack="dev1", region="eu-west-1"), DeploymentError, "deployed in us-east-1"),
        (StackOptions(stack="dev1", profile="nobody"), DeploymentError, "profile .nobody. could"),
        (
            StackOptions(endpoint_url="http://127.0.0.1:9"),
            DeploymentError,
            r"the endpoint http://127\.0\.0\.1:9 does not answer",
        ),
    ],
)
def test_an_error_says_what_is_wrong(
    where: StackOptions, error: type[CommandError], text: str
) -> None:
    with pytest.raises(error, match=text):
        open_deployment(where)


def test_credentials_of_another_account_are_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "somebody"),
        ("AWS_SECRET_ACCESS_KEY", "somebody"),
    ):
        monkeypatch.setenv(name, value)
    with pytest.raises(DeploymentError, match=r"belong to account \d+, and the stack dev1 is in"):
        open_deployment(StackOptions(stack="dev1"))


def test_a_role_is_assumed_again_before_its_session_ends(url: str) -> None:
    opened = open_deployment(StackOptions(endpoint_url=url))
    trust = {"Principal": {"AWS": "*"}, "Effect": "Allow", "Action": "sts:AssumeRole"}
    opened.client("iam").create_role(
        RoleName="tester",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    sessions: list[str] = []
    sts = opened.client("sts")

    def ends_soon(parsed: dict[str, Any], **_: object) -> None:
        parsed["Credentials"]["Expiration"] = datetime.now(UTC) + timedelta(minutes=5)
        sessions.append(parsed["Credentials"]["AccessKeyId"])

    sts.meta.events.register("after-call.sts.AssumeRole", ends_soon)
    found = as_role(replace(opened, make_client=lambda *_, **__: sts), "tester")
    assert ":assumed-role/tester/" in found.caller_arn
    used = len(sessions)
    assert found.client("sts").get_caller_identity()["Arn"] == found.caller_arn
    assert len(sessions) > used > 0
    assert as_role(found, "tester") is found, "it is the role already"


def test_a_kept_run_has_one_stack(url: str) -> None:
    with (
        announced(KeptRun(url, "qa1", {}, "")),
        pytest.raises(DeploymentError, match="has the stack qa1, not prod1"),
    ):
        open_deployment(StackOptions(stack="prod1", endpoint_url=url))
