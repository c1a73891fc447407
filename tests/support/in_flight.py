"""All changes that one run of the writer makes to a bucket, to be taken up by versions to come.

Copied into a checkout of a version, it writes what ``test_compatibility.py`` reads::

    python -m tests.support.in_flight >in_flight.json
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from typing import Any

from tests.support.memory_store import MemoryStore
from tests.support.writer import gz_lines, land, landed_row, ndjson, run


class Recording(MemoryStore):
    """A bucket that keeps each change: a key, and its new body (base64) or None."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[tuple[str, str | None]] = []

    def put(self, key: str, body: bytes, *rest: Any) -> str:
        self.changes.append((key, base64.b64encode(body).decode()))
        return super().put(key, body, *rest)

    def delete(self, key: str, etag: str) -> None:
        super().delete(key, etag)
        self.changes.append((key, None))


def main() -> None:
    """Land some objects, run the writer, and print the changes."""
    bucket = Recording()
    land(bucket, "a", ndjson([landed_row(1), landed_row(2, days=1), landed_row(1)]))
    land(bucket, "b", gz_lines(landed_row(3), landed_row(2, days=1), b"bad"))
    land(bucket, "c", b"no gzip")
    land(bucket, "d", gzip.compress(b"no row\n", mtime=0))
    run(bucket, run_id="older", unique=iter("abcdefgh").__next__)
    json.dump(bucket.changes, sys.stdout, indent=0)


if __name__ == "__main__":
    main()
