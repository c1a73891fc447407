"""Checking a transform function's answer, record by record, as Amazon Data Firehose does."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Lambda's runtime turns a larger answer into a function error: "Exceeded maximum allowed payload
# size (6291556 bytes)".
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100


@dataclass(frozen=True)
class Delivered:
    """The record goes to the destination, as ``data``.

    ``partition_keys`` is what the function gave as keys, unchecked.
    """

    data: bytes
    partition_keys: Any = None


@dataclass(frozen=True)
class Dropped:
    """The record is discarded, and nothing is written about it."""


@dataclass(frozen=True)
class Failed:
    """The record's source goes to the error output, with an error code and message.

    ``output_type`` is the value of ``!{firehose:error-output-type}``.
    """

    code: str
    message: str
    output_type: str = "processing-failed"


Verdict = Delivered | Dropped | Failed

PROCESSING_FAILED = Failed(
    "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"
)
MISSING_RECORD_ID = Failed(
    "Lambda.MissingRecordId",
    "One or more record Ids were not returned. Ensure that the Lambda function returns all "
    "received record Ids.",
)
DUPLICATED_RECORD_ID = Failed(
    "Lambda.DuplicatedRecordId",
    "Multiple records were returned with the same record Id. Ensure that the Lambda function "
    "returns a unique record Id for each record.",
)
NO_DATA = Failed(
    "Lambda.InvalidReturnFormat",
    "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and "
    "processing result is Ok. The value field cannot be null when the SourceType is MSKAsSource "
    "and processing result is Ok.",
)
NOT_JSON = Failed(
    "Lambda.JsonProcessingException",
    "There was an error parsing returned records from the Lambda function. Ensure that the "
    "returned records follow the status model required by Amazon Data Firehose.",
)
# Code and message were observed on AWS for data that is not base64, and for unknown results.
# Whether AWS fails the record or the whole batch is unconfirmed, because reports differ. Here
# only the record fails.
WRONG_FORMAT = Failed(
    "Lambda.FunctionError",
    "Check your function and make sure the output is in required format. In addition to that, "
    "make sure the processed records contain valid result status of Dropped, Ok, or "
    "ProcessingFailed",
)


@dataclass(frozen=True)
class Judgement:
    """A verdict for each record of the batch, in its order.

    ``unknown_ids`` counts the answer's records whose ID is missing or not in the batch. They
    are ignored. This was observed on AWS and is not documented.
    """

    verdicts: tuple[Verdict, ...]
    unknown_ids: int


def judge(record_ids: Sequence[str], payload: bytes) -> Judgement:
    """Return what Firehose does with each record after a successful invocation.

    Parameters
    ----------
    record_ids
        The record IDs of the batch, each once, in order.
    payload
        The function's answer, which can be any bytes.

    Sources: docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html and
    monitoring-with-cloudwatch-logs.html (codes and messages).
    """
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return Judgement((NOT_JSON,) * len(record_ids), 0)
    # Without a list of records, AWS was observed to report every record of the batch as missing.
    listed = answer.get("records") if isinstance(answer, dict) else None
    returned = listed if isinstance(listed, list) else []

    asked = frozenset(record_ids)
    answers: dict[str, dict[str, Any]] = {}
    times: Counter[str] = Counter()
    unknown_ids = 0
    for entry in returned:
        record_id = entry.get("recordId") if isinstance(entry, dict) else None
        if not isinstance(record_id, str) or record_id not in asked:
            unknown_ids += 1
            continue
        answers[record_id] = entry
        times[record_id] += 1

    verdicts: list[Verdict] = []
    for record_id in record_ids:
        if times[record_id] > 1:
            verdicts.append(DUPLICATED_RECORD_ID)
        elif record_id not in answers:
            verdicts.append(MISSING_RECORD_ID)
        else:
            verdicts.append(_verdict(answers[record_id]))
    return Judgement(tuple(verdicts), unknown_ids)


def _verdict(entry: dict[str, Any]) -> Verdict:
    result, data = entry.get("result"), entry.get("data")
    if result == "Dropped":
        return Dropped()
    if result == "ProcessingFailed":
        return PROCESSING_FAILED
    if result != "Ok":
        return WRONG_FORMAT
    if data is None:
        return NO_DATA
    if not isinstance(data, str):
        return WRONG_FORMAT
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return WRONG_FORMAT
    metadata = entry.get("metadata")
    return Delivered(decoded, metadata.get("partitionKeys") if isinstance(metadata, dict) else None)
