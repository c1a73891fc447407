"""Which landed objects are worth a plan: a decision over a listing, without I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from avro_writer.store import LandedObject


@dataclass(frozen=True)
class BatchRules:
    """When a batch is worth a plan, and when it is full.

    Parameters
    ----------
    max_objects, max_bytes
        A batch has no more; a single object above ``max_bytes`` is a batch of its own.
    min_bytes
        A batch of so many bytes is worth a plan.
    max_wait
        So is any batch whose oldest object is older than this.
    settle
        Objects younger than this are left to settle.
    """

    max_objects: int
    max_bytes: int
    min_bytes: int
    max_wait: timedelta
    settle: timedelta


def choose_batch(
    landed: Iterable[LandedObject], rules: BatchRules, now: datetime
) -> tuple[LandedObject, ...]:
    """Return the next batch of a lane, empty if there is none worth a plan yet.

    Reads no more of ``landed`` than it takes, so that listing costs grow with the batch and not
    with the backlog.

    Parameters
    ----------
    landed
        The lane's landed objects, oldest first.
    rules
        When a batch is worth a plan.
    now
        The time, aware.
    """
    batch: list[LandedObject] = []
    total = 0
    full = False
    for each in landed:
        if each.last_modified > now - rules.settle:
            continue
        if batch and total + each.size > rules.max_bytes:
            full = True
            break
        batch.append(each)
        total += each.size
        if len(batch) == rules.max_objects or total >= rules.max_bytes:
            full = True
            break
    if full or total >= rules.min_bytes:
        return tuple(batch)
    if batch and min(each.last_modified for each in batch) <= now - rules.max_wait:
        return tuple(batch)
    return ()
