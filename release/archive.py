"""A zip whose bytes depend on nothing but the names and contents of its files."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

# The earliest date that a zip can hold: a file's own time is no part of what it says.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE = 0o100000
_COMPRESSION_LEVEL = 9


def write_archive(path: Path, files: Mapping[str, Path]) -> int:
    """Write ``files`` (name in the archive → file on disk) as a zip at ``path``.

    Entries are sorted, dated 1980-01-01, deflated at a fixed level and readable by all, as
    Lambda needs; shared objects are executable. The same files give the same bytes wherever
    Python has the same deflate implementation. The archive appears at ``path`` whole or not
    at all, with its folder.

    Returns
    -------
    int
        Bytes of all files unzipped.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    unzipped = 0
    try:
        with (
            os.fdopen(descriptor, "wb") as stream,
            zipfile.ZipFile(stream, "w") as archive,
        ):
            for name in sorted(files):
                content = files[name].read_bytes()
                archive.writestr(
                    _entry(name), content, zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL
                )
                unzipped += len(content)
        os.chmod(temporary, 0o644)  # noqa: PTH101
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return unzipped


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = _UNIX
    mode = 0o755 if name.endswith(".so") else 0o644
    entry.external_attr = (_REGULAR_FILE | mode) << 16
    return entry
