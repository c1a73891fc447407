"""No role has more permissions than it uses: its grants are compared with its requests."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

import schemas
from demo.feed.generator import generate
from demo.feed.stream import feed
from emulation.endpoint import Endpoint
from emulation.gateway import Denial, Gateway, Grant
from emulation.gateway.role_policies import RolePolicyCache
from emulation.iam.grants import grants
from emulation.pipeline import Pipeline
from emulation.scheduler.runner import ScheduleRunner, list_schedules
from tests.end_to_end import ci
from tests.end_to_end.provisioned import Stack, without
from tests.end_to_end.unexercised import UNEXERCISED, Unexercised

BROKEN = "data-pipeline/landing/demand/lanes=2/2026/11/01/00/broken.gz"


@dataclass
class Exercised:
    """The roles' grants, and the result of their work since a time (milliseconds since 1970)."""

    since: int
    granted: set[Grant] = field(default_factory=set)
    unused: set[Grant] = field(default_factory=set)
    denials: list[Denial] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    central: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0

    @property
    def used(self) -> set[Grant]:
        return self.granted - self.unused


@pytest.fixture(scope="module")
def exercised(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exercised]:
    """Make every role do all its work, once without errors and once with errors."""
    stack.dead_letters()
    found = Exercised(since=int(time.time() * 1000))
    roles = RolePolicyCache(stack.endpoint.client("iam"))
    for arn in stack.role_arns:
        found.granted |= set(grants(arn, roles.read(arn.rpartition("/")[2]).identity))
    with stack.running(schemas.RECORD_TYPES) as pipeline:
        run_all_types(stack, pipeline, found)
        have_the_transforms_fail(stack, pipeline)
        have_the_writer_fail(stack, pipeline, found)
        have_the_scheduler_refused(stack, pipeline, found)
        as_ci = ci.assume(pipeline.endpoint.client("sts"), ci_role(stack))
        work_as_ci(stack, pipeline.endpoint.with_credentials(as_ci), found, tmp_path_factory)
        pipeline.forward_logs()
        found.central = central_messages(stack)
        found.dead_letters = stack.dead_letters()
        found.unused = set(pipeline.gate.unused_grants(stack.role_arns))
        found.denials = list(pipeline.gate.denials())
    yield found
    stack.clear_bucket()


def ci_role(stack: Stack) -> str:
    return next(arn for arn in stack.role_arns if arn.endswith(f"/{stack.naming}-ci"))


def put_records(stack: Stack, seed: int, number: int) -> None:
    settings = stack.provisioned.settings
    records = generate(seed, number, settings.table_name)
    feed(stack.endpoint.client("kinesis"), settings.stream_name, records)


def run_all_types(stack: Stack, pipeline: Pipeline, found: Exercised) -> None:
    pipeline.start()
    put_records(stack, 3, 120)
    pipeline.drain(lambda: None)
    # A corrupt object goes to quarantine.
    stack.endpoint.client("s3").put_object(Bucket=stack.bucket, Key=BROKEN, Body=b"no gzip")
    group = stack.provisioned.outputs["schedule_group"]
    pipeline.schedules(group, found.problems.append).until(
        lambda: bool(found.problems) or not stack.work_left(), lambda runs: None
    )


@contextmanager
def broken(stack: Stack, functions: Iterable[str]) -> Iterator[None]:
    """Give functions a handler that does not exist."""
    client = stack.endpoint.client("lambda")
    handlers = {
        name: client.get_function_configuration(FunctionName=name)["Handler"] for name in functions
    }
    for name in handlers:
        client.update_function_configuration(FunctionName=name, Handler="gone.handler")
    yield
    for name, handler in handlers.items():
        client.update_function_configuration(FunctionName=name, Handler=handler)


def have_the_transforms_fail(stack: Stack, pipeline: Pipeline) -> None:
    with broken(stack, stack.provisioned.outputs["transform_functions"].values()):
        put_records(stack, 4, 2)
        pipeline.drain(lambda: None)


def fire_one(stack: Stack, pipeline: Pipeline, problems: list[str]) -> None:
    scheduler = stack.endpoint.client("scheduler")
    listed = list_schedules(scheduler, stack.provisioned.outputs["schedule_group"])
    schedules = tuple(each for each in listed if each.invokes_function)[:1]
    runner = ScheduleRunner(
        pipeline.endpoint,
        schedules,
        lambda role, principal, source: pipeline.gate.assume_for_service(
            role, principal, source_arn=source
        ),
        pipeline.host.outcome,
        problems.append,
    )
    rounds = iter([False, True])
    runner.until(lambda: next(rounds), lambda runs: None)


def have_the_writer_fail(stack: Stack, pipeline: Pipeline, found: Exercised) -> None:
    with broken(stack, [stack.provisioned.outputs["writer_function"]]):
        fire_one(stack, pipeline, found.problems)


def have_the_scheduler_refused(stack: Stack, pipeline: Pipeline, found: Exercised) -> None:
    iam = pipeline.endpoint.client("iam")
    with without(iam, f"{stack.naming}-scheduler", "InvokeFunction"):
        fire_one(stack, pipeline, found.problems)


def work_as_ci(
    stack: Stack, as_ci: Endpoint, found: Exercised, folders: pytest.TempPathFactory
) -> None:
    ci.use_the_demand_table(as_ci, stack)
    ci.keep_test_objects(as_ci, stack)
    ci.see_what_comes(as_ci, stack)
    ci.query_with_athena(as_ci, stack)
    found.rows = ci.read_the_tables(as_ci, stack, folders.mktemp("read-as-ci"))


def central_messages(stack: Stack) -> list[dict[str, Any]]:
    """Read the events that were forwarded to the central log stream."""
    kinesis = stack.endpoint.client("kinesis")
    name = stack.provisioned.settings.log_stream_name
    messages = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while records := kinesis.get_records(ShardIterator=iterator):
            messages += [json.loads(gzip.decompress(each["Data"])) for each in records["Records"]]
            iterator = records["NextShardIterator"]
            if not records["MillisBehindLatest"]:
                break
    return messages


def test_every_grant_is_used_or_listed_with_its_reason(exercised: Exercised, stack: Stack) -> None:
    too_many = [
        str(grant)
        for grant in sorted(exercised.unused)
        if not any(entry.covers(grant, stack.naming) for entry in UNEXERCISED)
    ]
    assert too_many == []


@pytest.mark.parametrize(
    "entry", UNEXERCISED, ids=lambda entry: f"{entry.statement}{entry.actions}"
)
def test_each_entry_of_the_list_is_granted_and_not_used(
    exercised: Exercised, stack: Stack, entry: Unexercised
) -> None:
    covered = {grant for grant in exercised.granted if entry.covers(grant, stack.naming)}
    assert {grant.action for grant in covered} == set(entry.actions)
    assert covered & exercised.used == set()
    assert entry.page.startswith("https://docs.aws.amazon.com/")


def test_every_role_was_at_work(exercised: Exercised, stack: Stack) -> None:
    idle = {f"{stack.naming}-current", f"{stack.naming}-current-scheduler"}
    at_work = {grant.role_arn for grant in exercised.used}
    assert {arn.rpartition("/")[2] for arn in set(stack.role_arns) - at_work} == idle


def test_nothing_was_refused_but_what_was_taken_away(exercised: Exercised, stack: Stack) -> None:
    assert [(each.role_arn.rpartition("/")[2], each.action) for each in exercised.denials] == [
        (f"{stack.naming}-scheduler", "lambda:InvokeFunction")
    ]
    assert len(exercised.problems) == 2


def test_a_failed_run_and_one_that_could_not_be_invoked_are_dead_letters(
    exercised: Exercised, stack: Stack
) -> None:
    bodies = [json.loads(each["Body"]) for each in exercised.dead_letters]
    (failed,) = (each for each in bodies if "requestContext" in each)
    assert failed["requestContext"]["condition"] == "RetriesExhausted"
    assert failed["requestContext"]["approximateInvokeCount"] == 1
    assert failed["responsePayload"]["errorType"] == "Runtime.ImportModuleError"
    (refused,) = (each for each in exercised.dead_letters if "MessageAttributes" in each)
    attributes = refused["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    assert json.loads(refused["Body"]) == failed["requestPayload"]


def test_each_log_event_is_forwarded_once(exercised: Exercised, stack: Stack) -> None:
    logs = stack.endpoint.client("logs")
    groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    logged: Counter[str] = Counter()
    for group in groups:
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=exercised.since
        ):
            logged.update(each["eventId"] for each in page["events"])
    forwarded = Counter(
        event["id"]
        for message in exercised.central
        for event in message["logEvents"]
        if event["timestamp"] >= exercised.since
    )
    assert forwarded == logged
    assert {message["logGroup"] for message in exercised.central} == {
        *(f"/aws/kinesisfirehose/{stack.naming}-{each}" for each in schemas.RECORD_TYPES),
        *(f"/aws/lambda/{stack.naming}-transform-{each}" for each in schemas.RECORD_TYPES),
        f"/aws/lambda/{stack.naming}-avro-writer",
    }


def test_a_delivery_streams_error_log_tells_code_and_function(
    exercised: Exercised, stack: Stack
) -> None:
    (event, *_) = [
        json.loads(event["message"])
        for message in exercised.central
        if message["logGroup"] == f"/aws/kinesisfirehose/{stack.naming}-sale"
        for event in message["logEvents"]
    ]
    assert event["errorCode"] == "Lambda.FunctionError"
    assert event["processor"].endswith(f"{stack.naming}-transform-sale")
    assert event["deliveryStreamARN"].endswith(f"/{stack.naming}-sale")


def test_continuous_integration_reads_the_rows_that_were_written(exercised: Exercised) -> None:
    assert exercised.rows > 0


@pytest.fixture(scope="module")
def gate(stack: Stack) -> Iterator[Gateway]:
    with stack.gateway() as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("delete_object", "data-pipeline/avro/demand/partition_date=2026-11-01/x.avro"),
        ("delete_object", "data-pipeline/athena/results/x.csv"),
        ("delete_object", "data-pipeline/testing/x"),
        ("put_object", "data-pipeline/avro/demand/partition_date=2026-11-01/x.avro"),
        ("put_object", "data-pipeline/landing/demand/lanes=2/x.gz"),
        ("put_object", "data-pipeline/compaction/demand/2-0.json"),
        ("get_object", "data-pipeline/errors/demand/x"),
        ("get_object", "elsewhere/x"),
    ],
)
def test_continuous_integration_can_touch_nothing_of_the_pipelines_own(
    gate: Gateway, stack: Stack, operation: str, key: str
) -> None:
    s3 = gate.endpoint.with_credentials(
        ci.assume(gate.endpoint.client("sts"), ci_role(stack))
    ).client("s3")
    with pytest.raises(ClientError) as refused:
        getattr(s3, operation)(Bucket=stack.bucket, Key=key)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_the_ci_role_is_for_the_runners_and_the_accounts_administrators(
    gate: Gateway, stack: Stack
) -> None:
    iam = gate.endpoint.client("iam")
    runner = iam.get_role(RoleName="GitRunner")["Role"]
    stranger = iam.create_role(
        RoleName="Stranger",
        AssumeRolePolicyDocument=json.dumps(runner["AssumeRolePolicyDocument"]),
    )["Role"]

    def session(role: dict[str, Any]) -> Any:
        credentials = gate.assume_for_service(role["Arn"], "ec2.amazonaws.com")
        return gate.endpoint.with_credentials(credentials).client("sts")

    assert ci.assume(session(runner), ci_role(stack)).session_token
    with pytest.raises(ClientError) as refused:
        ci.assume(session(stranger), ci_role(stack))
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    for role in stack.role_arns:
        if role != ci_role(stack):
            with pytest.raises(ClientError, match="trust policy"):
                ci.assume(gate.endpoint.client("sts"), role)
