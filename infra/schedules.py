"""What all schedules of a stack have in common. They are in one group."""

from __future__ import annotations

from infra.naming import REGION
from infra.policies import Document, only_for, trust
from infra.settings import Settings

ATTEMPTS = 3
"""How often EventBridge Scheduler tries again to start a target that could not be started."""


def scheduler_trust(settings: Settings) -> Document:
    """Return the trust policy of a role that EventBridge Scheduler assumes.

    A schedule group is the narrowest source that Scheduler supports.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    account_id, group = settings.account_id, settings.naming.schedule_group
    return trust(
        "scheduler.amazonaws.com",
        only_for(account_id, f"arn:aws:scheduler:{REGION}:{account_id}:schedule-group/{group}"),
    )


def every(minutes: int) -> str:
    """Return the schedule expression of an interval.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
    """
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"
