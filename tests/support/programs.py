"""Divides a program at its S3 requests: finds its next request from all answers so far.

A run of the writer depends only on the answers of S3 and of its clock. So these answers determine
its position: two schedules with the same answers lead to the same position. Its next request there
is found once, by running it again from the start.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple

from avro_writer.store import AlreadyThere, Changed, LandedObject, Missing, Refused
from tests.support.memory_store import MemoryStore, whole

REFUSALS = (Missing, Changed, AlreadyThere, Refused)
MUTATING = ("create", "replace", "delete", "remove")

Main = Callable[["AskingStore", Callable[[], float]], object]
Change = Callable[[], AbstractContextManager[object]]

_MOST_WAITING = 64

# Executions start by the thousand, and a new thread for each would take longer than many of them.
_TO_LIVE: SimpleQueue[Callable[[], None]] = SimpleQueue()
_IDLE = threading.Semaphore(0)

# The time left of a run, in seconds.
PLENTY, ENOUGH_READ, UP = 300.0, 150.0, 10.0


class Request(NamedTuple):
    """One request to S3: a method of `MemoryStore`, and its arguments."""

    method: str
    arguments: tuple[Any, ...]

    @property
    def key(self) -> str:
        """The request's key or prefix."""
        return str(self.arguments[0])

    def apply(self, store: MemoryStore) -> Any:
        """Carry out the request; return the answer, or the refusal, as a value."""
        try:
            answer = getattr(store, self.method)(*self.arguments)
        except REFUSALS as refusal:
            return type(refusal)
        if self.method == "page" and "/compaction/" in self.key:
            # The writer reads only the names of plans, so states that differ in other metadata
            # are the same.
            page, more = answer
            return tuple(LandedObject(p.key, "", 0, p.last_modified) for p in page), more
        if self.method == "read":
            return bytes(answer.read())
        return tuple(answer) if isinstance(answer, list) else answer


class AskingStore:
    """A `Store` that passes every request to a function."""

    def __init__(self, ask: Callable[[Request], Any]) -> None:
        self._hand_over = ask

    def _ask(self, method: str, *arguments: Any) -> Any:
        answer = self._hand_over(Request(method, arguments))
        if isinstance(answer, type) and issubclass(answer, REFUSALS):
            raise answer(arguments[0])
        return answer

    def objects(self, prefix: str, after: str = "") -> Iterator[LandedObject]:
        more = True
        while more:
            page, more = self._ask("page", prefix, after)
            yield from page
            after = page[-1].key if page else after

    def folders(self, prefix: str) -> list[str]:
        return list(self._ask("folders", prefix))

    def read(self, key: str, etag: str) -> BinaryIO:
        return io.BytesIO(self._ask("read", key, etag))

    def find(self, key: str) -> tuple[bytes, str] | None:
        found: tuple[bytes, str] | None = self._ask("find", key)
        return found

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        return str(self._ask("create", key, whole(body)))

    def replace(self, key: str, body: bytes, etag: str) -> str:
        return str(self._ask("replace", key, body, etag))

    def delete(self, key: str, etag: str) -> None:
        self._ask("delete", key, etag)

    def overwrite(self, key: str, body: bytes) -> str:
        return str(self._ask("overwrite", key, body))

    def remove(self, key: str) -> None:
        self._ask("remove", key)


class _Stop(BaseException):
    """The program has made a request that has no answer yet."""


@dataclass(eq=False)
class Point:
    """A position of a program: its next request, or None if it has ended.

    ``answers`` lead to the position, each with the clock's time left after it.
    """

    request: Request | None
    answers: tuple[tuple[Hashable, float], ...]
    next: dict[tuple[Hashable, float], Point] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """The time left on the program's clock here, in seconds."""
        return self.answers[-1][1] if self.answers else PLENTY


class Program:
    """A program, as a tree of points.

    Parameters
    ----------
    main
        Runs the program, with a store and a clock that returns the seconds left.
    change
        Applied while the program runs, but not while it waits for an answer: changes its code.
    """

    def __init__(self, main: Main, change: Change = contextlib.nullcontext) -> None:
        self._main = main
        self._change = change
        # Executions suspended at the latest points. They need not start again.
        self._waiting: OrderedDict[Point, Life] = OrderedDict()
        self.points = 0
        life = Life(main)
        with change():
            life.begin()
        self.start = self._found(life, ())

    def after(self, point: Point, answer: Hashable, left: float) -> Point:
        """Return the position after an answer."""
        found = point.next.get((answer, left))
        if found is None:
            life = self._waiting.pop(point, None)
            answers = *point.answers, (answer, left)
            with self._change():
                if life is None:
                    life = Life(self._main, answers)
                    life.begin()
                else:
                    life.go_on(answer, left)
            found = self._found(life, answers)
            point.next[answer, left] = found
        return found

    def end(self) -> None:
        """End the suspended executions."""
        for life in self._waiting.values():
            life.kill()
        self._waiting.clear()

    def _found(self, life: Life, answers: tuple[tuple[Hashable, float], ...]) -> Point:
        self.points += 1
        point = Point(life.asked, answers)
        if life.asked is not None:
            self._waiting[point] = life
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popitem(last=False)[1].kill()
        return point


class Life:
    """One execution of a program, on a thread that never runs at the same time as another.

    Parameters
    ----------
    main
        Runs the program.
    answers
        Those to its first requests, each with the clock's time left after it, in seconds. It gets
        them without a change of threads.
    """

    def __init__(self, main: Main, answers: Sequence[tuple[Hashable, float]] = ()) -> None:
        self.asked: Request | None = None
        self._main = main
        self._answers = deque(answers)
        self._left = PLENTY
        self._dying = False
        # Each is held until the other thread may go on.
        self._resumed, self._paused = threading.Lock(), threading.Lock()
        self._resumed.acquire()
        self._paused.acquire()
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Run to the first request that has no answer yet."""
        if not _IDLE.acquire(blocking=False):
            threading.Thread(target=_live_on, daemon=True).start()
        _TO_LIVE.put(self._live)
        self._wait()

    def go_on(self, answer: Hashable, left: float) -> None:
        """Run to the next request, or to the end."""
        self._answers.append((answer, left))
        self._resumed.release()
        self._wait()

    def kill(self) -> None:
        """Stop it at its position, and remove its files."""
        if self.asked is None:
            return
        self._dying = True
        self._resumed.release()
        self._paused.acquire()

    def _wait(self) -> None:
        self._paused.acquire()
        if self._error is not None:
            raise self._error

    def _live(self) -> None:
        try:
            self._main(AskingStore(self._ask), lambda: self._left)
        except _Stop:
            pass
        except BaseException as error:
            self._error = error
        self.asked = None
        self._paused.release()

    def _ask(self, request: Request) -> Hashable:
        if self._dying:
            raise _Stop
        if not self._answers:
            self.asked = request
            self._paused.release()
            self._resumed.acquire()
            if self._dying:
                raise _Stop
        answer, self._left = self._answers.popleft()
        return answer


def _live_on() -> None:
    while True:
        _TO_LIVE.get()()
        _IDLE.release()
