"""Packages of the functions without the wheels: quick to build, and true to the tree."""

from __future__ import annotations

import zipfile
from pathlib import Path

from infra.sources import own_files
from infra.stack_config import REPOSITORY
from release.package import FUNCTIONS


def write_packages(folder: Path, *, root: Path = REPOSITORY, third_party: bytes = b"") -> Path:
    """Write a package of each function, built from ``root``; return the folder.

    ``third_party`` stands for the code of the wheels.
    """
    for name in FUNCTIONS:
        contents = {entry: file.read_bytes() for entry, file in own_files(name, root).items()}
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as package:
            for entry, content in {**contents, "wheels.py": third_party}.items():
                # At a fixed time: the same code is the same package.
                package.writestr(zipfile.ZipInfo(entry), content)
    return folder
