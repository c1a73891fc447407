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
from avro_writer.deadline import Deadline, ReadingTime
from avro_writer.errors import AwaitsNewerCode, DiskFull, OutOfTime, Overtaken, UnreadablePlan
from avro_writer.lanes import Layout
from avro_writer.plan import Input, Plan
from avro_writer.quarantine import Quarantine
from avro_writer.store import Changed, Missing, Refused, Store
from avro_writer.table_files import TableFiles
from schemas import SchemaError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

# Longer than any run of older code can go on when newer code is deployed (15 minutes), and than the
# alarm of landed objects that wait takes to say so.
NEWER_CODE_WAIT = timedelta(hours=3)


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
    run_id, run_until, token
        As ``run``, ``run_until`` and ``committed_by`` of `Plan`.
    set_aside
        Called with each input that this run has to leave alone, and why.
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
    token: str
    set_aside: Callable[[Input, Exception], None]
    new_id: Callable[[], str]
    schema: dict[str, Any]
    first_partition_date: date
    capacity: Capacity
    folder: Path | None


def carry_out(worker: Worker, held: Held, committed: Callable[[Plan, Counts], None]) -> Plan:
    """Bring a plan to its end, and return it as it was when all outputs were there.

    What one object or the local disk stands in the way of is set aside: of a plan that is being
    read the object, which a later plan takes; of a plan that is fixed the plan, beside which the
    lane goes on.

    Parameters
    ----------
    worker
        Who does it.
    held
        The plan.
    committed
        Called when this attempt has said that all outputs are there, with what the plan came to.

    Returns
    -------
    Plan
        Without inputs where nothing came of it.

    Raises
    ------
    Overtaken
        Another run has taken the next step: the plan that stands in S3 now says which.
    OutOfTime
        The run's time is up; what was done is found done by the next.
    """
    while held.plan.state in ("reading", "writing"):
        try:
            held = _write(worker, held, committed)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            held = _smaller(worker, held)
        except AwaitsNewerCode as error:
            held = _before(worker, held, error)
        except Refused as error:
            refused = [each for each in held.plan.inputs if each.key == error.key]
            if not refused:
                raise
            # Files of this plan may be there, with rows of the object that is refused now: nobody
            # but this plan may ever write the others.
            worker.set_aside(refused[0], error)
            held = _move(worker, held, held.plan.set_aside(error.key))
    if held.plan.state == "written":
        _clean(worker, held)
    return held.plan


def take_up(worker: Worker, held: Held, plan: Plan) -> Held | None:
    """Put a plan that was set aside in its lane's place again, if its object is not refused now.

    Parameters
    ----------
    worker
        Who does it.
    held
        The lane: it has no other plan in flight.
    plan
        One of those that are set aside there.

    Raises
    ------
    Overtaken
        Another run has changed the lane.
    """
    for each in plan.inputs:
        if each.key != plan.waits_for:
            continue
        try:
            with contextlib.suppress(Missing, Changed):
                if plan.state == "written":
                    worker.store.delete(each.key, each.etag)
                else:
                    worker.store.read(each.key, each.etag).close()
        except Refused as error:
            worker.set_aside(each, error)
            return None
    return _move(worker, held, held.plan.taken_up(plan))


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
    have had it, but a run that was overtaken need not read on either.
    """
    found = worker.store.find(held.key)
    if found is None or found[1] != held.etag:
        raise Overtaken(held.key)


def _smaller(worker: Worker, held: Held) -> Held:
    """Return the plan with half of its inputs; with one alone, or fixed, it is set aside."""
    plan = held.plan
    count = len(plan.inputs)
    if plan.state == "reading" and count > 1:
        return _move(worker, held, plan.cut(count // 2))
    error = DiskFull(
        f"local disk is too small for the plan {held.key} of {count} landed objects, the first of "
        f"them {plan.inputs[0].key}: give the function more ephemeral storage; nothing is lost"
    )
    for each in plan.inputs:
        worker.set_aside(each, error)
    if plan.state == "reading":
        return _leave(worker, held)
    return _move(worker, held, plan.set_aside(""))


def _before(worker: Worker, held: Held, error: AwaitsNewerCode) -> Held:
    """Return the plan with the inputs before the one that waits for newer code.

    Rows of that one are among what was made; nothing was put yet.
    """
    place = [each.key for each in held.plan.inputs].index(error.key)
    worker.set_aside(held.plan.inputs[place], error)
    return _move(worker, held, held.plan.cut(place)) if place else _leave(worker, held)


def _may_wait(worker: Worker, each: Input) -> bool:
    """Say whether newer code may still come for an object: it is young, or not as it was."""
    found = next(worker.store.objects(each.key), None)
    return found is None or found.last_modified > worker.now() - NEWER_CODE_WAIT


def _leave(worker: Worker, held: Held) -> Held:
    """Take the plan out of its lane; what is set aside there stays."""
    left = held.plan.left()
    if left.aside:
        return _move(worker, held, left)
    with contextlib.suppress(Missing, Changed):
        worker.store.delete(held.key, held.etag)
    return replace(held, plan=left)


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
        time = worker.deadline.reading()
        try:
            compaction = Compaction(
                plan,
                schema,
                worker.store,
                folder,
                quarantine,
                time.check,
                lambda: _check_held(worker, held),
                worker.set_aside,
                lambda each: _may_wait(worker, each),
            )
        except SchemaError as error:
            raise UnreadablePlan(
                f"{held.key} was made for a schema that this version cannot write ({error}): "
                "deploy the version that made it until the plan is gone"
            ) from None
        if plan.state == "reading":
            files = _read(worker, held, compaction, time)
            read = tuple(compaction.read)
            if not read:
                # Nothing was there, or S3 refuses all of it. Nothing was put either.
                return _leave(worker, held)
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
    held = _move(worker, held, held.plan.written_by(worker.run_id, worker.token, read))
    committed(held.plan, _with_projection(worker, compaction.counts, files))
    return held


def _read(worker: Worker, held: Held, compaction: Compaction, time: ReadingTime) -> list[DateFile]:
    """Read as many of the inputs as one plan should have."""
    try:
        return compaction.run(lambda: time.over or compaction.fills(worker.capacity))
    except OutOfTime:
        # The next run would come no further: what this one has read is as much as a plan can
        # have. Not so where the run's time was nearly up when it began.
        with contextlib.suppress(Overtaken):
            if time.over and compaction.done:
                _move(worker, held, held.plan.cut(compaction.done))
            elif time.was_used:
                # No object is done, because time that was used is over. Nor may the next run come
                # to the end of this one object. That is for the plan to say, since what becomes of
                # the object then has to be the same for whoever goes on.
                _move(worker, held, held.plan.tried())
        raise


def _put(worker: Worker, held: Held, files: Sequence[DateFile]) -> None:
    table = TableFiles(worker.store, worker.layout, worker.first_partition_date, worker.now)
    done = held.plan.put_until
    try:
        for each in files:
            if each.date <= held.plan.put_until:
                continue
            worker.deadline.check()
            # If it is there already, an earlier attempt has put it, and it is the same file.
            table.put(each, held.plan.id)
            done = each.date
    except OutOfTime:
        if done > held.plan.put_until:
            with contextlib.suppress(Overtaken):
                _move(worker, held, held.plan.put_to(done))
        raise


def _clean(worker: Worker, held: Held) -> None:
    inputs = held.plan.inputs
    refused: list[Input] = []
    done = 0
    try:
        for each in inputs:
            worker.deadline.check()
            try:
                _delete(worker.store, each)
            except Refused as error:
                worker.set_aside(each, error)
                refused.append(each)
            done += 1
    except OutOfTime:
        if done:
            with contextlib.suppress(Overtaken):
                left = held.plan.with_inputs((*refused, *inputs[done:]))
                _move(worker, held, left)
        raise
    if refused:
        # Its rows are in the tables: no other plan may take it.
        left = held.plan.with_inputs(tuple(refused))
        _move(worker, held, left.set_aside(refused[0].key))
    else:
        _leave(worker, held)


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
