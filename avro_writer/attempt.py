"""One attempt at a plan: from the state in which it is found to its end.

See docs/design.md#the-plan.

Every step may fail, be repeated, or overlap with another run's: the conditions of `Store` decide
who goes on, and what was done already is found done.
"""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from avro_writer.compaction import Capacity, Compaction, Counts
from avro_writer.container import DateFile
from avro_writer.deadline import Deadline
from avro_writer.errors import DiskFull, OutOfTime, Overtaken, UnreadablePlan
from avro_writer.lanes import Layout
from avro_writer.plan import Input, Plan
from avro_writer.quarantine import Quarantine
from avro_writer.store import AlreadyThere, Changed, Missing, Store
from schemas import SchemaError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Held:
    """A plan as it stands in S3: under this key, with this ETag."""

    plan: Plan
    key: str
    etag: str


@dataclass(frozen=True)
class Worker:
    """What an attempt needs of the run that makes it.

    Parameters
    ----------
    store, layout
        The bucket, and where things lie in it.
    deadline
        The end of the run.
    now
        Returns the time, aware.
    run_id, run_until
        As in `Plan`.
    new_id
        Returns another plan id each time.
    schema
        The Avro schema of today, for plans that have none yet.
    first_partition_date
        As in `Settings`.
    capacity
        What one plan may hold.
    folder
        Where on local disk files are made; the system's place for them if None.
    """

    store: Store
    layout: Layout
    deadline: Deadline
    now: Callable[[], datetime]
    run_id: str
    run_until: float
    new_id: Callable[[], str]
    schema: dict[str, Any]
    first_partition_date: date
    capacity: Capacity
    folder: Path | None


def carry_out(worker: Worker, held: Held, committed: Callable[[Plan, Counts], None]) -> Plan:
    """Bring a plan to its end, and return it as it was when all outputs were there.

    Parameters
    ----------
    worker
        Who does it.
    held
        The plan.
    committed
        Called when this attempt has said that all outputs are there, with what the plan came to.

    Raises
    ------
    Overtaken
        Another run has taken the next step: the plan that stands in S3 now says which.
    OutOfTime
        The run's time is up; what was done is found done by the next.
    DiskFull
        Local disk is too small for the plan, and it cannot be made smaller.
    """
    while held.plan.state != "written":
        try:
            held = _write(worker, held, committed)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            held = _smaller(worker, held)
    _clean(worker, held)
    return held.plan


def _move(worker: Worker, held: Held, plan: Plan) -> Held:
    """Put a plan's next state in place of the one that is held."""
    body = plan.to_json()
    try:
        return Held(plan, held.key, worker.store.replace(held.key, body, held.etag))
    except (Changed, Missing):
        # Another run was faster, or the answer to this very put was lost on its way.
        found = worker.store.find(held.key)
        if found is None or found[0] != body:
            raise Overtaken(held.key) from None
        return Held(plan, held.key, found[1])


def _all_there(worker: Worker, inputs: Sequence[Input]) -> bool:
    """Say whether inputs are there as they were read, now that the plan is fixed.

    The step to there proves that the plan stood in S3 as it was found, and not that it stood there
    all the while: a late copy of the put that created it brings the same bytes back, with the
    same ETag, when the plan is done and its inputs are gone.
    """
    if not inputs:
        return True
    missing = {(each.key, each.etag) for each in inputs}
    last = max(each.key for each in inputs)
    # Listed from shortly before the first: its own beginning.
    first = min(each.key for each in inputs)[:-1]
    for each in worker.store.objects(worker.layout.landing, first):
        missing.discard((each.key, each.etag))
        if not missing or each.key >= last:
            break
    return not missing


def _check_held(worker: Worker, held: Held) -> None:
    """Raise `Overtaken` if an input can be gone because another run has written the plan.

    Nobody deletes an input of a plan that is being written. While it is read, an earlier plan may
    have had it.
    """
    if held.plan.state == "reading":
        return
    found = worker.store.find(held.key)
    if found is None or found[1] != held.etag:
        raise Overtaken(held.key)


def _smaller(worker: Worker, held: Held) -> Held:
    count = len(held.plan.inputs)
    if held.plan.state != "reading" or count <= 1:
        raise DiskFull(
            f"local disk is too small for the plan {held.key} of {count} landed objects: give the "
            "function more ephemeral storage; nothing is lost"
        ) from None
    return _move(worker, held, held.plan.cut(count // 2))


def _write(worker: Worker, held: Held, committed: Callable[[Plan, Counts], None]) -> Held:
    plan, layout = held.plan, worker.layout
    if plan.state == "reading":
        # Outputs are named by who read what. A put of the plan as it was proposed may arrive late,
        # when the plan is cut, done and gone: under its old name other inputs would find the
        # outputs there, and be deleted unwritten.
        plan = replace(plan, id=worker.new_id())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=worker.folder)))
        quarantine = stack.enter_context(
            Quarantine(folder, layout.quarantine(plan.id), worker.store)
        )
        # Nothing that is put from here on depends on what is deployed when a plan has its schema.
        schema = worker.schema if plan.schema is None else plan.schema
        try:
            compaction = Compaction(
                plan,
                schema,
                worker.store,
                folder,
                quarantine,
                worker.deadline.check,
                lambda: _check_held(worker, held),
            )
        except SchemaError as error:
            raise UnreadablePlan(
                f"{held.key} was made for a schema that this version cannot write ({error}): "
                "deploy the version that made it until the plan is gone"
            ) from None
        if plan.state == "reading":
            files = _read(worker, held, compaction)
            read = tuple(compaction.read)
            # The fence. Before it nothing was put, so a plan could be cut. After it the inputs
            # are what they are, whoever goes on.
            fixed = plan.fixed(worker.run_id, worker.run_until, read, schema)
            held = _move(worker, held, fixed)
            if not _all_there(worker, read):
                # What this attempt has read another plan has had: read again, what is left of it.
                return held
        else:
            files = compaction.run(lambda: False)
            read = tuple(compaction.read)
        # Before any Avro file: a later attempt may run other code and find other lines bad. What
        # each finds is kept, so no line is left out of both.
        quarantine.put(worker.deadline.check)
        _put(worker, held, files)
    held = _move(worker, held, held.plan.written_by(worker.run_id, read))
    committed(held.plan, _with_projection(worker, compaction.counts, files))
    return held


def _read(worker: Worker, held: Held, compaction: Compaction) -> list[DateFile]:
    """Read as many of the inputs as one plan should have."""
    time = worker.deadline.reading()
    try:
        return compaction.run(lambda: time.over or compaction.fills(worker.capacity))
    except OutOfTime:
        # The next run would come no further: what this one has read is as much as a plan can
        # have. Not so where the run's time was nearly up when it began.
        if time.over and compaction.done:
            with contextlib.suppress(Overtaken):
                _move(worker, held, held.plan.cut(compaction.done))
        raise


def _put(worker: Worker, held: Held, files: Sequence[DateFile]) -> None:
    done = held.plan.put_until
    try:
        for each in files:
            if each.date <= held.plan.put_until:
                continue
            worker.deadline.check()
            with each.open() as body, contextlib.suppress(AlreadyThere):
                # Already there: an earlier attempt has put it, and it is the same file.
                worker.store.create(worker.layout.avro(each.date, held.plan.id), body)
            done = each.date
    except OutOfTime:
        if done > held.plan.put_until:
            with contextlib.suppress(Overtaken):
                _move(worker, held, held.plan.put_to(done))
        raise


def _clean(worker: Worker, held: Held) -> None:
    done = 0
    try:
        for each in held.plan.inputs:
            worker.deadline.check()
            _delete(worker.store, each)
            done += 1
        worker.deadline.check()
    except OutOfTime:
        if done:
            with contextlib.suppress(Overtaken):
                _move(worker, held, held.plan.without_first(done))
        raise
    with contextlib.suppress(Missing, Changed):
        worker.store.delete(held.key, held.etag)


def _delete(store: Store, each: Input) -> None:
    # Missing: an earlier attempt deleted it. Changed: Firehose has rewritten it, and it stays
    # until a later plan takes what it is now.
    with contextlib.suppress(Missing, Changed):
        store.delete(each.key, each.etag)


def _with_projection(worker: Worker, counts: Counts, files: Sequence[DateFile]) -> Counts:
    first = worker.first_partition_date.isoformat()
    # The tables' projection ends at NOW+1DAYS.
    last = (worker.now() + timedelta(days=1)).date().isoformat()
    outside = sum(each.rows for each in files if not first <= each.date <= last)
    return replace(counts, rows_outside_projection=outside)
