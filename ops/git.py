"""What a git repository says of its commits: read, never written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import GitError


@dataclass(frozen=True)
class Commit:
    """A commit, by the name that was asked for and by its id (40 hexadecimal digits)."""

    ref: str
    id: str

    def __str__(self) -> str:
        """Name the commit in a message."""
        return f"{self.ref} ({self.id[:7]})"


@dataclass(frozen=True)
class Checkout:
    """A checked-out repository.

    Parameters
    ----------
    root
        Its folder, or one below.
    """

    root: Path

    def find_commit(self, refs: Sequence[str]) -> Commit | None:
        """Return the commit that the first known of ``refs`` names, or None.

        Raises
        ------
        GitError
            There is no git, or `root` is in no repository that git will read.
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
        """Return the files of a folder at a commit: name to content.

        Parameters
        ----------
        folder
            Relative to `root`.
        suffix
            How the names end.

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
                # Its first line of complaint goes into our own.
                env={**os.environ, "LC_ALL": "C"},
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise GitError("there is no git to ask for the older schemas: install it") from None
