"""Shows a run's outcome: as tables for people, as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from athena.engine import QueryResult
from athena.render import json_rows
from athena.render import print_table as print_answer
from catalog.current.view import current as refreshed
from catalog.views import latest
from console.tables import print_table
from console.terminal import visible
from demo.reconciliation import Partition
from demo.run import Outcome
from infra.queries import saved_queries
from schemas import table

_MOST_REFUSED_SHOWN = 10
# A record type has no space in its name.
_EACH_RECORD_ONCE = "each record once"

_JOINED = {"demand": {"demand_id", "channel"}, "sale": {"demand_id", "quantity"}}


def closing_queries(
    record_types: Sequence[str], partitions: Sequence[Partition], *, current: bool
) -> tuple[str, ...]:
    """Return the queries at the end of a run.

    Two are of the workgroup's saved queries. The third joins demands with their sales, if the stack
    has both types with the columns that it needs.

    Parameters
    ----------
    record_types
        The record types of the stack's tables.
    partitions
        The partitions of the tables. The queries ask for the day of the largest.
    current
        Whether the stack has tables of the current state.
    """
    offered = {each.name: each.sql for each in saved_queries(record_types, current=current)}
    chosen = [offered["current-records"]]
    if partitions:
        day = max(partitions, key=lambda each: each.rows).date
        chosen.insert(0, offered["changes-of-a-day"].replace("?", f"'{day}'"))
    if all(
        record_type in record_types
        and needed <= {column.name for column in table(record_type).columns}
        for record_type, needed in _JOINED.items()
    ):
        chosen.append(_join(refreshed if current else latest))
    return tuple(chosen)


def _join(view: Callable[[str], str]) -> str:
    return f"""\
SELECT demand.channel, count(*) AS demands, count(sale.demand_id) AS sold,
  sum(sale.quantity) AS seats_sold
FROM "{view("demand")}" AS demand
LEFT JOIN "{view("sale")}" AS sale ON sale.demand_id = demand.demand_id
GROUP BY demand.channel
ORDER BY demand.channel"""  # noqa: S608 - no value comes from outside


@dataclass(frozen=True)
class Answer:
    """A query, and its answer."""

    sql: str
    result: QueryResult


def print_report(outcome: Outcome, answers: Sequence[Answer], console: Console) -> None:
    """Print the report that a person reads."""
    if console.is_terminal:
        # An empty line separates the report from the run's steps.
        console.print()
    _print_counts(outcome, console)
    if outcome.unclaimed:
        console.print(
            f"\n{outcome.unclaimed:,} records have no record type, or one that no delivery stream "
            "takes. All delivery streams dropped them, and only the Kinesis stream has them."
        )
    console.print()
    _print_partitions(outcome, console)
    for answer in answers:
        console.print()
        console.print(_highlighted(answer.sql))
        console.print()
        print_answer(answer.result, console)
    for note in dict.fromkeys(note for answer in answers for note in answer.result.notes):
        console.print(Text(f"\nnote: {note}"))
    refused = outcome.fed.refused
    if refused:
        lines = [f"{len(refused):,} records were refused by the stream:"]
        lines += [f"  {visible(each)}" for each in refused[:_MOST_REFUSED_SHOWN]]
        if len(refused) > _MOST_REFUSED_SHOWN:
            lines.append(f"  and {len(refused) - _MOST_REFUSED_SHOWN:,} more")
        console.print("\n".join(["", *lines]))
    if outcome.failed is not None and outcome.failed.count:
        console.print(f"\n{outcome.failed.count:,} records failed:\n")
        rows = [(visible(reason), count) for reason, count in outcome.failed.reasons.items()]
        print_table(console, ("failed because of", "records"), rows)
    console.print()
    console.print(_conclusion(outcome))


def _conclusion(outcome: Outcome) -> Text:
    fed = f"{outcome.fed.accepted:,} records fed, {outcome.seconds:.1f} s"
    if outcome.fed.refused:
        fed += f", {len(outcome.fed.refused):,} refused by the stream (above)"
    if outcome.good and outcome.mostly_failed:
        failed = outcome.failed.count if outcome.failed else 0
        return Text(
            f"{fed}. Most of them are no change records that can become rows: {failed:,} failed "
            "(above). No record was lost, but check the input: `dmd sample` prints records that "
            "can be fed.",
            "bold red",
        )
    if outcome.good:
        return Text(
            f"{fed}. Everything reconciles: no delivery stream lost or doubled a record.",
            "bold green",
        )
    lines = [f"{fed}. This does not reconcile:"]
    lines += [f"  {each}" for each in outcome.discrepancies]
    lines += [f"  refused: {each}" for each in outcome.denials]
    return Text("\n".join(lines), "bold red")


def _highlighted(sql: str) -> Text:
    text = Syntax("", "sql", theme="ansi_dark").highlight(sql)
    text.rstrip()
    return text


def as_json(outcome: Outcome, answers: Sequence[Answer], export: str | None) -> dict[str, Any]:
    """Return the report as one JSON object."""
    return {
        "stack": outcome.stack,
        "endpoint_url": outcome.endpoint_url,
        "fed": outcome.fed.accepted,
        "fed_bytes": outcome.fed.bytes,
        "refused": outcome.fed.refused,
        "table_changes": outcome.table_changes,
        "unclaimed": outcome.unclaimed,
        "failed": asdict(outcome.failed) if outcome.failed else None,
        "mostly_failed": outcome.mostly_failed,
        "types": {record_type: asdict(counts) for record_type, counts in outcome.counts.items()},
        "each_record_once": asdict(outcome.once) if outcome.once else None,
        "partitions": [asdict(each) for each in outcome.partitions],
        "queries": [
            {
                "sql": each.sql,
                "columns": [{"name": n, "type": str(kind)} for n, kind in each.result.columns],
                "rows": json_rows(each.result),
                "notes": list(each.result.notes),
            }
            for each in answers
        ],
        "reconciled": not outcome.discrepancies,
        "discrepancies": outcome.discrepancies,
        "denials": outcome.denials,
        "seconds": round(outcome.seconds, 3),
        "export": export,
    }


def _print_counts(outcome: Outcome, console: Console) -> None:
    header = (
        "type",
        "received",
        "= written",
        "+ dropped",
        "+ failed",
        "+ repeats",
        "+ quarantined",
    )
    counted = dict(outcome.counts)
    if outcome.once:
        counted[_EACH_RECORD_ONCE] = outcome.once
    rows = [
        (
            name,
            each.received,
            each.written,
            each.dropped,
            each.failed,
            each.repeats,
            each.quarantined,
        )
        for name, each in counted.items()
    ]
    print_table(console, header, rows)


def _print_partitions(outcome: Outcome, console: Console) -> None:
    rows = [
        (each.record_type, each.date, each.files, each.rows, each.bytes)
        for each in outcome.partitions
    ]
    print_table(console, ("table", "partition_date", "files", "rows", "bytes"), rows)
