"""Breaks one rule of the writer's protocol at a time. The exploration must find each."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

from avro_writer import attempt, container, run
from avro_writer.attempt import NEWER_CODE_WAIT, Held, Worker
from avro_writer.compaction import Compaction, _ObjectLines
from avro_writer.container import DateFile
from avro_writer.errors import OutOfTime, Overtaken
from avro_writer.lanes import Lane, Layout
from avro_writer.plan import Input, Plan
from avro_writer.quarantine import BadParts, Quarantine
from avro_writer.store import Changed, Missing, Refused
from tests.support.exploration import Faults
from tests.support.ledger import Ledger, landing_key
from tests.support.memory_store import MemoryStore, whole
from tests.support.programs import AskingStore, Change
from tests.support.runs import BEFORE_A, BEFORE_B, other_rules, other_schema, run_program
from tests.support.scenarios import (
    WITH_A_NEWER_ROW,
    all_good,
    few_bad_lines,
    landed_after,
    line_by_line,
    refused,
    set_aside,
)
from tests.support.writer import gz_lines, landed_row, ndjson

_ONE = {"a": ndjson([landed_row(1)])}
_TWO = {"a": ndjson([landed_row(1)]), "b": ndjson([landed_row(2)])}
_TWO_DATES = {"a": ndjson([landed_row(1), landed_row(2, days=1)]), "b": ndjson([landed_row(3)])}
_SAME_DATE = {"a": ndjson([landed_row(n) for n in (1, 2, 3)]), "b": ndjson([landed_row(4)])}


@dataclass(frozen=True)
class Bug:
    """A broken rule.

    Parameters
    ----------
    name
        The broken rule.
    changes
        The code of the two runs, and of the last.
    landed
        The landed objects.
    settings
        For each of the two runs, its arguments without the name.
    given
        Other arguments of the exploration.
    alone
        Whether one run is enough to show it.
    """

    name: str
    changes: tuple[Change, Change, Change]
    landed: dict[str, bytes]
    settings: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    given: Callable[[], dict[str, Any]] = dict
    alone: bool = False

    def explore(self, explore: Callable[..., object]) -> None:
        """Explore it. The exploration should raise a violation."""
        first, second, last = self.changes
        runs = {
            "A": run_program("A", change=first, **self.settings[0]),
            "B": run_program("B", change=second, **self.settings[1]),
        }
        if self.alone:
            del runs["B"]
        explore(self.landed, runs, change=last, **self.given())


def _clock_leaps() -> dict[str, Any]:
    return {"faults": Faults(clocks=1)}


def _everywhere(change: Change) -> tuple[Change, Change, Change]:
    return change, change, change


def _and(change: Change, other: Change) -> Change:
    @contextlib.contextmanager
    def both() -> Iterator[None]:
        with change(), other():
            yield

    return both


def _patch(target: Any, name: str, value: Any) -> Change:
    return lambda: mock.patch.object(target, name, value)


def _method(name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Change:
    """Change a method of both stores: that of the explored runs and that of the last."""

    @contextlib.contextmanager
    def change() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for store in (AskingStore, MemoryStore):
                stack.enter_context(mock.patch.object(store, name, wrap(getattr(store, name))))
            yield

    return change


class _Unconditional:
    """Requests without their conditions."""

    @staticmethod
    def delete(store: AskingStore | MemoryStore, key: str, etag: str) -> None:
        store.remove(key)

    @staticmethod
    def create(store: AskingStore | MemoryStore, key: str, body: bytes | BinaryIO) -> str:
        return store.overwrite(key, whole(body))

    @staticmethod
    def replace(store: AskingStore | MemoryStore, key: str, body: bytes, etag: str) -> str:
        return store.overwrite(key, body)


def _only_below(area: str, name: str) -> Change:
    def wrap(inner: Callable[..., Any]) -> Callable[..., Any]:
        unconditional = getattr(_Unconditional, name)

        def call(store: Any, key: str, *rest: Any) -> Any:
            return (unconditional if area in key else inner)(store, key, *rest)

        return call

    return _method(name, wrap)


def _clean_before_commit() -> AbstractContextManager[object]:
    put = attempt._put

    def put_and_clean(worker: Worker, held: Held, files: Sequence[DateFile]) -> None:
        for each in held.plan.inputs:
            attempt._delete(worker.store, each)
        put(worker, held, files)

    return mock.patch.object(attempt, "_put", put_and_clean)


@contextlib.contextmanager
def _outputs_before_quarantine() -> Iterator[None]:
    put, put_quarantine = attempt._put, Quarantine.put
    late: list[Callable[[], None]] = []

    def later(self: Quarantine, check_time: Callable[[], None]) -> None:
        late.append(lambda: put_quarantine(self, check_time))

    def put_first(worker: Worker, held: Held, files: Sequence[DateFile]) -> None:
        mine = late.pop()
        put(worker, held, files)
        mine()

    with mock.patch.object(attempt, "_put", put_first), mock.patch.object(Quarantine, "put", later):
        yield


def _schema_of_the_day() -> AbstractContextManager[object]:
    write = attempt._write

    def write_with_todays(worker: Worker, held: Held, committed: Any) -> Held:
        if held.plan.schema is not None:
            held = replace(held, plan=replace(held.plan, schema=worker.schema))
        return write(worker, held, committed)

    return mock.patch.object(attempt, "_write", write_with_todays)


@contextlib.contextmanager
def _lanes_without_their_number() -> Iterator[None]:
    def landed(self: Layout, of: int) -> str:
        return f"{self.landing}lanes=1/"

    def own(number: int, count: int, folders: Any, names: Any) -> list[Lane]:
        return [Lane(count, number)]

    with mock.patch.object(Layout, "landed", landed), mock.patch.object(run, "lanes_of_run", own):
        yield


def _random_sync_marker() -> AbstractContextManager[object]:
    class Random(DateFile):
        def __init__(self, day: str, path: Path, plan_id: str, schema: bytes) -> None:
            super().__init__(day, path, f"{plan_id}{next(_RANDOM)}", schema)

    return mock.patch.object(container, "DateFile", Random)


_RANDOM = itertools.count()


def _inputs_in_any_order() -> AbstractContextManager[object]:
    fixed = Plan.from_json.__func__  # type: ignore[attr-defined]

    def shuffled(cls: type[Plan], data: bytes, key: str) -> Plan:
        plan: Plan = fixed(cls, data, key)
        return replace(plan, inputs=plan.inputs[::-1])

    return mock.patch.object(Plan, "from_json", classmethod(shuffled))


def _cut_after_the_fence() -> AbstractContextManager[object]:
    """A plan that is too large is cut in any state."""
    write = attempt._write

    def write_less(worker: Worker, held: Held, committed: Any) -> Held:
        if held.plan.state == "writing" and len(held.plan.inputs) > 1:
            held = attempt._move(worker, held, held.plan.cut(1))
        return write(worker, held, committed)

    return mock.patch.object(attempt, "_write", write_less)


def _named_by_the_proposal() -> AbstractContextManager[object]:
    """Outputs are named after the plan as proposed, even if its inputs have changed."""
    write = attempt._write

    def write_so(worker: Worker, held: Held, committed: Any) -> Held:
        return write(replace(worker, new_id=lambda: held.plan.id), held, committed)

    return mock.patch.object(attempt, "_write", write_so)


def _no_fence() -> AbstractContextManager[object]:
    """Outputs are put while another run may still cut the plan."""
    move = attempt._move

    def skip(worker: Worker, held: Held, plan: Plan) -> Held:
        if plan.state == "writing":
            return replace(held, plan=plan)
        return move(worker, held, plan)

    return mock.patch.object(attempt, "_move", skip)


def _commit_taken_for_granted() -> AbstractContextManager[object]:
    """A refused step counts as done."""
    move = attempt._move

    def careless(worker: Worker, held: Held, plan: Plan) -> Held:
        try:
            return move(worker, held, plan)
        except Overtaken:
            return replace(held, plan=plan)

    return mock.patch.object(attempt, "_move", careless)


def _plan_before_inputs() -> AbstractContextManager[object]:
    """The plan is deleted before the inputs."""

    def clean(worker: Worker, held: Held) -> None:
        with contextlib.suppress(Missing, Changed):
            worker.store.delete(held.key, held.etag)
        for each in held.plan.inputs:
            attempt._delete(worker.store, each)

    return mock.patch.object(attempt, "_clean", clean)


def _refused_taken_for_missing() -> AbstractContextManager[object]:
    """A plan that is fixed does without what S3 refuses."""
    read = Compaction._input

    def read_or_not(self: Compaction, each: Input) -> None:
        with contextlib.suppress(Refused):
            read(self, each)

    return mock.patch.object(Compaction, "_input", read_or_not)


@contextlib.contextmanager
def _lane_waits_for_what_is_refused() -> Iterator[None]:
    """As if the run had no time for more."""
    clean, write = attempt._clean, attempt._write

    def stop(inner: Callable[..., Any]) -> Callable[..., Any]:
        def call(worker: Worker, *rest: Any) -> Any:
            def refuse(each: Input, error: Exception) -> None:
                raise OutOfTime

            try:
                return inner(replace(worker, set_aside=refuse), *rest)
            except Refused:
                raise OutOfTime from None

        return call

    with mock.patch.multiple(attempt, _clean=stop(clean), _write=stop(write)):
        yield


def _inputs_of_the_set_aside_are_free() -> AbstractContextManager[object]:
    return mock.patch.object(Plan, "held_aside", frozenset())


def _lane_ends_with_its_plan() -> AbstractContextManager[object]:
    """Nothing stays of a lane whose plan is done, whatever is set aside there."""

    def leave(worker: Worker, held: Held) -> Held:
        with contextlib.suppress(Missing, Changed):
            worker.store.delete(held.key, held.etag)
        return replace(held, plan=held.plan.left())

    return mock.patch.object(attempt, "_leave", leave)


def _what_stays_undeleted_is_forgotten() -> AbstractContextManager[object]:
    delete = attempt._delete

    def try_to(store: Any, each: Input) -> None:
        with contextlib.suppress(Refused):
            delete(store, each)

    return mock.patch.object(attempt, "_delete", try_to)


def _run_decides_what_goes_whole() -> AbstractContextManager[object]:
    return mock.patch.object(Plan, "goes_whole", True)


def _commits_look_alike() -> AbstractContextManager[object]:
    written = Plan.written_by

    def without_its_author(self: Plan, run: str, by: str, inputs: tuple[Input, ...]) -> Plan:
        return written(self, run, "", inputs)

    return mock.patch.object(Plan, "written_by", without_its_author)


@contextlib.contextmanager
def _copies_by_place() -> Iterator[None]:
    """A copy has the place of its object among the plan's inputs for its name."""
    begin = Compaction.__init__

    def begin_with(self: Compaction, plan: Plan, *rest: Any) -> None:
        (kept,) = (each for each in rest if isinstance(each, Quarantine))
        vars(kept)["inputs"] = plan.inputs
        begin(self, plan, *rest)

    def by_place(self: Quarantine, source: Input) -> str:
        return f"{self._prefix}objects/{vars(self)['inputs'].index(source):06d}"

    with (
        mock.patch.object(Compaction, "__init__", begin_with),
        mock.patch.object(Quarantine, "copy_key", by_place),
    ):
        yield


def _too_many_bad_lines_without_a_copy() -> AbstractContextManager[object]:
    add = BadParts.add_rest

    def add_without(self: BadParts, number: int, count: int) -> None:
        copy = self._copy
        add(self, number, count)
        self._copy = copy

    return mock.patch.object(BadParts, "add_rest", add_without)


def _nothing_waits_for_newer_code() -> AbstractContextManager[object]:
    return mock.patch.object(attempt, "_may_wait", lambda worker, each: False)


def _what_waits_is_left_in_the_middle() -> AbstractContextManager[object]:
    """An object waits, though some of its rows are among what was made."""
    never = property(lambda self: False, lambda self, value: None)
    return mock.patch.object(_ObjectLines, "any_taken", never, create=True)


def _a_fixed_plan_lets_objects_wait() -> AbstractContextManager[object]:
    return mock.patch.object(Compaction, "_waits", lambda self, each: self._may_wait(each))


def _waits_in_the_eyes_of_one() -> dict[str, Any]:
    return {"before": landed_after(BEFORE_B - NEWER_CODE_WAIT / timedelta(hours=1))}


def _newer_row() -> dict[str, Any]:
    return {"ledger": all_good(), "before": landed_after(BEFORE_A)}


def _rewritten() -> dict[str, Any]:
    ledger = Ledger(twice=True)
    return {
        "ledger": ledger,
        "events": lambda of: {"a is rewritten": of.event("a", ndjson([landed_row(9)]))},
    }


def _other_code() -> dict[str, Any]:
    return {"ledger": Ledger(exact=False), "identical": False}


_DISPUTED = {"a": gz_lines(landed_row(1), landed_row(2, table_name="disputed"))}

_LANE_OF_TWO = next(each for each in (0, 1) if Lane(2, each).holds(landing_key("a")))

BUGS = [
    Bug(
        "inputs are deleted whatever they are now",
        _everywhere(_only_below("/landing/", "delete")),
        _ONE,
        given=_rewritten,
    ),
    Bug("inputs are deleted before the commit", _everywhere(_clean_before_commit), _ONE),
    Bug(
        "outputs are put before the quarantine",
        (
            _and(other_rules, _outputs_before_quarantine),
            _outputs_before_quarantine,
            _outputs_before_quarantine,
        ),
        _DISPUTED,
        given=_other_code,
    ),
    Bug(
        "the schema of the day is written",
        (_and(other_schema, _schema_of_the_day), _schema_of_the_day, _schema_of_the_day),
        _ONE,
    ),
    Bug(
        "an object's lane changes with the number of lanes",
        _everywhere(_lanes_without_their_number),
        _ONE,
        settings=({}, {"lane": _LANE_OF_TWO, "lanes": 2}),
        given=lambda: {"lanes": 2},
    ),
    Bug("the sync marker is random", _everywhere(_random_sync_marker), _ONE),
    Bug("inputs are read in any order", _everywhere(_inputs_in_any_order), _SAME_DATE),
    Bug("a plan is put over another's", _everywhere(_only_below("/compaction/", "create")), _ONE),
    Bug(
        "a plan is moved on over another's",
        _everywhere(_only_below("/compaction/", "replace")),
        _TWO,
        given=_clock_leaps,
    ),
    Bug(
        "an output is put over another",
        _everywhere(_and(_only_below("/avro/", "create"), _random_sync_marker)),
        _ONE,
    ),
    Bug(
        "outputs are put before the plan is fixed", _everywhere(_no_fence), _TWO, given=_clock_leaps
    ),
    Bug("a plan is cut when it is fixed", _everywhere(_cut_after_the_fence), _SAME_DATE),
    Bug(
        "a refused step counts as taken",
        _everywhere(_commit_taken_for_granted),
        _TWO,
        given=_clock_leaps,
    ),
    Bug(
        "outputs are named by the plan as it was proposed",
        _everywhere(_named_by_the_proposal),
        _TWO,
        given=lambda: {"faults": Faults(clocks=1, delayed=1)},
        alone=True,
    ),
    Bug("the plan is deleted before its inputs", _everywhere(_plan_before_inputs), _ONE),
    Bug(
        "what S3 refuses counts as missing",
        _everywhere(_refused_taken_for_missing),
        _TWO_DATES,
        given=lambda: {"events": refused("read")},
        alone=True,
    ),
    *(
        Bug(
            f"a lane waits for what S3 refuses to {method}",
            _everywhere(_lane_waits_for_what_is_refused),
            _TWO,
            given=lambda method=method: {"events": refused(method)},  # type: ignore[misc]
            alone=True,
        )
        for method in ("read", "delete")
    ),
    Bug(
        "what S3 refuses to delete is forgotten",
        _everywhere(_what_stays_undeleted_is_forgotten),
        _TWO,
        given=lambda: {"events": refused("delete")},
        alone=True,
    ),
    Bug(
        "a plan that is set aside does not hold its inputs",
        _everywhere(_inputs_of_the_set_aside_are_free),
        _TWO_DATES,
        given=lambda: {"events": refused("read")},
        alone=True,
    ),
    Bug(
        "what is set aside goes with the lane's next plan",
        _everywhere(_lane_ends_with_its_plan),
        _TWO_DATES,
        given=lambda: {"before": set_aside},
        alone=True,
    ),
    Bug(
        "a run decides that an object goes whole, and not the plan",
        (_run_decides_what_goes_whole, contextlib.nullcontext, contextlib.nullcontext),
        _ONE,
    ),
    Bug(
        "two runs of one name commit alike",
        _everywhere(_commits_look_alike),
        _ONE,
        settings=({"request_id": "R"}, {"request_id": "R"}),
    ),
    Bug(
        "copies are named by their place in the plan",
        _everywhere(_copies_by_place),
        {"a": ndjson([landed_row(1)]), "b": b"no gzip"},
        given=lambda: {"events": refused("read")},
        alone=True,
    ),
    Bug(
        "a row with a new column goes to quarantine at once",
        (_nothing_waits_for_newer_code, _nothing_waits_for_newer_code, other_schema),
        WITH_A_NEWER_ROW,
        given=_newer_row,
        alone=True,
    ),
    Bug(
        "an object waits for newer code after rows of it were taken",
        _everywhere(_and(line_by_line, _what_waits_is_left_in_the_middle)),
        WITH_A_NEWER_ROW,
        given=_newer_row,
        alone=True,
    ),
    Bug(
        "a fixed plan lets an object wait for newer code",
        _everywhere(_and(line_by_line, _a_fixed_plan_lets_objects_wait)),
        {"a": WITH_A_NEWER_ROW["b"]},
        given=_waits_in_the_eyes_of_one,
    ),
    Bug(
        "the rest of an object with too many bad lines has no copy",
        _everywhere(_and(few_bad_lines, _too_many_bad_lines_without_a_copy)),
        {"a": gz_lines(b"1", b"2", landed_row(1))},
        alone=True,
    ),
]
