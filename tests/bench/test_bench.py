"""A small benchmark: every peer's rows are right, and the report has what it should.

No test is about time, which `make bench` measures.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import fastavro
import pytest

from bench.changes import changes
from bench.comparison import PeersDiffer, compare, expected_rows
from bench.rounds import ROOT, PeerFailed, commands, node_command, run
from bench.targets import Target, over_peers
from bench.workload import Workload, prepare, type_of

COUNT = 60


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    return prepare(tmp_path_factory.mktemp("bench"), seed=3, count=COUNT)


def silent(text: str) -> None:
    """Say nothing."""


def test_one_seed_gives_the_same_records_of_the_four_types() -> None:
    records = list(changes(7, COUNT))
    assert records == list(changes(7, COUNT))
    assert records != list(changes(8, COUNT))
    assert {*map(type_of, records)} == {"demand", "sale", "event", "notification"}


@pytest.mark.parametrize("count", [1_000, 2_880])
def test_times_are_at_random_within_their_unit_for_any_number_of_records(count: int) -> None:
    bodies = [json.loads(each)["dynamodb"] for each in changes(7, count)]
    micros = [body["ApproximateCreationDateTime"] for body in bodies]
    images = [body.get("NewImage") or body["OldImage"] for body in bodies]
    synchronized = [int(each["synchronizedAt"]["N"]) for each in images if "synchronizedAt" in each]
    for times in (micros, synchronized):
        assert len({each % 1000 for each in times}) > min(len(times), 1000) / 3
    assert sorted(micros) == micros


def test_a_few_records_are_odd_in_each_way() -> None:
    even, odd = (list(changes(7, 2_000, share_odd=share)) for share in (0, 0.03))
    assert all(b'"import"' not in each and b"+00:00" not in each for each in even)
    for part in (b'"source":{"S":"import"}', b"+00:00", b'"variant'):
        assert 2_000 * 0.001 < sum(part in each for each in odd) < 2_000 * 0.03


def test_records_can_be_made_larger() -> None:
    small, large = (sum(map(len, changes(7, COUNT, size))) for size in (0, 3000))
    assert large - small > 3000 * COUNT


def test_every_peer_writes_the_rows_of_the_reference(workload: Workload) -> None:
    python_peers = {name: command for name, command in commands().items() if name != "node"}
    measured = run(workload, python_peers, 1, expected_rows(workload), silent)
    assert {name: each.rows for name, each in measured.items()} == {
        "project": COUNT,
        "usual": COUNT,
        "floor": 0,
    }
    parts = measured["project"].parts
    assert parts["transform"].bytes_out > parts["shared"].bytes_out > parts["own"].bytes_out
    without_node = [each for each in over_peers(measured) if each.value is None]
    assert [each.met for each in without_node] == [None] * 4


def test_the_project_is_measured_as_packaged(workload: Workload, tmp_path: Path) -> None:
    (tmp_path / "transform").mkdir()
    (tmp_path / "transform" / "__init__.py").write_text("raise SystemExit('from the package')")
    command = commands([tmp_path])["project"]
    with pytest.raises(PeerFailed, match="project"):
        run(workload, {"project": command}, 1, {}, silent)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_shared_transform_whose_rows_differ_is_not_measured(
    workload: Workload, lost: int
) -> None:
    code = (
        "from pathlib import Path\n"
        "from bench.peers import project\n"
        "right = project.lines_by_type\n"
        f"project.lines_by_type = lambda answers: list(right(answers))[{lost}:]\n"
        f"project.Project(project.Workload(Path({str(workload.folder)!r}), 3, {COUNT}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ("makes other rows" in done.stderr) == bool(lost), done.stderr
    assert bool(done.returncode) == bool(lost)


def test_the_node_worker_writes_the_rows_of_the_reference(workload: Workload) -> None:
    if not (ROOT / "bench/node/node_modules").is_dir():
        pytest.skip("the Node worker's packages are not installed: `make bench` does it")
    command = node_command()
    if command is None:
        pytest.skip("there is no Node 20")
    measured = run(workload, {"node": command}, 1, expected_rows(workload), silent)
    assert measured["node"].rows == COUNT


@pytest.fixture(scope="module")
def kept(workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what the project has written."""
    run_folder = tmp_path_factory.mktemp("kept")
    subprocess.run(
        [*commands()["project"], str(workload.folder), "3", str(COUNT)],
        input=json.dumps({"keep": str(run_folder)}),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    return run_folder


@pytest.mark.parametrize("wrong", ["lost", "twice", "another"])
def test_a_peer_whose_rows_are_wrong_does_not_count(
    workload: Workload, kept: Path, tmp_path: Path, wrong: str
) -> None:
    expected = expected_rows(workload)["project"]
    run_folder = Path(shutil.copytree(kept, tmp_path / "kept"))
    assert compare("project", run_folder, workload, expected) == COUNT
    path = sorted(run_folder.glob("*.avro"))[0]
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        schema, rows = reader.writer_schema, list(reader)
    assert schema
    first = rows[0]
    assert isinstance(first, dict)
    if wrong == "lost":
        del rows[0]
    elif wrong == "twice":
        rows.append(first)
    else:
        first["table_name"] = "another"
    with path.open("wb") as file:
        fastavro.writer(file, schema, rows)
    with pytest.raises(PeersDiffer, match="project"):
        compare("project", run_folder, workload, expected)


def test_the_command_prints_and_keeps_the_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench", "--records", "40", "--rounds", "1"),
            *("--objects", "20", "--results", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    report = json.loads((tmp_path / "latest.json").read_text())
    for target in report["targets"]:
        assert {"name", "value", "spread", "target", "met"} <= target.keys()
        assert target["name"] in done.stdout
    assert {"project", "usual", "floor"} <= report["peers"].keys()
    assert ElementTree.parse(tmp_path / "latest.svg").getroot().tag.endswith("svg")
    assert done.stdout == (tmp_path / "latest.md").read_text()


@pytest.mark.parametrize(
    ("value", "direction", "met"),
    [
        (0.5, "at most", True),
        (0.6, "at most", False),
        (0.6, "at least", True),
        (None, "at most", None),
    ],
)
def test_a_target_is_met_or_not_or_not_measured(value: float, direction: str, met: bool) -> None:
    assert Target("t", value, None, 0.5, direction).met is met  # type: ignore[arg-type]
