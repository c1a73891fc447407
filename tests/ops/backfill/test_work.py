"""Each item of an export is in one Avro file, however its backfill is interrupted or shared."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pytest

import schemas
from demo.feed.market import Market
from demo.feed.replication import json_attribute
from ops.backfill.errors import DataFileError
from ops.backfill.items import ItemReader, RowTimes
from ops.backfill.ledger import FileCounts, Ledger
from ops.backfill.parts import RowMakers
from ops.backfill.source import LocalFolder, open_export
from ops.backfill.work import Worker
from tests.support.exports import ExportBuilder, full_line, incremental_line, spread
from tests.support.memory_store import MemoryStore
from tests.support.writer import FIRST_DATE
from transform.batch import Transform
from transform.row import UnfitRecord

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MARGIN = timedelta(minutes=5)
TYPES = ("demand", "sale")
# Hundreds of workers have the same ones, as those of one process have.
MAKERS = RowMakers(TYPES, "type")


class Killed(BaseException):
    """The process is killed."""


class FragileStore(MemoryStore):
    """Kills its caller before or after one of its requests."""

    left: int | None = None
    after = False

    def create(self, key: str, body: Any) -> str:
        if self.left is not None:
            self.left -= 1
            if self.left < 0 and not self.after:
                raise Killed
        etag = super().create(key, body)
        if self.left is not None and self.left < 0:
            raise Killed
        return etag


def items(count: int, *record_types: str) -> list[dict[str, Any]]:
    market = Market(Random(3))
    return [
        json_attribute({"M": market.item(record_types[n % len(record_types)], NOW)})["M"]
        for n in range(count)
    ]


def broken(item: dict[str, Any]) -> dict[str, Any]:
    """An item whose required column does not fit."""
    return {**item, "requestedSeats": {"S": "two"}}


def worker(folder: Path, store: MemoryStore, part_items: int = 4) -> Worker:
    found = LocalFolder(folder)
    export = open_export(found)
    reader = ItemReader(export, RowTimes.of(export, MARGIN), ["pk", "sk"], "type")
    ledger = Ledger(store, "p", export.id)
    return Worker(
        export, found, store, "p", ledger, reader, MAKERS, part_items,
        FIRST_DATE, lambda: NOW,
    )  # fmt: skip


def run(each: Worker) -> FileCounts:
    total = FileCounts()
    for file in each.export.files:
        total.add(each.do(file))
    return total


def rows(store: MemoryStore, record_type: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for key in store.keys(f"p/avro/{record_type}/"):
        found.extend(fastavro.reader(io.BytesIO(store.kept[key][0])))  # type: ignore[arg-type]
    return found


def failed_lines(store: MemoryStore) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for key in store.keys("p/backfill/")
        if "/parts/" in key
        for line in gzip.decompress(store.kept[key][0]).splitlines()
    ]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    found = items(20, "demand", "sale")
    lines = [full_line(each) for each in found]
    lines[6] = full_line(broken(found[6]))
    lines += [
        full_line(items(1, "event")[0]),
        full_line({"pk": {"S": "x"}, "sk": {"S": "y"}, "type": {"S": "venue-hold"}}),
        full_line({"pk": {"S": "x2"}, "sk": {"S": "y"}}),
        full_line({"pk": {"S": "x3"}}),
        b'{"Item":{"pk":',
    ]
    return ExportBuilder(spread(lines, 4)).write(tmp_path)


def test_each_item_is_counted_once_and_is_a_row_of_its_table(export: Path) -> None:
    store = MemoryStore()
    counts = run(worker(export, store))
    assert counts.reconciled
    assert counts.items == 25
    assert counts.rows == {"demand": 9, "sale": 10}
    assert (counts.other_types, counts.unclaimed, counts.failed) == (1, 2, 3)
    assert counts.reasons == {
        "required_column_does_not_fit (requested_seats)": 1,
        "no_key": 1,
        "not_json": 1,
    }
    assert len(rows(store, "demand")) == 9
    assert len(rows(store, "sale")) == 10
    assert {each["change_type"] for each in rows(store, "sale")} == {"SNAPSHOT"}
    assert counts.avro_files == len(store.keys("p/avro/"))
    assert len(failed_lines(store)) == 3
    dates = {key.split("/")[3] for key in store.keys("p/avro/")}
    assert dates == {"partition_date=2026-11-20"}


def test_a_row_has_what_the_transform_makes_of_an_insert_of_the_item(tmp_path: Path) -> None:
    """Held against the function that Firehose calls."""
    found = items(12, "sale", "demand")
    found[4]["unknown"] = {"SS": ["a", "b"]}
    found[5]["soldAt"] = {"S": "2026-11-20T09:00:00.000001Z"}
    export = ExportBuilder({"one": [full_line(each) for each in found]}).write(tmp_path)
    store = MemoryStore()
    run(worker(export, store, part_items=100))
    for record_type in TYPES:
        own = [each for each in found if each["type"]["S"] == record_type]
        changed = int((NOW + timedelta(hours=3) - MARGIN).timestamp() * 1_000_000)
        records = [
            {
                "recordId": str(number),
                "data": base64.b64encode(
                    json.dumps({
                        "eventID": "e", "eventName": "INSERT", "tableName": "t",
                        "dynamodb": {
                            "ApproximateCreationDateTime": changed,
                            "ApproximateCreationDateTimePrecision": "MICROSECOND",
                            "Keys": {name: each[name] for name in ("pk", "sk")},
                            "NewImage": each,
                        },
                    }).encode()
                ).decode(),
            }
            for number, each in enumerate(own)
        ]  # fmt: skip
        answers = Transform(schemas.table(record_type), "type").batch(records).records
        landed = [json.loads(base64.b64decode(each["data"])) for each in answers]
        made = rows(store, record_type)
        assert len(made) == len(landed) == 6
        for want, got in zip(landed, made, strict=True):
            assert got["record_key"] == want["record_key"]
            assert got["rescued_attributes"] == want.get("rescued_attributes")
            assert got["changed_at_micros"] == changed
            assert got["change_type"] == "SNAPSHOT"
            for name in want.keys() - {"change_id", "change_type"}:
                assert got[name] is not None


def test_change_ids_are_unique_and_say_where_the_item_is(export: Path) -> None:
    store = MemoryStore()
    run(worker(export, store))
    found = [row["change_id"] for kind in TYPES for row in rows(store, kind)]
    assert len(set(found)) == len(found) == 19
    export_id, file, line = found[0].split("/")
    text = gzip.decompress((export / "data" / f"{file}.json.gz").read_bytes()).splitlines()
    assert json.loads(text[int(line) - 1])["Item"]["type"]["S"] == "demand"
    assert export_id == export.name


def whole(store: MemoryStore) -> Counter[tuple[str, str]]:
    return Counter((kind, row["change_id"]) for kind in TYPES for row in rows(store, kind))


def once(store: MemoryStore, counts: FileCounts) -> None:
    """No row is there twice, and the counts are those of the bucket."""
    found = whole(store)
    assert set(found.values()) == {1}
    assert sum(found.values()) == sum(counts.rows.values())
    assert len(failed_lines(store)) == counts.failed
    assert counts.reconciled


def test_killed_at_any_request_another_run_does_the_rest(export: Path) -> None:
    reference = MemoryStore()
    expected = run(worker(export, reference))
    puts = sum(kind == "put" for kind, _ in reference.requests)
    assert puts > 20
    for after in (False, True):
        for number in range(puts):
            store = FragileStore()
            store.left, store.after = number, after
            with pytest.raises(Killed):
                run(worker(export, store))
            store.left = None
            counts = run(worker(export, store))
            once(store, counts)
            assert counts == expected
            assert store.kept.keys() == reference.kept.keys()


def test_a_second_run_puts_nothing(export: Path) -> None:
    store = MemoryStore()
    counts = run(worker(export, store))
    before = dict(store.kept)
    del store.requests[:]
    assert run(worker(export, store)) == counts
    assert store.kept == before
    assert {kind for kind, _ in store.requests} == {"get"}


class Interrupting(FragileStore):
    """Lets another worker go on just before one of the puts."""

    at = 0
    other: Callable[[], None] | None = None

    def create(self, key: str, body: Any) -> str:
        self.at -= 1
        if self.at < 0 and self.other is not None:
            other, self.other = self.other, None
            other()
        return super().create(key, body)


def puts(export: Path) -> int:
    """How many objects a run puts."""
    store = MemoryStore()
    run(worker(export, store))
    return sum(kind == "put" for kind, _ in store.requests)


def test_two_workers_at_once_write_each_row_once(export: Path) -> None:
    for number in range(puts(export)):
        store = Interrupting()
        store.at = number
        store.other = lambda store=store: once(store, run(worker(export, store)))
        counts = run(worker(export, store))
        assert store.other is None
        once(store, counts)


class Versions:
    """Two versions of the program: in the strict one, some sales fail."""

    strict = False

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = RowMakers.rows

        def changed(makers: RowMakers, record_type: str, changes: Any) -> list[Any]:
            made = original(makers, record_type, changes)
            if self.strict and record_type == "sale":
                made[0] = UnfitRecord("of_this_version")
            return made

        monkeypatch.setattr(RowMakers, "rows", changed)

    def finish(self, export: Path, store: MemoryStore) -> bool:
        """Let this version do the rest, or else the other; return whether this one could."""
        try:
            counts, could = run(worker(export, store)), True
        except DataFileError as error:
            # This version cannot make a row that the other one has decided on.
            assert "use the version that began the backfill" in str(error)
            self.strict = not self.strict
            counts, could = run(worker(export, store)), False
        once(store, counts)
        return could


@pytest.mark.parametrize("stricter_first", [True, False])
def test_what_one_version_has_decided_another_one_keeps(
    export: Path, stricter_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One version finds a line bad that the other takes. No line is lost or in two places."""
    versions = Versions(monkeypatch)
    could = []
    for number in range(puts(export) - 2):
        store = FragileStore()
        store.left, versions.strict = number, stricter_first
        with pytest.raises(Killed):
            run(worker(export, store))
        store.left, versions.strict = None, not stricter_first
        could.append(versions.finish(export, store))
    assert all(could) == stricter_first


@pytest.mark.parametrize("stricter_first", [True, False])
def test_two_versions_at_once_write_each_row_once(
    export: Path, stricter_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two requests of the one, the other makes some requests and is killed."""
    versions = Versions(monkeypatch)
    for number in range(puts(export) - 2):
        store = Interrupting()
        store.at, versions.strict = number, stricter_first

        def other(store: Interrupting = store, requests: int = 1 + number % 3) -> None:
            store.left, versions.strict = requests, not stricter_first
            with suppress(Killed, DataFileError):
                run(worker(export, store))
            store.left, versions.strict = None, stricter_first

        store.other = other
        versions.finish(export, store)
        assert store.other is None


class Sink(MemoryStore):
    """Keeps no Avro file."""

    def create(self, key: str, body: Any) -> str:
        return super().create(key, b"" if "/avro/" in key else body)


def test_memory_does_not_grow_with_a_data_file(tmp_path: Path) -> None:
    lines = [full_line(each) for each in items(500, "demand", "sale")]
    peaks = []
    for times in (2, 2, 16):
        folder = ExportBuilder({"one": lines * times}).write(tmp_path / str(times))
        each = worker(folder, Sink(), part_items=500)
        tracemalloc.start()
        assert each.do(each.export.files[0]).reconciled
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The first run also fills caches.
    assert peaks[2] < 1.2 * peaks[1]


def test_an_incremental_export_has_times_and_removals(tmp_path: Path) -> None:
    since, until = NOW, NOW + timedelta(hours=1)
    first = int(since.timestamp()) * 1_000_000
    found = items(3, "sale")
    lines = [
        incremental_line(_keys(each), first + offset, new, old)
        for each, offset, new, old in (
            (found[0], 7, found[0], None),
            (found[1], 8, None, found[1]),
            (found[2], 3_599_000_000, found[2], found[2]),
        )
    ]
    lines.append(incremental_line(_keys(found[0]), first, None, None))
    export = ExportBuilder({"one": lines}, since=since, until=until).write(tmp_path)
    store = MemoryStore()
    counts = run(worker(export, store))
    assert counts.rows == {"sale": 3}
    assert counts.reasons == {"no_image": 1}
    margin = 300_000_000
    assert [(each["changed_at_micros"], each["is_deleted"]) for each in rows(store, "sale")] == [
        (first + 7 + margin, False),
        (first + 8 + margin, True),
        (int(until.timestamp()) * 1_000_000 - margin, False),
    ]
    assert {each["change_type"] for each in rows(store, "sale")} == {"SNAPSHOT"}


def _keys(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("pk", "sk")}


def _first(folder: Path) -> Path:
    return sorted((folder / "data").iterdir())[0]


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda path: path.unlink(), "the file is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "MD5 digest is not that of"),
        (lambda path: path.write_bytes(b""), "MD5 digest is not that of"),
    ],
)
def test_a_damaged_data_file_writes_nothing_and_the_others_are_done(
    export: Path, damage: Callable[[Path], None], text: str
) -> None:
    damage(_first(export))
    store = MemoryStore()
    each = worker(export, store)
    damaged, *others = sorted(each.export.files, key=lambda file: file.name)
    with pytest.raises(DataFileError, match=text):
        each.do(damaged)
    assert not store.kept
    for file in others:
        assert each.do(file).items == file.items


def test_a_count_that_is_not_that_of_the_manifest_is_found_before_a_row_is_written(
    tmp_path: Path,
) -> None:
    builder = ExportBuilder({"one": [full_line(each) for each in items(3, "sale")]})
    objects = builder.objects()
    key = f"{builder.folder}manifest-files.json"
    objects[key] = objects[key].replace(b'"itemCount":3', b'"itemCount":4')
    summary = f"{builder.folder}manifest-summary.json"
    objects[summary] = objects[summary].replace(b'"itemCount":3', b'"itemCount":4')
    for name in (key, summary):
        digest = hashlib.md5(objects[name]).hexdigest().encode()
        objects[name.replace(".json", ".md5")] = digest
    for name, body in objects.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    store = MemoryStore()
    each = worker(tmp_path / builder.folder, store)
    with pytest.raises(DataFileError, match="it has 3 items, and the manifest says 4"):
        each.do(each.export.files[0])
    assert not store.kept
