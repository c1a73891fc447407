"""One run of the writer: plan after plan until its lanes are empty or its time is up (design §5).

Every step may fail, be repeated, or overlap with another run's: the conditions of `Store` decide
who goes on, and what was done already is found done.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from avro_writer.compaction import Compaction, Counts
from avro_writer.errors import OutOfTime, UnreadablePlan
from avro_writer.lanes import Lane, Layout, lanes_of_run
from avro_writer.plan import BatchRules, Input, Plan, choose_batch, plan_id
from avro_writer.quarantine import Quarantine
from avro_writer.settings import Assignment, Settings
from avro_writer.store import AlreadyThere, Changed, Missing, Store
from schemas import avro_schema
from telemetry import Log

# What finishing a step, writing the report and returning may take. Seconds.
_MARGIN = 15.0
_LONGEST_RUN = 900.0  # seconds, Lambda's limit


@dataclass(frozen=True)
class Clock:
    """Time as a run needs it.

    Parameters
    ----------
    now
        Returns the time, aware.
    remaining
        Returns the seconds that the run has left.
    """

    now: Callable[[], datetime]
    remaining: Callable[[], float]


@dataclass
class Report:
    """What a run did.

    Parameters
    ----------
    plans
        Plans that it finished.
    counts
        What they came to.
    out_of_time
        Its time was up before its lanes were empty.
    lanes_left
        Lanes that it left to another run which is at work there.
    """

    plans: int = 0
    counts: Counts = field(default_factory=Counts)
    out_of_time: bool = False
    lanes_left: int = 0


class Run:
    """One run over the lanes of one assignment.

    Parameters
    ----------
    settings, assignment
        What to work on.
    store
        The bucket.
    clock
        Time.
    run_id
        Names the run in its plans: Lambda's request id.
    unique
        Returns letters and digits, other ones each time.
    log
        Where it says what it does.
    folder
        Where on local disk files are made; the system's place for them unless given.
    """

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        store: Store,
        clock: Clock,
        run_id: str,
        unique: Callable[[], str],
        log: Log,
        folder: Path | None = None,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._store = store
        self._clock = clock
        self._run_id = run_id
        self._unique = unique
        self._log = log
        self._folder = folder
        self._layout = Layout(settings.prefix, assignment.record_type)
        self._rules = BatchRules(
            max_objects=settings.max_plan_objects,
            max_bytes=settings.max_plan_bytes,
            min_bytes=settings.min_plan_bytes,
            max_wait=timedelta(seconds=settings.max_wait_seconds),
            settle=timedelta(seconds=settings.settle_seconds),
        )
        self.report = Report()

    def run(self) -> None:
        """Work until the lanes are empty or the time is nearly up; `report` says what was done.

        Raises
        ------
        UnreadablePlan
            Of the last lane that has one, when the other lanes are done.
        """
        lanes = lanes_of_run(
            self._assignment.lane,
            self._settings.lanes,
            self._store.folders(self._layout.landing),
            [each.key.rsplit("/", 1)[-1] for each in self._store.objects(self._layout.plans)],
        )
        unreadable: UnreadablePlan | None = None
        try:
            for lane in lanes:
                try:
                    self._drain(lane)
                except UnreadablePlan as error:
                    unreadable = error
        except OutOfTime:
            self.report.out_of_time = True
        if unreadable is not None:
            raise unreadable

    def _check_time(self) -> None:
        if self._clock.remaining() < _MARGIN:
            raise OutOfTime

    def _drain(self, lane: Lane) -> None:
        key = self._layout.plan(lane)
        while True:
            self._check_time()
            found = self._store.find(key)
            if found is not None:
                body, etag = found
                plan = Plan.from_json(body, key)
                if plan.run != self._run_id and self._is_fresh(plan):
                    self._log.info("lane left to the run at work there", plan=plan.id, run=plan.run)
                    self.report.lanes_left += 1
                    return
            else:
                made = self._make_plan(lane)
                if made is None:
                    return
                plan = made
                try:
                    etag = self._store.create(key, plan.to_json())
                except AlreadyThere:
                    # Another run has the lane, or the answer to this very put was lost: the plan
                    # that stands there says which.
                    continue
            self._carry_out(plan, key, etag)

    def _is_fresh(self, plan: Plan) -> bool:
        left = plan.run_until - self._clock.now().timestamp()
        # No run lasts longer; a plan that says so was stamped by a clock that is wrong.
        return 0 < left <= _LONGEST_RUN

    def _make_plan(self, lane: Lane) -> Plan | None:
        now = self._clock.now()
        landed = self._store.objects(self._layout.landed(lane.of))
        batch = choose_batch((each for each in landed if lane.holds(each.key)), self._rules, now)
        if not batch:
            return None
        return Plan(
            id=plan_id(now, self._unique()),
            state="writing",
            record_type=self._assignment.record_type,
            schema=avro_schema(self._assignment.record_type),
            inputs=tuple(Input(each.key, each.etag, each.size) for each in batch),
            run=self._run_id,
            run_until=now.timestamp() + self._clock.remaining(),
        )

    def _carry_out(self, plan: Plan, key: str, etag: str) -> None:
        if plan.state == "writing":
            counts, read = self._write(plan)
            plan = plan.written_by(self._run_id, read)
            committed = self._commit(plan, key, etag)
            if committed is None:
                return
            etag = committed
            self.report.counts.add(counts)
            self._log.info("plan written", plan=plan.id, **vars(counts))
        self._clean(plan, key, etag)
        self.report.plans += 1

    def _commit(self, plan: Plan, key: str, etag: str) -> str | None:
        """Say that all outputs are there; None if another run has said so first."""
        try:
            return self._store.replace(key, plan.to_json(), etag)
        except (Changed, Missing):
            # Another run was faster, or the answer to this very put was lost on its way.
            found = self._store.find(key)
            if found is None:
                return None
            body, found_etag = found
            return found_etag if body == plan.to_json() else None

    def _write(self, plan: Plan) -> tuple[Counts, tuple[Input, ...]]:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._folder)))
            quarantine = stack.enter_context(
                Quarantine(
                    folder / "entries.jsonl.gz", self._layout.quarantine(plan.id), self._store
                )
            )
            compaction = Compaction(plan, self._store, folder, quarantine, self._check_time)
            files = compaction.run()
            quarantine.finish()
            for each in files:
                self._check_time()
                with each.path.open("rb") as body:
                    try:
                        self._store.create(self._layout.avro(each.date, plan.id), body)
                    except AlreadyThere:
                        # An earlier attempt at this plan put it, and it is the same file.
                        continue
            return compaction.counts, tuple(compaction.read)

    def _clean(self, plan: Plan, key: str, etag: str) -> None:
        for each in plan.inputs:
            self._check_time()
            try:
                self._store.delete(each.key, each.etag)
            except (Missing, Changed):
                # Missing: an earlier attempt deleted it. Changed: Firehose has rewritten it, and it
                # stays until a later plan takes what it is now.
                continue
        try:
            self._store.delete(key, etag)
        except (Missing, Changed):
            return
