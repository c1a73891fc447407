"""Whether a stack may change its delivery streams now: what is deployed, what is wanted, the time.

A change from one kind of delivery streams to the other takes two deployments, with a border in
time between the kinds (docs/deploying.md#change-the-delivery-streams). In another order, or with
a border that is too near, changes would be lost or written twice. So the program asks here first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.deliveries import REST, deliveries_of, other_kind
from infra.delivery import ARRIVED_BEFORE
from infra.lookups import function_environment
from infra.rules import Moment
from infra.settings import PROJECT, Settings

LEAD = timedelta(minutes=15)
"""How far ahead a border has to be, so that a deployment has ended when it comes."""

READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's lookup of the outputs of a stack, as its last successful deployment left them."""

_MOMENT = Moment()
_PAGE = "docs/deploying.md#change-the-delivery-streams"


class SwitchError(pulumi.RunError):
    """The delivery streams may not be changed in this way, or not at this time."""


@dataclass(frozen=True)
class Choice:
    """The delivery streams of a deployment: the settings ``delivery`` and ``delivery_border``."""

    delivery: str
    border: datetime | None = None

    def __str__(self) -> str:
        """Return it as a person would set it."""
        return f'delivery: {self.delivery}, delivery_border: "{_MOMENT.write(self.border)}"'

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of a stack with these delivery streams, in the form of the settings."""
        return {"delivery": self.delivery, "delivery_border": _MOMENT.write(self.border)}


def check_switch(settings: Settings, provider: aws.Provider) -> Choice | None:
    """Refuse settings that may not be deployed now; return what is deployed, None if nothing is.

    Parameters
    ----------
    settings
        The stack's settings.
    provider
        With whose credentials the functions are looked up.

    Raises
    ------
    SwitchError
        The delivery streams may not be changed in this way, or not at this time.
    """
    stack = pulumi.get_stack()
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    before = _choice_of(pulumi.runtime.invoke(READ_OUTPUTS, {"name": name}).value["outputs"])
    wanted = Choice(settings.delivery, settings.delivery_border)
    told = _told(before, settings, provider) if before else None
    if reason := refusal(before, wanted, datetime.now(UTC), told):
        deployed = "nothing" if before is None else before
        raise SwitchError(
            f"stack {stack} is to have ({wanted}), and has ({deployed}). {reason}. "
            f"The settings are {PROJECT}:delivery and {PROJECT}:delivery_border in "
            f"Pulumi.{stack}.yaml; {_PAGE} has the steps."
        )
    return before


def outputs_when_made(
    settings: Settings, before: Choice | None, arns: Sequence[pulumi.Output[str]]
) -> dict[str, pulumi.Output[str]]:
    """Return the outputs that tell the next deployment which delivery streams the stack has.

    They are known when all delivery streams and functions are made, so a deployment that fails
    before leaves the former ones. With ``--target``, what does not exist has no ARN.

    Parameters
    ----------
    settings
        The stack's settings.
    before
        What `check_switch` returned.
    arns
        ARNs of the delivery streams and the functions.
    """
    wanted = Choice(settings.delivery, settings.delivery_border).outputs
    former = before.outputs if before else dict.fromkeys(wanted, "")
    made = pulumi.Output.all(*arns).apply(lambda found: wanted if all(found) else former)
    return {key: made[key] for key in wanted}


def _told(before: Choice, settings: Settings, provider: aws.Provider) -> datetime | None:
    """Return the earliest border that a function of the former kind was told, if any."""
    former = before.delivery if before.border is None else other_kind(before.delivery)
    found = (
        function_environment(settings.naming.transform_function(each.name), provider)
        for each in deliveries_of(replace(settings, delivery=former, delivery_border=None))
    )
    told = (each[ARRIVED_BEFORE] for each in found if ARRIVED_BEFORE in each)
    return min(map(datetime.fromisoformat, told), default=None)


def refusal(
    before: Choice | None, wanted: Choice, now: datetime, told: datetime | None = None
) -> str | None:
    """Return why a deployment is refused and what to set, or None if it may go on.

    Parameters
    ----------
    before
        What is deployed; None if nothing is.
    wanted
        What is to be deployed.
    now
        The time, aware.
    told
        The earliest border that a function of the former kind was told, if any. A deployment that
        failed may have told it.
    """
    if before and before.border and told and told < before.border:
        # One that failed has moved the border.
        before = Choice(before.delivery, told)
    if wanted == before:
        # To go back would delete the new delivery streams, and what they have not landed yet.
        if before.border is None and told and told < now + LEAD:
            return _has_to_be_finished(other_kind(wanted.delivery), told)
        return None
    if before is None:
        if wanted.border is None:
            return None
        return f"A new stack has nothing to change: set {Choice(wanted.delivery)}"
    if before.border is None:
        return _of_beginning(before, wanted, now, told)
    if wanted.delivery == before.delivery:
        return _of_going_on(before, before.border, wanted, now)
    if wanted.border is None and before.border >= now + LEAD:
        return None
    return (
        f"The change to {before.delivery} has to be ended first: set {before}, and from "
        f"{_MOMENT.write(before.border + REST)} on {Choice(before.delivery)}"
    )


def _of_beginning(
    before: Choice, wanted: Choice, now: datetime, told: datetime | None
) -> str | None:
    if wanted.delivery == before.delivery:
        return f"A border is for a change of delivery alone: set {before}"
    if wanted.border is None:
        return (
            "Without a border, the changes between the last read of one kind of delivery streams "
            f"and the first of the other would be lost: {_set_ahead(now)}"
        )
    if told and told < now + LEAD:
        # The new delivery streams read already: a function learns the border after that. With
        # another border, nobody would answer for changes between the two.
        if wanted.border == told:
            return None
        return _has_to_be_finished(wanted.delivery, told)
    if told and wanted.border > told:
        return _later(Choice(wanted.delivery, told), before)
    if wanted.border < now + LEAD:
        return f"The border is nearer than 15 minutes, or past: {_set_ahead(now)}"
    return None


def _has_to_be_finished(delivery: str, told: datetime) -> str:
    return (
        "A deployment that failed has told functions its border, which is near or past. "
        f"It has to be finished: set {Choice(delivery, told)}"
    )


def _of_going_on(before: Choice, border: datetime, wanted: Choice, now: datetime) -> str | None:
    if wanted.border is None:
        if now >= border + REST:
            return None
        return (
            "A change may be ended an hour after its border, so that the former delivery streams "
            f"have written everything: set {before} until {_MOMENT.write(border + REST)}"
        )
    if border < now + LEAD:
        return f"A border that is nearer than 15 minutes, or past, cannot be moved: set {before}"
    if wanted.border > border:
        return _later(before, Choice(other_kind(before.delivery)))
    if wanted.border < now + LEAD:
        return f"The new border is nearer than 15 minutes, or past: {_set_ahead(now)}"
    return None


def _later(begun: Choice, former: Choice) -> str:
    return (
        "A border cannot be moved to a later time: if that fails halfway, nobody answers for the "
        f"changes between the two. Set {begun}, or give the change up with {former} and begin again"
    )


def _choice_of(outputs: Mapping[str, Any]) -> Choice | None:
    # A stack of an earlier version has no such outputs, and a new stack has none at all.
    delivery = outputs.get("delivery", "per_type" if outputs else "")
    if not delivery:
        return None
    return Choice(delivery, _MOMENT.read(outputs.get("delivery_border", "")))


def _set_ahead(now: datetime) -> str:
    return f"set delivery_border to a time farther ahead, such as {_MOMENT.write(now + 2 * LEAD)}"
