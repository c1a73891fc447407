"""One run of the writer: plan after plan until its lanes are empty or its time is up.

See docs/design.md#the-avro-writer.

What becomes of a plan is `attempt`'s; which lanes and objects come next is decided here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path

from avro_writer.attempt import Held, Worker, carry_out
from avro_writer.batch import BatchRules, choose_batch
from avro_writer.compaction import Capacity, Counts
from avro_writer.deadline import Clock, Deadline
from avro_writer.errors import OutOfTime, Overtaken
from avro_writer.lanes import Lane, Layout, lanes_of_run
from avro_writer.plan import Input, Plan, plan_id
from avro_writer.settings import Assignment, Settings
from avro_writer.store import AlreadyThere, LandedObject, Store
from schemas import avro_schema
from telemetry import Log

_LONGEST_RUN = 900.0  # seconds, Lambda's limit


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
    oldest_landed_age
        Age in seconds of the oldest landed object that it saw, 0 if there was none.
    """

    plans: int = 0
    counts: Counts = field(default_factory=Counts)
    out_of_time: bool = False
    lanes_left: int = 0
    oldest_landed_age: float = 0.0


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
    capacity
        What one plan may hold.
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
        capacity: Capacity | None = None,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._store = store
        self._clock = clock
        self._unique = unique
        self._log = log
        self._layout = Layout(settings.prefix, assignment.record_type)
        self._rules = BatchRules(
            max_objects=settings.max_plan_objects,
            max_bytes=settings.max_plan_bytes,
            min_bytes=settings.min_plan_bytes,
            max_wait=timedelta(seconds=settings.max_wait_seconds),
            settle=timedelta(seconds=settings.settle_seconds),
        )
        self._worker = Worker(
            store=store,
            layout=self._layout,
            deadline=Deadline(clock.remaining),
            now=clock.now,
            run_id=run_id,
            run_until=clock.now().timestamp() + clock.remaining(),
            new_id=self._new_id,
            schema=avro_schema(assignment.record_type),
            first_partition_date=settings.first_partition_date,
            capacity=capacity or Capacity(),
            folder=folder,
        )
        self._seen: set[Lane] = set()
        self._taken_until: dict[Lane, str] = {}
        self.report = Report()

    def run(self) -> None:
        """Work until the lanes are empty or the time is nearly up; `report` says what was done.

        Raises
        ------
        Exception
            What the last lane that failed has failed with, when the other lanes are done.
        """
        lanes = lanes_of_run(
            self._assignment.lane,
            self._settings.lanes,
            self._store.folders(self._layout.landing),
            [each.key.rsplit("/", 1)[-1] for each in self._store.objects(self._layout.plans)],
        )
        failure: Exception | None = None
        # One plan of each in turn: a lane with a backlog holds up no other.
        waiting = deque(lanes)
        try:
            while waiting:
                lane = waiting.popleft()
                try:
                    if self._turn(lane):
                        waiting.append(lane)
                except OutOfTime:
                    raise
                except Exception as error:
                    name = f"{lane.number} of {lane.of}"
                    self._log.error("a lane failed", failed_lane=name, error=type(error).__name__)
                    failure = error
        except OutOfTime:
            self.report.out_of_time = True
        if failure is not None:
            raise failure

    def _turn(self, lane: Lane) -> bool:
        """Do one plan of a lane; say whether there may be another."""
        self._worker.deadline.check()
        key = self._layout.plan(lane)
        found = self._store.find(key)
        if found is None:
            try:
                held = self._make_plan(lane, key)
            except AlreadyThere:
                # Another run has the lane, or the answer to this very put was lost: the plan that
                # stands there says which.
                return True
            if held is None:
                return False
        else:
            if lane not in self._seen:
                next(self._landed(lane), None)
            held = Held(Plan.from_json(found[0], key), key, found[1])
            if held.plan.run != self._worker.run_id and self._is_fresh(held.plan):
                self._log.info(
                    "lane left to the run at work there", plan=held.plan.id, run=held.plan.run
                )
                self.report.lanes_left += 1
                return False
        try:
            done = carry_out(self._worker, held, self._committed)
        except Overtaken:
            self._log.info("overtaken by another run", plan=held.plan.id)
            return True
        self.report.plans += 1
        if found is None and [i.key for i in done.inputs] != [i.key for i in held.plan.inputs]:
            # Some of the batch are still there.
            self._taken_until.pop(lane, None)
        return True

    def _is_fresh(self, plan: Plan) -> bool:
        left = plan.run_until - self._clock.now().timestamp()
        # No run lasts longer; a plan that says so was stamped by a clock that is wrong.
        return 0 < left <= _LONGEST_RUN

    def _make_plan(self, lane: Lane, key: str) -> Held | None:
        """Make the lane's next plan; None if there is nothing to do. Raises `AlreadyThere`."""
        now = self._clock.now()
        batch = choose_batch(self._landed(lane), self._rules, now)
        if not batch:
            return None
        plan = Plan(
            id=self._new_id(),
            state="reading",
            record_type=self._assignment.record_type,
            inputs=tuple(Input(each.key, each.etag, each.size) for each in batch),
            run=self._worker.run_id,
            run_until=self._worker.run_until,
        )
        held = Held(plan, key, self._store.create(key, plan.to_json()))
        self._taken_until[lane] = batch[-1].key
        return held

    def _new_id(self) -> str:
        return plan_id(self._clock.now(), self._unique())

    def _landed(self, lane: Lane) -> Iterator[LandedObject]:
        """Yield the lane's landed objects after those that this run has taken, by key."""
        prefix = self._layout.landed(lane.of)
        for each in self._store.objects(prefix, self._taken_until.get(lane, "")):
            if lane.holds(each.key):
                if lane not in self._seen:
                    self._seen.add(lane)
                    self._see(each)
                yield each
        self._seen.add(lane)

    def _see(self, each: LandedObject) -> None:
        age = (self._clock.now() - each.last_modified.astimezone(UTC)).total_seconds()
        self.report.oldest_landed_age = max(self.report.oldest_landed_age, age)

    def _committed(self, plan: Plan, counts: Counts) -> None:
        self.report.counts.add(counts)
        self._log.info("plan written", plan=plan.id, **vars(counts))
