"""What ``dmd demo`` does: builds the packages, runs the pipeline, keeps the run, reports."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import threading
from pathlib import Path

from rich.console import Console

from athena.engine import run_query
from athena.export import check_empty, copy_export
from console.kept_run import KeptRun, announced
from console.progress import Progress
from console.state import LAST_RUN, STATE_REMEDY, state_directory
from console.storage import check_writable, writing
from console.terminal import messages, output, write
from demo.feed.lines import check_input
from demo.run import DemoOptions, FinishedRun, demo
from demo.summary import Answer, as_json, closing_queries, print_report
from demo.upkeep import at_work
from emulation.endpoint import Endpoint
from estate.provision.endpoint_check import check_endpoint
from estate.provision.provision import local_settings
from infra.stack_config import REPOSITORY, stack_config
from release.package import build
from release.wheels import Target


def run(
    options: DemoOptions,
    *,
    export: Path | None = None,
    json_wanted: bool = False,
    keep: bool = False,
    out: Console | None = None,
    said: Console | None = None,
) -> int:
    """Run the demo and print its report; return the exit status.

    Parameters
    ----------
    options
        What to run.
    export
        A new or empty folder that gets the bucket's objects and the Glue catalog.
    json_wanted
        Print the report as JSON.
    keep
        Keep the endpoint and the functions running afterwards, until Ctrl-C.
    out, said
        Where the report and the progress are shown. The defaults are the standard output and the
        standard error.

    Raises
    ------
    CommandError
        The run cannot start or continue. The error says what to do.
    """
    last_run = state_directory() / LAST_RUN
    check_writable(last_run.parent, STATE_REMEDY)
    if export is not None:
        check_writable(export)
        check_empty(export)
    _check(options)
    with Progress(said or messages()) as progress:
        progress.step("Building the functions' packages")
        build(Target.LOCAL, source=REPOSITORY, out=options.packages.parent, progress=progress.show)
        with demo(options, progress, progress.say) as finished:
            progress.step("Keeping the run for `dmd sql`", unit="objects")
            _keep_last_run(finished, last_run, progress)
            if export is not None:
                progress.step(f"Exporting it to {export}", unit="files")
                copy_export(last_run, export, progress.count)
            progress.end()
            database = finished.provisioned.outputs["database"]
            outcome = finished.outcome
            settings = finished.provisioned.settings
            queries = closing_queries(
                settings.demand_data_types,
                outcome.partitions,
                current=settings.current_state_tables,
            )
            answers = [Answer(sql, run_query(last_run, sql, database)) for sql in queries]
            if json_wanted:
                report = as_json(outcome, answers, str(export) if export else None)
                write(json.dumps(report, ensure_ascii=False) + "\n")
            else:
                with writing("the standard output"):
                    print_report(outcome, answers, out or output())
            if keep:
                kept = KeptRun(
                    outcome.endpoint_url,
                    options.stack,
                    options.overrides,
                    str(options.packages.resolve()),
                )
                with at_work(finished, progress.say), announced(kept):
                    _wait(outcome.endpoint_url)
    return 0 if outcome.good and not outcome.mostly_failed else 1


def _check(options: DemoOptions) -> None:
    """Raise an error for wrong options, before anything is built or started."""
    if options.input is not None:
        check_input(options.input)
    if options.endpoint_url is None:
        stack_config(options.stack, options.overrides)
        return
    check_endpoint(options.endpoint_url)
    endpoint = Endpoint(options.endpoint_url)
    local_settings(endpoint, options.stack, overrides=options.overrides, packages=options.packages)


def _keep_last_run(finished: FinishedRun, folder: Path, progress: Progress) -> None:
    """Save the run where `dmd sql` looks for it, completely or not at all."""
    fresh, old = (folder.with_name(f"{LAST_RUN}.{name}") for name in ("new", "old"))
    for each in (fresh, old):
        shutil.rmtree(each, ignore_errors=True)
    with writing(folder, STATE_REMEDY):
        finished.export(fresh, progress)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _wait(url: str) -> None:
    sys.stderr.write(
        f"The endpoint stays up at {url}, and the pipeline at work; stop them with Ctrl-C.\n"
    )
    sys.stderr.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
