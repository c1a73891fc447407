"""A run's outcome for people, as text, and for programs, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from demo.reconciliation import Partition
from demo.run import Outcome
from infra.queries import saved_queries

_MOST_REFUSED_SHOWN = 10


def closing_queries(
    record_types: Sequence[str], partitions: Sequence[Partition]
) -> tuple[str, ...]:
    """Return the queries that a run ends with: two of those that the workgroup offers.

    Parameters
    ----------
    record_types
        The types that the stack has tables of.
    partitions
        What the tables hold: the day that is asked for is that of the largest.
    """
    offered = {each.name: each.sql for each in saved_queries(record_types)}
    chosen = [offered["current-records"]]
    if partitions:
        day = max(partitions, key=lambda each: each.rows).date
        chosen.insert(0, offered["changes-of-a-day"].replace("?", f"'{day}'"))
    return tuple(chosen)


@dataclass(frozen=True)
class Answer:
    """A query, and its answer as text and as JSON values."""

    sql: str
    text: str
    columns: list[dict[str, str]]
    rows: list[Any]


def as_text(outcome: Outcome, answers: Sequence[Answer]) -> str:
    """Return the report that a person reads."""
    lines = [_counts(outcome), "", _partitions(outcome)]
    for answer in answers:
        lines += ["", answer.sql, "", answer.text]
    if outcome.fed.refused:
        lines += ["", f"{len(outcome.fed.refused):,} records were refused by the stream:"]
        lines += [f"  {each}" for each in outcome.fed.refused[:_MOST_REFUSED_SHOWN]]
        if len(outcome.fed.refused) > _MOST_REFUSED_SHOWN:
            lines.append(f"  and {len(outcome.fed.refused) - _MOST_REFUSED_SHOWN:,} more")
    lines.append("")
    fed = f"{outcome.fed.accepted:,} records fed, {outcome.seconds:.1f} s"
    if outcome.fed.refused:
        fed += f", {len(outcome.fed.refused):,} refused by the stream (above)"
    if outcome.good:
        lines.append(f"{fed}. Everything reconciles: each record fed is in exactly one place.")
    else:
        lines.append(f"{fed}. This does not reconcile:")
        lines += [f"  {each}" for each in outcome.discrepancies]
        lines += [f"  refused: {each}" for each in outcome.denials]
    return "\n".join(lines)


def as_json(outcome: Outcome, answers: Sequence[Answer], export: str | None) -> dict[str, Any]:
    """Return the report as one JSON object."""
    return {
        "stack": outcome.stack,
        "endpoint_url": outcome.endpoint_url,
        "fed": outcome.fed.accepted,
        "fed_bytes": outcome.fed.bytes,
        "refused": outcome.fed.refused,
        "table_changes": outcome.table_changes,
        "types": {record_type: asdict(counts) for record_type, counts in outcome.counts.items()},
        "partitions": [asdict(each) for each in outcome.partitions],
        "queries": [
            {"sql": each.sql, "columns": each.columns, "rows": each.rows} for each in answers
        ],
        "reconciled": not outcome.discrepancies,
        "discrepancies": outcome.discrepancies,
        "denials": outcome.denials,
        "seconds": round(outcome.seconds, 3),
        "export": export,
    }


def _counts(outcome: Outcome) -> str:
    header = (
        "type",
        "received",
        "= written",
        "+ dropped",
        "+ failed",
        "+ repeats",
        "+ quarantined",
    )
    rows = [
        (
            record_type,
            *(
                f"{number:,}"
                for number in (
                    each.received,
                    each.written,
                    each.dropped,
                    each.failed,
                    each.repeats,
                    each.quarantined,
                )
            ),
        )
        for record_type, each in outcome.counts.items()
    ]
    return _table(header, rows)


def _partitions(outcome: Outcome) -> str:
    rows = [
        (each.record_type, each.date, f"{each.files:,}", f"{each.rows:,}", f"{each.bytes:,}")
        for each in outcome.partitions
    ]
    return _table(("table", "partition_date", "files", "rows", "bytes"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    numbers = [
        bool(rows) and all(row[i].replace(",", "").isdigit() for row in rows)
        for i in range(len(header))
    ]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in (header, *rows)
    )
