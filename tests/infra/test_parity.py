"""``docs/parity.md`` has every row of the previous system, and its names exist.

`tests.docs.test_references` checks that its files exist.
"""

from __future__ import annotations

import re

import pytest

from infra.stack_config import REPOSITORY

TEXT = (REPOSITORY / "docs" / "parity.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith(("| previous system", "|---"))
]
NAMES = sorted(set(re.findall(r"`([A-Z]\w+(?:\.\w+)?|[A-Z][A-Z_]+)`", TEXT)))

# Words that are not names of this repository: AWS's, Terraform's, tags.
FOREIGN = {"INSERT", "MODIFY", "REMOVE", "GitRunner", "Environment", "ProductCode", "InventoryCode"}


def sources() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("infra", "transform", "avro_writer", "schemas")
        for path in (REPOSITORY / folder).glob("*.py")
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FOREIGN])
def test_a_name_that_it_names_exists(name: str) -> None:
    last = name.rpartition(".")[2]
    assert re.search(rf"(class|def) {last}\b|^{last}\b", sources(), re.MULTILINE)


def test_every_row_says_where_it_lives() -> None:
    assert len(ROWS) > 50
    for row in ROWS:
        assert row[1], row
