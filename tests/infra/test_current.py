"""What keeps the current-state tables up to date: state machines, schedules, views, permissions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.current.machine import Refresh, definition
from catalog.current.statements import Statements
from catalog.current.view import refreshed_view
from infra.naming import ENVIRONMENTS
from schemas import RECORD_TYPES, table
from tests.infra.recorded import Recorded, Recording, record
from tests.infra.test_permissions import grants

MACHINE = "aws:sfn/stateMachine:StateMachine"
SCHEDULE = "aws:scheduler/schedule:Schedule"
TABLE = "aws:glue/catalogTable:CatalogTable"
WORKGROUP = "aws:athena/workgroup:Workgroup"

NAMING = "prd3292-dev1-dmnd-pipeline"
DATABASE = "prd3292_dev1_dmnd_pipeline"
DEV1 = "us-east-1:111122223333"
BUCKET = "prd3292.dev1.us-east-1.demand-capture.tmaws"
OBJECTS = f"arn:aws:s3:::{BUCKET}/data-pipeline"
GLUE = f"arn:aws:glue:{DEV1}"


def defined(machine: Recorded) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.inputs["definition"])
    return found


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_state_machine_refreshes_the_table_of_a_type(dev1: Recording, record_type: str) -> None:
    machine = dev1.one(MACHINE, f"{record_type}-current")
    statements = Statements(table(record_type), DATABASE, f"{DATABASE}_parquet", 1, 30)
    expected = definition(Refresh(statements, f"{DATABASE}_current", BUCKET, "data-pipeline"))
    assert machine.physical_name == f"{NAMING}-{record_type}-current"
    assert machine.inputs["type"] == "STANDARD"
    assert machine.inputs["roleArn"] == f"arn:aws:iam::111122223333:role/{NAMING}-current"
    assert defined(machine) == expected


def test_settings_say_how_many_days_a_refresh_reads_and_how_long_it_keeps_tombstones(
    packages: Path,
) -> None:
    other = record("dev1", packages, current_state_days="9", current_state_tombstone_days="77")
    states = defined(other.one(MACHINE, "sale-current"))["States"]
    assert "INTERVAL '8' DAY" in states["KeepTexts"]["Result"]["merge"]
    assert (
        "INTERVAL '77' DAY"
        in defined(other.one(MACHINE, "sale-current"))["States"]["ForgetRemoved"]["Parameters"][
            "QueryString"
        ]
    )


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_definition_is_no_longer_than_step_functions_takes(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html"""
    for each in recorded(stack).of(MACHINE):
        assert 0 < len(each.inputs["definition"].encode()) <= 1_048_576


def test_errors_are_logged_without_what_an_execution_has_read(dev1: Recording) -> None:
    group = f"/aws/vendedlogs/states/{NAMING}-current"
    for each in dev1.of(MACHINE):
        assert each.inputs["loggingConfiguration"] == {
            "level": "ERROR",
            "includeExecutionData": False,
            "logDestination": f"arn:aws:logs:{DEV1}:log-group:{group}:*",
        }


def test_the_program_registers_no_iceberg_table(dev1: Recording) -> None:
    # Athena changes such a table's entry with each refresh, and an update would change it back.
    assert {each.inputs["databaseName"] for each in dev1.of(TABLE)} == {DATABASE}


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_view_of_the_living_records_is_where_analysts_look(
    dev1: Recording, record_type: str
) -> None:
    view = dev1.one(TABLE, f"{record_type}-current")
    expected = refreshed_view(record_type, f"{DATABASE}_parquet")
    assert view.inputs["name"] == f"{record_type}_current"
    assert view.inputs["tableType"] == "VIRTUAL_VIEW"
    assert view.inputs["viewOriginalText"] == expected.original_text(DATABASE)
    assert view.delete_before_replace
    assert view.replace_on_changes == dev1.one(TABLE, f"{record_type}-latest").replace_on_changes


def test_refreshes_run_in_a_workgroup_of_their_own(recorded: Callable[[str], Recording]) -> None:
    workgroup = recorded("prod1").one(WORKGROUP, "current")
    assert workgroup.physical_name == "prd3292_prod1_dmnd_pipeline_current"
    assert workgroup.inputs["configuration"] == {
        "enforceWorkgroupConfiguration": True,
        "publishCloudwatchMetricsEnabled": True,
        "bytesScannedCutoffPerQuery": 2 * 1024**4,
        "engineVersion": {"selectedEngineVersion": "Athena engine version 3"},
        "resultConfiguration": {
            "outputLocation": "s3://prd3292.prod1.us-east-1.demand-capture.tmaws/"
            "data-pipeline/athena/current/"
        },
    }


# --- schedules --------------------------------------------------------------------------------


def schedule(recording: Recording, name: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return a schedule's expression, the input of its executions, and its target."""
    inputs = recording.one(SCHEDULE, name).inputs
    target = inputs["target"]
    return inputs["scheduleExpression"], json.loads(target["input"]), target


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_table_is_refreshed_each_hour_and_maintained_each_day(
    dev1: Recording, record_type: str
) -> None:
    machine = f"arn:aws:states:{DEV1}:stateMachine:{NAMING}-{record_type}-current"
    expression, event, target = schedule(dev1, f"{record_type}-current")
    assert (expression, event, target["arn"]) == ("rate(60 minutes)", {}, machine)
    expression, event, target = schedule(dev1, f"{record_type}-current-maintain")
    assert (expression, event, target["arn"]) == ("cron(30 8 * * ? *)", {"maintain": True}, machine)


def test_all_schedules_are_in_one_group(dev1: Recording) -> None:
    assert {each.inputs["groupName"] for each in dev1.of(SCHEDULE)} == {f"{NAMING}-avro-writer"}


@pytest.mark.parametrize(("minutes", "age"), [("5", 300), ("1440", 86_400)])
def test_a_refresh_that_does_not_start_is_tried_until_the_next_is_due(
    packages: Path, minutes: str, age: int
) -> None:
    other = record("dev1", packages, current_state_refresh_minutes=minutes)
    expression, _, target = schedule(other, "sale-current")
    assert expression == f"rate({minutes} minutes)"
    policy = {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": age}
    assert target["retryPolicy"] == policy


def test_the_scheduler_starts_refreshes_and_nothing_else(dev1: Recording) -> None:
    found = grants(dev1, "current-scheduler")
    assert found.keys() == {"StartRefreshes", "SendDeadLetters"}
    assert found["StartRefreshes"]["Action"] == ["states:StartExecution"]
    assert set(found["StartRefreshes"]["Resource"]) == {
        f"arn:aws:states:{DEV1}:stateMachine:{NAMING}-{each}-current" for each in RECORD_TYPES
    }


# --- permissions ------------------------------------------------------------------------------


def resources(recording: Recording, role: str, action: str) -> set[str]:
    return {
        resource
        for each in grants(recording, role).values()
        if action in each["Action"]
        for resource in each["Resource"]
    }


def below(*areas: str) -> set[str]:
    return {f"{OBJECTS}/{area.format(each)}/*" for area in areas for each in RECORD_TYPES}


def test_a_refresh_changes_its_tables_and_its_own_notes_alone(dev1: Recording) -> None:
    assert resources(dev1, "current", "s3:PutObject") == {
        *below("parquet/{}", "current/{}/refreshed"),
        f"{OBJECTS}/athena/current/*",
    }
    assert resources(dev1, "current", "s3:DeleteObject") == below("parquet/{}", "current/{}/late")
    assert resources(dev1, "current", "s3:GetObject") == {
        *below("avro/{}", "parquet/{}", "current/{}/refreshed"),
        f"{OBJECTS}/athena/current/*",
    }


@pytest.mark.parametrize("action", ["CreateTable", "UpdateTable", "DeleteTable"])
def test_a_refresh_changes_no_table_in_glue_but_its_own(dev1: Recording, action: str) -> None:
    assert resources(dev1, "current", f"glue:{action}") == {
        f"{GLUE}:catalog",
        f"{GLUE}:database/{DATABASE}_parquet",
        *(f"{GLUE}:table/{DATABASE}_parquet/{each}" for each in RECORD_TYPES),
    }


def test_a_refresh_queries_in_its_workgroup_alone(dev1: Recording) -> None:
    assert resources(dev1, "current", "athena:StartQueryExecution") == {
        f"arn:aws:athena:{DEV1}:workgroup/{DATABASE}_current"
    }


def policy(recording: Recording, name: str) -> dict[str, list[str]]:
    """Return the resources of each statement of a managed policy."""
    statements = recording.one("aws:iam/policy:Policy", name).policy()
    return {each["Sid"]: each["Resource"] for each in statements}


def test_whoever_queries_may_read_the_tables(dev1: Recording) -> None:
    found = policy(dev1, "athena-query-execution")
    assert f"{OBJECTS}/parquet/*" in found["ReadTables"]
    assert f"{GLUE}:table/{DATABASE}_parquet/*" in found["DescribeTables"]
    assert f"{GLUE}:database/{DATABASE}_parquet" in found["FindDatabase"]


def test_an_operator_may_refresh_and_mark_what_is_late(dev1: Recording) -> None:
    found = policy(dev1, "operate")
    states = f"arn:aws:states:{DEV1}"
    assert found["Refresh"] == [f"{states}:stateMachine:{NAMING}-*-current"]
    assert found["SeeRefreshes"] == [f"{states}:execution:{NAMING}-*-current:*"]
    assert f"{OBJECTS}/current/*/late/*" in found["BringBack"]


# --- a stack without them ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def without(packages: Path) -> Recording:
    return record("dev1", packages, current_state_tables="false")


def test_a_stack_may_have_no_current_state_tables(dev1: Recording, without: Recording) -> None:
    urns = {each.urn for each in without.owned}
    gone = [each for each in dev1.owned if each.urn not in urns]
    assert urns < {each.urn for each in dev1.owned}
    assert {each.name for each in gone if each.type == TABLE} == {
        f"{each}-current" for each in RECORD_TYPES
    }
    assert {each.name.partition("-")[0] for each in gone} == {"current", "refresh", *RECORD_TYPES}


def test_without_the_tables_nobody_may_do_anything_with_them(without: Recording) -> None:
    texts = [
        each.inputs["policy"]
        for token in ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")
        for each in without.of(token)
    ]
    assert not [each for each in texts if "parquet" in each or "states:" in each]
    # The marks are put all the same, for the day on which somebody turns the tables on.
    assert [each for each in texts if "data-pipeline/current/*/late/*" in each]
