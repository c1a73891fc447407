"""The lines of counts that a stack's transforms write about a batch with rows of each type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.infra.recorded import Recording
from transform.counts import count_lines
from transform.outcome import Outcome, RowCounts
from transform.settings import Settings


def count_lines_of(recording: Recording) -> Iterator[dict[str, Any]]:
    """Yield the lines of each transform, with what the program tells it."""
    for function in recording.of("aws:lambda/function:Function"):
        if function.name.startswith("transform-"):
            told = Settings.from_environment(function.inputs["environment"]["variables"])
            outcome = Outcome(rows={each: RowCounts(ok=1) for each in told.record_types})
            lines = count_lines(outcome, told, 0.1, timestamp_ms=0, context={})
            yield from map(json.loads, lines)
