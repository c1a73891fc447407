"""What becomes of questions that are not answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from avro_writer.errors import UnreadablePlan
from avro_writer.store import Refused
from ops.errors import ReplayError
from ops.status.asking import Questions
from ops.status.facts import Unknown


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as running:
        yield running


def aws(code: str, operation: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def refused() -> Refused:
    error = Refused("some/key", "AccessDenied")
    error.__cause__ = aws("AccessDenied", "GetObject")
    return error


@pytest.mark.parametrize(
    ("error", "action", "text"),
    [
        (aws("AccessDeniedException", "GetTable"), "glue:GetTable", "AccessDeniedException: no"),
        (aws("AccessDenied", "ListObjectsV2"), "s3:ListBucket", "AccessDenied: no"),
        (refused(), "s3:GetObject", "some/key: AccessDenied"),
        (aws("ExpiredToken", "GetTable"), "", "ExpiredToken: no"),
        (EndpointConnectionError(endpoint_url="http://one/a"), "", "EndpointConnectionError"),
        (UnreadablePlan("k is not a plan"), "", "k is not a plan"),
        (ReplayError("k was removed"), "", "k was removed"),
        (ValueError("not JSON"), "", "not JSON"),
    ],
)
def test_a_question_without_an_answer_says_why(
    pool: Executor, error: Exception, action: str, text: str
) -> None:
    def fail() -> int:
        raise error

    questions = Questions(pool)
    failing, other = questions.ask("tables", fail), questions.ask("alarms", lambda: 3)
    assert (failing(), other()) == (None, 3)
    assert questions.unknown == [Unknown("tables", action, text)]


def test_one_cause_is_told_in_the_same_words_for_all_operations(pool: Executor) -> None:
    def raising(error: Exception) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail

    questions = Questions(pool)
    for error in (
        aws("ExpiredToken", "GetTable"),
        aws("ExpiredToken", "GetMetricData"),
        EndpointConnectionError(endpoint_url="http://one/a"),
        EndpointConnectionError(endpoint_url="http://one/b"),
    ):
        questions.ask("something", raising(error))()
    assert len({each.error for each in questions.unknown}) == 2


def test_a_fault_of_the_program_is_not_hidden(pool: Executor) -> None:
    questions = Questions(pool)
    with pytest.raises(ZeroDivisionError):
        questions.ask("tables", lambda: 1 // 0)()
