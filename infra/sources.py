"""Finds the repository's files in a function's package, apart from third-party code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

SHARED: Final = ("schemas", "environment", "telemetry")
"""The folders that the packages of all functions contain."""

_SUFFIXES: Final = frozenset({".py", ".json"})


def own_files(function: str, repository: Path) -> dict[str, Path]:
    """Return the repository's files in a function's package, by their name in the package.

    Parameters
    ----------
    function
        Name of the function's folder, for example ``transform``.
    repository
        Root of the repository.
    """
    return {
        name: file
        for folder in (function, *SHARED)
        for name, file in files_below(repository / folder, repository)
        if file.suffix in _SUFFIXES
    }


def files_below(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file below a folder with its path relative to ``root``, in order."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(root).as_posix(), file
