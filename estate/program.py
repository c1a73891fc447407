"""Runs the Pulumi program of this repository without the engine, against our own monitor."""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pulumi.runtime import set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockEngine, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.settings import Settings, configure
from pulumi.runtime.stack import run_in_stack

from infra.settings import PROJECT
from infra.stack_config import REPOSITORY
from infra.switch import READ_OUTPUTS


def run_program(
    stack: str,
    config: Mapping[str, str],
    monitor: MockMonitor,
    *,
    preview: bool = False,
    deployed: Mapping[str, str] | None = None,
    program: Path = REPOSITORY / "__main__.py",
) -> None:
    """Run the program once; return when every resource is registered.

    Pulumi keeps its state in context variables and on the thread's event loop. Each run gets its
    own of both, so runs do not affect each other.

    Parameters
    ----------
    stack
        Name of the stack.
    config
        Values as text, by key with its namespace.
    monitor
        Takes the registrations and answers the lookups.
    preview
        Whether outputs that the monitor does not give are unknown, as in ``pulumi preview``.
    deployed
        The stack's outputs as the last deployment left them. By default they are such that the
        program takes its settings as those that are deployed: nothing here keeps outputs.
    program
        File to run.

    Raises
    ------
    Exception
        Any exception of the program or the monitor.
    """
    if deployed is None:
        deployed = {
            key: config.get(f"{PROJECT}:{key}", "") for key in ("delivery", "delivery_border")
        }
    monitor.mocks = _WithOutputs(monitor.mocks, deployed)

    def execute() -> None:
        asyncio.set_event_loop(loop := asyncio.new_event_loop())
        try:
            configure(
                Settings(
                    project=PROJECT,
                    stack=stack,
                    organization="organization",
                    root_directory=str(program.parent),
                    monitor=monitor,
                    engine=MockEngine(None),
                    dry_run=preview,
                )
            )
            set_all_config(dict(config))
            loop.run_until_complete(run_in_stack(lambda: _execute(program)))
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            loop.close()

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pulumi-program") as threads:
        threads.submit(contextvars.Context().run, execute).result()


class _WithOutputs(Mocks):
    """Answers also the one lookup that the engine itself answers: the outputs of a stack."""

    def __init__(self, mocks: Mocks, outputs: Mapping[str, str]) -> None:
        self._mocks = mocks
        self._outputs = outputs

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return self._mocks.new_resource(args)

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == READ_OUTPUTS:
            return {"name": args.args["name"], "outputs": dict(self._outputs)}, []
        return self._mocks.call(args)


def _execute(program: Path) -> None:
    # Not as __main__: the process that provisions already has a module of this name.
    spec = importlib.util.spec_from_file_location("dmd_pipeline_program", program)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(program)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
