"""What ``dmd replay --from-stream`` does: reads the stream, compares, asks, corrects."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from console.confirm import confirm
from console.progress import Progress
from console.storage import TEMPORARY_REMEDY, writing
from console.tables import Cell, print_table
from console.terminal import messages, output, visible, write
from infra.naming import DATA_PREFIX
from ops.deployment import Deployment, open_deployment
from ops.errors import OptionError
from ops.failed.action import wanted_of
from ops.failed.current import current_transform
from ops.failed.options import ChosenOptions
from ops.failed.wanted import ago
from ops.options import StackOptions
from ops.replay.corrections import Compared, Corrector
from ops.replay.stream import Spool, read_stream
from schemas import table

_PER_CENT = 100


def run(
    where: StackOptions, chosen: ChosenOptions, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Correct rows that were written wrongly; return the exit status.

    Parameters
    ----------
    where
        The stack.
    chosen
        The record types, and since when.
    dry_run
        Only say what would be written.
    yes
        Do not ask.
    as_json
        Print JSON.

    Raises
    ------
    CommandError
        The stack cannot be reached, an option is wrong, or the answer was no.
    """
    for name in ("where", "reason", "day", "key", "source", "border"):
        if getattr(chosen, name) is not None:
            raise OptionError(f"--{name} does not go with --from-stream")
    if chosen.since is None:
        raise OptionError("--from-stream needs --since: how far back to read, for example 20h")
    until = datetime.now(UTC)
    since = ago(chosen.since, until)
    deployment = open_deployment(where)
    types = wanted_of(deployment, chosen).types
    with contextlib.ExitStack() as stack:
        with writing("the system's temporary folder", TEMPORARY_REMEDY):
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="dmd-")))
        with Progress(messages()) as progress:
            spools = _read(deployment, types, since, until, folder, progress)
            correctors = _correctors(deployment, types, folder)
            before = _compare(spools, correctors, progress)
        rows = sum(each.corrected for each in before.values())
        if dry_run or not rows:
            _show(before, spools, as_json, written=False)
            return 0
        where_is = deployment.endpoint_url or "AWS"
        messages().print(
            f"Stack {deployment.stack} at {where_is}: {rows:,} rows come out otherwise now",
            soft_wrap=True,
        )
        confirm(f"Write {rows:,} corrected rows?", yes=yes)
        with Progress(messages()) as progress:
            after = _correct(spools, correctors, progress)
    _show(after, spools, as_json, written=True)
    return 0


def _read(
    deployment: Deployment,
    types: tuple[str, ...],
    since: datetime,
    until: datetime,
    folder: Path,
    progress: Progress,
) -> dict[str, Spool]:
    settings = deployment.settings
    transforms = {each: current_transform(each, settings.type_attribute) for each in types}
    spools = {each: Spool(folder / each) for each in types}
    for spool in spools.values():
        spool.folder.mkdir()
    text = f"Reading {settings.stream_name} since {since:%Y-%m-%d %H:%M} UTC"
    progress.step(text, _PER_CENT, "%")
    count = 0

    def show(share: float) -> None:
        progress.show(f"{count:,} records", int(share * _PER_CENT))

    kinesis = deployment.client("kinesis")
    oldest = until
    for records in read_stream(kinesis, settings.stream_name, since, until, show):
        count += len(records)
        oldest = min(oldest, *(each.arrived for each in records))
        with writing(folder, TEMPORARY_REMEDY):
            for name in types:
                spools[name].add(transforms[name], records)
    if count:
        # The stream's retention may be shorter than what was asked for.
        progress.say(f"{count:,} records, the oldest of {oldest:%Y-%m-%d %H:%M} UTC")
    return spools


def _correctors(
    deployment: Deployment, types: tuple[str, ...], folder: Path
) -> dict[str, Corrector]:
    store = deployment.s3_store()
    return {
        each: Corrector(
            store,
            DATA_PREFIX,
            each,
            table(each).avro,
            deployment.settings.first_partition_date,
            lambda: datetime.now(UTC),
            folder / f"{each}-files",
        )
        for each in types
    }


def _compare(
    spools: Mapping[str, Spool], correctors: Mapping[str, Corrector], progress: Progress
) -> dict[str, Compared]:
    dates = [(name, date) for name, spool in spools.items() for date in sorted(spool.dates)]
    progress.step("Comparing with the tables", len(dates), "partitions")
    found = {name: Compared() for name in spools}
    for number, (name, date) in enumerate(dates, 1):
        found[name].add(correctors[name].compare(spools[name], date))
        progress.show(f"{name} {date}", number)
    return found


def _correct(
    spools: Mapping[str, Spool], correctors: Mapping[str, Corrector], progress: Progress
) -> dict[str, Compared]:
    dates = [(name, date) for name, spool in spools.items() for date in sorted(spool.dates)]
    progress.step("Writing corrected rows", len(dates), "partitions")
    run_id = uuid.uuid4().hex
    found = {name: Compared() for name in spools}
    for number, (name, date) in enumerate(dates, 1):
        counts = correctors[name].correct(spools[name], date, run_id)
        found[name].add(counts)
        progress.show(f"{name} {date}", number)
    return found


def _show(
    counts: Mapping[str, Compared], spools: Mapping[str, Spool], as_json: bool, *, written: bool
) -> None:
    if as_json:
        report = {
            name: {
                **asdict(each),
                "failed": dict(spools[name].failed),
                "reconciled": each.reconciled,
                "written": written,
            }
            for name, each in counts.items()
        }
        write(json.dumps(report) + "\n")
        return
    _print(counts, spools, output(), written)


def _print(
    counts: Mapping[str, Compared], spools: Mapping[str, Spool], console: Console, written: bool
) -> None:
    corrected = "corrected" if written else "to correct"
    header = ["type", "rows", "same", corrected, "not in tables", "time or key differs", "files"]
    rows: list[list[Cell]] = [
        [
            name,
            each.rows,
            each.same,
            each.corrected,
            each.not_in_tables,
            each.not_correctable,
            each.files,
        ]
        for name, each in counts.items()
    ]
    print_table(console, header, rows)
    console.print()
    for name, spool in spools.items():
        for reason, count in sorted(spool.failed.items()):
            console.print(f"{name}: {count:,} records fail now: {visible(reason)}", soft_wrap=True)
    if not all(each.reconciled for each in counts.values()):
        console.print("The counts do not reconcile: this is a fault of the program.")
    elif written:
        console.print("Everything reconciles: each row is counted once.")
    else:
        total = sum(each.corrected for each in counts.values())
        console.print(f"{total:,} rows come out otherwise now. Nothing was written.")
