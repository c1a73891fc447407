"""Reconciles the counts of a run, which come from independent sources.

The records fed, the delivery streams' work and the records that nobody takes are counted during the
run. Failed records, rows, repeats and quarantine are counted in the bucket at the end.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastavro

from emulation.firehose import DeliveryCounts
from infra.deliveries import Delivery

# Firehose's error code of a record that the transform answered ``ProcessingFailed``.
# https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
_ONE_RECORD = "Lambda.ProcessingFailedStatus"


@dataclass
class Tally:
    """The counts of one delivery stream, and of the rows that it landed.

    Parameters
    ----------
    received
        Records that it read.
    dropped, failed
        Records of record types that it does not land, and records in the error output.
    delivered
        Rows that it landed.
    written, repeats, quarantined
        Landed rows that are in Avro files, were left out as repeats, or are in quarantine.
    quarantined_objects
        Whole landed objects in quarantine, whose rows cannot be counted.
    left
        Landed objects and plans that are still there.
    """

    received: int = 0
    dropped: int = 0
    failed: int = 0
    delivered: int = 0
    written: int = 0
    repeats: int = 0
    quarantined: int = 0
    quarantined_objects: int = 0
    left: int = 0


@dataclass(frozen=True)
class Partition:
    """One partition of one table: its files, rows and bytes."""

    record_type: str
    date: str
    files: int
    rows: int
    bytes: int


@dataclass
class Contents:
    """The contents of the bucket at the end, by record type.

    Parameters
    ----------
    errors
        Failed records, by delivery stream.
    failed
        The same records by a digest of their data.
    whole_batches
        Whether some of them failed with their whole batch, which has records of other types, too.
    rows, repeats, quarantined, quarantined_objects, left
        As `Tally` has them.
    partitions
        The partitions of the tables.
    """

    errors: dict[str, int] = field(default_factory=dict)
    failed: dict[str, Counter[bytes]] = field(default_factory=dict)
    whole_batches: bool = False
    rows: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    quarantined_objects: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    partitions: dict[tuple[str, str], Partition] = field(default_factory=dict)


def read_contents(s3: Any, bucket: str, prefix: str) -> Contents:
    """Count the contents of the bucket below the pipeline's prefix.

    Parameters
    ----------
    s3
        boto3's client, with the operator's permissions.
    bucket, prefix
        The bucket, and the key prefix without a slash.
    """
    contents = Contents()
    seen: set[tuple[str, str, int]] = set()
    for key in list_keys(s3, bucket, f"{prefix}/"):
        area, _, rest = key.removeprefix(f"{prefix}/").partition("/")
        record_type = rest.partition("/")[0]
        if area in ("landing", "compaction"):
            _count(contents.left, record_type, 1)
        elif area in ("errors", "quarantine", "avro"):
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            if area == "errors":
                _read_errors(contents, record_type, _text(key, body))
            elif area == "quarantine":
                _read_quarantine(contents, seen, record_type, key, body)
            else:
                _read_avro(contents, record_type, key, body)
    return contents


def count_deliveries(
    delivered: Mapping[str, DeliveryCounts], deliveries: Iterable[Delivery], contents: Contents
) -> dict[str, Tally]:
    """Return the counts of each delivery stream, from itself and the bucket.

    Parameters
    ----------
    delivered
        What the delivery streams have counted, by name.
    deliveries
        The delivery streams. Each record type is landed by one of them.
    contents
        The contents of the bucket.
    """

    def of(delivery: Delivery, counts: DeliveryCounts) -> Tally:
        def landed(rows: Mapping[str, int]) -> int:
            return sum(rows.get(record_type, 0) for record_type in delivery.record_types)

        return Tally(
            received=counts.received,
            dropped=counts.dropped,
            failed=contents.errors.get(delivery.name, 0),
            delivered=counts.delivered,
            written=landed(contents.rows),
            repeats=landed(contents.repeats),
            quarantined=landed(contents.quarantined),
            quarantined_objects=landed(contents.quarantined_objects),
            left=landed(contents.left),
        )

    return {each.name: of(each, delivered[each.name]) for each in deliveries}


def count_once(
    fed: int, counts: Mapping[str, Tally], contents: Contents, unclaimed: int
) -> Tally | None:
    """Return the counts of all delivery streams together, in which each record counts once.

    Each delivery stream reads every record. A record that all of them dropped is one that nobody
    takes. A record that is no change record fails in all of them.

    Parameters
    ----------
    fed
        Number of records that the Kinesis stream accepted.
    counts
        The counts of each delivery stream.
    contents
        The contents of the bucket.
    unclaimed
        Records that nobody takes, as the transform has counted them.

    Returns
    -------
    Tally or None
        None if a delivery stream put whole batches into the error output. These have records that
        other delivery streams have delivered.
    """
    if contents.whole_batches:
        return None
    # The same data may be fed twice, but then each delivery stream has it twice.
    failed: Counter[bytes] = Counter()
    for each in contents.failed.values():
        failed |= each
    return Tally(
        received=fed,
        dropped=unclaimed,
        failed=failed.total(),
        delivered=sum(each.delivered for each in counts.values()),
        written=sum(each.written for each in counts.values()),
        repeats=sum(each.repeats for each in counts.values()),
        quarantined=sum(each.quarantined for each in counts.values()),
        quarantined_objects=sum(each.quarantined_objects for each in counts.values()),
        left=sum(each.left for each in counts.values()),
    )


def discrepancies(fed: int, counts: Mapping[str, Tally], once: Tally | None = None) -> list[str]:
    """Return a line for each stage that does not reconcile; an empty list if all do.

    Parameters
    ----------
    fed
        Number of records that the Kinesis stream accepted.
    counts
        The counts of each delivery stream.
    once
        The counts in which each record counts once, if they are known.
    """
    found = []
    for name, each in counts.items():
        if each.received != fed:
            found.append(
                f"{name}, ingestion: the stream accepted {fed:,} records, "
                f"the delivery stream read {each.received:,}"
            )
        if each.received != each.delivered + each.dropped + each.failed:
            found.append(
                f"{name}, delivery stream: received {each.received:,}, but delivered "
                f"{each.delivered:,} + dropped {each.dropped:,} + failed {each.failed:,}"
            )
        if each.left:
            found.append(f"{name}, Avro writer: {each.left:,} landed objects or plans are left")
        written = each.written + each.repeats + each.quarantined
        if each.delivered != written or each.quarantined_objects:
            found.append(
                f"{name}, Avro writer: delivered {each.delivered:,}, but written "
                f"{each.written:,} + repeats {each.repeats:,} + quarantined {each.quarantined:,}"
                + (
                    f", and {each.quarantined_objects:,} whole objects in quarantine"
                    if each.quarantined_objects
                    else ""
                )
            )
    if (
        once is not None
        and all(each.received == fed for each in counts.values())
        and fed != once.delivered + once.failed + once.dropped
    ):
        found.append(
            f"all types: the stream accepted {fed:,} records, but delivered {once.delivered:,} + "
            f"failed {once.failed:,} + taken by nobody {once.dropped:,}"
        )
    return found


def list_keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys below a prefix, in order."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            yield each["Key"]


def _text(key: str, body: bytes) -> bytes:
    return gzip.decompress(body) if key.endswith(".gz") else body


def _read_errors(contents: Contents, record_type: str, lines: bytes) -> None:
    failed = contents.failed.setdefault(record_type, Counter())
    for line in lines.splitlines():
        entry = json.loads(line)
        _count(contents.errors, record_type, 1)
        failed[hashlib.blake2b(entry["rawData"].encode(), digest_size=16).digest()] += 1
        if entry["errorCode"] != _ONE_RECORD:
            contents.whole_batches = True


def _read_quarantine(
    contents: Contents, seen: set[tuple[str, str, int]], record_type: str, key: str, body: bytes
) -> None:
    if "/objects/" in key:
        return
    for line in gzip.decompress(body).splitlines():
        entry = json.loads(line)
        identity = (entry["key"], entry["etag"], entry.get("line", 0))
        # Two attempts at a plan that ran different code may both have put it.
        if identity in seen:
            continue
        seen.add(identity)
        if entry["kind"] == "object":
            _count(contents.quarantined_objects, record_type, 1)
        else:
            _count(contents.quarantined, record_type, entry.get("lines", 1))


def _read_avro(contents: Contents, record_type: str, key: str, body: bytes) -> None:
    reader = fastavro.reader(io.BytesIO(body))
    rows = sum(1 for _ in reader)
    _count(contents.rows, record_type, rows)
    _count(contents.repeats, record_type, int(reader.metadata["dmd.repeats"]))
    date = key.split("/partition_date=")[1].split("/")[0]
    known = contents.partitions.get((record_type, date), Partition(record_type, date, 0, 0, 0))
    contents.partitions[record_type, date] = Partition(
        record_type, date, known.files + 1, known.rows + rows, known.bytes + len(body)
    )


def _count(counts: dict[str, int], record_type: str, number: int) -> None:
    counts[record_type] = counts.get(record_type, 0) + number
