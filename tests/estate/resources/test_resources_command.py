"""``dmd resources`` as people use it: the real program, without AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dmd.__main__ import main
from infra.naming import ENVIRONMENTS
from infra.stack_config import REPOSITORY
from release.package import build
from release.wheels import Target

Command = Callable[..., str]


@pytest.fixture
def resources(packages: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command; give what it prints. It has nothing to build, and so nothing to say."""
    build(Target.ARM64, source=REPOSITORY, out=REPOSITORY / "build" / "lambda")

    def run(*arguments: str) -> str:
        status = main(["resources", *arguments, "--set", f"package_directory={packages}"])
        captured = capsys.readouterr()
        assert (status, captured.err) == (0, "")
        return captured.out

    return run


def test_a_graph_as_json_has_everything_of_each_resource(resources: Command) -> None:
    listed = json.loads(resources("--stack", "prod1", "--json"))
    keys = {"type", "name", "physicalName", "urn", "inputs", "options"}
    assert all(each.keys() == keys for each in listed)
    by_urn = {each["urn"]: each for each in listed}
    assert len(by_urn) == len(listed)
    prefix = "urn:pulumi:prod1::dmd-pipeline::dmd:delivery:DeliveryStream"
    stream = by_urn[f"{prefix}$aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream::sale"]
    assert stream["physicalName"] == "prd3292-prod1-dmnd-pipeline-sale"
    assert stream["inputs"]["extendedS3Configuration"]["roleArn"] == (
        "arn:aws:iam::444455556666:role/prd3292-prod1-dmnd-pipeline-delivery-sale"
    )
    assert stream["options"]["protect"] is True
    assert stream["options"]["parent"] == f"{prefix}::sale"
    assert set(stream["options"]["dependsOn"]) <= by_urn.keys()
    assert {
        each["name"] for each in listed if each["type"] == "aws:glue/catalogTable:CatalogTable"
    } >= {
        "demand",
        "sale",
        "event",
        "notification",
    }


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_graph_as_text_has_each_resource_at_the_margin(resources: Command, stack: str) -> None:
    lines = resources("--stack", stack).splitlines()
    assert lines[0].startswith(f"# Stack {stack}: ")
    assert "aws:lambda/function:Function avro-writer:" in lines
    assert f"  physicalName: prd3292-{stack}-dmnd-pipeline-avro-writer" in lines


def test_the_same_program_is_printed_the_same(resources: Command) -> None:
    assert resources("--stack", "dev1") == resources("--stack", "dev1")


def test_a_setting_can_be_tried(resources: Command) -> None:
    listed = json.loads(
        resources("--stack", "dev1", "--json", "--set", "dmd-pipeline:log_retention_days=7")
    )
    groups = [each for each in listed if each["type"] == "aws:cloudwatch/logGroup:LogGroup"]
    assert {each["inputs"]["retentionInDays"] for each in groups} == {7}


def test_packages_are_built_before_they_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(target: Target, *, source: Path, out: Path, progress: Callable[[str], None]) -> None:
        assert (source, out) == (REPOSITORY, REPOSITORY / "build" / "lambda")
        raise OSError(f"building for {target}")

    monkeypatch.setattr("estate.resources.action.build", build)
    assert main(["resources", "--stack", "dev1"]) == 1
    assert capsys.readouterr().err == "dmd resources: building for arm64\n"


def test_what_differs_between_two_stacks_is_shown(resources: Command) -> None:
    text = resources("--diff", "dev1", "prod1", "--set", "writer_memory_mb=3008")
    assert "# {naming} is prd3292-dev1-dmnd-pipeline and prd3292-prod1-dmnd-pipeline" in text
    assert "+   protect: true" in text
    assert "+     memorySize: 3008" in text
    assert "@@ inputs › extendedS3Configuration" not in text


def test_what_a_setting_would_change_is_shown_alone(resources: Command) -> None:
    report = json.loads(
        resources("--diff", "qa1", "qa1", "--json", "--set", "delivery_parallelization_factor=1")
    )
    first, second = report["only"]
    assert first == "qa1"
    assert second.startswith("qa1 with delivery_parallelization_factor=1")
    assert report["only"][second] == []
    assert all("-1" in name for name in report["only"][first])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--stack", "dev9"],
            "there is no stack 'dev9'; the stacks are dev1, preprod1, prod1, qa1",
        ),
        (["--diff", "dev1", "dev9"], "there is no stack 'dev9'"),
        (["--stack", "dev1", "--set", "log_level=LOUD"], "dmd-pipeline:log_level = 'LOUD'"),
        (
            ["--stack", "dev1", "--set", "loglevel=INFO"],
            "dmd-pipeline:loglevel of stack dev1 is no",
        ),
        (
            ["--stack", "dev1", "--set", "package_directory=/nowhere"],
            "/nowhere has no transform.zip",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_printed(
    arguments: list[str], message: str, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resources", "--set", f"package_directory={packages}", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("dmd resources: ")
    assert message in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--stack", "dev1", "--diff", "dev1", "qa1"], ["--diff", "dev1"], ["--set", "log_level"]],
)
def test_a_wrong_use_is_told_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["resources", *arguments])
    assert "usage: dmd resources" in capsys.readouterr().err
