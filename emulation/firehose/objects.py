"""The objects that a delivery stream puts: their keys, their bodies, and their upload."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulation.firehose.buffer import Contents, Target
from emulation.firehose.clients import S3Client
from emulation.firehose.description import DeliveryStream
from emulation.firehose.error_log import ErrorLog

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0


@dataclass(frozen=True)
class FirehoseObject:
    """One object on its way into the bucket."""

    key: str
    body: bytes
    contents: Contents


def new_object(
    stream: DeliveryStream, contents: Contents, new_uuid: Callable[[], str]
) -> FirehoseObject:
    """Return the object of a buffer's contents, under the key that Firehose would give it.

    Whether AWS compresses the objects of the error output, and gives them the
    ``FileExtension``, is unconfirmed. Here they are treated like the others. A reader should
    look at the content, not at the name.

    Sources: docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html and s3-prefixes.html.
    """
    destination, target = stream.destination, contents.target
    at = destination.local_time(contents.oldest_arrival_millis)
    prefix = destination.error_prefix if target.error_output_type else destination.prefix
    evaluated = prefix.evaluate(
        at,
        new_uuid=new_uuid,
        error_output_type=target.error_output_type,
        partition_keys=dict(target.keys),
    )
    name = f"{stream.name}-{stream.version}-{at:%Y-%m-%d-%H-%M-%S}-{new_uuid()}"
    body = contents.data
    if destination.compression == "GZIP":
        # Without a time in the header, the same data gives the same object.
        body = gzip.compress(body, mtime=0)
    return FirehoseObject(f"{evaluated}{name}{destination.extension}", body, contents)


@dataclass
class _Waiting:
    object: FirehoseObject
    attempts: int = 0
    due: float = 0.0


class Uploads:
    """Puts objects, and repeats each put under the same key until it succeeds.

    Delivery is at least once: a put is also repeated if S3 did it and only the answer was lost.

    Source: docs.aws.amazon.com/firehose/latest/dev/retry.html.
    """

    def __init__(
        self,
        s3: S3Client,
        stream: DeliveryStream,
        clock: Callable[[], float],
        error_log: ErrorLog | None = None,
    ) -> None:
        self._s3 = s3
        self._error_log = error_log
        self._clock = clock
        destination = stream.destination
        self._bucket = destination.bucket
        self._settings: dict[str, Any] = {"ContentType": "application/octet-stream"}
        if destination.compression == "GZIP":
            self._settings["ContentEncoding"] = "gzip"
        if destination.kms_key_arn:
            self._settings["ServerSideEncryption"] = "aws:kms"
            self._settings["SSEKMSKeyId"] = destination.kms_key_arn
        self._waiting: list[_Waiting] = []
        self.retries = 0
        self.last_error: str | None = None

    def submit(self, outgoing: FirehoseObject) -> None:
        """Add an object, to be put at the next `put_due`."""
        self._waiting.append(_Waiting(outgoing))

    @property
    def records(self) -> int:
        """Return how many records are in objects that are not in the bucket yet."""
        return sum(waiting.object.contents.records for waiting in self._waiting)

    @property
    def targets(self) -> frozenset[Target]:
        """Return the targets of these objects."""
        return frozenset(waiting.object.contents.target for waiting in self._waiting)

    @property
    def oldest_arrival_millis(self) -> int | None:
        """Return when the oldest record that waits arrived; None if none waits."""
        oldest = (waiting.object.contents.oldest_arrival_millis for waiting in self._waiting)
        return min(oldest, default=None)

    @property
    def blocked(self) -> bool:
        """Return whether the put of an object has failed and has not succeeded since."""
        return any(waiting.attempts for waiting in self._waiting)

    def put_due(self) -> list[FirehoseObject]:
        """Try to put each object that is due, and return those that are in the bucket now."""
        done: list[FirehoseObject] = []
        remaining: list[_Waiting] = []
        for waiting in self._waiting:
            if waiting.due <= self._clock() and self._put(waiting):
                done.append(waiting.object)
            else:
                remaining.append(waiting)
        self._waiting = remaining
        if not self.blocked:
            self.last_error = None
        return done

    def _put(self, waiting: _Waiting) -> bool:
        self.retries += bool(waiting.attempts)
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=waiting.object.key,
                Body=waiting.object.body,
                **self._settings,
            )
        except (ClientError, BotoCoreError) as error:
            pause = min(_FIRST_PAUSE * 2**waiting.attempts, _LONGEST_PAUSE)
            waiting.attempts += 1
            waiting.due = self._clock() + pause
            self.last_error = f"s3://{self._bucket}/{waiting.object.key} cannot be put: {error}"
            _LOG.warning("%s; trying again in %.1f s", self.last_error, pause)
            if self._error_log:
                self._error_log.put_failed(error)
            return False
        return True
