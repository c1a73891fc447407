"""`dmd schema check`: the working tree against a commit of a repository made for the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops.errors import GitError
from ops.schema_check import check
from ops.schema_compatibility import Effect
from schemas import SchemaError
from tests.support.cli import ROOT


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        check=True,
        capture_output=True,
    )


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "a commit")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with the project's schemas on its branch main."""
    root = tmp_path / "repository"
    (root / "schemas").mkdir(parents=True)
    for path in (ROOT / "schemas").glob("*.json"):
        shutil.copy(path, root / "schemas")
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root)
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "schemas" / f"{name}.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def widen_the_scale_of_tax(root: Path) -> None:
    edit(root, "sale", '"precision": 14, "scale": 4', '"precision": 14, "scale": 5')


def test_an_unchanged_tree_is_free_of_findings(root: Path) -> None:
    report = check(root)
    assert report.findings == ()
    assert report.types == ("demand", "event", "notification", "sale")
    assert report.against.ref == "main"
    assert report.lines()[-1].endswith("0 refused, 0 warnings")


def test_it_is_the_working_tree_that_is_compared_committed_or_not(root: Path) -> None:
    widen_the_scale_of_tax(root)
    (finding,) = check(root).refused
    assert (finding.file, finding.field) == ("schemas/sale.json", "tax")
    git(root, "checkout", "--quiet", "-b", "change")
    commit(root)
    assert check(root).refused == (finding,)
    assert check(root, "change").findings == ()


def test_refusals_come_before_warnings(root: Path) -> None:
    edit(root, "demand", '"attribute": "ttl"', '"attribute": "expiry"')
    widen_the_scale_of_tax(root)
    report = check(root)
    assert [each.refused for each in report.findings] == [True, False]
    assert [each.file for each in report.warnings] == ["schemas/demand.json"]


def test_a_detached_checkout_is_compared_with_the_main_branch_of_its_origin(
    root: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "branch", "--quiet", "--delete", "main")
    assert check(clone).against.ref == "origin/main"


def test_a_fetched_commit_can_be_compared_with_in_a_shallow_checkout(
    root: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--no-tags", root.as_uri(), str(clone))
    widen_the_scale_of_tax(root)
    commit(root)
    git(clone, "fetch", "--quiet", "--depth", "1", "origin", "main")
    assert [each.field for each in check(clone, "FETCH_HEAD").refused] == ["tax"]


@pytest.mark.parametrize("ref", ["no-such-branch", "--all", ""])
def test_an_unknown_commit_is_an_error_that_names_it(root: Path, ref: str) -> None:
    with pytest.raises(GitError, match=f"git knows no commit '{ref}'.*--against"):
        check(root, ref)


def test_a_repository_without_a_main_branch_says_how_to_get_one(root: Path) -> None:
    git(root, "branch", "--move", "trunk")
    with pytest.raises(GitError, match=r"none of main, origin/main.*git fetch origin main"):
        check(root)
    assert check(root, "trunk").findings == ()


def test_a_commit_without_schemas_is_an_error(root: Path) -> None:
    git(root, "rm", "--quiet", "-r", "--cached", "schemas")
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "none")
    with pytest.raises(GitError, match=r"main \([0-9a-f]{7}\) has no schemas/\*\.json"):
        check(root)


def test_a_folder_that_is_no_repository_is_an_error(root: Path) -> None:
    shutil.rmtree(root / ".git")
    with pytest.raises(GitError, match=r"not a git repository.*run this in a checkout"):
        check(root)


def test_a_machine_without_git_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(GitError, match="git is needed to read the older schemas"):
        check(root)


def test_a_schema_that_does_not_parse_is_an_error_on_either_side(root: Path) -> None:
    edit(root, "sale", '"logicalType": "decimal"', '"logicalType": "dezimal"')
    with pytest.raises(SchemaError, match=r"^schemas/sale\.json, field unit_price: .*dezimal"):
        check(root)
    commit(root)
    edit(root, "sale", "dezimal", "decimal")
    with pytest.raises(SchemaError, match=r"^schemas/sale\.json at main \([0-9a-f]{7}\), field"):
        check(root)


def test_a_new_type_is_free_and_a_removed_one_a_warning(root: Path) -> None:
    text = (root / "schemas" / "sale.json").read_text()
    (root / "schemas" / "refund.json").write_text(text.replace('"Sale"', '"Refund"'))
    assert check(root).findings == ()
    (root / "schemas" / "sale.json").unlink()
    (finding,) = check(root).warnings
    assert (finding.file, finding.effect) == ("schemas/sale.json", Effect.QUARANTINED)
    assert "demand_data_types" in finding.remedy


def dmd(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as of ``root``, the code that it finds there before the installed one."""
    return subprocess.run(
        [sys.executable, "-m", "dmd", "schema", "check", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_findings_and_its_exit_status_tells_refusals(root: Path) -> None:
    for package in ("ops", "schemas"):
        for path in (ROOT / package).glob("*.py"):
            (root / package).mkdir(exist_ok=True)
            shutil.copy(path, root / package)
    clean = dmd(root)
    assert (clean.returncode, clean.stderr) == (0, "")

    edit(root, "demand", '"attribute": "ttl"', '"attribute": "expiry"')
    assert dmd(root).returncode == 0
    warned = dmd(root, "--warning-status", "3")
    assert warned.returncode == 3
    assert warned.stdout.startswith("warning: schemas/demand.json, field expires_at: ")

    widen_the_scale_of_tax(root)
    refused = dmd(root, "--json", "--warning-status", "3")
    assert refused.returncode == 1
    found: dict[str, Any] = json.loads(refused.stdout)
    assert [(each["file"], each["field"], each["effect"]) for each in found["refused"]] == [
        ("schemas/sale.json", "tax", "misread")
    ]
    assert [each["field"] for each in found["warnings"]] == ["expires_at"]
    assert found["against"]["ref"] == "main"

    unknown = dmd(root, "--against", "nowhere")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("dmd schema: git knows no commit 'nowhere'")
    assert unknown.stderr.count("\n") == 1
