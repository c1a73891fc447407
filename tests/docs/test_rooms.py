"""What the pages say of the packages is what ``pyproject.toml`` says."""

from __future__ import annotations

import re
import tomllib

import pytest

from infra.stack_config import REPOSITORY

LINTER = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]


@pytest.mark.parametrize("page", ["docs/contributing.md", "docs/decisions/rooms.md"])
def test_the_layers_are_those_that_the_linter_checks(page: str) -> None:
    (layers,) = (
        each["layers"]
        for each in LINTER["contracts"]
        if each["type"] == "layers" and "containers" not in each
    )
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\n(tests\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown.splitlines() == layers


def test_the_table_of_folders_has_every_package_and_no_other() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    table = text.partition("\n## Where things are\n")[2].partition("\n\n##")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    folders = [each for cell in cells for each in re.findall(r"`(\w+)/`", cell)]
    assert sorted(folders) == sorted(LINTER["root_packages"])
