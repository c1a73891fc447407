"""`dmd replay --from-stream`: rows that were written wrongly are superseded, once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

import schemas
from console.errors import CommandError
from console.kept_run import KeptRun, announced
from emulation.emulator import embedded_emulator
from ops.deployment import Deployment, open_deployment
from ops.failed.options import ChosenOptions
from ops.options import StackOptions
from ops.replay import corrections, stream_action
from ops.replay.corrections import Corrector
from ops.replay.stream import Spool, StreamRecord, read_stream
from tests.support.exploration import Exploration, Faults, Violation, shown
from tests.support.memory_store import MemoryStore
from tests.support.programs import AskingStore, Program
from tests.support.replaying import PREFIX, changed
from tests.support.runs import AFTER_ALL_ROWS, NOW
from tests.support.writer import avro_rows, land, run
from transform.batch import Transform

DATE = "2026-11-22"
DEMAND = schemas.table("demand")


def records(*numbers: int, seats: str = "2") -> list[StreamRecord]:
    return [
        StreamRecord(changed(n, item={"requestedSeats": {"N": seats}}), f"49{n}", NOW)
        for n in numbers
    ]


def spooled(folder: Path, found: list[StreamRecord]) -> Spool:
    folder.mkdir(parents=True)
    spool = Spool(folder)
    spool.add(Transform(DEMAND, "type"), found)
    return spool


def with_rows(store: MemoryStore, folder: Path, found: list[StreamRecord]) -> MemoryStore:
    """Have the writer write what the transform makes of records."""
    spooled(folder, found)
    body = (folder / f"{DATE}.jsonl").read_bytes()
    land(store, "a", gzip.compress(body, mtime=0))
    run(store)
    return store


def correct(store: Any, spool: Spool, name: str) -> corrections.Compared:
    corrector = Corrector(
        store,
        PREFIX,
        "demand",
        DEMAND.avro,
        AFTER_ALL_ROWS,
        lambda: NOW + timedelta(hours=ord(name[0])),
        spool.folder,
    )
    counts = corrector.correct(spool, DATE, name)
    assert counts.reconciled
    return counts


def revisions(store: MemoryStore) -> list[tuple[str, int, int]]:
    """Return id, revision and seats of each row of the table."""
    rows = avro_rows(store).get(DATE, [])
    return sorted((row["change_id"], row["revision"], row["requested_seats"]) for row in rows)


def test_a_row_that_comes_out_otherwise_is_written_again(tmp_path: Path) -> None:
    store = with_rows(MemoryStore(), tmp_path / "wrong", records(1, 2))
    spool = spooled(tmp_path / "right", [*records(1, seats="3"), *records(2), *records(3)])
    counts = correct(store, spool, "a")
    assert (counts.corrected, counts.same, counts.not_in_tables) == (1, 1, 1)
    assert revisions(store) == [("c-1", 0, 2), ("c-1", 1, 3), ("c-2", 0, 2)]
    again = correct(store, spool, "b")
    assert (again.corrected, again.same) == (0, 2)
    back = spooled(tmp_path / "back", records(1))
    assert correct(store, back, "c").corrected == 1
    assert revisions(store)[2] == ("c-1", 2, 2), "a later correction corrects the earlier"


def test_a_row_of_another_time_or_key_is_only_counted(tmp_path: Path) -> None:
    store = with_rows(MemoryStore(), tmp_path / "wrong", records(1, 2))
    other = json.loads(changed(1))
    other["dynamodb"]["ApproximateCreationDateTime"] += 1
    key = json.loads(changed(2))
    key["dynamodb"]["Keys"]["sk"] = {"N": "8"}
    found = [StreamRecord(json.dumps(each).encode(), "491", NOW) for each in (other, key)]
    counts = correct(store, spooled(tmp_path / "right", found), "a")
    assert (counts.not_correctable, counts.corrected) == (2, 0)


def test_rows_are_compared_and_chosen_in_parts(tmp_path: Path) -> None:
    store = with_rows(MemoryStore(), tmp_path / "wrong", records(*range(7)))
    spool = spooled(tmp_path / "right", [*records(*range(6), seats="3"), *records(6, 0)])
    with (
        mock.patch.object(corrections, "_COMPARED_AT_ONCE", 3),
        mock.patch.object(corrections, "MOST_ROWS", 2),
    ):
        counts = correct(store, spool, "a")
    assert counts.corrected in (6, 7)
    assert sum(revision == 1 for _, revision, _ in revisions(store)) == 6


class Check:
    """After any crash, a last run leaves one row a revision, and the right one newest."""

    def __init__(self, right: Spool) -> None:
        self._right = right

    def __call__(self, store: MemoryStore) -> None:
        found = [each[:2] for each in revisions(store)]
        assert len(found) == len(set(found)), f"twice: {found}"
        correct(store, self._right, "last")
        rows = revisions(store)
        assert [each[:2] for each in rows] == sorted({each[:2] for each in rows}), "twice"
        for name in ("c-1", "c-2"):
            newest = max(row for row in rows if row[0] == name)
            assert newest[2] == 3
        assert correct(store, self._right, "again").corrected == 0


def explore(tmp_path: Path, faults: Faults) -> Any:
    store = with_rows(MemoryStore(now=NOW), tmp_path / "wrong", records(1, 2))
    store.kept = {key: kept for key, kept in store.kept.items() if "/avro/" in key}
    right = spooled(tmp_path / "right", records(1, 2, seats="3"))

    def program(name: str) -> Program:
        def main(asked: AskingStore, left: Any) -> None:
            correct(asked, right, name)

        return Program(main)

    programs = {name: program(name) for name in "AB"}
    try:
        with mock.patch.object(corrections, "MOST_ROWS", 1):
            return Exploration(programs, Check(right), faults=faults).run(store)
    finally:
        for each in programs.values():
            each.end()


@pytest.mark.parametrize("faults", [Faults(), Faults(lost=1), Faults(delayed=1)], ids=str)
def test_two_corrections_at_once(
    tmp_path: Path, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = shown(f"two corrections at once, {faults}", explore(tmp_path, faults), capsys)
    assert explored.crash_points > 5


def test_a_correction_that_does_not_compare_again_is_found(tmp_path: Path) -> None:
    in_table = Corrector._in_table

    def once(self: Corrector, date: str, rows: dict[str, bytes]) -> Any:
        """Look at the table once, whatever somebody else writes afterwards."""
        return vars(self).setdefault("seen", {}).setdefault(date, in_table(self, date, rows))

    with mock.patch.object(Corrector, "_in_table", once), pytest.raises(Violation):
        explore(tmp_path / "explored", Faults())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with embedded_emulator() as endpoint:
        yield endpoint.url


@pytest.fixture(scope="module")
def deployment(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A stack whose tables have two wrong rows, and whose stream has their change records."""
    state = tmp_path_factory.mktemp("state")
    with (
        mock.patch.dict("os.environ", {"DMD_STATE_DIR": str(state)}),
        announced(KeptRun(url, "dev1", {"bucket_name": "corrections"}, "")),
    ):
        found = open_deployment(StackOptions())
        s3, kinesis = found.client("s3"), found.client("kinesis")
        s3.create_bucket(Bucket=found.bucket)
        kinesis.create_stream(StreamName=found.settings.stream_name, ShardCount=2)
        for each in records(1, 2, 3, seats="3"):
            kinesis.put_record(
                StreamName=found.settings.stream_name,
                Data=each.data,
                PartitionKey=each.sequence_number,
            )
        kinesis.put_record(StreamName=found.settings.stream_name, Data=b"no json", PartitionKey="p")
        store = with_rows(MemoryStore(), state / "wrong", records(1, 2))
        for key, (body, _) in store.kept.items():
            s3.put_object(Bucket=found.bucket, Key=key, Body=body)
        yield found


def chosen(**given: Any) -> ChosenOptions:
    nothing = dict.fromkeys(("where", "reason", "since", "day", "key", "source"))
    return ChosenOptions(**{"types": ("demand",), **nothing, "since": "1h", **given})


def test_the_stream_corrects_the_tables(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    def replay(**given: Any) -> Any:
        given = {"dry_run": False, "yes": True, **given}
        assert stream_action.run(StackOptions(), chosen(), as_json=True, **given) == 0
        return json.loads(capsys.readouterr().out)["demand"]

    plan = replay(dry_run=True)
    assert (plan["corrected"], plan["not_in_tables"], plan["written"]) == (2, 1, False)
    done = replay()
    assert (done["corrected"], done["files"], done["failed"]) == (2, 1, {"not_json": 1})
    assert done["reconciled"]
    again = replay()
    assert (again["corrected"], again["same"]) == (0, 2)
    stream_action.run(StackOptions(), chosen(), dry_run=True, yes=True, as_json=False)
    assert "0 rows come out otherwise now. Nothing was written." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"since": None}, "--from-stream needs --since"),
        ({"day": "2026-11-22"}, "--day does not go with --from-stream"),
        ({"since": "2026-11-22"}, "is not a time ago: write 90m, 36h or 7d"),
    ],
)
def test_a_wrong_option_says_what_to_write(options: dict[str, Any], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        stream_action.run(StackOptions(), chosen(**options), dry_run=True, yes=True, as_json=False)


def test_all_shards_are_read_again_after_a_throttled_read(deployment: Deployment) -> None:
    kinesis = deployment.client("kinesis")
    get_records = kinesis.get_records
    waited: list[float] = []
    refusal: Any = {"Error": {"Code": "ProvisionedThroughputExceededException"}}

    def throttled_once(**given: Any) -> Any:
        if not waited:
            raise ClientError(refusal, "GetRecords")
        return get_records(**given)

    now = datetime.now(UTC)
    with mock.patch.object(kinesis, "get_records", throttled_once):
        found = [
            record.data
            for batch in read_stream(
                kinesis,
                deployment.settings.stream_name,
                now - timedelta(hours=1),
                now + timedelta(hours=1),
                lambda share: None,
                waited.append,
            )
            for record in batch
        ]
    assert {each.data for each in records(1, 2, 3, seats="3")} < set(found)
    assert waited


def test_a_stream_that_is_not_there_is_named(deployment: Deployment) -> None:
    now = datetime.now(UTC)
    with pytest.raises(CommandError, match="there is no Kinesis stream nowhere"):
        list(read_stream(deployment.client("kinesis"), "nowhere", now, now, lambda share: None))
