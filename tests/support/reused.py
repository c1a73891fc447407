"""What tests use one after another, because it takes CPU to make.

An emulator takes a second to start, and the functions' packages 0.4 s to unpack and compile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest import mock
from urllib.request import Request, urlopen

from emulation import emulator
from emulation.endpoint import Endpoint
from emulation.functions import host
from emulation.functions.code import DeployedCode

_RESET_SECONDS: Final = 30


def reuse(packages: Path) -> ExitStack:
    """Put what is used again in place of what is made anew; return what ends that.

    It must be called before a test's module imports `embedded_emulator`.

    Parameters
    ----------
    packages
        The folder of the packages that hosts share.
    """
    stack = ExitStack()
    emulators = Emulators(emulator.embedded_emulator)
    stack.callback(emulators.stop)
    code = SharedCode(packages, Path(stack.enter_context(TemporaryDirectory())))
    stack.callback(code.stop)

    def code_of(folder: Path, root: Path) -> DeployedCode:
        return code if folder == packages else DeployedCode(folder, root)

    stack.enter_context(mock.patch.object(emulator, "embedded_emulator", emulators.empty))
    stack.enter_context(mock.patch.object(host, "DeployedCode", code_of))
    return stack


class Emulators:
    """Starts an emulator if no other is idle. Safe for any number of threads.

    Parameters
    ----------
    start
        Runs an emulator until its context ends.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Endpoint]]) -> None:
        self._start = start
        self._idle: list[Endpoint] = []
        self._all = ExitStack()

    @contextmanager
    def empty(self) -> Iterator[Endpoint]:
        """Give an emulator that has no resources. After an error it is not used again."""
        try:
            endpoint = self._idle.pop()
        except IndexError:
            endpoint = self._all.enter_context(self._start())
        yield endpoint
        # https://docs.getmoto.org/en/latest/docs/server_mode.html
        reset = Request(f"{endpoint.url}/moto-api/reset", method="POST")
        with urlopen(reset, timeout=_RESET_SECONDS):
            self._idle.append(endpoint)

    def stop(self) -> None:
        """Stop all of them."""
        self._all.close()


class SharedCode(DeployedCode):
    """Unpacked packages that all hosts of a process share."""

    def remove(self) -> None:
        """Leave the packages to the next host."""

    def stop(self) -> None:
        """Remove them."""
        super().remove()
