"""`make bench`: compare the project with the Node worker, usual Python code, and the floor.

The floor is the least work that any solution must do. Each peer runs in a process of its own, in
turns. Its rows are compared with the reference implementation before its time counts. The report
is printed, and stored in bench/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import backfill, flatness, inputs, packaged, report, targets, ways, writer_limits
from bench.comparison import PeersDiffer, expected_rows
from bench.rounds import ROOT, PeerFailed, commands, run
from bench.workload import prepare

# Bytes of text that make a record about ten kilobytes.
_LARGER_BY = 7000
_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, then print and store the report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    for name, default, text in (
        ("--records", 100_000, "number of change records"),
        ("--rounds", 4, "how often each peer is measured"),
        ("--seed", 1, "seed of the change records"),
        ("--objects", 100_000, "largest number of landed objects"),
    ):
        parser.add_argument(name, type=int, default=default, help=f"{text}; default: %(default)s")
    parser.add_argument(
        "--results", type=Path, default=_RESULTS, help="folder for the report; default: %(default)s"
    )
    parser.add_argument(
        "--limits", action="store_true", help="measure only the largest plans of the writer"
    )
    parser.add_argument(
        "--backfill", action="store_true", help="measure only a backfill, beside the least work"
    )
    arguments = parser.parse_args()
    if arguments.limits:
        plans = writer_limits.main()
        _store(arguments.results, "writer_limits", "--limits", {"plans": plans})
        return 0
    if arguments.backfill:
        found = backfill.main(arguments.records, arguments.rounds, arguments.seed)
        _store(arguments.results, "backfill", "--backfill", found)
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            _say("packaging the functions")
            _measure(arguments, packaged.unpacked(Path(folder)))
    except (PeerFailed, PeersDiffer) as error:
        _say(f"make bench: {error}")
        return 1
    return 0


def _store(results: Path, name: str, argument: str, found: Mapping[str, Any]) -> None:
    where = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "command": f"make bench ARGS='{argument}'",
    }
    results.mkdir(exist_ok=True)
    (results / f"{name}.json").write_text(json.dumps({**where, **found}, indent=2) + "\n")


def _measure(arguments: argparse.Namespace, folders: dict[str, Path]) -> None:
    peers = commands(folders.values())
    if "node" not in peers:
        _say("The Node worker is left out: install Node 20 or newer, and npm, to measure it")
    _say(f"generating {arguments.records:,} records, unless an earlier run did")
    workload = prepare(ROOT / "build" / "bench", arguments.seed, arguments.records)
    _say("calculating the rows of the reference implementation")
    expected = expected_rows(workload)
    measured = run(workload, peers, arguments.rounds, expected, _say)
    _say("the same with larger records, for docs/scale.md")
    larger = prepare(
        ROOT / "build" / "bench", arguments.seed, max(8, arguments.records // 10), _LARGER_BY
    )
    both = {name: command for name, command in peers.items() if name in ("project", "node")}
    measured_larger = run(larger, both, 2, expected_rows(larger), _say)
    # The functions write their logs to standard output.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        _say("starting the packaged functions")
        outcomes = [
            *targets.over_peers(measured),
            *packaged.measure(folders, workload, arguments.rounds),
            *flatness.measure(
                workload,
                flatness.Sizes(
                    few_objects=max(10, arguments.objects // 100),
                    many_objects=arguments.objects,
                    dated_rows=arguments.objects,
                ),
                min(arguments.rounds, 2),
                _say,
            ),
        ]
    command = "make bench"
    if len(sys.argv) > 1:
        command += f' ARGS="{" ".join(sys.argv[1:])}"'
    where = report.environment(workload, command, "node" in peers)
    _say("counting the records that leave the fast way")
    fast_way = ways.measure(workload, arguments.rounds)
    found = report.as_json(measured, measured_larger, (workload, larger), outcomes, fast_way, where)
    month = targets.over_month(inputs.of_report(found))
    found["targets"].append(month.as_json())
    report.store(arguments.results, found, report.as_svg(measured))
    sys.stdout.write(report.as_markdown(found))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
