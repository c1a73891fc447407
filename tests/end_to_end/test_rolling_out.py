"""What happens to rows when code, settings, streams and tables change while records flow."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fastavro
import pytest

from avro_writer.lanes import Lane, Layout
from avro_writer.plan import Input, Plan
from emulation.pipeline import Pipeline, running_pipeline
from estate.provision.provision import Provisioned, provision
from tests.end_to_end.provisioned import OVERRIDES, PACKAGES, Stack
from tests.support.changes import change

ADDED = {"name": "mood", "type": ["null", "string"], "default": None, "doc": "Another column"}
LANDING, QUARANTINE = "data-pipeline/landing/demand/", "data-pipeline/quarantine/"
ROUNDS = 2


def with_a_column_more(package: Path, folder: Path) -> bytes:
    """Copy a function's package, with one more column in its schema; return its bytes."""
    newer = folder / f"newer_{package.name}"
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(newer, "w") as new:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename == "schemas/demand.json":
                schema = json.loads(body)
                schema["fields"].append(ADDED)
                body = json.dumps(schema).encode()
            new.writestr(entry, body)
    return newer.read_bytes()


@dataclass
class Flowing:
    """The stack at work, with records of the demand type."""

    stack: Stack
    pipeline: Pipeline
    newer: dict[str, bytes]
    sent: list[str] = field(default_factory=list)

    def deploy(self, name: str, package: bytes) -> None:
        outputs = self.stack.provisioned.outputs
        function = {
            "transform": outputs["transform_functions"]["demand"],
            "avro_writer": outputs["writer_function"],
        }[name]
        self.stack.endpoint.client("lambda").update_function_code(
            FunctionName=function, ZipFile=package
        )

    def send(self, number: int, **attributes: dict[str, str]) -> None:
        """Put change records, and have Firehose deliver them."""
        settings = self.stack.provisioned.settings
        kinesis = self.stack.endpoint.client("kinesis")
        for _ in range(number):
            event_id = f"rolling-{len(self.sent)}"
            record = change(attributes, eventID=event_id, tableName=settings.table_name)
            record["dynamodb"]["Keys"] = {"pk": {"S": event_id}, "sk": {"N": "7"}}
            kinesis.put_record(
                StreamName=settings.stream_name,
                Data=json.dumps(record).encode(),
                PartitionKey=event_id,
            )
            self.sent.append(event_id)

    def write(self, rounds: int = ROUNDS) -> None:
        """Have the schedules run the writer so many times."""
        left = iter([*[False] * rounds, True])
        problems: list[str] = []
        group = self.stack.provisioned.outputs["schedule_group"]
        self.pipeline.schedules(group, problems.append).until(lambda: next(left), lambda runs: None)
        assert problems == []

    def rows(self) -> list[dict[str, Any]]:
        s3 = self.stack.endpoint.client("s3")
        return [
            row
            for key in self.stack.objects("data-pipeline/avro/demand/")
            for row in fastavro.reader(
                io.BytesIO(s3.get_object(Bucket=self.stack.bucket, Key=key)["Body"].read())
            )
            if isinstance(row, dict)
        ]

    def provision(self, **settings: str) -> Provisioned:
        return provision(
            self.stack.endpoint,
            "dev1",
            overrides={**OVERRIDES, **settings},
            packages=PACKAGES / "local",
        )


@pytest.fixture(scope="module")
def flowing(stack: Stack) -> Iterator[Flowing]:
    stack.clear_bucket()
    with TemporaryDirectory() as name:
        folder = Path(name)
        older, newer = {}, {}
        for function in ("transform", "avro_writer"):
            built = PACKAGES / "local" / f"{function}.zip"
            older[function] = built.read_bytes()
            (folder / built.name).write_bytes(older[function])
            newer[function] = with_a_column_more(built, folder)
        with running_pipeline(
            stack.endpoint,
            stack.provisioned.settings,
            {"demand": stack.provisioned.outputs["delivery_streams"]["demand"]},
            folder,
            runtime_client=stack.runtime_client,
        ) as pipeline:
            made = Flowing(stack, pipeline, newer)
            yield made
            for function, package in older.items():
                made.deploy(function, package)
    make_stream_anew(stack)
    stack.clear_bucket()


def test_every_row_is_in_one_place_whatever_changes_while_records_flow(flowing: Flowing) -> None:
    stack = flowing.stack
    flowing.pipeline.start()
    flowing.send(3)
    split_a_shard(stack)
    flowing.send(6)
    flowing.deploy("transform", flowing.newer["transform"])
    flowing.send(3, mood={"S": "glad"})
    flowing.send(2)
    flowing.pipeline.drain(lambda: None)

    plan = plan_in_flight(stack)
    flowing.provision(delivery_parallelization_factor="3", delivery_batch_size="1")
    flowing.write()
    assert plan not in stack.objects(), "a plan of two lanes, made before there were three"
    assert stack.objects(LANDING), "rows with the new column wait"
    assert stack.objects(QUARANTINE) == []

    flowing.deploy("avro_writer", flowing.newer["avro_writer"])
    flowing.write()
    assert Counter(each["change_id"] for each in flowing.rows()) == Counter(flowing.sent)
    assert Counter(each.get("mood") for each in flowing.rows()) == {"glad": 3, None: 11}
    assert stack.objects(LANDING) + stack.objects(QUARANTINE) == []
    restore(flowing)


def make_stream_anew(stack: Stack) -> None:
    """Leave a stream whose shards are all open: moto still puts records into those that closed."""
    kinesis, name = stack.endpoint.client("kinesis"), stack.provisioned.settings.stream_name
    found = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    kinesis.delete_stream(StreamName=name)
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    if key := found.get("KeyId"):
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)


def split_a_shard(stack: Stack) -> None:
    kinesis, stream = stack.endpoint.client("kinesis"), stack.provisioned.settings.stream_name
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]
    middle = sum(map(int, shard["HashKeyRange"].values())) // 2
    kinesis.split_shard(
        StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle)
    )


def plan_in_flight(stack: Stack) -> str:
    """Leave a plan of what has landed, as a run that died while it read; return its key."""
    s3, layout = stack.endpoint.client("s3"), Layout("data-pipeline", "demand")
    listed = s3.list_objects_v2(Bucket=stack.bucket, Prefix=LANDING)["Contents"]
    lane = next(each for each in (Lane(2, 0), Lane(2, 1)) if each.holds(listed[0]["Key"]))
    inputs = tuple(
        Input(each["Key"], each["ETag"], each["Size"]) for each in listed if lane.holds(each["Key"])
    )
    plan = Plan("0", "reading", "demand", inputs, "died", 0.0)
    s3.put_object(Bucket=stack.bucket, Key=layout.plan(lane), Body=plan.to_json())
    return layout.plan(lane)


def restore(flowing: Flowing) -> None:
    group = flowing.provision().outputs["schedule_group"]
    scheduler = flowing.stack.endpoint.client("scheduler")
    for each in scheduler.list_schedules(GroupName=group)["Schedules"]:
        if each["Name"].endswith("-2"):
            scheduler.delete_schedule(GroupName=group, Name=each["Name"])


def test_an_emptied_bucket_and_dropped_tables_stop_nothing(flowing: Flowing) -> None:
    stack, glue = flowing.stack, flowing.stack.endpoint.client("glue")
    database = stack.provisioned.outputs["database"]

    def tables() -> dict[str, Any]:
        found = glue.get_tables(DatabaseName=database)["TableList"]
        changes = ("CreateTime", "UpdateTime", "VersionId")
        return {
            each["Name"]: {name: each[name] for name in each if name not in changes}
            for each in found
        }

    landed = f"{LANDING}lanes=2/2026/11/22/10/a.gz"
    stack.endpoint.client("s3").put_object(Bucket=stack.bucket, Key=landed, Body=b"lost")
    plan_in_flight(stack)
    stack.clear_bucket()
    flowing.write(1)
    assert stack.objects() == []
    before = tables()
    for name in before:
        glue.delete_table(DatabaseName=database, Name=name)
    flowing.provision()
    assert tables() == before
