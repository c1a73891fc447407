"""What the lines of counts hold."""

from __future__ import annotations

import json
from collections import Counter

from transform.arrivals import Arrivals
from transform.counts import count_lines
from transform.outcome import (
    NO_TYPE,
    OTHER_DELIVERY,
    OTHER_TYPE,
    UNCLAIMED_TYPE,
    Outcome,
    RowCounts,
)
from transform.settings import Settings

SETTINGS = Settings(
    ("demand",), "demand", None, "type", ("demand", "sale"), Arrivals(), "pipeline", "dev1", "INFO"
)


def test_records_of_several_reasons_are_added_and_the_duration_is_in_milliseconds() -> None:
    # Of any two counts, some bits are the same.
    of_records = {"ok": 2, NO_TYPE: 3, UNCLAIMED_TYPE: 1, OTHER_TYPE: 5, OTHER_DELIVERY: 7}
    outcome = Outcome(counts=Counter(of_records), rows={"demand": RowCounts(ok=2)})
    (line,) = count_lines(outcome, SETTINGS, 1.2345678, timestamp_ms=0, context={})
    written = json.loads(line)
    assert written["RecordsReceived"] == 18
    assert written["RecordsUnclaimed"] == 4
    assert written["RecordsDropped"] == 16
    assert written["BatchDuration"] == 1234.568, "to the microsecond"
