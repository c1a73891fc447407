"""Compares the schemas of the working tree with those of a commit, to find harmful changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from catalog import check_limits
from ops.errors import GitError
from ops.git import Checkout, Commit
from ops.schema_compatibility import Effect, Finding, compare
from schemas import parse_table

MAIN: Final = ("main", "origin/main")
"""Names of the main branch. A detached checkout has no local branch."""

_FOLDER: Final = "schemas"


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Parameters
    ----------
    against
        The commit of the comparison.
    types
        The record types of the working tree.
    findings
        The harmful changes, refusals first.
    """

    against: Commit
    types: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> tuple[Finding, ...]:
        """The changes that must not be deployed."""
        return tuple(each for each in self.findings if each.refused)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The changes that need a decision before they are deployed."""
        return tuple(each for each in self.findings if not each.refused)

    def lines(self) -> list[str]:
        """Return the report as text."""
        return [
            *map(str, self.findings),
            f"{len(self.types)} schemas ({', '.join(self.types)}) against {self.against}: "
            f"{len(self.refused)} refused, {len(self.warnings)} warnings",
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "against": {"ref": self.against.ref, "commit": self.against.id},
            "types": list(self.types),
            "refused": [_as_json(each) for each in self.refused],
            "warnings": [_as_json(each) for each in self.warnings],
        }


def check(root: Path, against: str | None = None) -> Report:
    """Compare the schemas of a checkout with those of a commit.

    Parameters
    ----------
    root
        The repository's folder.
    against
        A name of the commit: a branch, a tag or an id. The default is the main branch.

    Raises
    ------
    GitError
        There is no such commit or no repository, or git is not installed.
    SchemaError
        A schema of the working tree or of the commit cannot be parsed.
    """
    checkout = Checkout(root)
    commit = checkout.find_commit([against] if against is not None else MAIN)
    if commit is None:
        raise GitError(_nothing_to_compare_with(against))
    old = {
        name.removesuffix(".json"): content
        for name, content in checkout.read(commit, _FOLDER, ".json").items()
    }
    if not old:
        raise GitError(f"{commit} has no {_FOLDER}/*.json: name another with --against")
    new = {path.stem: path.read_bytes() for path in sorted((root / _FOLDER).glob("*.json"))}
    tables = {name: parse_table(name, content, _file(name)) for name, content in new.items()}
    for name, described in tables.items():
        check_limits(described, _file(name))
    findings: list[Finding] = []
    for name, content in old.items():
        if name not in tables:
            findings.append(_removed(name))
        elif content != new[name]:
            # The old schema may break a newer rule for authors, and the change may correct that.
            before = parse_table(name, content, f"{_file(name)} at {commit}", stored=True)
            findings += compare(before, tables[name], _file(name))
    findings.sort(key=lambda each: not each.refused)
    return Report(commit, tuple(tables), tuple(findings))


def _file(name: str) -> str:
    return f"{_FOLDER}/{name}.json"


def _removed(name: str) -> Finding:
    return Finding(
        file=_file(name),
        field="",
        effect=Effect.QUARANTINED,
        refused=False,
        problem="the record type is removed: landed rows that are not yet written stay landed, and "
        "its delivery stream loses its position in the Kinesis stream",
        remedy=f"Take {name} out of demand_data_types and deploy when it has no landed objects",
    )


def _nothing_to_compare_with(against: str | None) -> str:
    if against is not None:
        return f"git knows no commit {against!r}: fetch it, or name another with --against"
    return (
        f"git knows none of {', '.join(MAIN)}, to compare with: fetch the main branch "
        "(git fetch origin main:refs/remotes/origin/main), or name a commit with --against"
    )


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "file": finding.file,
        "field": finding.field,
        "effect": finding.effect.value,
        "problem": finding.problem,
        "remedy": finding.remedy,
    }
