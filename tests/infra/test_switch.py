"""The delivery streams change in an order and at times that lose no change and double none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.switch import Choice, SwitchError, refusal
from tests.infra.recorded import ACCOUNTS, Recording, record

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
KINDS = ("per_type", "shared")


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def of(delivery: str, border: int | None = None) -> Choice:
    """Return a choice with a border so many minutes after now."""
    return Choice(delivery, None if border is None else at(border))


# What is deployed, and what is wanted.
ACCEPTED: dict[str, list[tuple[Choice | None, Choice]]] = {
    "a new stack of either kind": [(None, of("per_type")), (None, of("shared"))],
    "nothing changes": [
        (of("per_type"), of("per_type")),
        (of("shared"), of("shared")),
        (of("shared", 16), of("shared", 16)),
        (of("shared", 0), of("shared", 0)),
        (of("shared", -600), of("shared", -600)),
    ],
    "a change begins": [
        (of("per_type"), of("shared", 15)),
        (of("shared"), of("per_type", 15)),
        (of("per_type"), of("shared", 6000)),
    ],
    "a change ends": [
        (of("shared", -60), of("shared")),
        (of("per_type", -6000), of("per_type")),
    ],
    "a border moves to an earlier time": [
        (of("shared", 600), of("shared", 15)),
    ],
    "a change is given up": [
        (of("shared", 15), of("per_type")),
        (of("per_type", 15), of("shared")),
    ],
}
REFUSED: dict[str, list[tuple[Choice | None, Choice, str]]] = {
    "a new stack has nothing to change": [
        (None, of("shared", 15), 'set delivery: shared, delivery_border: ""'),
        (None, of("per_type", -60), 'set delivery: per_type, delivery_border: ""'),
    ],
    "a change without a border": [
        (of("per_type"), of("shared"), "such as 2026-12-01T12:30Z"),
        (of("shared"), of("per_type"), "such as 2026-12-01T12:30Z"),
    ],
    "a border that is too near": [
        (of("per_type"), of("shared", 14), "such as 2026-12-01T12:30Z"),
        (of("shared"), of("per_type", -60), "such as 2026-12-01T12:30Z"),
    ],
    "a border without a change": [
        (of("per_type"), of("per_type", 15), 'set delivery: per_type, delivery_border: ""'),
        (of("shared"), of("shared", 15), 'set delivery: shared, delivery_border: ""'),
    ],
    "an end that is too early": [
        (of("shared", -59), of("shared"), '"2026-12-01T11:01Z" until 2026-12-01T12:01Z'),
        (of("shared", 15), of("shared"), '"2026-12-01T12:15Z" until 2026-12-01T13:15Z'),
    ],
    "another border, and the former is too near": [
        (of("shared", 14), of("shared", 600), 'set delivery: shared, delivery_border: "2026-12-01'),
        (of("shared", -60), of("shared", 600), 'delivery_border: "2026-12-01T11:00Z"'),
    ],
    "a border that moves to a later time": [
        (of("shared", 15), of("shared", 16), "give the change up with delivery: per_type, "),
        (of("per_type", 60), of("per_type", 600), "give the change up with delivery: shared, "),
    ],
    "another border that is too near": [
        (of("shared", 600), of("shared", 14), "such as 2026-12-01T12:30Z"),
    ],
    "a change that is given up too late": [
        (of("shared", 14), of("per_type"), 'set delivery: shared, delivery_border: "2026-12-01T12'),
        (of("shared", -6000), of("per_type"), "from 2026-11-27T09:00Z on"),
    ],
    "a change within a change": [
        (of("shared", 15), of("per_type", 600), "has to be ended first"),
        (of("shared", -60), of("per_type", 600), "has to be ended first"),
    ],
}


@pytest.mark.parametrize("why", ACCEPTED)
def test_a_deployment_goes_on(why: str) -> None:
    for before, wanted in ACCEPTED[why]:
        assert refusal(before, wanted, NOW) is None, (before, wanted)


@pytest.mark.parametrize("why", REFUSED)
def test_a_deployment_is_refused_and_told_what_to_set(why: str) -> None:
    for before, wanted, said in REFUSED[why]:
        assert said in (refusal(before, wanted, NOW) or ""), (before, wanted)


@pytest.mark.parametrize(
    ("told", "wanted", "said"),
    [
        # Its border is far ahead: the change can also be given up, or have an earlier border.
        (15, 15, None),
        (600, 15, None),
        (15, 600, "give the change up with delivery: per_type, "),
        (15, 14, "such as"),
        # Its border is near or past: only the same deployment goes on.
        (14, 14, None),
        (-60, -60, None),
        (14, 600, 'set delivery: shared, delivery_border: "2026-12-01T12:14Z"'),
        (-60, 600, 'set delivery: shared, delivery_border: "2026-12-01T11:00Z"'),
        (-60, -30, 'set delivery: shared, delivery_border: "2026-12-01T11:00Z"'),
    ],
)
def test_a_deployment_that_failed_is_finished_with_its_border(
    told: int, wanted: int, said: str | None
) -> None:
    answer = refusal(of("per_type"), of("shared", wanted), NOW, at(told))
    assert answer is None if said is None else said in (answer or "")


@pytest.mark.parametrize(
    ("kind", "other", "told", "refused"),
    [
        ("per_type", "shared", 15, False),
        ("per_type", "shared", 14, True),
        ("per_type", "shared", -60, True),
        ("shared", "per_type", -60, True),
    ],
)
def test_a_deployment_that_failed_is_not_taken_back_after_its_border(
    kind: str, other: str, told: int, refused: bool
) -> None:
    answer = refusal(of(kind), of(kind), NOW, at(told))
    assert (f"It has to be finished: set {of(other, told)}" in (answer or "")) is refused


def test_a_border_that_a_failed_deployment_has_moved_is_the_border() -> None:
    deployed, moved = of("shared", 90), at(20)
    for border in (16, 20):
        assert refusal(deployed, of("shared", border), NOW, moved) is None
    assert refusal(deployed, of("per_type"), NOW, moved) is None
    for border in (21, 90):
        answer = refusal(deployed, of("shared", border), NOW, moved) or ""
        assert f"Set {of('shared', 20)}" in answer
    late = at(81)
    assert refusal(deployed, of("shared", 20), late, moved) is None
    assert refusal(deployed, of("shared", 90), late, moved) is not None


# --- whatever is accepted, each record is answered for once -------------------------------------

DEPLOYING = 14
"""Minutes within which a deployment has changed everything."""
READING = 50
"""Minutes within which a delivery stream has transformed what arrives."""


@dataclass(frozen=True)
class Deployment:
    """An accepted deployment, and the minutes in which the kinds of delivery streams learn it."""

    at: int
    chosen: Choice
    learnt: Mapping[str, int | None]
    deleted: int | None

    def exists(self, kind: str) -> bool:
        return kind == self.chosen.delivery or self.chosen.border is not None

    def answers(self, kind: str, arrived: int) -> bool:
        if self.chosen.border is None:
            return True
        return (at(arrived) >= self.chosen.border) == (kind == self.chosen.delivery)


class History:
    """All accepted deployments of a stack, as its delivery streams follow them."""

    def __init__(self, deployments: list[Deployment]) -> None:
        self._deployments = deployments

    def answers(self, kind: str, arrived: int, processed: int) -> bool:
        """Whether a kind lands a record, if it comes to its function at a given minute."""
        latest: Deployment | None = None
        reads_since: int | None = None
        for each in self._deployments:
            learnt = each.learnt[kind] if each.exists(kind) else each.deleted
            if learnt is None or learnt > processed:
                continue
            if each.exists(kind):
                latest = each
                reads_since = learnt if reads_since is None else reads_since
            else:
                latest = reads_since = None
        if latest is None or reads_since is None or arrived < reads_since:
            return False
        return latest.answers(kind, arrived)


def moments(deployments: list[Deployment]) -> set[int]:
    """Return the minutes of arrival around each of which something changes."""
    events = {
        minute
        for each in deployments
        for minute in (each.at, each.deleted, *each.learnt.values())
        if minute is not None
    }
    events |= {
        (each.chosen.border - NOW) // timedelta(minutes=1)
        for each in deployments
        if each.chosen.border
    }
    return {event + off for event in events for off in (-READING - 1, -READING, -7, -1, 0, 1, 7)}


FIRST = -1000


SAME = 1_000_000
"""Instead of minutes: the border is that of the deployment before."""

# How long after the former one a deployment begins, what it chooses, and when it tells the kinds.
WANTED = st.tuples(
    st.sampled_from([0, 16, 29, 42, 45, 60]),
    st.sampled_from(KINDS),
    st.sampled_from([None, -20, 12, 15, 20, 40, 90, SAME]),
    st.sampled_from([0, DEPLOYING]),
    st.sampled_from([0, DEPLOYING]),
)
Wanted = tuple[int, str, int | None, int, int]


@settings(max_examples=600, deadline=None)
@given(first=st.sampled_from(KINDS), wanted=st.lists(WANTED, min_size=2, max_size=6))
def test_whatever_is_accepted_each_record_is_landed_by_exactly_one_kind(
    first: str, wanted: list[Wanted]
) -> None:
    minute = FIRST
    deployments = [Deployment(minute, of(first), dict.fromkeys(KINDS, minute), minute)]
    for wait, delivery, ahead, one, other in wanted:
        minute += DEPLOYING + wait
        chosen = choice(delivery, ahead, minute, deployments[-1].chosen)
        if refusal(deployments[-1].chosen, chosen, at(minute)) is None:
            # The former kind learns of a border when the other kind reads.
            late, early = max(one, other), min(one, other)
            learnt = {kind: minute + (early if kind == delivery else late) for kind in KINDS}
            deployments.append(Deployment(minute, chosen, learnt, minute + late))
    for landed in landings(deployments):
        assert sorted(map(sorted, landed)) == [[False], [True]], deployments


def choice(delivery: str, ahead: int | None, minute: int, former: Choice) -> Choice:
    """Return what is wanted, with a border so many minutes ahead."""
    if ahead == SAME:
        return Choice(delivery, former.border)
    return of(delivery, None if ahead is None else minute + ahead)


def landings(deployments: list[Deployment]) -> Iterator[list[set[bool]]]:
    """Yield, for records of different times, whether each kind lands them, early and late."""
    history = History(deployments)
    for arrived in {each for each in moments(deployments) if each >= FIRST}:
        yield [
            {history.answers(kind, arrived, arrived + late) for late in (0, 7, READING)}
            for kind in KINDS
        ]


@example(
    first="shared",
    wanted=[
        ((0, "per_type", 90, 0, 0), "succeeds"),
        ((0, "per_type", 15, 0, 0), "told"),
        ((0, "per_type", 15, 0, 14), "succeeds"),
    ],
)
@settings(max_examples=1000, deadline=None)
@given(
    first=st.sampled_from(KINDS),
    wanted=st.lists(
        # Whether it succeeds; if not, whether this record type's former function was updated.
        st.tuples(WANTED, st.sampled_from(["succeeds", "told", "not told"])),
        min_size=2,
        max_size=6,
    ),
)
def test_a_deployment_that_fails_halfway_loses_no_record(
    first: str, wanted: list[tuple[Wanted, str]]
) -> None:
    minute = FIRST
    deployments = [Deployment(minute, of(first), dict.fromkeys(KINDS, minute), minute)]
    recorded, told = of(first), None
    for (wait, delivery, ahead, one, other), outcome in wanted:
        minute += DEPLOYING + wait
        chosen = choice(delivery, ahead, minute, deployments[-1].chosen)
        if refusal(recorded, chosen, at(minute), told) is not None:
            continue
        fails = outcome != "succeeds" and (chosen.border or chosen.delivery != recorded.delivery)
        late, early = max(one, other), min(one, other)
        begin = chosen.delivery if chosen.border else None
        learnt = {
            kind: None
            if fails and kind != begin and outcome == "not told"
            else minute + (early if kind == delivery else late)
            for kind in KINDS
        }
        deployments.append(Deployment(minute, chosen, learnt, None if fails else minute + late))
        if not fails:
            recorded, told = chosen, chosen.border
        elif chosen.border:
            told = min(filter(None, (told, chosen.border)))
    for landed in landings(deployments):
        assert {True} in landed, deployments


# --- the program --------------------------------------------------------------------------------


def test_a_stack_of_an_earlier_version_has_a_delivery_stream_for_each_type(packages: Path) -> None:
    recording = Recording(ACCOUNTS["dev1"])
    with pytest.raises(SwitchError) as caught:
        record("dev1", packages, into=recording, deployed={"bucket": "b"}, delivery="shared")
    message = str(caught.value)
    assert message.startswith(
        'stack dev1 is to have (delivery: shared, delivery_border: ""), '
        'and has (delivery: per_type, delivery_border: ""). '
    )
    assert "Pulumi.dev1.yaml" in message
    assert [each.name for each in recording.resources] == ["aws"]


def test_a_stack_without_outputs_is_new(packages: Path) -> None:
    assert record("dev1", packages, deployed={}, delivery="shared").owned
    with pytest.raises(SwitchError, match=r"and has \(nothing\)"):
        record("dev1", packages, deployed={}, delivery_border="2999-12-01T12:00Z")


def test_a_border_that_is_deployed_stays_deployable(packages: Path) -> None:
    border = "2020-02-29T23:59Z"
    deployed = {"delivery": "shared", "delivery_border": border}
    assert record(
        "dev1", packages, deployed=deployed, delivery="shared", delivery_border=border
    ).owned
    assert record("dev1", packages, deployed=deployed, delivery="shared").owned
    with pytest.raises(SwitchError, match="from 2020-03-01T00:59Z on"):
        record("dev1", packages, deployed=deployed)
