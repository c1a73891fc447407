"""The results as a table, a chart and JSON, with the machine that was used."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.chart import Bar, bars
from bench.rounds import Measured
from bench.targets import Target
from bench.workload import Workload

NOTES = {
    "project": "keeps every attribute and every digit",
    "node": "numbers are doubles: decimals of more than 15 digits are rounded; nothing is rescued",
    "usual": "decimals are exact; nothing is rescued",
    "floor": "makes no rows",
}
_TITLES = {
    "project": "this project",
    "node": "the Node worker",
    "usual": "the usual Python",
    "floor": "the floor",
}
# The parts in the chart.
_OWN = "transform of its own type"
_DROPS = "three drops"
_BOTH = "transform, not divided"
_WRITER = "writer"
_WHOLE = "everything in one function"
_PACKAGES = ("msgspec", "pybase64", "orjson", "isal", "fastavro", "boto3", "awslambdaric")


def environment(workload: Workload, command: str, node: bool) -> dict[str, str]:
    """Return what the results depend on besides the code."""
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "records": f"{workload.count:,} of {workload.record_bytes:,.0f} bytes, "
        f"seed {workload.seed}",
        "machine": f"{_cpu()}, {platform.machine()}, {len(_cores())} cores",
        "system": platform.platform(terse=True),
        "Python": " ".join(sys.version.split()),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }
    if node:
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
        packages = json.loads((Path(__file__).parent / "node/package-lock.json").read_bytes())
        found["Node"] = version.stdout.strip()
        for name in ("avsc", "@aws-sdk/util-dynamodb"):
            found[name] = packages["packages"][f"node_modules/{name}"]["version"]
    return found


def _cores() -> list[str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith("model name")] or [
        platform.processor()
    ]


def _cpu() -> str:
    return _cores()[0]


def as_json(
    measured: dict[str, Measured],
    larger: dict[str, Measured],
    workloads: tuple[Workload, Workload],
    targets: list[Target],
    fast_way: dict[str, Any],
    where: dict[str, str],
) -> dict[str, Any]:
    """Return the report as ``latest.json`` has it, in microseconds and bytes per record.

    Parameters
    ----------
    measured, larger
        The costs of all peers with ordinary records, and of some peers with larger ones.
    workloads
        The records of both.
    targets
        The targets, with what was measured.
    fast_way
        What `bench.ways.measure` returned.
    where
        What the results depend on besides the code.
    """
    return {
        "environment": where,
        "record_bytes": round(workloads[0].record_bytes),
        "targets": [target.as_json() for target in targets],
        "fast_way": fast_way,
        "peers": _peers(measured),
        "larger": {"record_bytes": round(workloads[1].record_bytes), "peers": _peers(larger)},
    }


def _peers(measured: dict[str, Measured]) -> dict[str, Any]:
    return {
        name: {
            "note": NOTES[name],
            "rows_compared": peer.rows,
            "peak_rss_mib": round(peer.peak_rss / 2**20, 1),
            "parts": {
                part: {
                    "cpu_us": round(statistics.median(costs.cpu), 2),
                    "cpu_us_least": round(min(costs.cpu), 2),
                    "cpu_us_most": round(max(costs.cpu), 2),
                    "wall_us": round(statistics.median(costs.wall), 2),
                    "bytes_out": round(costs.bytes_out, 1),
                }
                for part, costs in peer.parts.items()
            },
        }
        for name, peer in measured.items()
    }


def as_markdown(report: dict[str, Any]) -> str:
    """Return the report as a page."""
    lines = [
        "# The last benchmark",
        "",
        "`make bench` generates this page. It compares the CPU time of this project with that of",
        "other programs, its *peers*: the Node worker that the project replaces, ordinary Python",
        "code (the usual Python), and the least work that any solution must do (the floor). The",
        "rows of every peer were compared with those of the reference implementation before its",
        "time was counted. [Scale](../../docs/scale.md) calculates load and costs from this page.",
        "",
        "![CPU per record](latest.svg)",
        "",
        "| target | value | least, most of the rounds | should be | met |",
        "|---|---|---|---|---|",
    ]
    for target in report["targets"]:
        unit = "" if target["unit"] == "ratio" else f" {target['unit']}"
        spread = target["spread"]
        value = "not measured" if target["value"] is None else f"{target['value']:g}{unit}"
        lines.append(
            f"| {target['name']}{', ' + target['note'] if target['note'] else ''} | {value} "
            f"| {f'{spread[0]:g}, {spread[1]:g}' if spread else ''} "
            f"| {target['direction']} {target['target']:g} "
            f"| {'' if target['met'] is None else 'yes' if target['met'] else 'no'} |"
        )
    lines += [
        "",
        "| peer | part | CPU µs per record | least, most of the rounds | wall µs | bytes out "
        "| peak RSS MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, peer in report["peers"].items():
        lines += [
            f"| {_TITLES[name]} | {part} | {costs['cpu_us']:g} "
            f"| {costs['cpu_us_least']:g}, {costs['cpu_us_most']:g} | {costs['wall_us']:g} "
            f"| {costs['bytes_out']:g} | {peer['peak_rss_mib']:g} |"
            for part, costs in peer["parts"].items()
        ]
    lines += [
        "",
        "The parts:",
        "",
        "- `transform`: the four functions over all records; three of them drop each record",
        "- `shared`: the one function of a shared delivery stream over all records",
        "- `own`: each function over the records of its own record type",
        "- `drop`: one function over the records of the other record types",
        "",
        "The peers:",
        "",
        *(f"- {_TITLES[name]}: {NOTES[name]}" for name in report["peers"]),
        "",
        *_fast_way(report["fast_way"]),
        "| measured on | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in report["environment"].items()),
        "",
    ]
    return "\n".join(lines)


def _fast_way(found: dict[str, Any]) -> list[str]:
    left = dict(found["left"])
    of_all = left.pop("all")
    each = ", ".join(f"{record_type} {share:.2%}" for record_type, share in left.items())
    return [
        "## Records that leave the fast way",
        "",
        "The transform makes most rows [on a fast way](../../docs/decisions/typed-rows.md).",
        f"Of the benchmark's records, {of_all:.2%} leave it ({each}).",
        f"If all took the general way, making their rows would take {found['general']:g} times",
        "the CPU.",
        "",
        "The table shows what can be odd about a record, how many of the records that are odd in",
        "this way leave the fast way, and how much CPU their rows take, compared with the rows of",
        "records that are not odd. The peers stop at some kinds, so the records above have none of",
        "these.",
        "",
        "| what is odd | leave the fast way | CPU of a row / of an ordinary one | in the records |",
        "|---|---|---|---|",
        *(
            f"| {kind['kind']} | {kind['left']:.0%} | {kind['cost']:g} "
            f"| {'yes' if kind['in_records'] else 'no'} |"
            for kind in found["kinds"]
        ),
        "",
    ]


def as_svg(measured: dict[str, Measured]) -> str:
    """Return the chart: CPU of each peer's parts, in microseconds per record."""
    project, usual, floor = (measured[name] for name in ("project", "usual", "floor"))
    writer = {_WRITER: project.cpu("writer")}
    plain = {_BOTH: project.cpu("transform, plain form"), **writer}
    rows = [
        Bar("this project", _divided(project)),
        Bar("this project,\nshared delivery", {_BOTH: project.cpu("shared"), **writer}),
        Bar("this project,\nplain form", plain),
        Bar("the usual Python", _divided(usual)),
    ]
    if "node" in measured:
        rows.append(Bar("the Node worker", {_WHOLE: measured["node"].cpu("worker")}))
    read = {_BOTH: floor.cpu("transform"), _WRITER: floor.cpu("writer")}
    rows.append(Bar("the floor", read))
    return bars("CPU of a record, end to end", "microseconds of CPU per record", rows)


def _divided(peer: Measured) -> dict[str, float]:
    own = peer.cpu("own")
    drops = max(0.0, peer.cpu("transform") - own)
    return {_OWN: own, _DROPS: drops, _WRITER: peer.cpu("writer")}


def store(folder: Path, report: dict[str, Any], chart: str) -> None:
    """Write ``latest.json``, ``latest.md`` and ``latest.svg``."""
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (folder / "latest.md").write_text(as_markdown(report))
    (folder / "latest.svg").write_text(chart)
