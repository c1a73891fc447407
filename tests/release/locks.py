"""The locks, what they pin, and the Pythons that they are for."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.support.cli import ROOT

RUNTIME = ROOT / "requirements.txt"
DEV = ROOT / "requirements-dev.txt"
FUNCTIONS = tuple(ROOT / name / "requirements.txt" for name in ("transform", "avro_writer"))
ALL = (RUNTIME, DEV, *FUNCTIONS)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_SUPPORTED = SpecifierSet(PROJECT["project"]["requires-python"])
PYTHONS = [each for each in (f"3.{minor}" for minor in range(30)) if each in _SUPPORTED]

_CONTINUED = re.compile(r"\\\n\s*")


@dataclass(frozen=True)
class Entry:
    """One distribution of a lock."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def version(self) -> str:
        """Return what the lock says of the version, such as ``==1.2.0``."""
        return str(self.requirement.specifier)


def entries(lock: Path) -> dict[str, list[Entry]]:
    """Return the entries of a lock by name: several where the version depends on a marker."""
    found: dict[str, list[Entry]] = {}
    for line in _CONTINUED.sub(" ", lock.read_text(encoding="utf-8")).splitlines():
        text, *hashes = line.partition("#")[0].split(" --hash=")
        if text.strip():
            entry = Entry(Requirement(text.strip()), frozenset(each.strip() for each in hashes))
            found.setdefault(entry.requirement.name, []).append(entry)
    return found
