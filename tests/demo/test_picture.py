"""The picture in the README is what a run of the demo shows now."""

from __future__ import annotations

import html
import re

import pytest

from demo.picture import PICTURE, draw
from demo.summary import closing_queries
from schemas import RECORD_TYPES

# What the report and the steps say in every run.
LINES = [
    "$ make demo",
    "Building the functions' packages",
    "Draining the delivery streams",
    "= written  + dropped  + failed  + repeats  + quarantined",
    "each record once",
    "table         partition_date  files  rows",
    "Everything reconciles: no delivery stream lost or doubled a record.",
    *(
        line
        for query in closing_queries(RECORD_TYPES, [], current=True)
        for line in query.splitlines()
    ),
]


def text(svg: str) -> list[str]:
    """The picture's lines without style and spaces."""
    lines: dict[str, str] = {}
    for y, part in re.findall(r'<text class="demo-r\d+"[^>]* y="([\d.]+)"[^>]*>(.*?)</text>', svg):
        lines[y] = lines.get(y, "") + without_spaces(html.unescape(part))
    return list(lines.values())


def without_spaces(line: str) -> str:
    return "".join(line.split())


@pytest.mark.parametrize("line", LINES)
def test_the_picture_shows_what_the_demo_says(line: str) -> None:
    shown = text(PICTURE.read_text(encoding="utf-8"))
    assert [each for each in shown if without_spaces(line) in each], "draw it again: make picture"


def test_a_long_table_is_shortened_and_says_so() -> None:
    block = [f"row{number}" for number in range(30)]
    shown = text(draw("\n".join(["head", "", *block, "", "\x1b[1mend\x1b[0m"])))
    assert [line for line in shown if line] == [
        "head",
        *block[:9],
        "…",
        *block[-2:],
        "end",
    ]


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    svg = PICTURE.read_text(encoding="utf-8")
    assert "url(http" not in svg
    assert "href" not in svg
    assert re.findall(r"url\((?!#)", svg) == []
