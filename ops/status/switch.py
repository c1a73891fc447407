"""How far a stack is that changes its delivery streams, and whether the change may be ended. Pure.

The steps are in docs/deploying.md#change-the-delivery-streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.deliveries import REST
from ops.status.facts import DeliveryFacts, StackFacts


@dataclass(frozen=True)
class Switch:
    """A change of delivery streams.

    Parameters
    ----------
    border
        Records that arrive in the Kinesis stream before it are for the former kind.
    answering
        The delivery streams that answer for records that arrive now.
    hindrances
        Why the change may not be ended yet.
    """

    border: datetime
    answering: tuple[str, ...]
    hindrances: tuple[str, ...]


def switch_of(facts: StackFacts) -> Switch | None:
    """Return the change that a stack is in; None if its delivery streams have no border."""
    new = [each for each in facts.deliveries if each.since]
    former = [each for each in facts.deliveries if each.before]
    border = next((each.since for each in new), None)
    if border is None:
        return None
    answering = former if facts.now < border else new
    return Switch(border, tuple(each.name for each in answering), tuple(_hindrances(facts, border)))


def _hindrances(facts: StackFacts, border: datetime) -> list[str]:
    found = []
    if facts.now < border + REST:
        found.append(f"an hour after the border is at {border + REST:%Y-%m-%d %H:%M} UTC")
    unknown = [each.name for each in facts.deliveries if each.behind_seconds is None]
    if unknown:
        found.append(f"CloudWatch does not say how far these have read: {', '.join(unknown)}")
    behind = [each.name for each in facts.deliveries if _has_not_passed(each, facts.now, border)]
    if behind:
        found.append(f"these have not read and written beyond the border: {', '.join(behind)}")
    if waiting := _waiting(facts.deliveries):
        found.append(
            f"failed records wait, and without the border `dmd replay` cannot tell which of "
            f"them the other kind has: {', '.join(waiting)}"
        )
    return found


def _has_not_passed(delivery: DeliveryFacts, now: datetime, border: datetime) -> bool:
    """Say whether a delivery stream has not read or not written all of before the border."""
    if delivery.behind_seconds is None:
        return False
    # Firehose publishes no freshness while it has no records.
    seconds = max(delivery.behind_seconds, delivery.freshness_seconds or 0.0)
    return now - timedelta(seconds=seconds) <= border


def _waiting(deliveries: Sequence[DeliveryFacts]) -> list[str]:
    return [
        each.name
        for each in deliveries
        if each.failed and each.failed.objects and each.failed.waiting != 0
    ]
