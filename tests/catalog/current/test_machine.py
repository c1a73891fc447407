"""The state machine, run by an interpreter and checked by a validator that nobody here wrote."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import sqlglot
from botocore.exceptions import ClientError

from catalog.current.keys import anchor_prefix, late_prefix
from catalog.current.machine import Refresh, definition
from catalog.current.statements import Dialect, Statements
from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from schemas import RECORD_TYPES, table
from schemas.table import Table
from tests.catalog.current.athena_double import AthenaDouble
from tests.support.state_machine import Interpreter, Killed, Outcome, Task, Watch, interpreter

BUCKET, PLACE, NAME = "the-bucket", "lake", "notification"
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LOOKS = ["FindTable", "ReadAnchor", "ListMarks"]
FIRST_RUN = ["FindTable", "Begin", "Create", *LOOKS, "ListRunning", *LOOKS, "MergeAll"]
LATER_RUN = ["FindTable", "ReadAnchor", "ListMarks", "Merge"]


def statements(described: Table) -> Statements:
    return Statements(described, "lake_avro", "lake_parquet", 2, 30, Dialect.ATHENA)


def refresh(described: Table) -> dict[str, Any]:
    return definition(Refresh(statements(described), "refresh", BUCKET, PLACE))


# --- the definition as it is written ----------------------------------------------------------


@cache
def linter() -> Any:
    """AWS's linter for CloudFormation. It takes a second to read its rules."""
    # Every process of the tests reads this file, and one of them alone lints.
    from cfnlint.config import ConfigMixIn  # type: ignore[import-untyped]
    from cfnlint.runner import Runner  # type: ignore[import-untyped]

    return Runner(ConfigMixIn(regions=["us-east-1"]))


def complaints(machine: dict[str, Any]) -> list[str]:
    """What the linter says about a definition."""
    from cfnlint.decode import decode_str  # type: ignore[import-untyped]

    properties = {"RoleArn": "arn:aws:iam::123456789012:role/refresh", "Definition": machine}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        },
    }
    decoded, errors = decode_str(json.dumps(template))
    return [each.message for each in errors or linter().validate_template(decoded)]


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_definition_is_valid_and_far_below_the_size_that_aws_takes(record_type: str) -> None:
    machine = refresh(table(record_type))
    assert complaints(machine) == []
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    assert len(json.dumps(machine)) < 1_048_576 / 10
    for name in machine["States"]:
        assert len(name) <= 80


@pytest.mark.parametrize(
    "spoil",
    [
        lambda states: states["Merge"].pop("Next"),
        lambda states: states["Merge"]["Retry"][0].update(MaxAttempts=-1),
        lambda states: states["FindTable"].update(ResultPath="table"),
        lambda states: states["AreColumnsKnown"]["Choices"][0].update(Variable="anchor"),
    ],
)
def test_the_linter_sees_what_is_wrong(spoil: Callable[[dict[str, Any]], None]) -> None:
    machine = copy.deepcopy(refresh(table(NAME)))
    spoil(machine["States"])
    assert complaints(machine)


def test_every_state_can_be_reached_and_each_way_leads_to_one() -> None:
    machine = refresh(table(NAME))

    def named(state: Any) -> Iterator[str]:
        match state:
            case dict():
                for name, value in state.items():
                    if name in ("Next", "Default") and isinstance(value, str):
                        yield value
                    elif name != "ItemProcessor":
                        yield from named(value)
            case list():
                for each in state:
                    yield from named(each)

    reached, open_ways = set(), {machine["StartAt"]}
    while open_ways:
        name = open_ways.pop()
        reached.add(name)
        open_ways |= set(named(machine["States"][name])) - reached
    assert reached == set(machine["States"])


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_statements_are_in_the_grammar_that_sqlglot_knows_for_athena(record_type: str) -> None:
    made = statements(table(record_type))
    added = next(filter(None, map(made.add, made.columns)))
    known = {
        made.create("s3://bucket/prefix/made=one"): "Create",
        made.drop(): "Drop",
        added: "Alter",
        made.merge("2026-11-20", "2026-11-20T12:00:00.000Z"): "Merge",
        made.merge_all(): "Merge",
        made.check(): "Select",
        made.forget(): "Delete",
    }
    for sql, kind in known.items():
        assert type(sqlglot.parse_one(sql, dialect="athena")).__name__ == kind
    # https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
    assert all(len(sql.encode()) < 262_144 / 4 for sql in known)


# --- the definition as it runs ----------------------------------------------------------------


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with embedded_emulator() as started:
        started.client("s3").create_bucket(Bucket=BUCKET)
        yield started


@pytest.fixture(scope="module")
def runs(endpoint: Endpoint) -> Iterator[Interpreter]:
    with interpreter(endpoint, lambda sql, database: None) as made:
        yield made


@dataclass
class Scene:
    """A state machine, whose Glue and S3 are empty at first, and a double of Athena."""

    runs: Interpreter
    described: Table

    def __post_init__(self) -> None:
        self.s3, self.glue = self.runs.client("s3"), self.runs.client("glue")
        for key in self.keys(""):
            self.s3.delete_object(Bucket=BUCKET, Key=key)
        for database in self.glue.get_databases()["DatabaseList"]:
            self.glue.delete_database(Name=database["Name"])
        self.glue.create_database(DatabaseInput={"Name": "lake_parquet"})
        self.names = itertools.count()
        self.athena = AthenaDouble(self.glue)

    def run(self, at: dt.datetime = NOON, watch: Watch | None = None, **given: bool) -> Outcome:
        self.athena.queries.clear()
        self.athena.statements = statements(self.described)
        self.runs.query = self.athena
        return self.runs.run(
            refresh(self.described),
            name=f"run{next(self.names)}",
            started=at,
            given=given,
            watch=watch or (lambda task, call: call()),
        )

    def mark(self, *names: str) -> None:
        for name in names:
            key = f"{late_prefix(PLACE, NAME)}{name}"
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [each["Key"].removeprefix(prefix) for each in listed]

    @property
    def marks(self) -> list[str]:
        return self.keys(late_prefix(PLACE, NAME))

    def anchor(self) -> dict[str, Any]:
        """The anchor of the table that is there."""
        found = self.glue.get_table(DatabaseName="lake_parquet", Name=NAME)
        made = found["Table"]["StorageDescriptor"]["Location"].partition("made=")[2]
        key = f"{anchor_prefix(PLACE, NAME)}{made}"
        body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        anchor: dict[str, Any] = json.loads(body)
        return anchor

    def merged(self) -> tuple[str, str]:
        """The earliest late date of the last merge, and since when it read; or `ALL`."""
        sql = [each for each in self.athena.queries if each.startswith("MERGE")][-1]
        found = re.search(r"least\('(.*?)', .*?timestamp\('(.*?)'\)", sql)
        return (found[1], found[2]) if found else ALL


class Beside(threading.Thread):
    """A second execution at the same time, which waits for the first."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self._looks = threading.Semaphore(0)
        self._ended: list[Outcome] = []

    def run(self) -> None:
        self._ended.append(self._scene.run(NOON, self._watch))

    def _watch(self, task: Task, call: Callable[[], Any]) -> Any:
        answer = call()
        if task.state == "ListRunning":
            self._looks.release()
        return answer

    def wait_for_looks(self, times: int) -> None:
        """Wait until it has looked for older executions so often."""
        for _ in range(times):
            assert self._looks.acquire(timeout=60)

    def end(self) -> Outcome:
        """Wait for its end, and return how it ended."""
        self.join(60)
        (ended,) = self._ended
        return ended


@pytest.fixture
def scene(runs: Interpreter) -> Scene:
    return Scene(runs, table(NAME))


NOTHING_LATE = "9999-12-31"
ALL = ("", "")


def test_the_first_refresh_makes_the_table_and_reads_all_and_the_next_what_is_new(
    scene: Scene,
) -> None:
    first = scene.run(NOON)
    assert (first.status, first.states) == ("SUCCEEDED", [*FIRST_RUN, "MoveAnchor"])
    assert scene.merged() == ALL
    assert scene.anchor()["since"] == "2026-11-20T12:00:00.000Z"
    second = scene.run(NOON + dt.timedelta(hours=1))
    assert (second.status, second.states) == ("SUCCEEDED", [*LATER_RUN, "MoveAnchor"])
    assert scene.merged() == (NOTHING_LATE, "2026-11-20T12:00:00.000Z")
    assert scene.anchor()["since"] == "2026-11-20T13:00:00.000Z"


def test_the_marks_that_were_listed_are_deleted_and_those_that_came_later_stay(
    scene: Scene,
) -> None:
    scene.run()
    scene.mark("2026-11-17/b", "2026-11-18/a", "2026-11-17/a")

    def one_more(task: Task, call: Callable[[], Any]) -> Any:
        if task.state == "Merge":
            scene.mark("2026-11-16/late")
        return call()

    assert scene.run(watch=one_more).status == "SUCCEEDED"
    assert scene.merged()[0] == "2026-11-17"
    assert scene.marks == ["2026-11-16/late"]
    scene.run()
    assert (scene.merged()[0], scene.marks) == ("2026-11-16", [])


def test_more_marks_than_one_listing_has_are_left_for_the_next_refresh(scene: Scene) -> None:
    scene.run()
    # A file's name is a plan's, which is shorter.
    scene.mark(*(f"2026-11-{day:02}/{number:0>120}" for day in (1, 2) for number in range(170)))
    assert scene.run().status == "SUCCEEDED"
    assert scene.merged()[0] == "2026-11-01"
    left = scene.marks
    assert len(left) == 40
    assert scene.run().status == "SUCCEEDED"
    assert (scene.merged()[0], scene.marks) == ("2026-11-02", [])


def test_the_work_of_once_a_day_comes_after_the_refresh(scene: Scene) -> None:
    done = scene.run(maintain=True)
    assert done.status == "SUCCEEDED"
    assert scene.athena.verbs() == ["CREATE", "MERGE", "DELETE", "SELECT", "OPTIMIZE", "VACUUM"]


def test_a_rebuild_drops_the_table_and_reads_all(scene: Scene) -> None:
    scene.run(NOON)
    before = scene.anchor()
    assert scene.run(NOON, rebuild=True).status == "SUCCEEDED"
    assert scene.athena.verbs() == ["DROP", "CREATE", "MERGE"]
    assert scene.merged() == ALL
    assert scene.anchor() == before


def test_a_table_without_an_anchor_is_made_anew(scene: Scene) -> None:
    scene.run()
    prefix = anchor_prefix(PLACE, NAME)
    for key in scene.keys(prefix):
        scene.s3.delete_object(Bucket=BUCKET, Key=f"{prefix}{key}")
    assert scene.run().status == "SUCCEEDED"
    assert scene.athena.verbs() == ["DROP", "CREATE", "MERGE"]
    assert scene.merged() == ALL


# --- another schema ---------------------------------------------------------------------------


def without(described: Table, name: str) -> Table:
    avro = copy.deepcopy(described.avro)
    avro["fields"] = [each for each in avro["fields"] if each["name"] != name]
    columns = tuple(each for each in described.columns if each.name != name)
    return replace(described, avro=avro, columns=columns)


def test_a_nullable_column_is_added_and_all_changes_are_read_once_more(runs: Interpreter) -> None:
    scene = Scene(runs, without(table(NAME), "locale"))
    scene.run()
    scene.described = table(NAME)
    grown = scene.run(NOON + dt.timedelta(hours=1))
    assert grown.status == "SUCCEEDED"
    assert scene.athena.queries[0] == (
        f"ALTER TABLE lake_parquet.{NAME} ADD COLUMNS (locale string)"
    )
    assert scene.athena.verbs() == ["ALTER", "MERGE"]
    assert scene.merged() == ALL
    scene.run(NOON + dt.timedelta(hours=2))
    assert scene.athena.verbs() == ["MERGE"]
    assert scene.merged() == (NOTHING_LATE, "2026-11-20T13:00:00.000Z")


def test_a_column_is_not_added_before_executions_of_the_older_definition_are_over(
    runs: Interpreter,
) -> None:
    scene = Scene(runs, without(table(NAME), "locale"))
    scene.run()
    beside = Beside(scene)

    def outlast(task: Task, call: Callable[[], Any]) -> Any:
        if task.state == "Merge":
            scene.described = table(NAME)
            beside.start()
            beside.wait_for_looks(3)
        return call()

    assert scene.run(NOON, outlast).status == "SUCCEEDED"
    assert beside.end().status == "SUCCEEDED"
    assert scene.athena.verbs() == ["MERGE", "ALTER", "MERGE"]
    assert scene.merged() == ALL


@pytest.mark.parametrize(
    ("column", "work"),
    [("locale", ["ALTER", "MERGE", "MERGE"]), ("attempts", ["DROP", "CREATE", "MERGE", "MERGE"])],
)
def test_of_two_that_wait_with_a_new_schema_the_second_finds_the_work_done(
    runs: Interpreter, column: str, work: list[str]
) -> None:
    scene = Scene(runs, without(table(NAME), column))
    scene.run()
    scene.described = table(NAME)
    beside = Beside(scene)

    def first(task: Task, call: Callable[[], Any]) -> Any:
        if task.state == "ListRunning" and not beside.ident:
            beside.start()
            beside.wait_for_looks(1)
        return call()

    assert scene.run(NOON, first).status == "SUCCEEDED"
    assert beside.end().status == "SUCCEEDED"
    assert scene.athena.verbs() == work


def test_a_column_that_may_not_be_null_or_has_another_type_makes_the_table_anew(
    runs: Interpreter,
) -> None:
    scene = Scene(runs, without(table(NAME), "attempts"))
    scene.run()
    scene.described = table(NAME)
    assert scene.run().status == "SUCCEEDED"
    assert scene.athena.verbs() == ["DROP", "CREATE", "MERGE"]
    avro = copy.deepcopy(scene.described.avro)
    (changed,) = [each for each in avro["fields"] if each["name"] == "locale"]
    changed["type"] = ["null", "boolean"]
    scene.described = replace(scene.described, avro=avro)
    assert scene.run().status == "SUCCEEDED"
    assert scene.athena.verbs() == ["DROP", "CREATE", "MERGE"]
    assert scene.merged() == ALL


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_query_that_fails_is_run_again_after_a_while(scene: Scene, times: int) -> None:
    scene.run()
    scene.athena.failures["MERGE"] = times
    done = scene.run()
    assert done.status == "SUCCEEDED"
    assert scene.athena.verbs() == ["MERGE"] * (times + 1)
    assert len(done.waits) == times
    assert all(0 <= wait <= 30 * 2**number for number, wait in enumerate(done.waits))


def test_a_merge_that_fails_each_time_fails_the_refresh_and_moves_nothing(scene: Scene) -> None:
    scene.run(NOON)
    scene.mark("2026-11-17/a")
    before = scene.anchor()
    scene.athena.failures["MERGE"] = 10
    done = scene.run(NOON + dt.timedelta(hours=1))
    assert (done.status, done.error) == ("FAILED", "States.TaskFailed")
    assert "ICEBERG_COMMIT_ERROR" in done.cause
    assert scene.athena.verbs() == ["MERGE"] * 4
    assert (scene.marks, scene.anchor()) == (["2026-11-17/a"], before)


def test_a_merge_of_all_changes_is_not_paid_for_twice_in_one_execution(scene: Scene) -> None:
    scene.athena.failures["MERGE"] = 1
    assert scene.run().status == "FAILED"
    assert scene.athena.verbs() == ["CREATE", "MERGE"]
    assert scene.run().status == "SUCCEEDED"
    assert (scene.athena.verbs(), scene.merged()) == (["MERGE"], ALL)


def test_of_refreshes_at_once_one_reads_all_changes(scene: Scene) -> None:
    beside = Beside(scene)

    def first(task: Task, call: Callable[[], Any]) -> Any:
        if task.state == "MergeAll":
            beside.start()
            beside.wait_for_looks(2)
        return call()

    assert scene.run(NOON, first).status == "SUCCEEDED"
    assert beside.end().status == "SUCCEEDED"
    assert scene.merged() == (NOTHING_LATE, "2026-11-20T12:00:00.000Z")


def test_two_rows_of_a_record_fail_the_work_of_once_a_day(scene: Scene) -> None:
    scene.athena.failures["SELECT"] = 10
    done = scene.run(maintain=True)
    assert (done.status, scene.athena.verbs()[-1]) == ("FAILED", "SELECT")


def test_vacuum_is_run_again_as_long_as_athena_asks_for_it(scene: Scene) -> None:
    scene.athena.failures["VACUUM"] = 12
    assert scene.run(maintain=True).status == "SUCCEEDED"
    assert scene.athena.verbs()[-13:] == ["VACUUM"] * 13


def test_a_table_that_athena_does_not_drop_at_once_is_dropped_in_the_end(scene: Scene) -> None:
    scene.run()
    scene.athena.failures["DROP"] = 12
    assert scene.run(rebuild=True).status == "SUCCEEDED"
    assert scene.athena.verbs() == [*["DROP"] * 13, "CREATE", "MERGE"]


def throttled(state: str, times: int) -> Watch:
    """Refuses the first calls of a state, as a service does that has too many."""
    left = itertools.count()

    def watch(task: Task, call: Callable[[], Any]) -> Any:
        if task.state == state and next(left) < times:
            code = {"Code": "TooManyRequestsException", "Message": "Rate exceeded"}
            answer = {"Error": code, "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "1"}}
            raise ClientError(answer, task.operation)  # type: ignore[arg-type]
        return call()

    return watch


@pytest.mark.parametrize(
    "state", ["FindTable", "ReadAnchor", "ListMarks", "Merge", "ForgetMark", "MoveAnchor"]
)
def test_a_call_that_is_refused_is_made_again(scene: Scene, state: str) -> None:
    scene.run(NOON)
    scene.mark("2026-11-17/a")
    done = scene.run(NOON + dt.timedelta(hours=1), watch=throttled(state, 3))
    assert (done.status, done.states.count(state)) == ("SUCCEEDED", 4)
    assert len(done.waits) == 3
    assert (scene.marks, scene.anchor()["since"]) == ([], "2026-11-20T13:00:00.000Z")


@pytest.mark.parametrize("state", ["FindTable", "ReadAnchor"])
def test_an_error_that_is_not_an_absence_never_drops_the_table(scene: Scene, state: str) -> None:
    scene.run()
    done = scene.run(watch=throttled(state, 1000))
    assert done.status == "FAILED"
    assert scene.athena.queries == []


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(16))
def test_a_refresh_that_is_killed_leaves_to_the_next_all_that_it_had_to_read(
    scene: Scene, number: int, is_done: bool
) -> None:
    """However far the first one came: the table, read whole, and each mark."""
    scene.mark("2026-11-17/a", "2026-11-17/b")
    calls = itertools.count()

    def until(task: Task, call: Callable[[], Any]) -> Any:
        if next(calls) != number:
            return call()
        if is_done:
            with suppress(ClientError):
                call()
        raise Killed

    killed = scene.run(NOON, watch=until)
    assert killed.status == ("ABORTED" if number < 14 else "SUCCEEDED")
    is_merged = any(each.startswith("MERGE") for each in scene.athena.queries)
    left = scene.marks
    assert scene.run(NOON + dt.timedelta(hours=1)).status == "SUCCEEDED"
    late, since = scene.merged()
    if not is_merged:
        assert left == ["2026-11-17/a", "2026-11-17/b"]
    # Only one whose anchor was put spares the next one the whole.
    if number > 13 or (number == 13 and is_done):
        assert (late, since) == (NOTHING_LATE, "2026-11-20T12:00:00.000Z")
    else:
        assert (late, since) == ALL
    assert scene.marks == []
