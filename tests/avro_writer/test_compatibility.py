"""What an older version has left in S3 is taken up: its plan in every state, with its quarantine.

`in_flight.json` has what landed, and all changes that a run of that version made, in their order;
`tests/support/in_flight.py` has written it.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.memory_store import MemoryStore
from tests.support.writer import avro_rows, quarantined, repeats, run

CHANGES = json.loads(Path(__file__).with_name("in_flight.json").read_text())
LANDED = sum("/landing/" in key and body is not None for key, body in CHANGES)


@pytest.mark.parametrize("made", range(LANDED, len(CHANGES) + 1))
def test_a_plan_of_an_older_version_is_brought_to_its_end(made: int) -> None:
    store = MemoryStore()
    for key, body in CHANGES[:made]:
        if body is None:
            del store.kept[key]
        else:
            store.put(key, base64.b64decode(body))
    store.now += timedelta(hours=1)
    before = {key: store.kept[key] for key in store.keys("data-pipeline/avro/")}
    run(store)
    ids = [each["change_id"] for rows in avro_rows(store).values() for each in rows]
    assert sorted(ids) == ["c-1", "c-2", "c-3"]
    assert repeats(store) == 2
    # Where the older version has put it already, an entry may stand in two files.
    entries = {(each["key"][-4:], each.get("line")): each for each in quarantined(store)}
    assert {of: each["kind"] for of, each in entries.items()} == {
        ("b.gz", 3): "line",
        ("c.gz", None): "object",
        ("d.gz", 1): "line",
    }
    assert store.kept[entries["c.gz", None]["copy"]][0] == b"no gzip"
    assert before == {key: store.kept[key] for key in before}
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []
