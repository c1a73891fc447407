"""Many data files, by one worker or by several processes that share them."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from ops.backfill.errors import BackfillError, DataFileError
from ops.backfill.ledger import FileCounts
from ops.backfill.manifest import DataFile
from ops.backfill.work import Worker

_SECONDS_TO_STOP = 5.0


@dataclass(frozen=True)
class Written:
    """The rows of so many items more are written."""

    items: int


@dataclass(frozen=True)
class Finished:
    """A data file is done, or it has a problem.

    Parameters
    ----------
    file
        Name of the data file.
    counts
        What became of its items; None if it has a problem.
    problem
        What is wrong, and what to do.
    """

    file: str
    counts: FileCounts | None = None
    problem: str = ""


Event = Written | Finished
Tell = Callable[[Event], None]


def do_files(
    files: Sequence[DataFile], make_worker: Callable[[], Worker], workers: int, tell: Tell
) -> None:
    """Do data files.

    Parameters
    ----------
    files
        The data files.
    make_worker
        Makes a worker. With more than one process it is called in each, so it has to be picklable.
    workers
        Number of processes; with 1 everything happens in this one.
    tell
        Called with each event, as it happens.

    Raises
    ------
    BackfillError
        A process died.
    Exception
        A worker cannot go on: no access, for example. What is done stays.
    """
    count = min(workers, len(files))
    if count > 1:
        _by_processes(files, make_worker, count, tell)
        return
    worker = make_worker()
    for file in files:
        tell(_do(worker, file, tell))


def _do(worker: Worker, file: DataFile, tell: Tell) -> Finished:
    try:
        counts = worker.do(file, lambda items: tell(Written(items)))
    except DataFileError as error:
        return Finished(file.name, problem=str(error))
    return Finished(file.name, counts)


def _by_processes(
    files: Sequence[DataFile], make_worker: Callable[[], Worker], count: int, tell: Tell
) -> None:
    # Neither a pool nor an executor: the one waits for ever for a process that died, and the other
    # cannot stop its processes.
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=_serve, args=(theirs, make_worker), daemon=True)
        for _, theirs in pairs
    ]
    started = []
    try:
        for each in processes:
            each.start()
            started.append(each)
        for _, theirs in pairs:
            # Otherwise the end of a process would not end its pipe.
            theirs.close()
        _share_out(files, [ours for ours, _ in pairs], tell)
    finally:
        for each in started:
            each.terminate()
        for each in started:
            each.join(_SECONDS_TO_STOP)


def _share_out(files: Sequence[DataFile], pipes: Sequence[Connection], tell: Tell) -> None:
    left = list(reversed(files))
    busy = list(pipes)
    for pipe in busy:
        pipe.send(left.pop())
    while busy:
        for pipe in [each for each in wait(busy) if isinstance(each, Connection)]:
            event = _received(pipe)
            tell(event)
            if isinstance(event, Finished):
                if left:
                    pipe.send(left.pop())
                else:
                    busy.remove(pipe)
                    pipe.close()


def _received(pipe: Connection) -> Event:
    try:
        event: Event | Exception = pipe.recv()
    except (EOFError, ConnectionError):
        raise BackfillError(
            "a worker died, perhaps of too little memory: run the command again, with fewer "
            "--workers. What is done stays done"
        ) from None
    if isinstance(event, Exception):
        raise event
    return event


def _serve(pipe: Connection, make_worker: Callable[[], Worker]) -> None:
    # Ctrl-C is for the parent, which stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # When the parent is gone, there is nobody to tell.
    with suppress(EOFError, ConnectionError):
        try:
            worker = make_worker()
            while True:
                pipe.send(_do(worker, pipe.recv(), pipe.send))
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            pipe.send(_sendable(error))


def _sendable(error: Exception) -> Exception:
    error.add_note(traceback.format_exc())
    try:
        found: Any = pickle.loads(pickle.dumps(error))  # noqa: S301 - it is our own
    except Exception:
        return RuntimeError(traceback.format_exc())
    return error if isinstance(found, Exception) else RuntimeError(str(error))
