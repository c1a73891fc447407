"""The pipeline on GitLab: what runs when, in which order, with whose credentials."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import rich_click as click
import yaml

from dmd.cli import dmd
from infra.naming import ENVIRONMENTS
from infra.runtime import PYTHON_VERSION
from infra.stack_config import settings_of, stack_config
from ops.smoke.action import default_timeout
from tests.delivery.pipeline import PATH, TEXT, Job, jobs, needed, parse, runs
from tests.release.locks import PYTHONS, RUNTIME, entries
from tests.support.cli import ROOT

PIPELINE = parse(TEXT)
JOBS = jobs(PIPELINE)
PULUMI_JOBS = {name: job for name, job in JOBS.items() if "pulumi" in str(job["script"])}
SMOKES = {
    job["variables"]["STACK"]: name for name, job in JOBS.items() if name.startswith("smoke-")
}
DEPLOYS = {
    job["variables"]["STACK"]: name for name, job in JOBS.items() if name.startswith("deploy-")
}

MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event"}
MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
SCHEDULE = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}


def running(variables: dict[str, str]) -> dict[str, str]:
    return {name: when for name, job in JOBS.items() if (when := runs(job, **variables))}


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    options = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *options, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def expanded(text: str, folder: Path) -> Path:
    """Write the pipeline with every job in full: the schema does not look into hidden jobs."""
    content = parse(text)
    whole = {key: content[key] for key in ("workflow", "stages", "variables", "default")}
    path = folder / "expanded.gitlab-ci.yml"
    path.write_text(yaml.safe_dump({**whole, **jobs(content)}))
    return path


def test_it_is_valid_by_gitlabs_own_schema(tmp_path: Path) -> None:
    for path in (PATH, expanded(TEXT, tmp_path)):
        result = validate(path)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("action: access", "action: acces"),
        ("resource_group:", "resource_groups:"),
        ("when: manual", "when: by-hand"),
        ("on_new_commit: none", "on_new_commit: nothing"),
        ("name: prod1", "label: prod1"),
    ],
)
def test_the_validation_finds_what_gitlab_would_refuse(old: str, new: str, tmp_path: Path) -> None:
    assert old in TEXT
    assert validate(expanded(TEXT.replace(old, new), tmp_path)).returncode == 1


def test_a_merge_request_is_checked_tested_and_previewed_and_deploys_nothing() -> None:
    assert running(MERGE_REQUEST) == dict.fromkeys(
        ["check", "test", "test-trino", "schema", "package", "preview"], "on_success"
    )
    assert [each["STACK"] for each in JOBS["preview"]["parallel"]["matrix"]] == [list(ENVIRONMENTS)]


def test_main_is_checked_and_tested_and_deployed_prod1_alone_by_hand() -> None:
    expected = dict.fromkeys(
        [
            *("check", "test", "test-trino", "package", "preview-prod1"),
            *("deploy-dev1", "deploy-qa1", "deploy-preprod1"),
            *("smoke-dev1", "smoke-qa1", "smoke-preprod1", "smoke-prod1"),
        ],
        "on_success",
    )
    assert running(MAIN) == {**expected, "deploy-prod1": "manual"}


def test_a_schedule_looks_for_drift_and_does_nothing_else() -> None:
    assert running(SCHEDULE) == {"drift": "on_success"}


def test_another_branch_has_no_pipeline() -> None:
    branch = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "feature"}
    assert runs(PIPELINE["workflow"], **branch) is None
    assert all(runs(PIPELINE["workflow"], **each) for each in (MERGE_REQUEST, MAIN, SCHEDULE))


def test_stacks_are_deployed_one_after_the_other_each_after_all_checks() -> None:
    assert tuple(DEPLOYS) == ENVIRONMENTS
    before = {"check", "test", "test-trino", "package"}
    for stack, name in DEPLOYS.items():
        assert needed(name, JOBS) - {"preview-prod1"} == before
        before |= {name, SMOKES[stack]}


def test_each_stack_is_tested_after_its_deployment_with_the_ci_role_alone() -> None:
    assert tuple(SMOKES) == ENVIRONMENTS
    for stack, name in SMOKES.items():
        job = JOBS[name]
        assert job["needs"] == [DEPLOYS[stack]]
        assert job["environment"]["name"] == "smoke/$STACK", "not the role that deploys"
        assert not job.get("allow_failure")
        (line,) = [line for line in job["script"] if "dmd" in line]
        assert shlex.split(line)[1:] == ["smoke", "--stack", "$STACK", "--as-ci", "--yes"]


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_the_job_waits_as_long_as_its_test_may_take(stack: str) -> None:
    seconds = default_timeout(settings_of(stack, stack_config(stack)))
    for name in SMOKES.values():
        hours, unit = JOBS[name]["timeout"].split()
        assert unit == "hours"
        assert seconds + 600 < int(hours) * 3600


def test_whoever_deploys_prod1_finds_a_preview_against_what_is_deployed() -> None:
    assert {"preview-prod1", "deploy-preprod1"} <= needed("deploy-prod1", JOBS)
    assert "deploy-preprod1" in needed("preview-prod1", JOBS)


def test_no_two_deployments_run_at_once_and_none_is_interrupted() -> None:
    deploys = [JOBS[name] for name in DEPLOYS.values()]
    assert {job["resource_group"] for job in deploys} == {"deploy"}
    assert not any(job["interruptible"] or job["retry"] for job in deploys)


def test_a_newer_commit_interrupts_merge_requests_and_never_main() -> None:
    rules = PIPELINE["workflow"]["rules"]
    assert [each["auto_cancel"]["on_new_commit"] for each in rules] == ["interruptible", "none"]
    assert all(JOBS[name]["interruptible"] for name in running(MERGE_REQUEST))


def test_environments_have_the_tiers_of_the_deployment_table() -> None:
    assert {
        stack: (JOBS[name]["environment"]["name"], JOBS[name]["environment"]["deployment_tier"])
        for stack, name in DEPLOYS.items()
    } == {
        "dev1": ("dev1", "development"),
        "qa1": ("qa1", "development"),
        "preprod1": ("preprod1", "staging"),
        "prod1": ("prod1", "production"),
    }


def test_what_only_reads_is_no_deployment() -> None:
    readers = PULUMI_JOBS.keys() - set(DEPLOYS.values())
    assert readers == {"preview", "preview-prod1", "drift"}
    for name in readers:
        environment = JOBS[name]["environment"]
        assert (environment["name"], environment["action"]) == ("preview/$STACK", "access")
        assert not any(" up " in line or " destroy " in line for line in JOBS[name]["script"])


def test_packages_are_built_once_and_the_same_are_previewed_and_deployed() -> None:
    assert [name for name, job in JOBS.items() if "make package" in job["script"]] == ["package"]
    assert JOBS["package"]["artifacts"]["paths"] == ["build/lambda/arm64/"]
    for name in PULUMI_JOBS.keys() - {"drift"}:
        assert "package" in JOBS[name]["needs"], name


def test_credentials_are_a_roles_and_never_keys() -> None:
    assert not re.search(r"access_key|secret|password|AKIA", TEXT, re.IGNORECASE)
    with_credentials = [*PULUMI_JOBS, *SMOKES.values()]
    for name in with_credentials:
        job = JOBS[name]
        assert job["id_tokens"] == {"AWS_ID_TOKEN": {"aud": "sts.amazonaws.com"}}, name
    assert {name for name, job in JOBS.items() if "id_tokens" in job} == set(with_credentials)


def test_the_pulumi_cli_is_as_new_as_the_pulumi_package() -> None:
    (pulumi,) = entries(RUNTIME)["pulumi"]
    expected = f"pulumi/pulumi-python-{PYTHON_VERSION}:{pulumi.version.removeprefix('==')}"
    assert {job["image"]["name"] for job in PULUMI_JOBS.values()} == {expected}


def test_the_tests_run_on_the_oldest_python_on_the_functions_and_on_the_newest() -> None:
    assert JOBS["test"]["image"] == "python:$PYTHON_RELEASE-bookworm"
    assert JOBS["test"]["parallel"]["matrix"] == [
        {"PYTHON_RELEASE": [PYTHONS[0], PYTHON_VERSION, PYTHONS[-1]]}
    ]
    assert PIPELINE["default"]["image"] == f"python:{PYTHON_VERSION}-bookworm"


def test_no_variable_of_the_pipeline_is_one_that_make_takes_for_its_own() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\((\w+)\)", makefile))
    assert {"PYTHON", "VENV", "ARGS"} <= used
    matrices = [
        variables
        for job in JOBS.values()
        if isinstance(parallel := job.get("parallel"), dict)
        for variables in parallel["matrix"]
    ]
    for variables in (PIPELINE["variables"], *(job.get("variables", {}) for job in JOBS.values())):
        assert used.isdisjoint(variables)
    assert matrices
    assert all(used.isdisjoint(variables) for variables in matrices)


def commands() -> list[tuple[str, list[str]]]:
    """Return each job's own commands as words, without the shell's own."""
    return [
        (name, shlex.split(line))
        for name, job in JOBS.items()
        for line in job["script"]
        if not line.startswith("git ")
    ]


def test_every_command_of_a_job_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    seen = set()
    for name, (program, *arguments) in commands():
        seen.add(program)
        match program:
            case "make":
                assert arguments[0] in targets, name
            case ".venv/bin/dmd":
                parse_dmd(arguments)
            case "pulumi":
                assert arguments[0] in {"preview", "up", "refresh"}, name
                assert arguments[1:3] == ["--stack", "$STACK"], name
                assert "--non-interactive" in arguments, name
            case _:
                pytest.fail(f"{name} runs {program}")
    assert seen == {"make", ".venv/bin/dmd", "pulumi"}


def parse_dmd(arguments: list[str]) -> None:
    command: click.Command = dmd
    words = list(arguments)
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    # It raises what is wrong with the options.
    assert callable(command.make_context(command.name, words).command.callback)


def test_warnings_about_schemas_are_shown_and_refusals_fail_the_job() -> None:
    (line,) = [line for line in JOBS["schema"]["script"] if "dmd" in line]
    status = int(shlex.split(line)[-1])
    assert JOBS["schema"]["allow_failure"] == {"exit_codes": status}
    assert status not in (0, 1, 2), "1 is a refusal, 2 a wrong command line"


def shell(lines: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines of a job as GitLab's runner does: one shell that stops at the first failure.

    In place of Pulumi stands a command that prints its arguments and what it would find.
    """
    stub = folder / "pulumi"
    stub.write_text(
        '#!/bin/sh\necho "pulumi $* as ${AWS_ROLE_ARN:-the runner}'
        ' with $(cat "${AWS_WEB_IDENTITY_TOKEN_FILE:-/dev/null}")"\n'
    )
    stub.chmod(0o755)
    return subprocess.run(
        ["sh", "-e", "-c", "\n".join(lines)],
        env={"PATH": f"{folder}:/usr/bin:/bin", "TMPDIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def lines_of(job: Job) -> list[str]:
    return [*job["before_script"], *job["script"]]


@pytest.mark.parametrize("name", sorted(PULUMI_JOBS))
def test_a_job_without_a_place_for_the_state_fails_before_pulumi_is_asked(
    name: str, tmp_path: Path
) -> None:
    result = shell(lines_of(JOBS[name]), tmp_path, STACK="dev1")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("PULUMI_BACKEND_URL is not set")


def test_with_a_role_its_token_is_what_aws_is_asked_with(tmp_path: Path) -> None:
    role = "arn:aws:iam::111122223333:role/deploy"
    result = shell(
        lines_of(JOBS["deploy-dev1"]),
        tmp_path,
        STACK="dev1",
        PULUMI_BACKEND_URL="s3://state",
        AWS_ROLE_ARN=role,
        AWS_ID_TOKEN="header.claims.signature",
    )
    assert result.stdout.splitlines() == [
        f"pulumi install as {role} with header.claims.signature",
        f"pulumi up --stack dev1 --yes --diff --non-interactive as {role} "
        "with header.claims.signature",
    ]


def test_without_a_role_the_runners_own_is_left_alone(tmp_path: Path) -> None:
    result = shell(
        lines_of(JOBS["preview-prod1"]),
        tmp_path,
        STACK="prod1",
        PULUMI_BACKEND_URL="s3://state",
        AWS_ID_TOKEN="unused",
    )
    assert result.stdout.splitlines()[-1] == (
        "pulumi preview --stack prod1 --diff --non-interactive as the runner with "
    )


def test_a_failed_deployment_says_where_the_way_back_is_described(tmp_path: Path) -> None:
    after = JOBS["deploy-dev1"]["after_script"]
    failed = shell(after, tmp_path, CI_JOB_STATUS="failed", STACK="dev1")
    (title,) = re.findall(r"docs/deploying\.md, '(.+)'", failed.stdout)
    assert f"## {title}\n" in (ROOT / "docs" / "deploying.md").read_text()
    assert shell(after, tmp_path, CI_JOB_STATUS="success", STACK="dev1").stdout == ""
