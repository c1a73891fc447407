"""What ``dmd backfill`` does: checks, asks, writes the rows, reports."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from avro_writer.s3_store import S3Store
from console.confirm import confirm
from console.progress import Progress
from console.terminal import messages, output, write
from infra.naming import DATA_PREFIX
from ops.backfill.checks import check_stack, key_names, warnings
from ops.backfill.errors import BackfillError, ExportError
from ops.backfill.items import ItemReader, RowTimes
from ops.backfill.ledger import FileCounts, Ledger, Plan
from ops.backfill.manifest import DataFile, Export
from ops.backfill.parts import RowMakers
from ops.backfill.report import Report, print_report
from ops.backfill.source import Folder, folder_of, open_export
from ops.backfill.work import Worker
from ops.backfill.workers import Event, Finished, Written, do_files
from ops.deployment import Deployment, open_deployment
from ops.options import StackOptions

DEFAULT_MARGIN_SECONDS = 300
# The rows of a part make one Avro file of each record type: some tens of megabytes.
_PART_ITEMS = 250_000


@dataclass(frozen=True)
class BackfillOptions:
    """The options of a backfill.

    Parameters
    ----------
    source
        The export: a URL or a folder.
    margin_seconds
        How long before the export's time its rows are; None takes the default, or that of the
        backfill that has begun.
    types
        The record types to take; empty takes those of the stack, or of the backfill that has begun.
    shard
        ``(I, N)``: only each N-th data file, from number I on.
    workers
        Number of processes.
    failed_again
        Take the items that failed before, and no others.
    dry_run
        Say what would be done, and write nothing.
    yes
        Whether the question was answered on the command line.
    as_json
        Print the report as JSON.
    """

    source: str
    margin_seconds: int | None = None
    types: tuple[str, ...] = ()
    shard: tuple[int, int] = (0, 1)
    workers: int = 1
    failed_again: bool = False
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class _Recipe:
    """How to make a worker, in whatever process."""

    where: StackOptions
    source: str
    plan: Plan
    key_names: tuple[str, ...]
    round: int

    def __call__(self) -> Worker:
        deployment = open_deployment(self.where)
        folder = _folder(deployment, self.source)
        export = open_export(folder)
        store = deployment.s3_store()
        type_attribute = deployment.settings.type_attribute
        times = RowTimes.of(export, timedelta(seconds=self.plan.margin_seconds))
        return Worker(
            export=export,
            folder=folder,
            store=store,
            prefix=DATA_PREFIX,
            ledger=Ledger(store, DATA_PREFIX, export.id, self.round),
            reader=ItemReader(export, times, self.key_names, type_attribute),
            makers=RowMakers(self.plan.types, type_attribute),
            part_items=self.plan.part_items,
            first_partition_date=deployment.settings.first_partition_date,
            now=lambda: datetime.now(UTC),
        )


def run(where: StackOptions, options: BackfillOptions) -> int:
    """Write the items of an export to the tables; return the exit status.

    Parameters
    ----------
    where
        The stack.
    options
        What to do.

    Raises
    ------
    CommandError
        The backfill cannot start or continue. The error says what to do.
    """
    deployment = open_deployment(where)
    folder = _folder(deployment, options.source)
    export = _export(folder)
    ledger = Ledger(deployment.s3_store(), DATA_PREFIX, export.id)
    begun = ledger.find_plan()
    plan = begun or _new_plan(options, deployment.settings.demand_data_types)
    _check_same(plan, options, ledger)
    if options.failed_again:
        ledger = _round(ledger, export)
    times = RowTimes.of(export, timedelta(seconds=plan.margin_seconds))
    check_stack(deployment, export, plan.types, times)
    names = key_names(deployment)
    done = ledger.all_done()
    files = _files(ledger, export)
    mine = files[options.shard[0] :: options.shard[1]]
    report = Report(
        stack=deployment.stack,
        bucket=deployment.bucket,
        export=replace(export, files=files),
        plan=plan,
        round=ledger.round,
        row_time=_when(times.until),
        folder=ledger.folder,
        mine=frozenset(each.name for each in mine),
        done=done,
        warnings=warnings(deployment, export, plan),
    )
    left = [each for each in mine if each.name not in done]
    if left and not options.dry_run:
        for line in report.intention(left):
            messages().print(line)
        confirm(f"Write them to the tables of stack {deployment.stack}?", yes=options.yes)
        held = ledger.begin(plan)
        _check_same(held, options, ledger)
        recipe = _Recipe(where, options.source, held, names, ledger.round)
        whole = {each.name: each for each in export.files}
        report.items_to_do = sum(each.items for each in left)
        _work(recipe, [whole[each.name] for each in left], options.workers, report)
    report.dry_run = options.dry_run
    if options.as_json:
        write(json.dumps(report.to_json(), ensure_ascii=False) + "\n")
    else:
        print_report(report, left if options.dry_run else (), output())
    return report.status


def _round(ledger: Ledger, export: Export) -> Ledger:
    """Return the ledger of the round that takes the items which failed before.

    Raises
    ------
    BackfillError
        The backfill is not complete, or no item failed.
    """
    last = ledger.of_round(ledger.last_round())
    done = last.all_done()
    if len(done) < len(_files(last, export)):
        if last.round:
            return last
        raise BackfillError(
            "--failed-again takes the items of a complete backfill, and data files are left: run "
            "the command without it first"
        )
    if not any(each.failed for each in done.values()):
        raise BackfillError("no item of this export has failed: nothing is left to do")
    return ledger.of_round(last.round + 1)


def _files(ledger: Ledger, export: Export) -> tuple[DataFile, ...]:
    """Return the data files that a round takes, with the number of their items that it takes."""
    if not ledger.round:
        return export.files
    before = ledger.of_round(ledger.round - 1).all_done()
    failed = {name: counts.failed for name, counts in before.items() if counts.failed}
    return tuple(
        replace(each, items=failed[each.name]) for each in export.files if each.name in failed
    )


def _work(recipe: _Recipe, files: Sequence[DataFile], workers: int, report: Report) -> None:
    what = f"Writing the items of {len(files):,} data files"
    with Progress() as progress:
        progress.step(what, report.items_to_do, "items")
        items = 0

        def tell(event: Event) -> None:
            nonlocal items
            match event:
                case Written():
                    items += event.items
                case Finished(counts=FileCounts() as counts):
                    report.done[event.file] = counts
                case Finished():
                    report.problems[event.file] = event.problem
                    progress.say(f"{event.file}: {event.problem}")
            finished = len(report.done) + len(report.problems)
            progress.show(f"{finished:,} of {len(report.export.files):,} data files", items)

        do_files(files, recipe, workers, tell)


def _new_plan(options: BackfillOptions, stack_types: Iterable[str]) -> Plan:
    margin = options.margin_seconds
    return Plan(
        margin_seconds=DEFAULT_MARGIN_SECONDS if margin is None else margin,
        types=tuple(sorted(options.types or stack_types)),
        part_items=_PART_ITEMS,
    )


def _check_same(plan: Plan, options: BackfillOptions, ledger: Ledger) -> None:
    """Refuse options that contradict the plan of a backfill that has begun."""
    margin = options.margin_seconds
    if margin not in (None, plan.margin_seconds):
        raise BackfillError(
            f"this backfill has begun with --margin {plan.margin_seconds} ({ledger.folder}): leave "
            "out --margin, or make another export"
        )
    if options.types and tuple(sorted(options.types)) != plan.types:
        raise BackfillError(
            f"this backfill has begun for {', '.join(plan.types)} ({ledger.folder}): leave out "
            "--type, or make another export"
        )


def _folder(deployment: Deployment, source: str) -> Folder:
    def store(bucket: str) -> S3Store:
        # The store tries again itself what fails in passing.
        return S3Store(deployment.client("s3", attempts=1), bucket, lambda: math.inf)

    return folder_of(source, store)


def _export(folder: Folder) -> Export:
    try:
        return open_export(folder)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise ExportError(
            f"S3 does not give {folder.where} ({code}): check the URL, and that you may list and "
            "read the export's bucket"
        ) from error


def _when(micros: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
