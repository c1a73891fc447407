"""The functions' packages, as ``make package`` builds them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.settings import PROJECT, Settings
from infra.sources import SHARED, own_files

_REPOSITORY = Path(__file__).resolve().parent.parent
# How many differences an error names.
_SHOWN = 3


class PackageMissingError(pulumi.RunError):
    """Packages have not been built."""


class PackageOutOfDateError(pulumi.RunError):
    """Packages have been built, but from other sources than those of this tree."""


@dataclass(frozen=True)
class Package:
    """A function's code.

    Parameters
    ----------
    path
        Path of the zip, relative to the repository, so that a stack's state is the same on each
        machine.
    sha256
        SHA-256 in base64, as Lambda returns it.
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class Packages:
    """The code of all functions."""

    transform: Package
    avro_writer: Package


def find_packages(settings: Settings) -> Packages:
    """Return the packages in the folder that the settings name.

    Raises
    ------
    PackageMissingError
        Some have not been built.
    PackageOutOfDateError
        Some were built from other sources. For example, a function whose package lacks a new
        record type's schema would fail in every invocation.
    """
    folder = Path(settings.package_directory)
    names = ("transform", "avro_writer")
    missing = [
        f"{name}.zip" for name in names if not (_REPOSITORY / folder / f"{name}.zip").is_file()
    ]
    if missing:
        raise PackageMissingError(
            f"{folder} has no {' and no '.join(missing)}: "
            f"run `make package`, or correct {PROJECT}:package_directory"
        )
    differing = [
        f"  - {path}: {_some(found)}"
        for name in names
        if (found := list(_differences(_REPOSITORY / (path := folder / f"{name}.zip"), name)))
    ]
    if differing:
        title = f"{len(differing)} of the functions' packages were not built from this tree"
        raise PackageOutOfDateError("\n".join([title, *differing, "Run `make package`."]))
    return Packages(*(_package(folder / f"{name}.zip") for name in names))


def _differences(path: Path, function: str) -> Iterator[str]:
    """Yield each difference between a package's files and the repository's.

    A package has its sources unchanged, so a comparison shows what it was built from.
    """
    here = own_files(function, _REPOSITORY)
    folders = (function, *SHARED)
    try:
        with zipfile.ZipFile(path) as package:
            packed = {name for name in package.namelist() if name.partition("/")[0] in folders}
            for name in sorted(packed | here.keys()):
                if name not in packed:
                    yield f"{name} is missing"
                elif name not in here:
                    yield f"{name} is not in the tree"
                elif package.read(name) != here[name].read_bytes():
                    yield f"{name} is different"
    except zipfile.BadZipFile:
        yield "it is not a zip file"


def _some(found: list[str]) -> str:
    more = len(found) - _SHOWN
    return ", ".join(found[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _package(path: Path) -> Package:
    return Package(path=path.as_posix(), sha256=sha256_of(_REPOSITORY / path))


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in base64, as Lambda returns that of a function's code."""
    return base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode("ascii")
