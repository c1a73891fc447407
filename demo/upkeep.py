"""Keeps a finished run's pipeline at work, so that other commands find a live stack."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from console.errors import CommandError
from demo.feed.replication import TableStream
from demo.feed.stream import feed
from demo.run import FinishedRun, work_left

_PAUSE_SECONDS = 0.5
# Each time, all that was logged so far is read again.
_LOGS_PAUSE_SECONDS = 2.0


@contextlib.contextmanager
def at_work(run: FinishedRun, on_problem: Callable[[str], None]) -> Iterator[None]:
    """Keep delivery streams, schedules and the table's replication running during the ``with``.

    Parameters
    ----------
    run
        A run whose counts were compared: what comes from now on is in none of them.
    on_problem
        Called with what fails. The work goes on.
    """
    pipeline, settings = run.pipeline, run.provisioned.settings
    operator = pipeline.endpoint
    kinesis, s3 = operator.client("kinesis"), operator.client("s3")
    changes = TableStream(
        operator.client("dynamodb"), operator.client("dynamodbstreams"), settings.table_name
    )
    stop = threading.Event()

    def replicate() -> None:
        feed(kinesis, settings.stream_name, changes.poll())

    def write() -> None:
        run.schedules.until(
            lambda: stop.is_set() or not work_left(s3, settings.bucket_name), lambda runs: None
        )

    def repeat(work: Callable[[], object], pause: float) -> None:
        while not stop.wait(pause):
            try:
                work()
            except (CommandError, ClientError, BotoCoreError) as error:
                on_problem(str(error))

    threads = [
        threading.Thread(target=repeat, args=each, name=f"kept-{each[0].__name__}", daemon=True)
        for each in (
            (replicate, _PAUSE_SECONDS),
            (write, _PAUSE_SECONDS),
            (pipeline.forward_logs, _LOGS_PAUSE_SECONDS),
        )
    ]
    pipeline.resume()
    for each in threads:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in threads:
            each.join()
        pipeline.stop()
