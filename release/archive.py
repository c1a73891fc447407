"""A zip whose bytes depend only on the names and contents of its files."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from console.storage import writing

# The earliest date that a zip can hold. The files' own dates would change its bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE = 0o100000
_COMPRESSION_LEVEL = 9


def write_archive(path: Path, files: Mapping[str, Path]) -> int:
    """Write ``files`` (name in the archive → file on disk) as a zip at ``path``.

    Entries are sorted, dated 1980-01-01 and deflated at a fixed level. All users can read them,
    as Lambda needs, and shared objects are executable. The same files give the same bytes wherever
    Python has the same deflate implementation. The folder of ``path`` is made if it is missing.
    An archive that cannot be finished does not appear at ``path``.

    Returns
    -------
    int
        Bytes of all files unzipped.

    Raises
    ------
    CannotWriteError
        The archive cannot be written; the disk may be full.
    """
    contents = {name: files[name].read_bytes() for name in sorted(files)}
    with writing(path):
        _write(path, contents)
    return sum(map(len, contents.values()))


def _write(path: Path, contents: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with (
            os.fdopen(descriptor, "wb") as stream,
            zipfile.ZipFile(stream, "w") as archive,
        ):
            for name, content in contents.items():
                archive.writestr(
                    _entry(name), content, zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL
                )
        os.chmod(temporary, 0o644)  # noqa: PTH101
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = _UNIX
    mode = 0o755 if name.endswith(".so") else 0o644
    entry.external_attr = (_REGULAR_FILE | mode) << 16
    return entry
