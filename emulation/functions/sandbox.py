"""One process of a function, with Lambda's limits of time, memory and size of the answer."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from emulation.functions import bootstrap, memory
from emulation.functions.outcome import Answer, Ending
from emulation.functions.runtime_api import Event, RuntimeApi

OWN_CLIENT: Final = Path(__file__).with_name("runtime_client")
"""Folder of the project's own runtime client, which runs wherever Python does."""

_CHUNK: Final = 1 << 20
_EXIT_SECONDS: Final = 2.0


class Sandbox:
    """A process that loads a function's handler and runs it.

    Only `kill`, `pid`, `is_alive` and `runtime_client` may be used by two threads at a time.

    Parameters
    ----------
    task_root
        Folder with the unpacked package, the process's working directory.
    environment
        All environment variables of the process, except the address of the Runtime API.
    scratch
        Folder that only the process uses. It is removed with the process.
    memory_bytes
        The memory limit of the process.
    runtime_client
        Folder that holds the runtime client, a package ``awslambdaric``, and what it imports.
    """

    def __init__(
        self,
        *,
        task_root: Path,
        environment: Mapping[str, str],
        scratch: Path,
        memory_bytes: int,
        runtime_client: Path = OWN_CLIENT,
    ) -> None:
        self._scratch = scratch
        self._memory_bytes = memory_bytes
        self.used_bytes = 0
        self._selector = selectors.DefaultSelector()
        self._api = RuntimeApi(self._selector)
        lifeline, self._lifeline = os.pipe()
        self._log, log = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-I", "-S", "-X", "utf8"),
                    *(bootstrap.__file__, str(lifeline), str(runtime_client)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=task_root,
                env={**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                pass_fds=(lifeline,),
                start_new_session=True,
            )
        finally:
            for descriptor in (lifeline, log):
                os.close(descriptor)
        os.set_blocking(self._log, False)
        self._selector.register(self._log, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """Id of the process, which is also that of its process group."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._process.poll() is None

    @property
    def runtime_client(self) -> str | None:
        """What the runtime client calls itself as a user agent; None before it is loaded."""
        return self._api.client

    def load(self, *, timeout: float, write_log: Callable[[bytes], None]) -> Answer | Ending:
        """Wait at most ``timeout`` seconds for the handler to be loaded."""
        return self._wait(timeout, write_log)

    def invoke(
        self, event: Event, *, timeout: float, write_log: Callable[[bytes], None]
    ) -> Answer | Ending:
        """Give the process one event and wait at most ``timeout`` seconds for the answer.

        If there is an `Ending` instead of an answer, the process has ended too.
        """
        self._api.offer(event)
        return self._wait(timeout, write_log)

    def kill(self) -> None:
        """End the process and its children."""
        if self.is_alive:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                # macOS refuses to signal a group whose leader is a zombie.
                self._process.kill()

    def close(self) -> None:
        """End the process and remove its folder."""
        self.kill()
        self._process.wait()
        self._api.close()
        self._selector.close()
        for descriptor in (self._lifeline, self._log):
            os.close(descriptor)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def how_it_exited(self) -> str:
        """Return how the process ended, in Lambda's words."""
        code = self._process.wait()
        if code == 0:
            return "Runtime exited without providing a reason"
        if code > 0:
            return f"Runtime exited with error: exit status {code}"
        name = (signal.strsignal(-code) or f"signal {-code}").partition(":")[0]
        return f"Runtime exited with error: signal: {name.lower()}"

    def _wait(self, timeout: float, write_log: Callable[[bytes], None]) -> Answer | Ending:
        outcome = self._serve(time.monotonic() + timeout, write_log)
        if isinstance(outcome, Answer) and self._is_out_of_memory():
            outcome = Ending.OUT_OF_MEMORY
        if outcome is Ending.EXITED:
            # Wait for the process's own exit status, before it is killed.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_SECONDS)
        if isinstance(outcome, Ending):
            self.kill()
            self._process.wait()
        # What was written before the answer was posted may still be in the pipe.
        self._read_log(write_log)
        return outcome

    def _serve(self, deadline: float, write_log: Callable[[bytes], None]) -> Answer | Ending:
        """Serve the Runtime API and read the log until there is an outcome."""
        watched = 0.0
        while (now := time.monotonic()) < deadline:
            if now - watched >= memory.WATCH_SECONDS:
                watched = now
                if self._is_out_of_memory():
                    return Ending.OUT_OF_MEMORY
            ready = self._selector.select(min(memory.WATCH_SECONDS, deadline - now))
            for key, events in ready:
                if key.fd != self._log:
                    key.data(events)
                elif not self._read_log(write_log):
                    self._selector.unregister(self._log)
            if self._api.outcome is not None:
                return self._api.outcome
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
