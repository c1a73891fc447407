"""Install a lock into a virtual environment, and say at each step what is done.

    python -m install .venv requirements.txt [--project]

Only wheels are installed, and only files whose SHA-256 is in the lock. Nothing is built but the
project itself, with the setuptools of the lock.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from install import remedies
from install.pip_output import Progress, amount, entries, packages, read

_PIP: Final = ("-m", "pip", "--disable-pip-version-check", "--no-input")
_QUIET_SECONDS: Final = 5.0
_CLEAR_LINE: Final = "\r\x1b[K"


class StepFailed(Exception):
    """A step cannot be done; the message names it, the cause and the remedy."""


@dataclass
class Console:
    """Lines of progress: each in place of the last on a terminal, some of them elsewhere."""

    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False, default=0.0)
    _open: bool = field(init=False, default=False)

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self._write(f"{_CLEAR_LINE if self._open else ''}{text}\n")
        self._open = False

    def show(self, text: str, *, notable: bool) -> None:
        """Show a line that the next one replaces.

        Where no terminal can do that, it is shown if it is notable, or if nothing has been for
        some seconds.
        """
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            self._write(f"{_CLEAR_LINE}{f'  {text}'[:width]}")
            self._open = True
        elif notable or self.clock() - self._last >= _QUIET_SECONDS:
            self._write(f"  {text}\n")

    def end(self) -> None:
        """Leave the line that the next one would have replaced."""
        if self._open:
            self._write("\n")
            self._open = False

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
        self._last = self.clock()


def make_environment(venv: Path, console: Console) -> Path:
    """Make the virtual environment, unless it is there; return its interpreter.

    Raises
    ------
    StepFailed
        The environment cannot be made.
    """
    python = venv / "bin" / "python"
    if not _succeeds([str(python), "-c", ""]):
        version = ".".join(map(str, sys.version_info[:3]))
        console.say(f"Making the virtual environment {venv} with Python {version}")
        command = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)]
        _run(command, f"making {venv}")
    # A step of its own, because venv hides why pip cannot be put into the environment.
    if not _succeeds([str(python), *_PIP, "--version"]):
        _run([str(python), "-m", "ensurepip", "--default-pip"], f"putting pip into {venv}")
    return python


def install_lock(python: Path, lock: Path, console: Console) -> None:
    """Install the packages of ``lock``.

    Raises
    ------
    StepFailed
        pip cannot install them.
    """
    text = lock.read_text(encoding="utf-8")
    progress = Progress(total=entries(text))
    console.say(f"Installing what {lock} pins")
    started = time.monotonic()

    def listen(line: str) -> None:
        nonlocal progress
        progress = read(line, progress)
        if progress.text:
            console.show(progress.text, notable=progress.notable)

    # Byte code is written when a module is first imported: half of pip's time would go into
    # that of modules that nothing imports.
    options = ["--progress-bar=off", "--no-compile", "--require-hashes", "--only-binary=:all:"]
    command = [str(python), *_PIP, "install", *options, "--requirement", str(lock)]
    _run(command, f"installing {lock}", listen)
    fetched = f", {amount(progress.size)} fetched" if progress.size else ""
    seconds = time.monotonic() - started
    console.say(f"  {packages(progress.total)}, {progress.new} new{fetched}, in {seconds:.0f} s")


def install_project(python: Path, console: Console) -> None:
    """Make the project importable from where it lies, and `dmd` a command.

    Raises
    ------
    StepFailed
        pip cannot install it.
    """
    console.say(f"Installing the project itself, and its command {python.parent / 'dmd'}")
    # From the lock alone: without an index there is no other setuptools to be had.
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    _run([str(python), *_PIP, "install", *options, "--editable", "."], "installing the project")


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def _run(command: Sequence[str], step: str, listen: Callable[[str], None] | None = None) -> None:
    lines = []
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            if listen:
                listen(line)
    if process.returncode != 0:
        output = "".join(lines)
        known = remedies.explain(output)
        shown = "".join(f"  {line}\n" for line in remedies.complaints(output))
        raise StepFailed(f"{shown}error: {step} failed. {known.cause} {known.remedy}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the steps; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m install", description=__doc__)
    parser.add_argument("venv", type=Path, help="folder of the virtual environment")
    parser.add_argument("lock", type=Path, help="the packages, with versions and hashes")
    parser.add_argument("--project", action="store_true", help="install the project itself too")
    options = parser.parse_args(arguments)
    console = Console(sys.stdout)
    try:
        python = make_environment(options.venv, console)
        install_lock(python, options.lock, console)
        if options.project:
            install_project(python, console)
    except StepFailed as failure:
        console.end()
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
