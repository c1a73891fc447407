"""``CHANGELOG.md`` has the form of Keep a Changelog, and its newest version is the project's."""

from __future__ import annotations

import re
import tomllib
from datetime import date

from infra.stack_config import REPOSITORY

TEXT = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", TEXT, re.MULTILINE)
# https://keepachangelog.com/en/1.1.0/
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_newest_version_is_the_one_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert RELEASES[0][0] == project["project"]["version"]


def test_unreleased_comes_first_and_releases_go_back_in_time() -> None:
    assert re.findall(r"^## \[(.+?)\]", TEXT, re.MULTILINE) == [
        "Unreleased",
        *(version for version, _ in RELEASES),
    ]
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert days == sorted(days, reverse=True)


def test_changes_are_of_the_known_kinds() -> None:
    found = set(re.findall(r"^### (.+)$", TEXT, re.MULTILINE))
    assert found
    assert found <= KINDS
