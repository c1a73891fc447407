"""What pip says while it installs a lock, read as progress."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

BIG: Final = 5_000_000
"""Bytes from which a file takes so long that it is worth a line of its own."""

_ENTRY: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==", re.MULTILINE)
_IGNORED: Final = re.compile(r"Ignoring \S+: markers ")
_PRESENT: Final = re.compile(r"Requirement already satisfied: (?P<name>[^=\s]+)")
_FILE: Final = re.compile(
    r"\s*(Downloading|Using cached|Processing) (?:\S*/)?(?P<name>[^-/\s]+)-(?P<version>[^-/\s]+)-"
    r"\S+\.whl(?: \((?P<number>[\d.]+) (?P<unit>bytes|kB|MB|GB)\))?"
)
_INSTALLING: Final = "Installing collected packages: "
_RETRYING: Final = re.compile(r"WARNING: Retrying .* after connection broken")
_BYTES: Final = {"bytes": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


@dataclass(frozen=True)
class Progress:
    """How far pip is.

    Parameters
    ----------
    total
        Packages of the lock that this machine needs.
    done
        Packages that pip has, or is getting.
    size
        Bytes of what it has fetched, the file that it is getting included.
    new
        Packages that it unpacks because they are not installed yet.
    text
        What it is doing, for a person; empty where the last line of pip's said nothing new.
    notable
        Whether what it is doing may take long.
    """

    total: int
    done: int = 0
    size: int = 0
    new: int = 0
    text: str = ""
    notable: bool = False


def entries(lock: str) -> int:
    """Return the number of packages that a lock pins."""
    return len(_ENTRY.findall(lock))


def read(line: str, before: Progress) -> Progress:
    """Return how far pip is after it has printed ``line``."""
    quiet = replace(before, text="", notable=False)
    if _IGNORED.match(line):
        return replace(quiet, total=before.total - 1)
    if _PRESENT.match(line):
        return replace(quiet, done=before.done + 1)
    if found := _FILE.match(line):
        size = round(float(found["number"] or 0) * _BYTES[found["unit"] or "bytes"])
        done = before.done + 1
        package = f"{found['name']} {found['version']}{f' ({amount(size)})' if size else ''}"
        return replace(
            before,
            done=done,
            size=before.size + size,
            text=f"{done} of {before.total}: {package}",
            notable=size >= BIG,
        )
    if line.startswith(_INSTALLING):
        count = line.count(",") + 1
        fetched = f" ({amount(before.size)})" if before.size else ""
        text = f"unpacking {packages(count)}{fetched}"
        return replace(before, new=count, text=text, notable=True)
    if _RETRYING.match(line):
        text = "the package index does not answer, trying again"
        return replace(before, text=text, notable=True)
    return quiet


def packages(count: int) -> str:
    """Return a number of packages in words: ``1 package``, ``66 packages``."""
    return f"{count} package{'' if count == 1 else 's'}"


def amount(size: int) -> str:
    """Return a number of bytes as a person reads it: ``47.4 MB``."""
    if size < _BYTES["MB"]:
        return f"{size / _BYTES['kB']:.0f} kB"
    return f"{size / _BYTES['MB']:.1f} MB"
