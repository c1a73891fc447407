"""Long histories of three runs and what others do meanwhile, made up by Hypothesis."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from avro_writer.errors import ObjectsSetAside
from tests.support import writer
from tests.support.ledger import Ledger, landing_key
from tests.support.memory_store import MemoryStore
from tests.support.programs import PLENTY, UP, Life
from tests.support.runs import FOLDER, NOW, other_rules, other_schema
from tests.support.writer import gz_lines, landed_row, ndjson

_CODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "today's": nullcontext,
    "stricter": other_rules,
    "a column more": other_schema,
}


class Histories(RuleBasedStateMachine):
    """Three runs at most are at work; each goes on request by request, when its turn comes."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore(now=NOW, page_size=2)
        self.ledger = Ledger(exact=False)
        self.rows = itertools.count()
        self.names = itertools.count()
        self.lanes = 1
        self.lives: list[tuple[Life, Callable[[], AbstractContextManager[object]]]] = []

    @rule(corrupt=st.booleans(), days=st.integers(0, 2), count=st.integers(1, 3))
    def land(self, corrupt: bool, days: int, count: int) -> None:
        rows = [landed_row(next(self.rows), days=each % (days + 1)) for each in range(count)]
        name = f"{next(self.names):04d}"
        body = b"no gzip " + name.encode() if corrupt else gz_lines(*rows, rows[0], b"bad")
        self.ledger.land(self.store, name, body, self.lanes)

    @rule()
    def land_what_codes_do_not_agree_on(self) -> None:
        row = landed_row(next(self.rows), table_name="disputed")
        self.ledger.land(self.store, f"{next(self.names):04d}", ndjson([row]), self.lanes)

    @rule(first=st.booleans())
    def land_what_newer_code_takes(self, first: bool) -> None:
        rows = [landed_row(next(self.rows)), landed_row(next(self.rows), added="x")]
        name = next(self.names)
        key = landing_key(f"{name:04d}", self.lanes)
        self.ledger.land(
            self.store, f"{name:04d}", ndjson(rows[::-1] if first else rows), self.lanes
        )
        # To the runs of the next hours it is young.
        self.store.put(key, self.store.kept[key][0], NOW + timedelta(hours=name))

    @precondition(lambda self: self._landing())
    @rule(data=st.data())
    def rewrite(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self._landing()))
        before = self.store.kept[key][0]
        if not before.startswith(b"no gzip"):
            # As Firehose does: the same rows once more, and others.
            self.ledger.rewrite(self.store, key, before + ndjson([landed_row(next(self.rows))]))

    @precondition(lambda self: self._landing())
    @rule(data=st.data(), method=st.sampled_from(["read", "delete"]))
    def refuse(self, data: st.DataObject, method: str) -> None:
        self.store.refuse(method, data.draw(st.sampled_from(self._landing())))

    @precondition(lambda self: self.store.refused("read") or self.store.refused("delete"))
    @rule()
    def refuse_nothing_more(self) -> None:
        self.store.give()

    @rule(lanes=st.integers(1, 3))
    def change_the_number_of_lanes(self, lanes: int) -> None:
        self.lanes = lanes

    @precondition(lambda self: len(self.lives) < 3)
    @rule(
        code=st.sampled_from(sorted(_CODES)),
        lane=st.integers(0, 2),
        most=st.sampled_from([1, 2, 9]),
    )
    def begin_a_run(self, code: str, lane: int, most: int) -> None:
        # Every other run finds each plan stale, whichever comes first.
        name = next(self.names)
        now = NOW + timedelta(hours=name)
        given: dict[str, Any] = {"lanes": self.lanes, "lane": lane % self.lanes}

        def main(store: Any, left: Callable[[], float]) -> None:
            with suppress(ObjectsSetAside):
                writer.run(
                    store,
                    now=lambda: now,
                    clock_left=left,
                    run_id=f"run-{name}",
                    folder=FOLDER,
                    max_plan_objects=most,
                    **given,
                )

        life = Life(main)
        with _CODES[code]():
            life.begin()
        self.lives.append((life, _CODES[code]))

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), requests=st.integers(1, 12), lost=st.booleans(), hurry=st.booleans())
    def go_on(self, data: st.DataObject, requests: int, lost: bool, hurry: bool) -> None:
        number = data.draw(st.integers(0, len(self.lives) - 1))
        life, code = self.lives[number]
        for _ in range(requests):
            if life.asked is None:
                self.lives.remove((life, code))
                return
            answer = life.asked.apply(self.store)
            if lost:
                # The client sends it again, and has the second answer.
                answer = life.asked.apply(self.store)
            with code():
                life.go_on(answer, UP if hurry else PLENTY)

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        life, _ = self.lives.pop(data.draw(st.integers(0, len(self.lives) - 1)))
        life.kill()

    @invariant()
    def nothing_is_lost(self) -> None:
        self.ledger.check(self.store)

    def teardown(self) -> None:
        for life, _ in self.lives:
            life.kill()
        self.store.now += timedelta(days=30)
        self._run_all()
        self.ledger.check_rest(self.store)
        self.store.give()
        self._run_all()
        self.ledger.check_end(self.store)

    def _run_all(self) -> None:
        # What was rewritten before a run's eyes is the next one's.
        for _, lane in itertools.product(range(2), range(self.lanes)):
            with suppress(ObjectsSetAside):
                writer.run(self.store, lane=lane, lanes=self.lanes, folder=FOLDER)

    def _landing(self) -> list[str]:
        return self.store.keys("data-pipeline/landing/")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40)
