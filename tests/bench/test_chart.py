"""The charts: every part and line is named, and a name has one colour."""

from __future__ import annotations

import re

from bench.chart import Bar, Line, Plot, bars, lines

HOURS = [0.0, 12.0, 24.0]
DAY = [
    Plot("Changes a second", [Line(name, [1, 5, 1]) for name in ("arriving", "landing", "written")])
]


def texts(svg: str) -> list[str]:
    """Matplotlib draws text as outlines, and writes it as a comment before them."""
    return re.findall("<!-- (.*?) -->", svg)


def test_the_same_input_gives_the_same_picture() -> None:
    assert lines("A day", HOURS, DAY) == lines("A day", HOURS, DAY)


def test_each_part_is_in_the_legend_once_and_has_one_colour_in_all_bars() -> None:
    rows = [Bar("first", {"read": 3, "write": 4}), Bar("second", {"write": 5, "send": 600})]
    svg = bars("Costs", "seconds", rows)
    assert [texts(svg).count(name) for name in ("read", "write", "send")] == [1, 1, 1]
    assert {"first", "second", "7", "605", "seconds"} <= {*texts(svg)}
    filled = re.findall(r"fill: (#[0-9a-f]{6})(?!; stroke)", svg)
    of_parts = {colour for colour in filled if colour != "#ffffff"}
    assert len(of_parts) == 3


def test_lines_that_coincide_have_different_widths() -> None:
    svg = lines("A day", HOURS, DAY)
    assert {"arriving", "landing", "written"} <= {*texts(svg)}
    widths = re.findall(r"stroke: #(?:e69f00|0072b2); stroke-width: ([0-9.]+)", svg)
    assert len({*widths}) == 2
