"""What each role did and was refused, to find policies that allow too much or too little."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from emulation.iam.grants import Grant


@dataclass(frozen=True)
class Activity:
    """How often a role was allowed (or refused) an action on a resource.

    ``action`` and ``resource`` are written as in a policy, so that the role's policies can be
    compared with what it did. ``count`` counts requirements; one request can have several.
    """

    role_arn: str
    action: str
    resource: str
    allowed: bool
    count: int


@dataclass(frozen=True)
class Denial:
    """What a role was refused, AWS's message for it, and how often it happened (``count``)."""

    role_arn: str
    action: str
    resource: str
    message: str
    count: int


class ActivityRecord:
    """Counts by role, action and resource; thread-safe."""

    def __init__(self) -> None:
        self._allowed: Counter[tuple[str, str, str]] = Counter()
        self._denied: Counter[tuple[str, str, str, str]] = Counter()
        self._used: set[Grant] = set()
        self._lock = Lock()

    def allow(self, role_arn: str, action: str, resource: str, grant: Grant | None) -> None:
        """Count a requirement that was allowed, and keep the grant that allowed it."""
        with self._lock:
            self._allowed[role_arn, action, resource] += 1
            if grant is not None:
                self._used.add(grant)

    def deny(self, role_arn: str, action: str, resource: str, message: str) -> None:
        """Count a requirement that was refused."""
        with self._lock:
            self._denied[role_arn, action, resource, message] += 1

    def activity(self) -> tuple[Activity, ...]:
        """Return what roles did and were refused, by role, action and resource."""
        with self._lock:
            totals: Counter[tuple[str, str, str, bool]] = Counter()
            for (role, action, resource), count in self._allowed.items():
                totals[role, action, resource, True] += count
            for (role, action, resource, _), count in self._denied.items():
                totals[role, action, resource, False] += count
        return tuple(Activity(*what, count) for what, count in sorted(totals.items()))

    def used(self) -> frozenset[Grant]:
        """Return the grants that have allowed anything."""
        with self._lock:
            return frozenset(self._used)

    def denials(self) -> tuple[Denial, ...]:
        """Return what roles were refused, by role, action and resource."""
        with self._lock:
            denied = sorted(self._denied.items())
        return tuple(Denial(*what, count) for what, count in denied)
