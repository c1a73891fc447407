"""The answer to Firehose: one result a record, in order, within the payload budget (design §4)."""

from __future__ import annotations

import json
from binascii import b2a_base64
from typing import Any, Literal

Result = Literal["Ok", "Dropped", "ProcessingFailed"]

# Lambda refuses an answer above 6 MB, and Firehose then fails the whole batch.
# https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
PAYLOAD_LIMIT = 6 * 1024 * 1024

# What the runtime's JSON puts around an answer's texts, with the longest result there is.
_AROUND_ANSWERS = len('{"records": []}')
_AROUND_ANSWER = len('{"recordId": , "result": "ProcessingFailed"}, ')
_AROUND_DATA = len(', "data": ""')


class Answer:
    """Collects a batch's answers and keeps count of the bytes left.

    Parameters
    ----------
    record_ids
        The ids of the whole batch: room for an answer without data is set aside for each at once.
    limit
        Most bytes that the answer may have as JSON.
    """

    def __init__(self, record_ids: list[str], limit: int = PAYLOAD_LIMIT) -> None:
        ids = sum(map(_written_length, record_ids))
        self._left = limit - _AROUND_ANSWERS - _AROUND_ANSWER * len(record_ids) - ids
        self.records: list[dict[str, Any]] = []

    def ok(self, record_id: str, line: bytes) -> bool:
        """Answer ``Ok`` with a line of data, if it fits the budget; say whether it did."""
        data = b2a_base64(line, newline=False).decode("ascii")
        needed = _AROUND_DATA + len(data)
        if needed > self._left:
            return False
        self._left -= needed
        self.records.append({"recordId": record_id, "result": "Ok", "data": data})
        return True

    def without_data(self, record_id: str, result: Result) -> None:
        """Answer ``Dropped`` or ``ProcessingFailed``."""
        self.records.append({"recordId": record_id, "result": result})


def _written_length(text: str) -> int:
    # Ids are ASCII without anything to escape; whatever else comes is measured as it is written.
    return len(text) + 2 if text.isalnum() and text.isascii() else len(json.dumps(text))
