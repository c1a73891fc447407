"""What ``dmd status`` does: asks, judges, shows; again and again if it is to watch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from console.terminal import output, watched, write
from ops.deployment import open_deployment
from ops.failed.wanted import ago
from ops.options import StackOptions
from ops.status.collect import collect
from ops.status.judge import findings, health_of
from ops.status.render import as_json as json_of
from ops.status.render import print_status


def run(
    where: StackOptions,
    *,
    since: str,
    watch: int | None,
    as_json: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Print how a stack is; return the exit status, a `judge.Health`.

    Parameters
    ----------
    where
        The stack.
    since
        How far back to count, for example ``24h``.
    watch
        Ask again after so many seconds, for ever.
    as_json
        Print JSON.
    sleep
        Waits so many seconds.

    Raises
    ------
    CommandError
        The stack cannot be reached, or an option is wrong.
    """
    deployment = open_deployment(where)
    console = output()
    while True:
        now = datetime.now(UTC)
        facts = collect(deployment, now, ago(since, now))
        found = findings(facts, deployment.settings)
        if as_json:
            write(json.dumps(json_of(facts, found)) + "\n")
        else:
            if watch and watched(console):
                console.clear()
            print_status(facts, found, console)
        if watch is None:
            return health_of(found)
        sleep(watch)
