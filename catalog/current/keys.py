"""Where in the bucket the refresh of a current state keeps what it has to know.

``data-pipeline/current/<type>/late/<date>/<file>`` is a *late mark*: an Avro file of a date before
the day of its arrival. Whoever puts such a file puts the mark after it. A refresh deletes the
marks that it has listed before it read.

``data-pipeline/current/<type>/refreshed/<table>`` is the *anchor* of one Iceberg table: when the
last refresh of it that succeeded began, and the columns that it has.
"""

from __future__ import annotations

from avro_writer.lanes import Layout


def late_prefix(data_prefix: str, record_type: str) -> str:
    """Return the prefix of a type's late marks."""
    return Layout(data_prefix, record_type).late


def anchor_prefix(data_prefix: str, record_type: str) -> str:
    """Return the prefix of the anchors of a type's tables."""
    return f"{Layout(data_prefix, record_type).current}refreshed/"
