"""The inputs of the bill: AWS's prices and quotas, the settings, and the measurements."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).resolve().parent
_AWS = _HERE / "aws.json"
_PROGRAM = _HERE.parent / "Pulumi.yaml"
LATEST = _HERE / "results" / "latest.json"


@dataclass(frozen=True)
class Costs:
    """The costs of a record of one size.

    Parameters
    ----------
    transform, shared, writer, node
        CPU microseconds: the four transform functions together, the one of a shared delivery
        stream, the writer, the Node worker.
    line_bytes, avro_bytes, node_bytes
        Bytes of its landed line, in the project's Avro, and in the Node worker's.
    """

    transform: float
    shared: float
    writer: float
    node: float
    line_bytes: float
    avro_bytes: float
    node_bytes: float


@dataclass(frozen=True)
class Inputs:
    """All inputs of the bill.

    Parameters
    ----------
    aws
        ``prices`` and ``quotas`` as ``aws.json`` has them.
    settings
        Defaults of the stacks' settings.
    sizes
        Two sizes of records in bytes, with their costs. The costs of other sizes are calculated
        linearly from these two.
    date
        The date of the measurement.
    """

    aws: dict[str, Any]
    settings: dict[str, Any]
    sizes: tuple[tuple[float, Costs], tuple[float, Costs]]
    date: str

    def price(self, name: str) -> float:
        """Return a price in US dollars."""
        return float(self.aws["prices"][name]["usd"])

    def quota(self, name: str) -> float:
        """Return a quota."""
        return float(self.aws["quotas"][name]["value"])

    def setting(self, name: str) -> float:
        """Return a setting's default."""
        return float(self.settings[name])

    def costs(self, record_bytes: float) -> Costs:
        """Return the costs of a record of a size: at least half of the smaller measured ones."""
        (small, low), (large, high) = self.sizes
        share = (record_bytes - small) / (large - small)
        values = {
            name: max(value / 2, value + share * (vars(high)[name] - value))
            for name, value in vars(low).items()
        }
        return Costs(**values)


def load(latest: Path = LATEST) -> Inputs:
    """Return the inputs, with the measurements of a run of the benchmark."""
    return of_report(json.loads(latest.read_text()))


def of_report(report: dict[str, Any]) -> Inputs:
    """Return the inputs, with the measurements of a report as ``latest.json`` has it."""
    program = yaml.safe_load(_PROGRAM.read_text())
    return Inputs(
        aws=json.loads(_AWS.read_text()),
        settings={name: each.get("default") for name, each in program["config"].items()},
        sizes=(
            (report["record_bytes"], _costs(report["peers"], report["peers"])),
            (
                report["larger"]["record_bytes"],
                _costs(report["larger"]["peers"], report["peers"]),
            ),
        ),
        date=report["environment"]["date"],
    )


def _costs(peers: dict[str, Any], smaller: dict[str, Any]) -> Costs:
    project = peers["project"]["parts"]
    # A run without Node has no bill for it.
    node = peers.get("node", {"parts": {"worker": {"cpu_us": 0.0, "bytes_out": 0.0}}})["parts"]
    # The answer for a dropped record has all but the data, and the data is base64.
    around = smaller["project"]["parts"]["drop"]["bytes_out"]
    return Costs(
        transform=project["transform"]["cpu_us"],
        shared=project["shared"]["cpu_us"],
        writer=project["writer"]["cpu_us"],
        node=node["worker"]["cpu_us"],
        line_bytes=(project["own"]["bytes_out"] - around) * 3 / 4,
        avro_bytes=project["writer"]["bytes_out"],
        node_bytes=node["worker"]["bytes_out"],
    )
