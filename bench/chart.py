"""Charts as SVG text: bars of parts, and lines over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#8172b3", "#937860")


@dataclass(frozen=True)
class Bar:
    """One bar: its name, and its parts with their values."""

    name: str
    parts: Sequence[tuple[str, float]]

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return sum(value for _, value in self.parts)


@dataclass(frozen=True)
class Line:
    """One line of a plot: its name, and its values at the plot's times."""

    name: str
    values: Sequence[float]


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Return a chart of bars, each with the names and the values of its parts."""
    left, width, height = 170, 560, 46
    most = max(row.total for row in rows) or 1.0
    drawn = [_text(10, 22, title, weight="bold")]
    for number, row in enumerate(rows):
        top = 40 + number * height
        drawn.append(_text(10, top + 15, row.name))
        at = float(left)
        for (_, value), colour in zip(row.parts, _COLOURS, strict=False):
            length = value / most * width
            drawn.append(
                f'<rect x="{at:.1f}" y="{top}" width="{length:.1f}" height="20" fill="{colour}"/>'
            )
            at += length
        drawn.append(_text(at + 6, top + 15, f"{row.total:.1f}"))
        words = ", ".join(f"{part} {value:.1f}" for part, value in row.parts)
        drawn.append(_text(left, top + 34, words, size=10))
    return _svg(left + width + 70, 50 + len(rows) * height, drawn)


def lines(title: str, hours: Sequence[float], plots: Sequence[tuple[str, Sequence[Line]]]) -> str:
    """Return plots over the hours of a day, one below the other, each with a unit and lines."""
    left, width, height, gap = 70, 640, 150, 60
    drawn = [_text(10, 22, title, weight="bold")]
    for number, (unit, each_line) in enumerate(plots):
        top = 50 + number * (height + gap)
        most = max((max(line.values) for line in each_line), default=1.0) or 1.0
        drawn.append(
            f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" '
            'stroke="#999"/>'
        )
        drawn.append(_text(10, top - 8, unit, size=11))
        drawn.append(_text(10, top + 12, f"{most:,.4g}", size=10))
        drawn.append(_text(10, top + height, "0", size=10))
        for hour in range(0, 25, 4):
            drawn.append(
                _text(left + hour / 24 * width - 8, top + height + 14, f"{hour} h", size=10)
            )
        for place, (line, colour) in enumerate(zip(each_line, _COLOURS, strict=False)):
            points = " ".join(
                f"{left + hour / 24 * width:.1f},{top + height - value / most * height:.1f}"
                for hour, value in zip(hours, line.values, strict=True)
            )
            drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
            drawn.append(
                _text(left + 150 + place * 170, top - 8, line.name, size=11, colour=colour)
            )
    return _svg(left + width + 30, 50 + len(plots) * (height + gap), drawn)


def _text(
    x: float, y: float, text: str, *, size: int = 12, weight: str = "normal", colour: str = "#222"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{size}" '
        f'font-weight="{weight}" fill="{colour}">{escape(text)}</text>'
    )


def _svg(width: float, height: float, drawn: Sequence[str]) -> str:
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
