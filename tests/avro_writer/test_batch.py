"""Which landed objects are worth a plan, at the bounds of each rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from avro_writer.batch import BatchRules, choose_batch
from avro_writer.plan import plan_id
from avro_writer.store import LandedObject

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def landed(sizes: Sequence[int], age: timedelta = SECOND) -> list[LandedObject]:
    return [LandedObject(f"{n:04d}", '"e"', size, NOW - age) for n, size in enumerate(sizes)]


def chosen(objects: Sequence[LandedObject], **rules: int) -> list[str]:
    given = {"max_objects": 1000, "max_bytes": 100, "min_bytes": 0, "max_wait": 60, "settle": 0}
    given |= rules
    found = choose_batch(
        objects,
        BatchRules(
            given["max_objects"],
            given["max_bytes"],
            given["min_bytes"],
            given["max_wait"] * SECOND,
            given["settle"] * SECOND,
        ),
        NOW,
    )
    return [each.key for each in found]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([50, 50, 1], 2),
        ([50, 51], 1),
        ([50, 49, 1, 1], 3),
        ([60, 60, 1], 1),
        ([99, 1], 2),
        ([1] * 300, 100),
        ([100, 1], 1),
        ([500, 1], 1),
    ],
)
def test_a_batch_ends_with_the_object_that_would_be_too_much(
    sizes: Sequence[int], count: int
) -> None:
    assert chosen(landed(sizes)) == [f"{n:04d}" for n in range(count)]


@pytest.mark.parametrize("most", [1, 300, 400])
def test_a_batch_has_at_most_so_many_objects(most: int) -> None:
    assert len(chosen(landed([0] * 500), max_objects=most)) == most


def test_no_more_is_listed_than_is_taken() -> None:
    taken = []

    def listing() -> Iterator[LandedObject]:
        for each in landed([50, 50, 50]):
            taken.append(each)
            yield each

    choose_batch(listing(), BatchRules(9, 100, 0, SECOND, 0 * SECOND), NOW)
    assert len(taken) == 2


@pytest.mark.parametrize(("total", "enough"), [(10, True), (9, False)])
def test_a_batch_of_the_least_bytes_does_not_wait(total: int, enough: bool) -> None:
    assert bool(chosen(landed([total - 4, 4]), min_bytes=10)) == enough


def test_what_is_full_does_not_wait_for_more() -> None:
    assert chosen(landed([60, 60]), min_bytes=90) == ["0000"]
    assert chosen(landed([1, 1]), min_bytes=90, max_objects=1) == ["0000"]
    assert chosen(landed([500]), min_bytes=900) == ["0000"]


@pytest.mark.parametrize(("age", "waited"), [(60, True), (59, False)])
def test_any_batch_is_taken_when_its_oldest_object_has_waited(age: int, waited: bool) -> None:
    objects = [*landed([1]), *landed([1, 1], age * SECOND)[1:]]
    assert bool(chosen(objects, min_bytes=90)) == waited


@pytest.mark.parametrize(("age", "settled"), [(30, True), (29, False)])
def test_an_object_settles(age: int, settled: bool) -> None:
    assert bool(chosen(landed([1], age * SECOND), settle=30)) == settled


def test_an_object_that_settles_holds_up_none_after_it() -> None:
    objects = landed([1, 1, 1], 30 * SECOND)
    objects[1:2] = landed([1, 1])[1:]
    assert chosen(objects, settle=30) == ["0000", "0002"]


def test_a_plans_id_sorts_by_time() -> None:
    times = [NOW, NOW + timedelta(milliseconds=1), NOW + SECOND, NOW + timedelta(days=40)]
    ids = [plan_id(each, "u") for each in times]
    assert ids[1] == "20261122T120000001Z-u"
    assert sorted(ids) == ids and len(set(ids)) == len(ids)
