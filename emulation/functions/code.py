"""Finds the package of a function by its digest, and unpacks it once."""

from __future__ import annotations

import base64
import compileall
import hashlib
import shutil
import threading
import zipfile
from pathlib import Path

from console.storage import TEMPORARY_REMEDY, writing
from emulation.functions.errors import PackageMismatchError


class DeployedCode:
    """Unpacked packages. All processes of a function share one.

    Parameters
    ----------
    packages
        Folder with the zip files that `make package` writes.
    root
        An empty folder to unpack into.
    """

    def __init__(self, packages: Path, root: Path) -> None:
        self._packages = packages
        self._root = root
        self._lock = threading.Lock()

    def unpack(self) -> None:
        """Unpack every package now, so that a full disk is told before a function is invoked.

        Raises
        ------
        CannotWriteError
            The disk is full.
        """
        for path in sorted(self._packages.glob("*.zip")):
            self.task_root(_code_sha256(path))

    def task_root(self, code_sha256: str) -> Path:
        """Return the read-only folder with the files of the package that has this digest.

        Raises
        ------
        PackageMismatchError
            No package has this digest.
        """
        folder = self._root / base64.b64decode(code_sha256).hex()
        with self._lock:
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                with (
                    zipfile.ZipFile(self._find(code_sha256)) as package,
                    writing(partial, TEMPORARY_REMEDY),
                ):
                    package.extractall(partial)
                # A process cannot write byte code into a read-only folder. Without byte code,
                # each process would compile the modules again.
                compileall.compile_dir(partial, quiet=2)
                partial.rename(folder)
                for path in (folder, *folder.rglob("*")):
                    path.chmod(0o555 if path.is_dir() else 0o444)
        return folder

    def remove(self) -> None:
        """Remove all unpacked packages."""
        for path in (self._root, *self._root.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(self._root, ignore_errors=True)

    def _find(self, code_sha256: str) -> Path:
        zips = sorted(self._packages.glob("*.zip"))
        for path in zips:
            if _code_sha256(path) == code_sha256:
                return path
        raise PackageMismatchError(
            f"none of {len(zips)} packages in {self._packages} has the digest {code_sha256} of the "
            "function's code: build them again (`python -m release.package --target local`) and "
            "provision again, so that the function is made from the package that is there"
        )


def _code_sha256(path: Path) -> str:
    return base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
