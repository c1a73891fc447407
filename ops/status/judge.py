"""Facts to findings: what is wrong, how bad it is, and what mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from infra.alarms import alarms_of
from infra.deliveries import ALL_TYPES, types_in_words
from infra.settings import Settings
from ops.status.facts import DeliveryFacts, Pile, StackFacts, TypeFacts, Unknown

_RUNBOOK = "docs/runbook.md"
_OPERATIONS = "docs/operations.md"
_OLD_PLAN = timedelta(hours=1)

# While one of these is on, rows do not come into the tables, or will soon be lost.
_BROKEN_ALARMS = (
    "delivery-late",
    "stream-behind",
    "transform-failing",
    "landed-waiting",
    "writer-silent",
    "writer-failing",
)


class Health(IntEnum):
    """How a stack is, and the exit status of ``dmd status``. 1 and 2 are errors of the command."""

    HEALTHY = 0
    DEGRADED = 3
    BROKEN = 4


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Parameters
    ----------
    health
        How bad it is.
    what
        What is wrong.
    remedy
        The command or the page that mends it.
    """

    health: Health
    what: str
    remedy: str


def findings(facts: StackFacts, settings: Settings) -> list[Finding]:
    """Return what is wrong with a stack, the worst first.

    Parameters
    ----------
    facts
        What was found out.
    settings
        The stack's settings; its alarms say how long something may wait.
    """
    deploy = f"deploy it: pulumi up --stack {facts.stack}"
    if _nothing_is_there(facts):
        return [Finding(Health.BROKEN, f"stack {facts.stack} is not deployed here", deploy)]
    thresholds = {each.symptom: each.threshold for each in alarms_of(settings)}
    found = [
        *_of_stack(facts, settings, deploy),
        *_over_threshold(facts, thresholds),
        *(finding for each in facts.deliveries for finding in _of_delivery(each, facts, deploy)),
        *(
            finding
            for name, pile in facts.former.items()
            for finding in _of_failed(name, pile, facts)
        ),
        *(
            finding
            for each in facts.types
            for finding in _of_type(
                each, facts, deploy, thresholds[f"landed-waiting-{each.record_type}"]
            )
        ),
    ]
    return sorted(found, key=lambda each: -each.health)


def health_of(found: list[Finding]) -> Health:
    """Return how a stack with these findings is."""
    return max((each.health for each in found), default=Health.HEALTHY)


def _nothing_is_there(facts: StackFacts) -> bool:
    deliveries = {each.state for each in facts.deliveries}
    functions = set((facts.functions or {"": "unknown"}).values())
    return deliveries == {"missing"} and functions == {"missing"}


def _of_stack(facts: StackFacts, settings: Settings, deploy: str) -> Iterator[Finding]:
    for symptom in facts.alarms or ():
        page = _page(symptom, facts)
        broken = page in _BROKEN_ALARMS
        health = Health.BROKEN if broken else Health.DEGRADED
        yield Finding(health, f"the alarm {symptom} is on", f"{_RUNBOOK}#{page}")
    schedules = facts.schedules
    if schedules is not None:
        of_refreshes = {
            name
            for each in settings.demand_data_types
            for name in (settings.naming.refresh(each), settings.naming.maintenance(each))
        }
        off = {name for name, state in schedules.items() if state != "ENABLED"}
        if writers := sorted(off - of_refreshes):
            yield Finding(
                Health.BROKEN,
                f"schedules of the writer are disabled: {', '.join(writers)}",
                f"{_RUNBOOK}#writer-silent",
            )
        if refreshes := sorted(off & of_refreshes):
            yield Finding(
                Health.DEGRADED,
                f"schedules of the current-state tables are disabled: {', '.join(refreshes)}",
                f"{_RUNBOOK}#refresh-late",
            )
        if not schedules.keys() - of_refreshes:
            yield Finding(Health.BROKEN, "the writer has no schedules", deploy)
    if facts.dead_letters:
        yield Finding(
            Health.DEGRADED,
            f"the dead-letter queue has {_counted(facts.dead_letters, 'message')}",
            f"{_RUNBOOK}#dead-letters",
        )
    for name, state in sorted((facts.functions or {}).items()):
        if state == "missing":
            yield Finding(Health.BROKEN, f"the function {name} does not exist", deploy)
        elif state == "other border":
            yield Finding(
                Health.BROKEN,
                f"the function {name} answers for other times of arrival than the settings say",
                deploy,
            )
        elif state == "differs":
            yield Finding(
                Health.DEGRADED,
                f"the function {name} runs other code than this checkout's packages",
                deploy,
            )
    yield from _of_unknown(facts.unknown)


def _of_unknown(unknown: Sequence[Unknown]) -> Iterator[Finding]:
    """Yield one finding for each action that is not allowed, and for each other error."""
    causes: dict[tuple[str, str], list[str]] = {}
    for each in unknown:
        cause = (each.action, "") if each.action else ("", each.error)
        causes.setdefault(cause, []).append(each.what)
    for (action, error), whats in causes.items():
        asked = ", ".join(whats)
        if action:
            text = f"you may not use {action}, so these are not known: {asked}"
            yield Finding(Health.DEGRADED, text, f"{_OPERATIONS}#who-may-run-the-commands")
        else:
            text = f"these are not known: {asked} ({error})"
            yield Finding(Health.DEGRADED, text, f"{_OPERATIONS}#is-it-healthy")


def _over_threshold(facts: StackFacts, thresholds: Mapping[str, float]) -> Iterator[Finding]:
    """Yield what will have an alarm if it lasts."""
    values: dict[str, tuple[float | None, str]] = {
        "reads-throttled": (facts.reads_throttled, "reads of the Kinesis stream are throttled")
    }
    for each in facts.deliveries:
        name, of = each.name, types_in_words(each.name)
        behind = None if each.behind_seconds is None else each.behind_seconds * 1000
        read = "are" if each.name == ALL_TYPES else "is"
        values[f"stream-behind-{name}"] = (behind, f"{of} {read} read late from the Kinesis stream")
        late = f"records of {of} wait in Firehose"
        values[f"delivery-late-{name}"] = (each.freshness_seconds, late)
    for symptom, (value, what) in values.items():
        if value is None or value <= thresholds[symptom] or symptom in (facts.alarms or ()):
            continue
        yield Finding(
            Health.DEGRADED,
            f"{what}; if it lasts, the alarm {symptom} starts",
            f"{_RUNBOOK}#{_page(symptom, facts)}",
        )


def _page(symptom: str, facts: StackFacts) -> str:
    """Return the heading of an alarm's section, which is the same for all record types."""
    for each in (*(each.record_type for each in facts.types), ALL_TYPES):
        symptom = symptom.removesuffix(f"-{each}")
    return symptom


def _of_delivery(facts: DeliveryFacts, stack: StackFacts, deploy: str) -> Iterator[Finding]:
    of = types_in_words(facts.name)
    if facts.state == "missing":
        yield Finding(Health.BROKEN, f"the delivery stream of {of} does not exist", deploy)
    elif facts.state not in (None, "ACTIVE"):
        yield Finding(
            Health.BROKEN,
            f"the delivery stream of {of} is {facts.state}",
            f"{_RUNBOOK}#delivery-late",
        )
    yield from _of_failed(facts.name, facts.failed, stack)
    if unclaimed := facts.outcomes.get("RecordsUnclaimed"):
        yield Finding(
            Health.DEGRADED,
            f"{_counted(unclaimed, 'record')} had a type that nobody takes, or none",
            f"{_RUNBOOK}#records-unclaimed",
        )


def _of_failed(delivery: str, pile: Pile | None, stack: StackFacts) -> Iterator[Finding]:
    chosen = "--source errors/all-types/" if delivery == ALL_TYPES else f"--type {delivery}"
    what = f"of {types_in_words(delivery)} failed"
    yield from _of_pile(pile, "record", what, f"{chosen} --where errors", stack)


def _of_pile(
    pile: Pile | None, noun: str, what: str, chosen: str, stack: StackFacts
) -> Iterator[Finding]:
    """Yield what waits to be brought back.

    What is older than the window is on the screen, and no news; so is what was replayed.
    """
    if pile and pile.newest and pile.newest >= stack.since and pile.waiting != 0:
        found = _counted(pile.waiting, noun) if pile.waiting else f"{noun}s"
        yield Finding(
            Health.DEGRADED,
            f"{found} {what}, the last {ago(stack.now, pile.newest)} ago",
            f"dmd errors explain{stack.option} {chosen}",
        )


def _of_type(
    facts: TypeFacts, stack: StackFacts, deploy: str, patience_seconds: float
) -> Iterator[Finding]:
    name = facts.record_type
    if facts.table in ("missing", "differs"):
        what = "does not exist" if facts.table == "missing" else "has another schema than here"
        health = Health.BROKEN if facts.table == "missing" else Health.DEGRADED
        yield Finding(health, f"the table {name} {what}", deploy)
    oldest = facts.landed.oldest if facts.landed else None
    if oldest and (stack.now - oldest).total_seconds() > patience_seconds:
        yield Finding(
            Health.BROKEN,
            f"rows of {name} wait for the writer since {ago(stack.now, oldest)}",
            f"{_RUNBOOK}#landed-waiting",
        )
    for plan in facts.plans or ():
        if plan.aside:
            yield Finding(
                Health.DEGRADED,
                f"{plan.key} has {_counted(plan.aside, 'plan')} set aside",
                f"{_OPERATIONS}#objects-that-s3-refuses",
            )
        if plan.state != "waiting" and stack.now - plan.since > _OLD_PLAN:
            yield Finding(
                Health.BROKEN,
                f"the plan {plan.key} is {plan.state} since {ago(stack.now, plan.since)}",
                f"{_RUNBOOK}#writer-failing",
            )
    yield from _of_pile(
        facts.quarantined,
        "line",
        f"of {name} went to quarantine",
        f"--type {name} --where quarantine",
        stack,
    )
    if facts.replays and facts.replays.unfinished:
        yield Finding(
            Health.DEGRADED,
            f"{_counted(facts.replays.unfinished, 'unfinished replay')} of {name}",
            f"dmd replay{stack.option} --type {name}",
        )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def ago(now: datetime, then: datetime | None) -> str:
    """Return how long ago a time was, in its largest unit."""
    seconds = max(0, int((now - (then or now)).total_seconds()))
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
