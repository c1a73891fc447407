# ruff: noqa: S608  (writing SQL is this module's work; names come from the schemas)
"""The named queries of the workgroup, for an analyst's first day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.current.view import current as refreshed
from catalog.views import current_state_sql, latest
from schemas import PARTITION_COLUMN

# A query's own name can clash with a schema's column only beside a ``*`` over a table. There it
# begins with an underscore, which no name of a schema may (`schemas.names`). Elsewhere a query
# lists the tables' columns, and its results have plain names.

# The newest week of partitions. The engine computes the date before it plans, so it reads only the
# files of these days.
_LAST_DAYS = f"{PARTITION_COLUMN} >= CAST(current_date - INTERVAL '6' DAY AS varchar)"


@dataclass(frozen=True)
class SavedQuery:
    """A saved query of the workgroup.

    Parameters
    ----------
    name
        Its name in the list of queries.
    description
        What it answers, what it reads, and the meaning of each ``?``, for which Athena asks.
    sql
        The query, in Trino's dialect.
    """

    name: str
    description: str
    sql: str


def saved_queries(record_types: Sequence[str], *, current: bool) -> tuple[SavedQuery, ...]:
    """Return the workgroup's queries: those over all record types, then those of each type.

    Parameters
    ----------
    record_types
        The record types of the stack's tables.
    current
        Whether the stack has tables of the current state.
    """
    return (
        *_over_all(record_types, current),
        *(query for record_type in record_types for query in _of_one(record_type)),
    )


def _over_all(record_types: Sequence[str], current: bool) -> Iterable[SavedQuery]:
    yield SavedQuery(
        "changes-of-the-last-week",
        "How many changes of each type and kind there were, day by day. Reads the last seven days.",
        f"""\
SELECT record_type, {PARTITION_COLUMN}, change_type, count(*) AS changes
FROM (
{_union(record_types, f"{PARTITION_COLUMN}, change_type")}
)
WHERE {_LAST_DAYS}
GROUP BY record_type, {PARTITION_COLUMN}, change_type
ORDER BY record_type, {PARTITION_COLUMN}, change_type""",
    )
    yield SavedQuery(
        "changes-of-a-day",
        "How many changes of each type and kind a day had, and of how many records. Reads that "
        "day. The ? is the day: '2026-11-01'.",
        f"""\
SELECT record_type, change_type, count(*) AS changes,
  count(DISTINCT change_id) AS without_repeats, count(DISTINCT record_key) AS records,
  count_if(is_expired) AS expired
FROM (
{_union(record_types, f"{PARTITION_COLUMN}, change_id, change_type, record_key, is_expired")}
)
WHERE {PARTITION_COLUMN} = ?
GROUP BY record_type, change_type
ORDER BY record_type, change_type""",
    )
    yield _current_records(record_types, current)
    yield SavedQuery(
        "freshness",
        "The newest change in the tables, by type and day. Reads the last seven days.",
        f"""\
SELECT record_type, {PARTITION_COLUMN}, max(changed_at) AS last_changed_at,
  date_diff('minute', max(changed_at), CAST(current_timestamp AS timestamp(3))) AS minutes_ago
FROM (
{_union(record_types, f"{PARTITION_COLUMN}, changed_at")}
)
WHERE {_LAST_DAYS}
GROUP BY record_type, {PARTITION_COLUMN}
ORDER BY record_type, {PARTITION_COLUMN} DESC""",
    )
    yield SavedQuery(
        "files-and-rows",
        "How many files and rows each partition has. Reads the last seven days.",
        f"""\
SELECT record_type, {PARTITION_COLUMN}, count(DISTINCT path) AS files, count(*) AS changes
FROM (
{_union(record_types, f'{PARTITION_COLUMN}, "$path" AS path')}
)
WHERE {_LAST_DAYS}
GROUP BY record_type, {PARTITION_COLUMN}
ORDER BY record_type, {PARTITION_COLUMN}""",
    )
    yield SavedQuery(
        "repeats",
        "Changes that arrived again in a different batch, which is normal: rows with the same "
        "change_id and content. Reads the last seven days.",
        f"""\
SELECT record_type, {PARTITION_COLUMN}, change_id, record_key, change_type,
  count(*) AS copies, count(DISTINCT path) AS files
FROM (
{
            _union(
                record_types,
                f"{PARTITION_COLUMN}, change_id, record_key, change_type, changed_at_micros, "
                '"$path" AS path',
            )
        }
)
WHERE {_LAST_DAYS}
GROUP BY record_type, {PARTITION_COLUMN}, change_id, record_key, change_type, changed_at_micros
HAVING count(*) > 1
ORDER BY copies DESC, record_type, change_id
LIMIT 100""",
    )
    yield SavedQuery(
        "rescued-attributes",
        "The attributes without a column or with values that do not fit, with counts and examples. "
        "Reads the last seven days.",
        f"""\
SELECT record_type, attribute, count(*) AS changes, max(changed_at) AS last_changed_at,
  max_by(substr(json_format(value), 1, 200), changed_at) AS example
FROM (
{
            _union(
                record_types,
                f"{PARTITION_COLUMN}, changed_at, rescued_attributes",
            )
        }
)
CROSS JOIN UNNEST(CAST(json_parse(rescued_attributes) AS map(varchar, json)))
  AS rescued (attribute, value)
WHERE {_LAST_DAYS}
GROUP BY record_type, attribute
ORDER BY changes DESC, record_type, attribute""",
    )


def _current_records(record_types: Sequence[str], current: bool) -> SavedQuery:
    if current:
        view, when, read = refreshed, "as of the last refresh", "the tables of the current state"
    else:
        view, when, read = latest, "now", "the whole tables"
    return SavedQuery(
        "current-records",
        f"How many records of each type there are {when}, and when the newest of them changed. "
        f"Reads {read}.",
        "\nUNION ALL\n".join(
            f"SELECT '{each}' AS record_type, count(*) AS records, "
            f'max(changed_at) AS last_changed_at\nFROM "{view(each)}"'
            for each in record_types
        )
        + "\nORDER BY record_type",
    )


def _of_one(record_type: str) -> Iterable[SavedQuery]:
    yield SavedQuery(
        f"{record_type}-history",
        f"Every change of one {record_type} item, oldest first. Reads the whole table. The ? is "
        """the item's record_key: '{"pk":"A","sk":"B"}'.""",
        f"""\
SELECT *
FROM "{record_type}"
WHERE record_key = ?
ORDER BY changed_at_micros, length(sequence_number), sequence_number, change_id""",
    )
    yield SavedQuery(
        f"{record_type}-latest-since",
        f"Current state of the {record_type} records that changed on or after a day: the rows of "
        f"{latest(record_type)} with partition_date >= that day, read only from those days' "
        "files. The ? is the day: '2026-11-01'.",
        current_state_sql(record_type, since="?"),
    )
    yield SavedQuery(
        f"{record_type}-rescued",
        f"Changes of {record_type} items with attributes that no column holds exactly. Reads the "
        "last seven days.",
        f"""\
SELECT {PARTITION_COLUMN}, changed_at, change_id, record_key, rescued_attributes
FROM "{record_type}"
WHERE rescued_attributes IS NOT NULL AND {_LAST_DAYS}
ORDER BY changed_at_micros DESC
LIMIT 100""",
    )


def _union(record_types: Sequence[str], columns: str) -> str:
    return "\n  UNION ALL\n".join(
        f"  SELECT '{each}' AS record_type, {columns}\n  FROM \"{each}\"" for each in record_types
    )
