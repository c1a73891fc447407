"""``dmd demo``: the whole pipeline on one machine, from change records to Athena SQL."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from athena.engine import run_query
from athena.export import check_empty, check_writable
from athena.render import render
from console.progress import Progress
from console.state import LAST_RUN, state_directory
from demo.feed.lines import check_input
from demo.run import DemoOptions, FinishedRun, demo
from demo.summary import Answer, as_json, as_text, closing_queries
from estate.provision.command import LOCAL_PACKAGES
from estate.stack_config import REPOSITORY
from release.package import build
from release.wheels import Target

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to ``dmd``."""
    parser = subparsers.add_parser(
        "demo",
        help="run the whole pipeline on this machine",
        description="Takes change records through Kinesis, the four delivery streams with their "
        "functions, and the Avro writer into partitioned Avro, on this machine, with an embedded "
        "AWS emulator; then reconciles every count and answers queries from the tables.",
    )
    parser.add_argument("--stack", default="dev1", help="whose program (default: %(default)s)")
    parser.add_argument(
        "--endpoint-url", metavar="URL", help="use this AWS-compatible emulator, not the embedded"
    )
    parser.add_argument(
        "--records",
        type=_count,
        default=4000,
        metavar="N",
        help="how many change records to make up (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="make up those of this seed (default: 1)"
    )
    parser.add_argument(
        "--input",
        metavar="FILE",
        help="feed these change records and nothing else: one JSON object a line, as they stand; "
        "- is standard input, .gz is accepted",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="copy the bucket's objects and the Glue catalog into this new or empty folder",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave endpoint and functions up afterwards, until Ctrl-C",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo as the arguments say; return the exit status."""
    last_run = state_directory() / LAST_RUN
    for folder in (args.export, last_run.parent):
        if folder is not None:
            check_writable(folder)
    if args.export is not None:
        check_empty(args.export)
    if args.input is not None:
        check_input(args.input)
    progress = Progress()
    progress.step("Building the functions' packages")
    build(Target.LOCAL, source=REPOSITORY, out=LOCAL_PACKAGES.parent, progress=progress.show)
    options = DemoOptions(
        stack=args.stack,
        packages=LOCAL_PACKAGES,
        endpoint_url=args.endpoint_url,
        seed=args.seed,
        records=args.records,
        input=args.input,
    )
    with demo(options, progress, _problem(progress)) as finished:
        _keep_last_run(finished, last_run, progress)
        if args.export is not None:
            shutil.copytree(last_run, args.export, dirs_exist_ok=True)
        progress.clear()
        database = finished.provisioned.outputs["database"]
        outcome = finished.outcome
        queries = closing_queries(
            finished.provisioned.settings.demand_data_types, outcome.partitions
        )
        answers = [_answer(last_run, sql, database) for sql in queries]
        if args.json:
            export = str(args.export) if args.export else None
            print(json.dumps(as_json(outcome, answers, export), ensure_ascii=False))  # noqa: T201
        else:
            print(as_text(outcome, answers))  # noqa: T201
        sys.stdout.flush()
        if args.keep:
            _wait(outcome.endpoint_url)
    return 0 if outcome.good else 1


def _keep_last_run(finished: FinishedRun, folder: Path, progress: Progress) -> None:
    """Put the run where `dmd sql` looks for it, whole or not at all."""
    fresh, old = (folder.with_name(f"{LAST_RUN}.{name}") for name in ("new", "old"))
    for each in (fresh, old):
        shutil.rmtree(each, ignore_errors=True)
    finished.export(fresh, progress)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _answer(folder: Path, sql: str, database: str) -> Answer:
    result = run_query(folder, sql, database)
    # Not splitlines: a text may hold what Unicode calls a line's end.
    lines = render(result, "json").rstrip("\n").split("\n") if result.rows else []
    return Answer(
        sql,
        render(result, "table").rstrip("\n"),
        [{"name": name, "type": str(kind)} for name, kind in result.columns],
        [json.loads(line) for line in lines],
    )


def _problem(progress: Progress) -> Callable[[str], None]:
    def show(line: str) -> None:
        progress.clear()
        sys.stderr.write(f"{line}\n")

    return show


def _wait(url: str) -> None:
    sys.stderr.write(f"The endpoint stays up at {url}; stop it with Ctrl-C.\n")
    sys.stderr.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of records, 0 or more")
    return int(text)
