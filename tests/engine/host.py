"""Runs a program in a process of its own, as Pulumi's language host does for the engine.

Reading the configuration, connecting to the engine, running the program and telling of what it
raises are the SDK's own language server, which Pulumi's Automation API uses with the engine.

Usage: host.py, with the run as JSON on standard input.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any

from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2

from console.process import collect_seldom


def main() -> int:
    """Run the program that standard input names; return the exit status."""
    run: dict[str, Any] = json.load(sys.stdin)

    def program() -> None:
        # The folder, not its file: so the program's imports are looked for there first.
        runpy.run_path(run["folder"], run_name="__main__")

    request = language_pb2.RunRequest(
        project=run["project"],
        stack=run["stack"],
        organization="organization",
        config=run["config"],
        configSecretKeys=run["secret_keys"],
        dryRun=run["preview"],
        parallel=16,
        monitor_address=run["address"],
        args=[run["address"]],
    )
    response = LanguageServer(program).Run(request, None)  # type: ignore[no-untyped-call]
    return 1 if response.error else 0


if __name__ == "__main__":
    collect_seldom()
    status = main()
    for each in (sys.stdout, sys.stderr):
        each.flush()
    # Python would look at all objects of Pulumi once more, for a third of a second.
    os._exit(status)
