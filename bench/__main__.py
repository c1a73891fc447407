"""`make bench`: the project beside the Node worker, the usual Python way, and the floor.

Every peer runs in a process of its own, in turns; each one's rows are compared with the plain
reference before its time counts. What came out is printed and kept in bench/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from bench import flatness, packaged, report, targets, writer_limits
from bench.comparison import PeersDiffer, expected_rows
from bench.rounds import ROOT, PeerFailed, commands, run
from bench.workload import prepare

# Bytes of text that make a record about ten kilobytes.
_LARGER_BY = 7000
_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, print the table, and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--objects", type=int, default=100_000, help="landed objects, at most; default: %(default)s"
    )
    parser.add_argument(
        "--results", type=Path, default=_RESULTS, help="folder for the report; default: %(default)s"
    )
    parser.add_argument(
        "--limits", action="store_true", help="measure the writer's largest plans instead"
    )
    arguments = parser.parse_args()
    if arguments.limits:
        _measure_limits(arguments.results)
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            _say("packaging the functions")
            _measure(arguments, packaged.unpacked(Path(folder)))
    except (PeerFailed, PeersDiffer) as error:
        _say(f"make bench: {error}")
        return 1
    return 0


def _measure_limits(results: Path) -> None:
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "command": "make bench ARGS='--limits'",
        "plans": writer_limits.main(),
    }
    results.mkdir(exist_ok=True)
    (results / "writer_limits.json").write_text(json.dumps(found, indent=2) + "\n")


def _measure(arguments: argparse.Namespace, folders: dict[str, Path]) -> None:
    peers = commands(folders.values())
    if "node" not in peers:
        _say("The Node worker is left out: install Node 20 or newer, and npm, to measure it")
    _say(f"making {arguments.records:,} records, once for each seed and number")
    workload = prepare(ROOT / "build" / "bench", arguments.seed, arguments.records)
    _say("making the rows that the reference says")
    expected = expected_rows(workload)
    measured = run(workload, peers, arguments.rounds, expected, _say)
    _say("the same with larger records, for docs/scale.md")
    larger = prepare(
        ROOT / "build" / "bench", arguments.seed, max(8, arguments.records // 10), _LARGER_BY
    )
    both = {name: command for name, command in peers.items() if name in ("project", "node")}
    measured_larger = run(larger, both, 2, expected_rows(larger), _say)
    # A function's log is its standard output.
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
    found = report.as_json(measured, measured_larger, (workload, larger), outcomes, where)
    report.store(arguments.results, found, report.as_svg(measured))
    sys.stdout.write(report.as_markdown(found))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
