"""One run of a project's program against a monitor, like ``pulumi preview`` or ``pulumi up``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pulumi.runtime.mocks import Mocks

from infra.settings import PROJECT
from tests.engine.monitor import Deployment, Made, Monitor, serving

_HOST = Path(__file__).with_name("host.py")
_SECONDS = 120


def deploy(
    folder: Path,
    stack: str,
    config: Mapping[str, str],
    *,
    maker: Mocks,
    state: dict[str, Made],
    preview: bool = False,
    secret_keys: Collection[str] = (),
    targets: Collection[str] | None = None,
    deployed: Mapping[str, Any] | None = None,
) -> Deployment:
    """Run the program below ``folder`` in a process of its own; return what became of it.

    Parameters
    ----------
    folder
        Project folder, which has ``__main__.py``.
    stack
        Name of the stack.
    config
        Key, with its namespace, to text, as the engine passes them.
    maker
        Stands for the provider.
    state
        What exists; without ``preview`` it is brought up to date.
    preview
        Whether nothing is made.
    secret_keys
        Those of the configuration's keys that the stack's file keeps encrypted.
    targets
        URNs that ``--target`` names; None without it.
    deployed
        The stack's outputs, as the last update left them.
    """
    monitor = Monitor(
        PROJECT,
        stack,
        preview=preview,
        maker=maker,
        state=state,
        targets=targets,
        deployed=deployed,
    )
    with serving(monitor) as address:
        run = {
            "folder": str(folder),
            "project": PROJECT,
            "stack": stack,
            "config": dict(config),
            "secret_keys": sorted(secret_keys),
            "preview": preview,
            "address": address,
        }
        done = subprocess.run(
            [sys.executable, str(_HOST)],
            input=json.dumps(run),
            cwd=folder,
            text=True,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    deployment = monitor.deployment
    deployment.succeeded = done.returncode == 0
    # The engine shows what a program prints, beside what it logs.
    deployment.messages += filter(None, (done.stdout, done.stderr))
    return deployment
