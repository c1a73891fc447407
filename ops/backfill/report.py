"""What a backfill has done, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from console.tables import print_table
from console.terminal import visible
from ops.backfill.ledger import FileCounts, Plan
from ops.backfill.manifest import DataFile, Export

_MOST_PROBLEMS_SHOWN = 10


@dataclass
class Report:
    """The state of an export's backfill.

    Parameters
    ----------
    stack, bucket
        The stack and its bucket.
    export, plan
        The export and how it is done.
    round
        0 if it takes all items, above if it takes those that failed in the round before.
    row_time
        The time of the rows; of an incremental export, at the latest. Aware.
    folder
        Key prefix of what the backfill keeps.
    mine
        Names of the data files that this run takes.
    done
        The counts of each data file that is done.
    problems
        What is wrong with a data file, by name.
    warnings
        What may be wrong with the result.
    items_to_do
        Number of items that this run is to write.
    dry_run
        Nothing was to be done.
    """

    stack: str
    bucket: str
    export: Export
    plan: Plan
    round: int
    row_time: datetime
    folder: str
    mine: frozenset[str]
    done: dict[str, FileCounts]
    problems: dict[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    items_to_do: int = 0
    dry_run: bool = False

    @property
    def counts(self) -> FileCounts:
        """The counts of all data files that are done."""
        total = FileCounts()
        for each in self.done.values():
            total.add(each)
        return total

    @property
    def discrepancies(self) -> list[str]:
        """A line for each data file whose counts are not those of the manifest."""
        items = {each.name: each.items for each in self.export.files}
        return [
            f"{name}: {counts.items:,} items counted, {items.get(name, 0):,} in the manifest"
            for name, counts in self.done.items()
            if not counts.reconciled or counts.items != items.get(name)
        ]

    @property
    def complete(self) -> bool:
        """Whether all data files of the export are done."""
        return len(self.done) == len(self.export.files)

    @property
    def status(self) -> int:
        """The exit status: 0 if each item that this run was to take is where it belongs."""
        if self.dry_run:
            return 0
        if self.discrepancies or not self.mine <= self.done.keys():
            return 1
        # An item of another shard that failed is for the run of that shard to say.
        return 1 if any(self.done[name].failed for name in self.mine) else 0

    def intention(self, files: Iterable[DataFile]) -> Iterator[str]:
        """Yield what will be done, a line each."""
        files = list(files)
        kind = "the changes of a window" if self.export.incremental else "all items"
        if self.round:
            kind = "the items that failed"
        yield (
            f"Export {self.export.id} of {self.export.table_name}: {kind}, "
            f"as of {self.export.until:%F %T} UTC."
        )
        yield (
            f"{len(files):,} of {len(self.export.files):,} data files are to do, with "
            f"{sum(each.items for each in files):,} items, for the tables "
            f"{', '.join(self.plan.types)} of stack {self.stack}."
        )
        until = "until" if self.export.incremental else "of"
        yield f"The rows will be {until} {self.row_time:%F %T} UTC, with change_type SNAPSHOT."
        for each in self.warnings:
            yield f"Warning: {each}."

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        counts = self.counts
        return {
            "stack": self.stack,
            "export": self.export.id,
            "table": self.export.table_name,
            "incremental": self.export.incremental,
            "until": self.export.until.isoformat(),
            "rows_until": self.row_time.isoformat(),
            "types": self.plan.types,
            "margin_seconds": self.plan.margin_seconds,
            "round": self.round,
            "dry_run": self.dry_run,
            "data_files": {
                "all": len(self.export.files),
                "this_run": len(self.mine),
                "done": len(self.done),
                "problems": self.problems,
            },
            "export_items": self.export.items,
            **msgspec.to_builtins(counts),
            "failed_items": f"s3://{self.bucket}/{self.folder}parts/" if counts.failed else None,
            "complete": self.complete,
            "reconciled": not self.discrepancies,
            "discrepancies": self.discrepancies,
            "warnings": list(self.warnings),
        }


def print_report(report: Report, to_do: Sequence[DataFile], console: Console) -> None:
    """Print the report that a person reads.

    Parameters
    ----------
    report
        The state.
    to_do
        The data files that a dry run would do.
    console
        Where to print it.
    """
    if report.dry_run:
        console.print("\n".join([*report.intention(to_do), "Nothing was written (--dry-run)."]))
        return
    counts = report.counts
    header = ("data files", "items", "= rows", "+ other types", "+ unclaimed", "+ failed")
    numbers = (
        f"{len(report.done):,} of {len(report.export.files):,}",
        f"{counts.items:,} of {report.export.items:,}",
        sum(counts.rows.values()),
        counts.other_types,
        counts.unclaimed,
        counts.failed,
    )
    print_table(console, header, [numbers])
    console.print()
    _print_mapping(console, ("table", "rows"), counts.rows)
    if counts.reasons:
        console.print()
        _print_mapping(console, ("failed because of", "items"), counts.reasons)
    console.print()
    console.print(_conclusion(report, counts))


def _print_mapping(console: Console, header: Sequence[str], found: Mapping[str, int]) -> None:
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    print_table(console, header, ordered)


def _conclusion(report: Report, counts: FileCounts) -> Text:
    lines = []
    if report.discrepancies:
        lines += ["This does not reconcile:", *(f"  {each}" for each in report.discrepancies)]
    if report.problems:
        lines.append(f"{len(report.problems):,} data files have a problem:")
        shown = list(report.problems.items())[:_MOST_PROBLEMS_SHOWN]
        lines += [f"  {name}: {visible(problem)}" for name, problem in shown]
        if len(report.problems) > len(shown):
            lines.append(f"  and {len(report.problems) - len(shown):,} more (--json has all)")
    if counts.failed:
        lines.append(
            f"{counts.failed:,} {'item' if counts.failed == 1 else 'items'} failed. What failed is "
            "kept, with the reason, below "
            f"s3://{report.bucket}/{report.folder}parts/"
        )
    if report.status:
        return Text("\n".join(lines or ["Data files are left."]), "bold red")
    if report.complete:
        return Text("Everything reconciles: each item of the export is counted once.", "bold green")
    left = len(report.export.files) - len(report.done)
    return Text(
        f"The data files of this shard are done. {left:,} of other shards are left.", "bold green"
    )
