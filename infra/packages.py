"""The functions' packages, as ``make package`` builds them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.settings import PROJECT, Settings

_REPOSITORY = Path(__file__).resolve().parent.parent


class PackageMissingError(pulumi.RunError):
    """Packages have not been built."""


@dataclass(frozen=True)
class Package:
    """A function's code.

    Parameters
    ----------
    path
        The zip, relative to the repository so that a stack's state is the same on each machine.
    sha256
        Base64 of its SHA-256, as Lambda gives it.
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
    return Packages(*(_package(folder / f"{name}.zip") for name in names))


def _package(path: Path) -> Package:
    digest = hashlib.sha256((_REPOSITORY / path).read_bytes()).digest()
    return Package(path=path.as_posix(), sha256=base64.b64encode(digest).decode("ascii"))
