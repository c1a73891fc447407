"""A function's answer is checked by AWS's rules, one test for each.

See docs/aws-contracts.md#firehose-transformation.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulation.firehose.response import (
    DUPLICATED_RECORD_ID,
    MISSING_RECORD_ID,
    NO_DATA,
    NOT_JSON,
    PROCESSING_FAILED,
    WRONG_FORMAT,
    Delivered,
    Dropped,
    Judgement,
    judge,
)
from tests.emulation.firehose.doubles import answer


def judged(*entries: Any, ids: tuple[str, ...] = ("1", "2")) -> Judgement:
    return judge(ids, json.dumps({"records": entries}).encode())


OTHER = answer("2", "Ok", b"two")


def test_ok_is_delivered_as_the_data_returned() -> None:
    judgement = judged(answer("1", "Ok", b"one\n"), OTHER)
    assert judgement == Judgement((Delivered(b"one\n"), Delivered(b"two")), 0)


def test_ok_with_empty_data_is_delivered_as_nothing_but_is_no_failure() -> None:
    assert judged(answer("1", "Ok", b""), OTHER).verdicts[0] == Delivered(b"")


def test_verdicts_follow_the_request_whatever_the_order_of_the_answer() -> None:
    judgement = judged(OTHER, answer("1", "Dropped"))
    assert judgement.verdicts == (Dropped(), Delivered(b"two"))


def test_dropped_needs_no_data() -> None:
    assert judged(answer("1", "Dropped"), OTHER).verdicts[0] == Dropped()


def test_processing_failed_fails_the_record_and_not_its_neighbour() -> None:
    judgement = judged(answer("1", "ProcessingFailed", b"ignored"), OTHER)
    assert judgement.verdicts == (PROCESSING_FAILED, Delivered(b"two"))
    assert PROCESSING_FAILED.code == "Lambda.ProcessingFailedStatus"


def test_a_record_id_not_returned_fails_that_record() -> None:
    assert judged(OTHER).verdicts == (MISSING_RECORD_ID, Delivered(b"two"))
    assert MISSING_RECORD_ID.code == "Lambda.MissingRecordId"


@pytest.mark.parametrize("second", ["Ok", "Dropped", "ProcessingFailed"])
def test_a_record_id_returned_twice_fails_that_record_whatever_the_results(second: str) -> None:
    judgement = judged(answer("1", "Ok", b"one"), OTHER, answer("1", second, b"one"))
    assert judgement.verdicts == (DUPLICATED_RECORD_ID, Delivered(b"two"))
    assert DUPLICATED_RECORD_ID.code == "Lambda.DuplicatedRecordId"


def test_ok_without_data_fails_the_record() -> None:
    judgement = judged(answer("1"), OTHER)
    assert judgement.verdicts == (NO_DATA, Delivered(b"two"))
    assert judged({"recordId": "1", "result": "Ok", "data": None}, OTHER) == judgement


@pytest.mark.parametrize("data", ["!!!", "YQ", "YQ==\n", "é", "\ud800", 1, ["YQ=="], True])
def test_ok_with_data_that_is_not_base64_text_fails_the_record(data: Any) -> None:
    judgement = judged({"recordId": "1", "result": "Ok", "data": data}, OTHER)
    assert judgement.verdicts == (WRONG_FORMAT, Delivered(b"two"))


@pytest.mark.parametrize("result", ["ok", "OK", "Failed", "", None, 1, ["Ok"], {}])
def test_another_result_fails_the_record(result: Any) -> None:
    judgement = judged({"recordId": "1", "result": result, "data": "YQ=="}, OTHER)
    assert judgement.verdicts == (WRONG_FORMAT, Delivered(b"two"))


def test_a_missing_result_fails_the_record() -> None:
    judgement = judged({"recordId": "1", "data": "YQ=="}, OTHER)
    assert judgement.verdicts == (WRONG_FORMAT, Delivered(b"two"))


@pytest.mark.parametrize("stray", [answer("3", "Ok", b"x"), {"recordId": 1}, {}, "1", None, []])
def test_an_answer_for_no_record_of_the_batch_is_ignored_and_counted(stray: Any) -> None:
    judgement = judged(answer("1", "Ok", b"one"), stray, OTHER)
    assert judgement == Judgement((Delivered(b"one"), Delivered(b"two")), 1)


@pytest.mark.parametrize("payload", [b"", b"not json", b"{", b"\xff\xfe\xfd", b"[" * 100_000])
def test_an_answer_that_is_not_json_fails_every_record(payload: bytes) -> None:
    assert judge(("1", "2"), payload) == Judgement((NOT_JSON, NOT_JSON), 0)


@pytest.mark.parametrize(
    "payload", [b"null", b"[]", b"{}", b'"text"', b"1", b'{"records":null}', b'{"records":{}}']
)
def test_an_answer_without_a_list_of_records_misses_every_record(payload: bytes) -> None:
    assert judge(("1", "2"), payload) == Judgement((MISSING_RECORD_ID,) * 2, 0)
