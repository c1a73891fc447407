"""One process of a function, held to Lambda's limits of time, memory and size of answer."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from emulation.functions import bootstrap, memory
from emulation.functions.invocation import MAX_RESPONSE_BYTES

_LENGTHS: Final = struct.Struct(">II")
_CHUNK: Final = 1 << 20
_EXIT_SECONDS: Final = 2.0


class Ending(Enum):
    """Why there is no answer from a process."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    ANSWER_TOO_LARGE = "answer too large"


@dataclass(frozen=True)
class Answer:
    """What the process answered: ``kind`` is that of `bootstrap`."""

    kind: str
    body: bytes


class Sandbox:
    """A process that has loaded a function's handler, or is about to, in a folder of its own.

    Not for two threads at once, but for `kill` and `pid`.

    Parameters
    ----------
    task_root
        Folder with the unpacked package, the process's working directory.
    environment
        All environment variables of the process.
    scratch
        Folder that goes with the process.
    memory_bytes
        Most memory that the process may use.
    """

    def __init__(
        self,
        *,
        task_root: Path,
        environment: Mapping[str, str],
        scratch: Path,
        memory_bytes: int,
    ) -> None:
        self._scratch = scratch
        self._memory_bytes = memory_bytes
        self.used_bytes = 0
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        lifeline, self._lifeline = os.pipe()
        self._log, log = os.pipe()
        child_ends = (requests, answers, lifeline)
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-I", "-S", "-X", "utf8"),
                    *(bootstrap.__file__, *map(str, child_ends)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=task_root,
                env=dict(environment),
                pass_fds=child_ends,
                start_new_session=True,
            )
        finally:
            for descriptor in (*child_ends, log):
                os.close(descriptor)
        for descriptor in (self._requests, self._answers, self._log):
            os.set_blocking(descriptor, False)

    @property
    def pid(self) -> int:
        """Id of the process, which is also that of its process group."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._process.poll() is None

    def load(self, *, timeout: float, write_log: Callable[[bytes], None]) -> Answer | Ending:
        """Wait at most ``timeout`` seconds for the handler to be loaded."""
        return self._exchange(b"", timeout, write_log)

    def invoke(
        self,
        header: Mapping[str, object],
        payload: bytes,
        *,
        timeout: float,
        write_log: Callable[[bytes], None],
    ) -> Answer | Ending:
        """Send one event and wait at most ``timeout`` seconds for the answer.

        Any ending instead of an answer is the end of the process too.
        """
        encoded = json.dumps(header).encode()
        frame = _LENGTHS.pack(len(encoded), len(payload)) + encoded + payload
        return self._exchange(frame, timeout, write_log)

    def kill(self) -> None:
        """End the process and all that it started."""
        if self.is_alive:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                # macOS refuses a group whose leader has ended but was not yet waited for.
                self._process.kill()

    def close(self) -> None:
        """End the process and remove what belongs to it."""
        self.kill()
        self._process.wait()
        for descriptor in (self._requests, self._answers, self._lifeline, self._log):
            os.close(descriptor)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def how_it_exited(self) -> str:
        """Say how a process that has ended came to it, in Lambda's words."""
        code = self._process.wait()
        if code == 0:
            return "Runtime exited without providing a reason"
        if code > 0:
            return f"Runtime exited with error: exit status {code}"
        name = (signal.strsignal(-code) or f"signal {-code}").partition(":")[0]
        return f"Runtime exited with error: signal: {name.lower()}"

    def _exchange(
        self, sending: bytes, timeout: float, write_log: Callable[[bytes], None]
    ) -> Answer | Ending:
        outcome = self._converse(memoryview(sending), time.monotonic() + timeout, write_log)
        if isinstance(outcome, Answer) and self._is_out_of_memory():
            outcome = Ending.OUT_OF_MEMORY
        if outcome is Ending.EXITED:
            # Its own exit status tells more than that of being killed.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_SECONDS)
        if isinstance(outcome, Ending):
            self.kill()
            self._process.wait()
        self._read_log(write_log)
        return outcome

    def _converse(
        self, unsent: memoryview, deadline: float, write_log: Callable[[bytes], None]
    ) -> Answer | Ending:
        received = bytearray()
        watched = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._log, selectors.EVENT_READ)
            if unsent:
                selector.register(self._requests, selectors.EVENT_WRITE)
            while (now := time.monotonic()) < deadline:
                if now - watched >= memory.WATCH_SECONDS:
                    watched = now
                    if self._is_out_of_memory():
                        return Ending.OUT_OF_MEMORY
                ready = selector.select(min(memory.WATCH_SECONDS, deadline - now))
                descriptors = {key.fd for key, _ in ready}
                if self._log in descriptors and not self._read_log(write_log):
                    selector.unregister(self._log)
                if self._requests in descriptors:
                    try:
                        unsent = unsent[os.write(self._requests, unsent) :]
                    except BrokenPipeError:
                        return Ending.EXITED
                    if not unsent:
                        selector.unregister(self._requests)
                if self._answers in descriptors:
                    chunk = os.read(self._answers, _CHUNK)
                    received += chunk
                    outcome = _read_frame(received) if chunk else Ending.EXITED
                    if outcome is not None:
                        return outcome
                if not ready and not self.is_alive:
                    return Ending.EXITED
        return Ending.TIMED_OUT

    def _read_log(self, write_log: Callable[[bytes], None]) -> bool:
        """Read what the process has written up to now; return whether it can write more."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._log, _CHUNK):
                write_log(chunk)
            return False
        return True

    def _is_out_of_memory(self) -> bool:
        self.used_bytes = max(self.used_bytes, memory.resident_bytes(self.pid))
        return self.used_bytes > self._memory_bytes


def _read_frame(received: bytearray) -> Answer | Ending | None:
    """Return the answer, if it is whole; one that is too large is not waited for."""
    if len(received) < _LENGTHS.size:
        return None
    header_length, body_length = _LENGTHS.unpack_from(received)
    if body_length > MAX_RESPONSE_BYTES:
        return Ending.ANSWER_TOO_LARGE
    start = _LENGTHS.size + header_length
    if len(received) < start + body_length:
        return None
    header = json.loads(received[_LENGTHS.size : start])
    return Answer(header["kind"], bytes(received[start:]))
