"""Which of two changes of a record is the newer one: the one rule of all current states.

Two changes of one item can have the same time, above all if the stream has milliseconds only. Then
the later sequence number is newer. It is a decimal number without a fixed length. Of two rows of
one change, the one with the higher revision corrects the other.

See docs/design.md#the-current-state.
"""

from __future__ import annotations

# SQL expressions over the columns, the most important first; `{0}` is a qualifier such as ``s.``.
# Each value is as in the ORDER BY below, where nulls come last: a null is older than any value.
_COMPARED = (
    "{0}changed_at_micros",
    "coalesce(length({0}sequence_number), -1)",
    "coalesce({0}sequence_number, '')",
    "{0}change_id",
    "{0}revision",
)

_NEWEST_FIRST = (
    "changed_at_micros DESC, length(sequence_number) DESC, sequence_number DESC, "
    "change_id DESC, revision DESC"
)


def newest_of_each(listed: str, source: str) -> str:
    """Return the query of the newest change of each record.

    A condition on the newest changes can be added to its end.

    Parameters
    ----------
    listed
        What to select, separated by commas.
    source
        What to read the changes from: a table, with a WHERE clause if not all are to be read.
    """
    # A column's name cannot begin with an underscore (`schemas.names`).
    # Trino recognizes this use of row_number (TopNRanking in EXPLAIN): it keeps one row of each
    # record while it reads, and does not sort.
    return f"""\
SELECT
  {listed}
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY record_key
    ORDER BY {_NEWEST_FIRST}
  ) AS _newness
  FROM {source}
)
WHERE _newness = 1"""  # noqa: S608 - names come from the schemas


def is_newer(one: str, other: str) -> str:
    """Return the SQL condition that one row is newer than another; false for equal ones.

    It compares column by column. The engine refuses to compare rows with ``>`` where a member may
    be null.

    Parameters
    ----------
    one, other
        The aliases of the rows' tables, for example ``s`` and ``t``.
    """
    condition = ""
    for compared in reversed(_COMPARED):
        left, right = compared.format(f"{one}."), compared.format(f"{other}.")
        more = f" OR ({left} = {right} AND {condition})" if condition else ""
        condition = f"({left} > {right}{more})"
    return condition
