"""What questions of the current state read of a year of changes, and what a refresh reads.

Usage: ``python -m tests.trino.reads --write`` measures on a real Trino and writes the figures into
``docs/tables.md``.

The year is small enough for a laptop. So the page has ratios, and says what they depend on.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from textwrap import fill
from typing import Any

from trino.dbapi import Cursor

from catalog.current.view import refreshed_view_of
from catalog.views import view_of
from demo.feed.generator import generate
from emulation.emulator import embedded_emulator
from infra.stack_config import REPOSITORY
from schemas import table
from tests.docs.one_record import glue_tables
from tests.support.proxy import ProxyHandler, Request, proxy
from tests.support.state_machine import interpreter
from tests.trino import expected
from tests.trino.refreshed import Place, Row
from tests.trino.server import Tools, Trino, find_tools, started

PAGE = REPOSITORY / "docs" / "tables.md"

DAYS, RECORDS, CHANGES_EACH = 365, 2_000, 40

_BUCKET = "a-year-of-changes"
_TYPE = "demand"
_GENERATED = 6_000
_REMOVED_SHARE = 0.25
_BLOCK = re.compile(
    r"(<!-- measured: what each way reads -->\n).*?(<!-- end of measured -->)", re.DOTALL
)
_COUNT = "SELECT status, count(*) FROM ({}) GROUP BY status"


@dataclass(frozen=True)
class Read:
    """What was read.

    Parameters
    ----------
    size
        How many bytes.
    listed
        How many prefixes were listed in S3.
    """

    size: int
    listed: int


@dataclass(frozen=True)
class Measured:
    """What was read for each purpose."""

    latest: Read
    current: Read
    day: Read
    first_refresh: Read
    refresh: Read

    @property
    def refreshes_a_day(self) -> float:
        """What the refreshes of a day read, in proportion to a question of all changes."""
        return 24 * self.share(self.refresh)

    def share(self, read: Read) -> float:
        """Return what was read in proportion to what a question of all changes reads."""
        return read.size / self.latest.size


class _Counting(ProxyHandler):
    listed = 0

    def serve(self, request: Request) -> None:
        type(self).listed += "list-type=2" in request.target
        answer = self.forward(request)
        lengths = [v for name, v in answer.headers if name.lower() == "content-length"]
        # The answer to HEAD has a length and no body.
        is_head = request.method == "HEAD" and lengths
        self.answer(answer, promised=int(lengths[0]) if is_head else None)


@dataclass
class _Meter:
    """Counts what queries read."""

    trino: Trino
    cursors: list[Cursor]

    def run(self, sql: str, database: str) -> None:
        """Run a query."""
        cursor = replace(self.trino, schema=database).cursor(sql)
        cursor.fetchall()
        self.cursors.append(cursor)

    @contextmanager
    def reading(self) -> Iterator[list[Read]]:
        """Yield a list that has, at the end, what was read meanwhile."""
        self.cursors.clear()
        before, read = _Counting.listed, list[Read]()
        yield read
        size = sum(each.stats["physicalInputBytes"] for each in self.cursors)
        read.append(Read(size, _Counting.listed - before))


def measure(tools: Tools) -> Measured:
    """Make the year of changes, refresh its current state, and ask."""
    today = dt.datetime.now(dt.UTC).date()
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_emulator() as endpoint,
        proxy(endpoint.url, _Counting) as counted,
        started(tools, counted, "year") as trino,
    ):
        endpoint.client("s3").create_bucket(Bucket=_BUCKET)
        like = next(each for each in glue_tables(Path(folder)) if each["Name"] == _TYPE)
        first = today - dt.timedelta(days=DAYS - 1)
        place = Place(endpoint, trino, _BUCKET, "year", like, first, table(_TYPE))
        for each in _files(first):
            place.put(place.at_first, *each)
        trino.wait(f"SELECT count(*) FROM {_TYPE} WHERE partition_date = '{first}'")
        return _measured(place, _Meter(trino, []), today)


def _measured(place: Place, meter: _Meter, today: dt.date) -> Measured:
    described, now = place.at_first, dt.datetime.now(dt.UTC)
    refresh = place.refresh(described)
    with interpreter(place.endpoint, meter.run) as made:
        reads = []
        for number in range(2):
            with meter.reading() as read:
                done = made.run(refresh, name=f"refresh{number}", started=now)
            assert done.status == "SUCCEEDED", done.cause
            reads += read
    day = today - dt.timedelta(days=100)
    for source in (
        view_of(described).sql,
        refreshed_view_of(described, place.current_database).sql,
        f"SELECT * FROM {_TYPE} WHERE partition_date = '{day}'",
    ):
        with meter.reading() as read:
            meter.run(_COUNT.format(source), place.database)
        reads += read
    first_refresh, refreshed, latest, current, of_day = reads
    return Measured(latest, current, of_day, first_refresh, refreshed)


def _files(first: dt.date) -> Iterator[tuple[dt.date, str, list[Row]]]:
    """The year's files, one a day: the made-up changes of demands, moved to other records."""
    lines = [each.data for each in generate(1, _GENERATED, "demands")]
    rows = [
        row for row in expected.rows(lines, _TYPE, REPOSITORY / "schemas") if not row["is_deleted"]
    ]
    random = Random(1)
    begin = (first - dt.date(1970, 1, 1)).days * 86_400_000_000
    left = dict.fromkeys(range(RECORDS), CHANGES_EACH)
    a_day = -(-RECORDS * CHANGES_EACH // DAYS)
    for day in range(DAYS):
        made = []
        for number, record in enumerate(random.sample(sorted(left), min(a_day, len(left)))):
            left[record] -= 1
            is_deleted = left[record] == 0 and random.random() < _REMOVED_SHARE
            micros = begin + day * 86_400_000_000 + number * 1_000_000
            made.append(_moved(random.choice(rows), record, micros, is_deleted))
            if not left[record]:
                del left[record]
        yield first + dt.timedelta(days=day), "plan", made


def _moved(row: Row, record: int, micros: int, is_deleted: bool) -> dict[str, Any]:
    rescued = row["rescued_attributes"]
    return {
        **row,
        "change_id": f"{micros:032x}",
        "changed_at": dt.datetime.fromtimestamp(micros / 1e6, dt.UTC),
        "changed_at_micros": micros,
        "record_key": f'{{"pk":{{"S":"DEMAND#{record:012}"}}}}',
        "sequence_number": f"4966{micros:052}",
        "is_deleted": is_deleted,
        "rescued_attributes": rescued and json.dumps(rescued),
    }


def text(found: Measured) -> str:
    """Return the figures as they stand on the page."""

    def line(what: str, read: Read) -> str:
        return f"| {what} | {100 * found.share(read):.3g} % | {read.listed} |\n"

    how = (
        "Measured on a Trino, the engine that Athena is built from, with "
        "`SELECT status, count(*) … GROUP BY status` over a simulated year: "
        f"{DAYS} days with a file each, {RECORDS:,} demands with {CHANGES_EACH} changes each. "
        "Trino reads a small Parquet file whole. That was switched off, because the files of a "
        "real table are large."
    )
    so_what = (
        "The 24 refreshes of a day together read "
        f"{100 * found.refreshes_a_day:.0f} % of what one question of `demand_latest` reads. The "
        "longer the history is and the more changes a record has, the smaller are these shares."
    )
    return (
        f"{fill(how, 116)}\n\n"
        "| | bytes read, compared with `demand_latest` | prefixes listed |\n|---|---|---|\n"
        + line("`demand_latest`", found.latest)
        + line("`demand_current`", found.current)
        + line("`demand` with a filter on one `partition_date`", found.day)
        + line("a refresh", found.refresh)
        + line("the first refresh, or a rebuild", found.first_refresh)
        + f"\n{fill(so_what, 116)}\n"
    )


def with_figures(page: str, found: Measured) -> str:
    """Return the page with other figures."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{text(found)}\n{match[2]}", page)


if __name__ == "__main__":
    figures = measure(find_tools())
    print(text(figures))
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")
