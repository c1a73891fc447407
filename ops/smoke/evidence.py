"""What a smoke test has seen of each record type, and at which stage a record stopped.

The objects in the bucket do not say whose records they hold without being read. So the stage is
where nothing has come by since the test began: on a busy stack it may be a later one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

INSERT, REMOVE = "INSERT", "REMOVE"
CHANGES = (INSERT, REMOVE)


@dataclass
class Evidence:
    """What was seen of a record type since the test began.

    Parameters
    ----------
    rows
        The change types of the record's rows that a query has found.
    landed, waiting
        Whether objects have landed, and whether one of them is still there.
    failed, quarantined
        Keys of new objects below ``errors/`` and ``quarantine/``.
    files
        Keys of new files of the table.
    """

    rows: set[str] = field(default_factory=set)
    landed: bool = False
    waiting: bool = False
    failed: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether both rows of the record have come out of a query."""
        return self.rows.issuperset(CHANGES)


@dataclass(frozen=True)
class Stage:
    """Where a record stopped, and what to look at."""

    name: str
    advice: str


def stage_of(record_type: str, seen: Evidence, stack: str) -> Stage:
    """Return the stage at which a type's record stopped.

    Parameters
    ----------
    record_type, seen
        The type, and what was seen of it.
    stack
        What the command's options for the stack are, for the commands of the advice.
    """
    command = f"{{}}{stack} --type {record_type}"
    if seen.failed:
        return Stage(
            "transform",
            f"records of the delivery stream of {record_type} failed since the test began: "
            f"`{command.format('dmd errors explain')}` says why",
        )
    if seen.quarantined:
        return Stage(
            "writer",
            f"the writer put something of {record_type} into quarantine: "
            f"`{command.format('dmd errors list')}` shows it",
        )
    if seen.waiting:
        return Stage(
            "writer",
            "its landed objects are not written: look at the writer's log, its schedules and the "
            "dead-letter queue",
        )
    if seen.files:
        return Stage(
            "table",
            "the writer has written files, and a query does not find the rows in them: look at the "
            "table in Glue and its projected dates",
        )
    if seen.landed:
        return Stage(
            "writer",
            "its landed objects are gone, and no file came: look at the plans below compaction/",
        )
    return Stage(
        "landing",
        f"nothing has landed: look at the replication of the table to the Kinesis stream, then at "
        f"the delivery stream of {record_type} and its log, which also shows a failing transform",
    )
