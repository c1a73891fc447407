"""A stack changes its delivery streams, there and back, while records flow: each row once."""

from __future__ import annotations

import base64
import gzip
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import fastavro
import pytest

from demo.feed.generator import sample
from emulation.pipeline import Pipeline, running_pipeline
from estate.provision.provision import provision
from infra.deliveries import ALL_TYPES
from infra.rules import Moment
from schemas import RECORD_TYPES
from tests.end_to_end.provisioned import OVERRIDES, PACKAGES, Stack
from tests.support.changes import change

# The least that Firehose takes of a delivery stream that all types share.
BUFFERS = {"delivery_buffer_size_mb": "64", "delivery_buffer_interval_seconds": "60"}
# How far ahead a border is. Provisioning takes some seconds, more on a machine that has much to do.
LEAD = timedelta(seconds=15)
# How long records flow before a deployment, and after a border.
SIDE_SECONDS = 1.5
PAUSE_SECONDS = 0.1


@dataclass
class Feed:
    """Records that flow into the stream all the time."""

    stack: Stack
    rows: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    held: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._run, args=(ended,), name="feed")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _run(self, ended: threading.Event) -> None:
        kinesis = self.stack.endpoint.client("kinesis")
        settings = self.stack.provisioned.settings
        records = sample(9, 100_000, settings.table_name, RECORD_TYPES)
        for number in count():
            batch = [next(records) for _ in range(4)]
            self.rows += [json.loads(each)["eventID"] for each in batch]
            self.unfit.append(f"unfit-{number}")
            batch.append(json.dumps(change({"channel": None}, eventID=self.unfit[-1])).encode())
            with self.held:
                kinesis.put_records(
                    StreamName=settings.stream_name,
                    Records=[
                        {"Data": each, "PartitionKey": f"{number}-{place}"}
                        for place, each in enumerate(batch)
                    ],
                )
            if ended.wait(PAUSE_SECONDS):
                return


@dataclass
class Switching:
    """The stack at work, with the records that flow meanwhile."""

    stack: Stack
    pipeline: Pipeline
    feed: Feed
    streams: Mapping[str, str]
    delivered: Counter[str] = field(default_factory=Counter)

    def change_to(self, delivery: str) -> None:
        """Change to the other kind with two deployments, and a border between the kinds."""
        former = set(self.streams)
        time.sleep(SIDE_SECONDS)
        border = (datetime.now(UTC) + LEAD).replace(microsecond=0)
        self.deploy(delivery, border)
        left = (border - datetime.now(UTC)).total_seconds()
        assert left > 1, "this machine takes too long to provision: set a larger LEAD"
        time.sleep(left + SIDE_SECONDS)
        self.deliver()
        self.deploy(delivery)
        assert former.isdisjoint(self.streams)

    def deploy(self, delivery: str, border: datetime | None = None) -> None:
        """Deploy these settings; what the stack no longer has goes, as with ``pulumi up``."""
        settings = {
            "delivery": delivery,
            "delivery_border": border.strftime("%Y-%m-%dT%H:%M:%SZ") if border else "",
            **(BUFFERS if border or delivery == "shared" else {}),
        }
        made = provision(
            self.stack.endpoint,
            "dev1",
            overrides={**OVERRIDES, **settings},
            packages=PACKAGES / "local",
        )
        former, self.streams = self.streams, made.outputs["delivery_streams"]
        counts = self.pipeline.counts()
        self.pipeline.follow(self.streams)
        naming, clients = made.settings.naming, self.stack.endpoint.client
        for name in former.keys() - self.streams.keys():
            self.delivered[name] += counts[name].delivered
            clients("firehose").delete_delivery_stream(DeliveryStreamName=former[name])
            clients("lambda").delete_function(FunctionName=naming.transform_function(name))

    def deliver(self) -> None:
        """Deliver what has arrived, as happens in the hour after a border, and write it."""
        # Draining ends at the end of the stream.
        with self.feed.held:
            self.pipeline.drain(lambda: None)
        self.pipeline.resume()
        self.write(1)

    def end(self) -> None:
        """Deliver and write all that is left."""
        self.pipeline.drain(lambda: None)
        for name, each in self.pipeline.counts().items():
            self.delivered[name] += each.delivered
        self.write(2)
        assert not self.stack.work_left()

    def write(self, rounds: int) -> None:
        """Have the schedules run the writer so many times."""
        left = iter([*[False] * rounds, True])
        failed: list[str] = []
        group = self.stack.provisioned.outputs["schedule_group"]
        self.pipeline.schedules(group, failed.append).until(lambda: next(left), lambda runs: None)
        assert failed == []

    def forget_limit(self, name: str, limit: str) -> None:
        """Have a transform answer for all records, whenever they arrived."""
        client = self.stack.endpoint.client("lambda")
        function = self.stack.provisioned.settings.naming.transform_function(name)
        found = client.get_function_configuration(FunctionName=function)
        variables = found["Environment"]["Variables"]
        del variables[limit]
        client.update_function_configuration(
            FunctionName=function, Environment={"Variables": variables}
        )

    def rows(self) -> Counter[str]:
        """The changes in the Avro files."""
        return Counter(
            str(row["change_id"])
            for body in self._bodies("avro")
            for row in fastavro.reader(io.BytesIO(body))
            if isinstance(row, dict)
        )

    def failed(self) -> Counter[str]:
        """The changes in the error output of all delivery streams."""
        return Counter(
            json.loads(base64.b64decode(json.loads(line)["rawData"]))["eventID"]
            for body in self._bodies("errors")
            for line in gzip.decompress(body).splitlines()
        )

    def _bodies(self, area: str) -> Iterator[bytes]:
        s3 = self.stack.endpoint.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.stack.bucket, Prefix=f"data-pipeline/{area}/"
        )
        for page in pages:
            for each in page.get("Contents", ()):
                yield s3.get_object(Bucket=self.stack.bucket, Key=each["Key"])["Body"].read()


@pytest.fixture
def switching(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switching]:
    # The setting has whole minutes. A test cannot wait for so long.
    monkeypatch.setattr(
        Moment, "read", lambda self, text: datetime.fromisoformat(text) if text else None
    )
    stack.clear_bucket()
    streams = stack.provisioned.outputs["delivery_streams"]
    with running_pipeline(
        stack.endpoint,
        stack.provisioned.settings,
        streams,
        PACKAGES / "local",
        runtime_client=stack.runtime_client,
    ) as pipeline:
        pipeline.start()
        made = Switching(stack, pipeline, Feed(stack), streams)
        yield made
        if set(made.streams) != set(streams):
            made.deploy("per_type")
    stack.clear_bucket()


def test_each_row_is_there_once_after_a_change_and_the_change_back(switching: Switching) -> None:
    feed = switching.feed
    with feed.flowing():
        switching.change_to("shared")
        assert set(switching.streams) == {ALL_TYPES}
        switching.change_to("per_type")
        assert set(switching.streams) == set(RECORD_TYPES)
        time.sleep(SIDE_SECONDS)
    switching.end()
    assert switching.rows() == Counter(feed.rows)
    assert switching.failed() == Counter(feed.unfit)
    # The writer leaves out the repeats in its batch. So this must hold before it, too.
    assert switching.delivered.total() == len(feed.rows)
    assert set(switching.delivered) == {ALL_TYPES, *RECORD_TYPES}
    assert min(switching.delivered.values()) > 0
    assert switching.stack.objects("data-pipeline/quarantine/") == []


def test_a_change_that_is_given_up_before_its_border_loses_nothing_and_a_fault_would_show(
    switching: Switching,
) -> None:
    feed = switching.feed
    with feed.flowing():
        switching.deploy("shared", datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
        time.sleep(SIDE_SECONDS)
        switching.deliver()
        assert switching.pipeline.counts()[ALL_TYPES].delivered == 0
        # From here on, both kinds make rows of the same records.
        switching.forget_limit(ALL_TYPES, "ARRIVED_SINCE")
        time.sleep(SIDE_SECONDS)
        switching.deliver()
        switching.deploy("per_type")
        time.sleep(SIDE_SECONDS)
    switching.end()
    assert switching.rows().keys() == set(feed.rows)
    doubled = switching.delivered.pop(ALL_TYPES)
    assert doubled > 0
    assert switching.delivered.total() == len(feed.rows)
    assert switching.failed().keys() == set(feed.unfit)
    assert switching.failed() > Counter(feed.unfit)
