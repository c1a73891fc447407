"""Charts as SVG text: bars of parts, and lines over the hours of a day. Drawn by Matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

# Pages show pictures about this wide. Text is drawn as outlines, so it looks the same everywhere.
_INCHES = 9.2
_STYLE: Any = {
    # The same input gives the same bytes.
    "svg.hashsalt": "dmd-pipeline",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
}
# Light enough for dark numbers on them.
_PARTS = ("#7fb2dd", "#c5def2", "#f2b84b", "#8fd0b0", "#cccccc")
_LINES = ("#d0d0d0", "#e69f00", "#0072b2")
_WIDE, _NARROW = 5.0, 1.4
_NUMBERS = FuncFormatter(lambda value, place: f"{value:,.0f}")
# A part below this share of the longest bar has no room for its number.
_SHARE_WITH_NUMBER = 0.04


@dataclass(frozen=True)
class Bar:
    """One bar: its name, and the value of each of its parts."""

    name: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Line:
    """One line of a plot: its name, and its values at the plot's times."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Plot:
    """A plot over the hours of a day: what it shows, and its lines."""

    title: str
    lines: Sequence[Line]


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Return a chart of bars. A part of one name has one colour in all of them.

    Parameters
    ----------
    title
        The title of the chart.
    unit
        What the axis shows.
    rows
        The bars, the uppermost first.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure((_INCHES, 1.6 + 0.5 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        names = list(dict.fromkeys(name for row in rows for name in row.parts))
        colours = dict(zip(names, _PARTS, strict=False))
        for name, colour in colours.items():
            axes.barh(0, 0, color=colour, label=name)
        most = max(row.total for row in rows)
        for place, row in enumerate(rows):
            begin = 0.0
            for name, length in row.parts.items():
                axes.barh(place, length, left=begin, height=0.6, color=colours[name])
                if length > most * _SHARE_WITH_NUMBER:
                    axes.text(begin + length / 2, place, f"{length:,.0f}", ha="center", va="center")
                begin += length
            axes.text(begin + most * 0.01, place, f"{begin:,.0f}", va="center", weight="bold")
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.margins(x=0.08)
        axes.set_xlim(left=0)
        axes.set_xlabel(unit)
        axes.grid(axis="x")
        axes.xaxis.set_major_formatter(_NUMBERS)
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
        figure.legend(loc="outside lower left", ncols=3, frameon=False)
        return _svg(figure)


def lines(title: str, hours: Sequence[float], plots: Sequence[Plot]) -> str:
    """Return plots over the hours of a day, one below the other.

    Lines of one plot that coincide stay visible: the first is an area, each further one is drawn
    over those before it, and is narrower.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure((_INCHES, 0.5 + 2.2 * len(plots)), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
        all_axes = figure.subplots(len(plots), sharex=True, squeeze=False)[:, 0]
        for axes, plot in zip(all_axes, plots, strict=True):
            _draw_lines(axes, hours, plot)
        all_axes[-1].set_xlim(0, 24)
        all_axes[-1].set_xticks(range(0, 25, 4))
        all_axes[-1].set_xlabel("hour of the day")
        return _svg(figure)


def _draw_lines(axes: Axes, hours: Sequence[float], plot: Plot) -> None:
    several = len(plot.lines) > 1
    area, *others = plot.lines
    if several:
        axes.fill_between(hours, area.values, color=_LINES[0], label=area.name, linewidth=0)
        for line, colour, width in zip(others, _LINES[1:], (_WIDE, _NARROW), strict=False):
            axes.plot(hours, line.values, color=colour, label=line.name, linewidth=width)
    else:
        axes.plot(hours, area.values, color=_LINES[-1], linewidth=_NARROW)
    axes.set_title(plot.title, loc="left", fontsize=10)
    axes.margins(x=0, y=0.1)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    axes.yaxis.set_major_formatter(_NUMBERS)
    if several:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(plot.lines), frameon=False)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
