"""What S3 refuses of one object, or local disk has no room for, holds up nothing else."""

from __future__ import annotations

import errno
import io
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from avro_writer.errors import DiskFull, ObjectsSetAside, UnreadablePlan
from avro_writer.plan import Plan
from avro_writer.run import Report, Run
from avro_writer.s3_store import S3Store
from avro_writer.store import Refused
from emulation.emulator import embedded_emulator
from tests.support.memory_store import MemoryStore
from tests.support.writer import avro_rows, gz_lines, land, landed_row, ndjson, run

PLAN = "data-pipeline/compaction/demand/1-0.json"


def written(store: MemoryStore) -> list[str]:
    return sorted(each["change_id"] for rows in avro_rows(store).values() for each in rows)


def later_run(store: MemoryStore, through: Any = None) -> None:
    store.now += timedelta(hours=1)
    run(through or store)


class Died(Exception):
    """The run is no more."""


class Dying:
    """A store for a run that dies before its ``at``-th request of a kind below a prefix."""

    def __init__(self, store: MemoryStore, method: str, prefix: str, at: int = 1) -> None:
        self.store, self.method, self.prefix, self.at = store, method, prefix, at

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.store, name)
        if name != self.method:
            return inner

        def call(key: str, *rest: Any) -> Any:
            self.at -= key.startswith(self.prefix)
            if not self.at:
                raise Died
            return inner(key, *rest)

        return call


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with embedded_emulator() as endpoint:
        yield endpoint.client("s3")


class RefusingClient:
    """A client that refuses some operations on one key."""

    def __init__(self, client: Any, key: str, status: int, code: str) -> None:
        self._client, self._key = client, key
        self._error: Any = {
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def get_object(self, **arguments: Any) -> Any:
        if arguments["Key"] == self._key:
            raise ClientError(self._error, "GetObject")
        return self._client.get_object(**arguments)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "InvalidObjectState"),
        (403, "AccessDenied"),
        (500, "InternalError"),
        (400, "KMS.DisabledException"),
    ],
)
def test_an_object_that_cannot_be_read_is_named_and_the_others_are_written(
    s3: Any, status: int, code: str
) -> None:
    bucket, landed = f"b.{uuid.uuid4()}", "data-pipeline/landing/demand/lanes=1"
    s3.create_bucket(Bucket=bucket)
    for number in range(3):
        body = ndjson([landed_row(number)])
        s3.put_object(Bucket=bucket, Key=f"{landed}/{number}.gz", Body=body)
    now = datetime.now(UTC) + timedelta(hours=1)

    def store(client: Any) -> S3Store:
        return S3Store(client, bucket, lambda: 300, lambda seconds: None)

    def kept() -> MemoryStore:
        found = MemoryStore()
        for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
            found.put(each["Key"], s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
        return found

    refusing, said = RefusingClient(s3, f"{landed}/1.gz", status, code), io.StringIO()
    with pytest.raises(ObjectsSetAside, match=rf"{landed}/1\.gz \({code}\)"):
        run(store(refusing), now=lambda: now, said=said)
    (line,) = map(json.loads, said.getvalue().splitlines())
    assert (line["key"], line["reason"]) == (f"{landed}/1.gz", code)
    assert written(kept()) == ["c-0", "c-2"]
    assert kept().keys("data-pipeline/landing/") == [f"{landed}/1.gz"]
    run(store(s3), now=lambda: now)
    assert written(kept()) == ["c-0", "c-1", "c-2"]
    assert kept().keys("data-pipeline/landing/") == []


def test_a_lane_of_nothing_but_what_s3_refuses_costs_a_plan_that_is_taken_back() -> None:
    store = MemoryStore()
    keys = [land(store, name, ndjson([landed_row(1)])) for name in "ab"]
    for key in keys:
        store.refuse("read", key)
    with pytest.raises(ObjectsSetAside, match=r"^2 landed objects"):
        run(store)
    assert store.keys("data-pipeline/landing/") == keys
    assert store.keys("data-pipeline/compaction/") == store.keys("data-pipeline/avro/") == []
    assert Counter(kind for kind, _ in store.requests) == {
        "list": 4,  # lanes and plans; what has landed: to take, and to find no more
        "get": 4,  # whether there is a plan, the two, and whether there is a plan
        "put": 1,
        "delete": 1,
    }


def test_of_thousands_that_are_refused_some_are_named_and_all_are_counted() -> None:
    store, said = MemoryStore(), io.StringIO()
    for number in range(30):
        store.refuse("read", land(store, f"{number:02d}", ndjson([landed_row(number)])))
    land(store, "zz", ndjson([landed_row(99)]))
    reports, original = list[Report](), Run.run

    def keep(self: Run) -> None:
        reports.append(self.report)
        original(self)

    failure = pytest.raises(ObjectsSetAside, match=r"^30 landed objects of demand")
    with mock.patch.object(Run, "run", keep), failure:
        run(store, said=said, max_plan_objects=7)
    assert reports[0].objects_set_aside == 30
    assert len(said.getvalue().splitlines()) == 20
    assert written(store) == ["c-99"]


def begun(store: MemoryStore, outputs: int) -> str:
    """Have a run die when it has put so many outputs of two; return the first input's key."""
    key = land(store, "a", gz_lines(landed_row(1), landed_row(2, days=1)))
    land(store, "b", ndjson([landed_row(3, days=1)]))
    with pytest.raises(Died):
        run(Dying(store, "create", "data-pipeline/avro/", outputs + 1))
    assert len(store.keys("data-pipeline/avro/")) == outputs
    return key


def set_aside(store: MemoryStore) -> str:
    """Set a plan aside after its first output, because its object is refused; return its key."""
    key = begun(store, 1)
    store.refuse("read", key)
    with pytest.raises(ObjectsSetAside):
        later_run(store)
    return key


@pytest.mark.parametrize("outputs", [0, 1])
def test_a_plan_that_is_fixed_waits_for_its_object_beside_its_lane(outputs: int) -> None:
    store = MemoryStore()
    key = begun(store, outputs)
    store.refuse("read", key)
    land(store, "c", ndjson([landed_row(4)]))
    with pytest.raises(ObjectsSetAside, match=r"a\.gz \(InvalidObjectState\)"):
        later_run(store)
    assert "c-4" in written(store)
    assert len(written(store)) == 1 + outputs
    land(store, "d", ndjson([landed_row(5)]))
    with pytest.raises(ObjectsSetAside):
        later_run(store)
    assert "c-5" in written(store)
    store.give()
    later_run(store)
    assert written(store) == [f"c-{number}" for number in range(1, 6)]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


@pytest.mark.parametrize("place", [0, 1])
def test_a_plan_that_waits_costs_a_run_two_requests(place: int) -> None:
    store = MemoryStore()
    begun(store, 1)
    key = store.keys("data-pipeline/landing/")[place]
    store.refuse("read", key)
    with pytest.raises(ObjectsSetAside, match=key):
        later_run(store)
    before = dict(store.kept)
    store.requests.clear()
    with pytest.raises(ObjectsSetAside):
        later_run(store)
    assert store.kept == before
    assert Counter(kind for kind, _ in store.requests) == {
        "list": 4,  # lanes and plans; what has landed: how old, and to take
        "get": 2,  # the lane, and the object
    }


def test_a_plan_that_waits_for_a_delete_costs_a_run_two_requests() -> None:
    store = MemoryStore()
    key = land(store, "a", ndjson([landed_row(1)]))
    store.refuse("delete", key)
    with pytest.raises(ObjectsSetAside, match=key):
        run(store)
    before = dict(store.kept)
    store.requests.clear()
    with pytest.raises(ObjectsSetAside, match=key):
        later_run(store)
    assert store.kept == before
    assert Counter(kind for kind, _ in store.requests) == {"list": 4, "get": 1, "delete": 1}


def test_two_plans_that_wait_are_each_taken_up_when_their_object_is_there() -> None:
    store = MemoryStore()
    keys = []
    for name in "ab":
        keys.append(land(store, name, gz_lines(landed_row(ord(name)), landed_row(1, days=1))))
        with pytest.raises((Died, ObjectsSetAside)):
            run(Dying(store, "create", "data-pipeline/avro/", 2))
        store.refuse("read", keys[-1])
        with pytest.raises(ObjectsSetAside, match=rf"{name}\.gz"):
            later_run(store)
    assert len(Plan.from_json(store.kept[PLAN][0], PLAN).aside) == 2
    for key in reversed(keys):
        store.give("read", key)
        try:
            later_run(store)
        except ObjectsSetAside:
            assert key == keys[1]
    assert written(store) == ["c-1", "c-1", "c-97", "c-98"]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


@pytest.mark.parametrize("readable", [True, False])
def test_a_plan_that_cannot_be_deleted_fails_its_lane_and_names_it(readable: bool) -> None:
    store = MemoryStore()
    key = land(store, "a", ndjson([landed_row(1)]))
    if not readable:
        store.refuse("read", key)
    store.refuse("delete", PLAN)
    with pytest.raises(Refused, match=PLAN):
        run(store)


def test_a_lane_that_another_run_has_emptied_meanwhile_is_looked_at_again() -> None:
    store = MemoryStore()
    set_aside(store)
    land(store, "c", ndjson([landed_row(4)]))

    class Emptied(Dying):
        """Before the lane's next plan is put, another run does all that there is."""

        def __getattr__(self, name: str) -> Any:
            if name == "replace" and self.at:
                self.at = 0
                self.store.give()
                later_run(self.store)
            return getattr(self.store, name)

    with pytest.raises(ObjectsSetAside, match=r"^1 landed objects"):
        later_run(store, Emptied(store, "replace", PLAN))
    assert written(store) == ["c-1", "c-2", "c-3", "c-4"]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


def test_an_object_that_is_gone_for_good_does_not_keep_its_plan() -> None:
    store = MemoryStore()
    key = set_aside(store)
    del store.kept[key]
    later_run(store)
    assert written(store) == ["c-1", "c-3"], "what can be written is"
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


def test_an_object_that_cannot_be_deleted_is_not_written_again() -> None:
    store = MemoryStore()
    keys = [land(store, name, ndjson([landed_row(ord(name))])) for name in "abc"]
    for key in keys[:2]:
        store.refuse("delete", key)
    with pytest.raises(ObjectsSetAside, match=r"a\.gz \(InvalidObjectState\)"):
        run(store)
    assert store.keys("data-pipeline/landing/") == keys[:2]
    land(store, "d", ndjson([landed_row(100)]))
    with pytest.raises(ObjectsSetAside):
        later_run(store)
    store.give("delete", keys[0])
    with pytest.raises(ObjectsSetAside, match=r"b\.gz"):
        later_run(store)
    assert store.keys("data-pipeline/landing/") == keys[1:2]
    store.give()
    later_run(store)
    assert written(store) == ["c-100", "c-97", "c-98", "c-99"]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


def test_what_cannot_be_deleted_stays_the_plans_though_the_time_is_up() -> None:
    store = MemoryStore()
    keys = [land(store, name, ndjson([landed_row(ord(name))])) for name in "abcd"]
    store.refuse("delete", keys[0])
    with pytest.raises(ObjectsSetAside):
        run(store, clock_left=lambda: 300.0 if keys[1] in store.kept else 1.0)
    assert keys[2] in store.kept
    with pytest.raises(ObjectsSetAside):
        later_run(store)
    store.give()
    later_run(store)
    assert written(store) == [f"c-{ord(name)}" for name in ("d", *"abc")]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


def test_a_lane_with_plans_set_aside_is_not_for_a_version_that_does_not_know_of_them() -> None:
    store = MemoryStore()
    key = begun(store, 1)
    assert json.loads(store.kept[PLAN][0])["format"] == 2
    store.refuse("read", key)
    with pytest.raises(ObjectsSetAside):
        later_run(store)
    body = store.kept[PLAN][0]
    assert json.loads(body)["format"] == 3
    plan = Plan.from_json(body, PLAN)
    assert plan.to_json() == body
    assert plan.aside[0].waits_for == key
    with pytest.raises(UnreadablePlan):
        Plan.from_json(body.replace(b'"format":2', b'"format":9'), PLAN)


class SmallDisk:
    """A store of whose objects one does not fit local disk."""

    def __init__(self, store: MemoryStore, large: str) -> None:
        self.store, self.large, self.asked = store, large, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def read(self, key: str, etag: str) -> Any:
        if key == self.large:
            self.asked += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.store.read(key, etag)


def test_an_object_too_large_for_local_disk_holds_up_no_other() -> None:
    store = MemoryStore()
    for number in range(9):
        land(store, f"{number}", ndjson([landed_row(number)]))
    large = land(store, "4", ndjson([landed_row(4)]))
    said = io.StringIO()
    with pytest.raises(DiskFull, match=rf"{large}.*ephemeral storage"):
        run(SmallDisk(store, large), said=said)
    assert "ephemeral storage" in json.loads(said.getvalue())["reason"]
    assert written(store) == [f"c-{number}" for number in range(9) if number != 4]
    assert store.keys("data-pipeline/landing/") == [large]
    assert store.keys("data-pipeline/compaction/") == [], "no plan was fixed for it"
    later_run(store)
    assert written(store) == [f"c-{number}" for number in range(9)]


def test_a_fixed_plan_too_large_for_local_disk_waits_beside_its_lane() -> None:
    store = MemoryStore()
    large = begun(store, 1)
    land(store, "c", ndjson([landed_row(4)]))
    for _ in range(2):
        small = SmallDisk(store, large)
        with pytest.raises(DiskFull, match=f"first of them {large}: "):
            later_run(store, small)
        assert small.asked == 1, "a run tries it once"
    assert written(store) == ["c-1", "c-4"]
    later_run(store)
    assert written(store) == ["c-1", "c-2", "c-3", "c-4"]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []
