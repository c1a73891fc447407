"""Runs a program in a process of its own, as Pulumi's language host does for the engine.

Reading the configuration, connecting to the engine, running the program and telling of what it
raises are the SDK's own language server, which Pulumi's Automation API uses with the engine.

The processes are forked from one that has loaded Pulumi, which takes long.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2

from console.process import collect_seldom

# Not the repository's modules: a run may be one of a changed copy.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["pulumi_aws", "pulumi.automation._server"])


def run_program(run: Mapping[str, Any], said: Path, seconds: float) -> int:
    """Run a program; return the exit status.

    Parameters
    ----------
    run
        The arguments of `_run`.
    said
        A file for what the program prints.
    seconds
        When a run is given up.
    """
    process = _FORKS.Process(target=_run, args=(said,), kwargs=run)
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"the program still runs after {seconds} s")
    return process.exitcode


def _run(
    said: Path,
    folder: str,
    project: str,
    stack: str,
    config: dict[str, str],
    secret_keys: list[str],
    preview: bool,
    address: str,
) -> None:
    file = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)

    def program() -> None:
        # The folder, not its file: so the program's imports are looked for there first.
        runpy.run_path(folder, run_name="__main__")

    request = language_pb2.RunRequest(
        project=project,
        stack=stack,
        organization="organization",
        config=config,
        configSecretKeys=secret_keys,
        dryRun=preview,
        parallel=16,
        monitor_address=address,
        args=[address],
    )
    collect_seldom()
    response = LanguageServer(program).Run(request, None)  # type: ignore[no-untyped-call]
    for each in (sys.stdout, sys.stderr):
        each.flush()
    # Python would look at all objects of Pulumi once more, for a third of a second.
    os._exit(1 if response.error else 0)
