"""The transform stage: records in, verdicts out, one invocation for each batch."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulation.firehose.batches import Batch, BatchAssembler, Envelope, encode
from emulation.firehose.clients import LambdaClient
from emulation.firehose.description import DeliveryStream, Transform
from emulation.firehose.error_log import ErrorLog
from emulation.firehose.invocation import TOO_LARGE, GivenUp, TransformFunction
from emulation.firehose.records import SourceRecord
from emulation.firehose.response import Failed, Verdict, judge

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """Records with a verdict for each, after ``attempts`` invocations of the function."""

    records: tuple[SourceRecord, ...]
    verdicts: tuple[Verdict, ...]
    attempts: int
    function_arn: str


class TransformStage:
    """Batches records, invokes the function with each batch, and checks its answers.

    ``batches`` counts the batches so far, ``retries`` the repeated invocations, and
    ``unknown_ids`` the answers for records that are not in their batch.
    """

    def __init__(
        self,
        stream: DeliveryStream,
        transform: Transform,
        client: LambdaClient,
        *,
        pause: Callable[[float], None],
        new_uuid: Callable[[], str],
        error_log: ErrorLog | None = None,
    ) -> None:
        self._error_log = error_log
        self._name = stream.name
        self._envelope = Envelope(stream.source_stream_arn, stream.arn, stream.region)
        self._assembler = BatchAssembler(self._envelope, transform.buffering)
        self._function = TransformFunction(client, transform.function_arn, transform.retries, pause)
        self._new_uuid = new_uuid
        self.batches = 0
        self.retries = 0
        self.unknown_ids = 0

    @property
    def waiting(self) -> int:
        """Return how many records wait for their batch."""
        return self._assembler.waiting

    @property
    def oldest_arrival_millis(self) -> int | None:
        """Return when the oldest record that waits arrived; None if none waits."""
        return self._assembler.oldest_arrival_millis

    def add(self, record: SourceRecord, now: float) -> Iterator[Judged]:
        """Add one record; yield the batches that it completes, transformed. ``now``: seconds."""
        encoded = encode(record)
        if not self._assembler.can_hold(encoded):
            # Lambda would refuse the request. What AWS does with such a record, and how many
            # attempts it reports, is unconfirmed. Here it fails alone, without an invocation.
            self._log_failures(Counter([TOO_LARGE]), attempts=1)
            yield Judged((record,), (TOO_LARGE,), 1, self._function.function_arn)
            return
        for batch in self._assembler.add(record, encoded, now):
            yield self._transform(batch)

    def flush(self, now: float | None = None) -> Iterator[Judged]:
        """Yield the waiting batch, transformed, if ``now`` (seconds) is None or it is due then."""
        if self._assembler.due(now) if now is not None else self._assembler.waiting:
            yield self._transform(self._assembler.close())

    def _transform(self, batch: Batch) -> Judged:
        self.batches += 1
        # Each attempt has an invocation ID of its own, as was observed on AWS.
        outcome = self._function.invoke(
            lambda: self._envelope.event(self._new_uuid(), batch.encoded)
        )
        self.retries += outcome.attempts - 1
        if isinstance(outcome, GivenUp):
            verdicts: tuple[Verdict, ...] = (outcome.failure,) * len(batch.records)
        else:
            judgement = judge([record.record_id for record in batch.records], outcome.payload)
            self.unknown_ids += judgement.unknown_ids
            verdicts = judgement.verdicts
        self._log_failures(
            Counter(verdict for verdict in verdicts if isinstance(verdict, Failed)),
            outcome.attempts,
        )
        return Judged(batch.records, verdicts, outcome.attempts, self._function.function_arn)

    def _log_failures(self, failures: Counter[Failed], attempts: int) -> None:
        for failure, records in failures.items():
            if self._error_log:
                self._error_log.transform_failed(failure, self._function.function_arn)
            _LOG.warning(
                "delivery stream %s: %d records failed with %s after %d attempts",
                self._name,
                records,
                failure.code,
                attempts,
            )
