"""Reads commits of a git repository. It never writes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import GitError


@dataclass(frozen=True)
class Commit:
    """A commit: the requested name, and the id (40 hexadecimal digits)."""

    ref: str
    id: str

    def __str__(self) -> str:
        """Return the commit's name for messages."""
        return f"{self.ref} ({self.id[:7]})"


@dataclass(frozen=True)
class Checkout:
    """A checked-out repository.

    Parameters
    ----------
    root
        The repository's folder, or a folder in it.
    """

    root: Path

    def find_commit(self, refs: Sequence[str]) -> Commit | None:
        """Return the commit of the first of ``refs`` that git knows, or None.

        Raises
        ------
        GitError
            Git is not installed, or `root` is not in a repository that git can read.
        """
        self._git("rev-parse", "--git-dir")
        for ref in refs:
            if ref.startswith("-"):
                continue
            found = self._run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
            if found.returncode == 0:
                return Commit(ref, found.stdout.decode().strip())
        return None

    def read(self, commit: Commit, folder: str, suffix: str) -> dict[str, bytes]:
        """Return the content of a folder's files at a commit, by file name.

        Parameters
        ----------
        folder
            Relative to `root`.
        suffix
            The end of the files' names.

        Raises
        ------
        GitError
            As `find_commit`.
        """
        listed = self._git("ls-tree", "-z", "--name-only", commit.id, f"{folder}/")
        names = [name.rsplit("/", 1)[-1] for name in listed.decode().split("\0") if name]
        return {
            name: self._git("cat-file", "blob", f"{commit.id}:./{folder}/{name}")
            for name in sorted(names)
            if name.endswith(suffix)
        }

    def _git(self, *arguments: str) -> bytes:
        result = self._run(*arguments)
        if result.returncode != 0:
            said = result.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise GitError(
                f"git cannot read the repository at {self.root} ({said}): "
                "run this in a checkout of the repository"
            )
        return result.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603
                ["git", "-C", str(self.root), *arguments],  # noqa: S607
                # The first line of its error becomes part of ours.
                env={**os.environ, "LC_ALL": "C"},
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise GitError("git is needed to read the older schemas: install it") from None
