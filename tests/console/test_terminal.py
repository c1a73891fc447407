"""Standard output: exact, and its errors are told."""

from __future__ import annotations

import pytest

from console.terminal import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[2J\x07\x7f", r"\x1b[2J\x07\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u2028b\u0085c", r"a\u2028b\x85c"),
        ("Zürich 東京 🎫 \\n", "Zürich 東京 🎫 \\n"),
    ],
)
def test_control_characters_are_shown_and_nothing_else_is_changed(text: str, shown: str) -> None:
    assert visible(text) == shown
