"""What ``dmd replay`` does: says what it would write, asks, writes, and shows the counts.

Beside what reading failed records needs (`ops.failed.records`), it needs ``s3:GetObject`` below
``replay/``, and ``s3:PutObject`` below ``replay/``, ``avro/`` and ``current/*/late/``
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html). It deletes nothing.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from console.confirm import confirm
from console.progress import Progress
from console.tables import Cell, print_table
from console.terminal import messages, output, visible, write
from infra.deliveries import ALL_TYPES
from infra.naming import DATA_PREFIX
from ops.choices.choice import Done
from ops.choices.protocol import Choices, Sources
from ops.deployment import Deployment, open_deployment
from ops.failed.action import current_codes, owners_of, replayed_marks, wanted_of
from ops.failed.current import CurrentCode, WithoutType
from ops.failed.options import ChosenOptions
from ops.failed.owners import Owners
from ops.failed.survey import Survey, places, survey
from ops.failed.wanted import Wanted
from ops.options import StackOptions
from ops.replay.objects import Replayed, replay_places


def run(
    where: StackOptions, chosen: ChosenOptions, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Replay failed records; return the exit status, 1 if something cannot be read.

    Parameters
    ----------
    where
        The stack.
    chosen
        Which records.
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
    deployment = open_deployment(where)
    wanted, owners = wanted_of(deployment, chosen), owners_of(deployment, chosen)
    store = deployment.s3_store()
    with contextlib.ExitStack() as stack:
        codes = current_codes(deployment, wanted.types, stack)
        with Progress(messages()) as progress:
            progress.step(f"Looking for failed records in {deployment.bucket}")
            found = places(store, DATA_PREFIX, wanted, owners)
            progress.step("Trying them with the code of this checkout", len(found), "objects")
            before = survey(
                found,
                wanted,
                replayed_marks(deployment, wanted.types),
                {**codes, ALL_TYPES: WithoutType(owners)},
                progress.count,
            )
            begun = {
                each: Sources(store, DATA_PREFIX, each).begun().unfinished for each in wanted.types
            }
        unfinished = sum(map(len, begun.values()))
        if dry_run or not (before.rows() or unfinished):
            _report_plan(before, unfinished, as_json)
            return 1 if before.unreadable else 0
        messages().print(_plan(before, unfinished, deployment), soft_wrap=True)
        confirm(f"Write {before.rows():,} rows?", yes=yes)
        with Progress(messages()) as progress:
            counts = _replay(deployment, wanted, owners, codes, begun, progress)
    if as_json:
        write(json.dumps(_as_json(counts)) + "\n")
    else:
        _print(counts, output())
    return 1 if any(each.unreadable for each in counts.values()) else 0


def _replay(
    deployment: Deployment,
    wanted: Wanted,
    owners: Owners,
    codes: Mapping[str, CurrentCode],
    begun: Mapping[str, frozenset[str]],
    progress: Progress,
) -> dict[str, Replayed]:
    store = deployment.s3_store()
    run_id = uuid.uuid4().hex
    counts = {each: Replayed() for each in wanted.types}
    choices = {
        each: Choices(
            store,
            DATA_PREFIX,
            each,
            deployment.settings.first_partition_date,
            lambda: datetime.now(UTC),
        )
        for each in wanted.types
    }
    for record_type, unfinished in begun.items():
        if unfinished:
            progress.step(
                f"Finishing what another replay has begun of {record_type}", len(unfinished)
            )

        def finished(done: Done, of: Replayed = counts[record_type]) -> None:
            of.finished_rows += done.rows

        for number, source in enumerate(sorted(unfinished), 1):
            choices[record_type].settle(source, finished)
            progress.show(completed=number)
    found = places(store, DATA_PREFIX, wanted, owners)
    progress.step("Writing rows", len(found), "objects")

    def show(number: int, rows: int) -> None:
        progress.show(f"{rows:,} rows written", completed=number)

    for name, replayed in replay_places(
        found, wanted, owners, choices, codes, run_id, show
    ).items():
        counts.setdefault(name, Replayed()).add(replayed)
    return counts


def _plan(before: Survey, unfinished: int, deployment: Deployment) -> str:
    where = f" at {deployment.endpoint_url}" if deployment.local else " on AWS"
    of = ", ".join(f"{name} {count:,}" for name, count in sorted(before.rows_by_type().items()))
    lines = [
        f"Stack {deployment.stack}{where}: {before.records:,} records wait; "
        f"{before.rows():,} become rows now" + (f" ({of})" if of else "")
    ]
    if unfinished:
        lines.append(f"{unfinished:,} objects have a replay that was begun and not finished")
    return "\n".join(lines)


def _report_plan(before: Survey, unfinished: int, as_json: bool) -> None:
    again = before.not_rows()
    if as_json:
        plan = {
            "waiting": before.records,
            "rows": before.rows(),
            "not_rows": again,
            "unfinished": unfinished,
            "unreadable": before.unreadable,
        }
        write(json.dumps(plan) + "\n")
        return
    console = output()
    for reason, count in sorted(again.items()):
        console.print(f"{count:,} stay: {visible(reason)}", soft_wrap=True)
    for line in before.unreadable:
        console.print(f"cannot be read: {visible(line)}", soft_wrap=True)
    rows = before.rows()
    console.print(
        f"{before.records:,} records wait; {rows:,} of them become rows now."
        + ("" if rows or unfinished else " There is nothing to write.")
    )


def _print(counts: Mapping[str, Replayed], console: Console) -> None:
    header = ["type", "looked at", "rows", "repeats", "files", "fail again", "other type"]
    header += ["not chosen", "already"]
    rows: list[list[Cell]] = [
        [
            name,
            each.records,
            each.rows,
            each.repeats,
            each.files,
            each.failed.total(),
            each.other_type,
            each.not_chosen,
            each.already,
        ]
        for name, each in counts.items()
    ]
    print_table(console, header, rows)
    console.print()
    for name, each in counts.items():
        for reason, count in sorted(each.failed.items()):
            console.print(f"{name}: {count:,} fail again: {visible(reason)}", soft_wrap=True)
        if each.finished_rows:
            console.print(f"{name}: {each.finished_rows:,} rows of a replay that was begun before")
        for line in each.unreadable:
            console.print(f"{name}: cannot be read: {visible(line)}", soft_wrap=True)
    if all(each.reconciled for each in counts.values()):
        console.print("Everything reconciles: each record that was looked at is counted once.")
    else:
        console.print("The counts do not reconcile: this is a fault of the program.")


def _as_json(counts: Mapping[str, Replayed]) -> dict[str, Any]:
    return {
        name: {**asdict(each), "failed": dict(each.failed), "reconciled": each.reconciled}
        for name, each in counts.items()
    }
