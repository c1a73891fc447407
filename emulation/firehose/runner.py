"""Running one delivery stream, step by step: read, transform, buffer, put."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

from emulation.firehose.buffer import Contents, ObjectBuffers, Target
from emulation.firehose.clients import KinesisClient, LambdaClient, LogsClient, S3Client
from emulation.firehose.counts import DeliveryCounts
from emulation.firehose.description import DeliveryStream
from emulation.firehose.error_log import ErrorLog
from emulation.firehose.error_output import error_line
from emulation.firehose.errors import DeliveryStalled
from emulation.firehose.objects import Uploads, new_object
from emulation.firehose.partitions import (
    ACTIVE_PARTITIONS_LIMIT,
    TOO_MANY_PARTITIONS,
    target_of,
)
from emulation.firehose.records import SourceRecord
from emulation.firehose.response import Delivered, Failed
from emulation.firehose.shards import StreamReader
from emulation.firehose.stage import Judged, TransformStage


def _new_uuid() -> str:
    return str(uuid.uuid4())


class DeliveryStreamRunner:
    """Runs one delivery stream as Amazon Data Firehose does.

    Only `counts` is thread-safe. Invocations and puts are made one after the other. AWS makes
    up to five invocations for each shard at the same time.

    Parameters
    ----------
    stream
        The settings, as registered.
    kinesis, lambda_client, s3, logs
        boto3 clients with the credentials of the delivery stream's roles. Without ``logs``,
        errors are written only to this process's log.
    clock
        Returns the seconds since the epoch.
    pause
        Sleeps for a number of seconds.
    new_uuid
        Returns the unique part of object names, invocation IDs and random strings.
    read_interval
        Seconds between two reads of one shard; see `StreamReader`.
    stall_seconds
        Seconds without progress after which `drain` gives up.
    active_partitions_limit
        The most partitions whose records wait at the same time. The default is AWS's.
    """

    def __init__(
        self,
        stream: DeliveryStream,
        *,
        kinesis: KinesisClient,
        lambda_client: LambdaClient,
        s3: S3Client,
        logs: LogsClient | None = None,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
        new_uuid: Callable[[], str] = _new_uuid,
        read_interval: float = 0.2,
        stall_seconds: float = 60.0,
        active_partitions_limit: int = ACTIVE_PARTITIONS_LIMIT,
    ) -> None:
        self.stream = stream
        self._clock = clock
        self._pause = pause
        self._new_uuid = new_uuid
        self._read_interval = read_interval
        self._stall_seconds = stall_seconds
        self._source = StreamReader(
            kinesis, stream.source_stream_arn, clock=clock, read_interval=read_interval
        )
        target = stream.destination.error_log
        error_log = ErrorLog(stream, target, logs, clock) if logs and target else None
        self._stage = (
            TransformStage(
                stream,
                stream.transform,
                lambda_client,
                pause=pause,
                new_uuid=new_uuid,
                error_log=error_log,
            )
            if stream.transform
            else None
        )
        self._partitions_limit = active_partitions_limit
        self._partitions_exceeded = False
        self._buffers = ObjectBuffers(stream.destination.buffering)
        self._uploads = Uploads(s3, stream, clock, error_log)
        self._failed_by_code: Counter[str] = Counter()
        self._tally = self._counts = DeliveryCounts()
        self._published_reads = self._source.reads

    @property
    def counts(self) -> DeliveryCounts:
        """Return the counts at the end of the last step."""
        return self._counts

    def metrics(self) -> dict[str, float]:
        """Return what Firehose publishes in CloudWatch since the last time, by name.

        Ages are in the units of AWS: seconds and milliseconds.
        https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
        """
        waiting = (self._stage, self._buffers, self._uploads)
        oldest = [each.oldest_arrival_millis for each in waiting if each is not None]
        now_millis = self._clock() * 1000
        ages = [now_millis - each for each in oldest if each is not None]
        published = {
            "DeliveryToS3.DataFreshness": max(ages, default=0.0) / 1000,
            "KinesisMillisBehindLatest": self._source.behind_millis,
        }
        if self.stream.destination.prefix.partition_keys:
            published |= {
                "ActivePartitionsLimit": self._partitions_limit,
                "PartitionCount": len(self._active()),
                "PartitionCountExceeded": int(self._partitions_exceeded),
            }
            self._partitions_exceeded = False
        return published

    def stream_metrics(self) -> dict[str, float]:
        """Return what Kinesis publishes of the reads since the last time, by name.

        The share of the reads that were refused, 0 to 1; nothing if nothing was read.
        https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
        """
        known, self._published_reads = self._published_reads, self._source.reads
        reads = self._published_reads.total - known.total
        if not reads:
            return {}
        refused = self._published_reads.throttled - known.throttled
        return {"ReadProvisionedThroughputExceeded": refused / reads}

    def start(self) -> None:
        """Start with the records that arrive from now on; raises as `StreamReader.start`."""
        self._source.start()

    def poll(self) -> int:
        """Do one step, and return how many records it read.

        A step reads each shard that is due once, then transforms the batches and puts the
        objects that are full or due. While a put fails, nothing is read, so that memory stays
        bounded. On AWS, too, a failing destination holds up the source.
        """
        self._put_due()
        records = [] if self._uploads.blocked else self._source.read()
        self._tally = replace(
            self._tally,
            received=self._tally.received + len(records),
            received_bytes=self._tally.received_bytes + sum(len(record.data) for record in records),
        )
        for record in records:
            self._take(record)
        if self._stage is not None:
            for judged in self._stage.flush(self._clock()):
                self._file(judged)
        self._submit(self._buffers.take_due(self._clock()))
        self._put_due()
        self._publish()
        return len(records)

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set. Records that are then in flight stay for `drain`."""
        while not stop.is_set():
            if not self.poll():
                stop.wait(self._read_interval)

    def drain(self) -> DeliveryCounts:
        """Read every shard to its end, put everything, and return the counts.

        No record is in flight afterwards. Put nothing into the stream meanwhile, because draining
        only ends at the end of the stream.

        Raises
        ------
        DeliveryStalled
            There has been no progress for ``stall_seconds``: Kinesis cannot be read or S3
            refuses an object. The records in flight are still held. Remove the cause, then
            drain again.
        """
        self._source.forget_tip()
        progress = self._clock()
        while True:
            before = self._counts
            self.poll()
            if self._source.at_tip:
                self._flush()
                if not self._counts.in_flight:
                    return self._counts
            if self._counts != replace(before, put_retries=self._counts.put_retries):
                progress = self._clock()
            elif self._clock() - progress >= self._stall_seconds:
                reason = self._uploads.last_error or self._source.last_error
                raise DeliveryStalled(
                    f"delivery stream {self.stream.name} has made no progress for "
                    f"{self._stall_seconds:.0f} s, {self._counts.in_flight} records in flight: "
                    f"{reason or 'the end of the stream is not reached'}"
                )
            self._pause(self._read_interval)

    def _flush(self) -> None:
        if self._stage is not None:
            for judged in self._stage.flush():
                self._file(judged)
        self._submit(self._buffers.take_all())
        self._put_due()
        self._publish()

    def _take(self, record: SourceRecord) -> None:
        if self._stage is None:
            self._deliver(record, Delivered(record.data))
        else:
            for judged in self._stage.add(record, self._clock()):
                self._file(judged)

    def _file(self, judged: Judged) -> None:
        ended_millis = int(self._clock() * 1000)
        dropped = 0
        for record, verdict in zip(judged.records, judged.verdicts, strict=True):
            if isinstance(verdict, Delivered):
                failure = self._deliver(record, verdict)
                if failure is not None:
                    self._fail(record, failure, judged, ended_millis)
            elif isinstance(verdict, Failed):
                self._fail(record, verdict, judged, ended_millis)
            else:
                dropped += 1
        self._tally = replace(self._tally, dropped=self._tally.dropped + dropped)

    def _deliver(self, record: SourceRecord, delivered: Delivered) -> Failed | None:
        """Add a record to its partition; return why it has none."""
        target = target_of(
            self.stream.destination,
            delivered.partition_keys,
            record.arrival_millis,
            self._active,
            self._partitions_limit,
        )
        if isinstance(target, Failed):
            self._partitions_exceeded |= target is TOO_MANY_PARTITIONS
            return target
        self._add(target, delivered.data, record)
        return None

    def _active(self) -> frozenset[Target]:
        """Return the partitions with records that are not in the bucket."""
        targets = self._buffers.targets | self._uploads.targets
        return frozenset(each for each in targets if not each.error_output_type)

    def _fail(
        self, record: SourceRecord, failure: Failed, judged: Judged, ended_millis: int
    ) -> None:
        line = error_line(
            record,
            failure,
            attempts=judged.attempts,
            ended_millis=ended_millis,
            function_arn=judged.function_arn,
        )
        self._add(Target(failure.output_type), line, record, failure.code)

    def _add(self, target: Target, data: bytes, record: SourceRecord, failure: str = "") -> None:
        full = self._buffers.add(target, data, record.arrival_millis, self._clock(), failure)
        if full is not None:
            self._submit([full])

    def _submit(self, objects: Iterable[Contents]) -> None:
        for contents in objects:
            self._uploads.submit(new_object(self.stream, contents, self._new_uuid))

    def _put_due(self) -> None:
        for put in self._uploads.put_due():
            contents, tally = put.contents, self._tally
            stored = tally.stored_bytes + len(put.body)
            if contents.failures:
                self._failed_by_code.update(contents.failures)
                self._tally = replace(
                    tally,
                    failed=tally.failed + contents.records,
                    error_objects=tally.error_objects + 1,
                    stored_bytes=stored,
                )
            else:
                self._tally = replace(
                    tally,
                    delivered=tally.delivered + contents.records,
                    delivered_bytes=tally.delivered_bytes + len(contents.data),
                    objects=tally.objects + 1,
                    stored_bytes=stored,
                )

    def _publish(self) -> None:
        stage = self._stage
        self._counts = replace(
            self._tally,
            in_flight=(stage.waiting if stage else 0)
            + self._buffers.waiting
            + self._uploads.records,
            failed_by_code=MappingProxyType(dict(self._failed_by_code)),
            batches=stage.batches if stage else 0,
            retries=stage.retries if stage else 0,
            unknown_ids=stage.unknown_ids if stage else 0,
            put_retries=self._uploads.retries,
        )
