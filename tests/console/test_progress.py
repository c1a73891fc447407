"""Progress: bars on a terminal, a plain line for each step anywhere else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from console.progress import BYTES, Progress
from tests.support.terminal import ROOT, in_terminal, without_style

SCRIPT = """
import time
from console.progress import BYTES, Progress

with Progress() as progress:
    progress.step("Feeding the records", 4000, "records")
    for done in range(0, 4001, 1000):
        progress.show(f"{done} fed", done)
        time.sleep(0.15)
    progress.say("a function said: \\x1b[2Jbad\\nand more")
    progress.step("Reading the file", 3_000_000, BYTES)
    progress.show(completed=1_500_000)
    time.sleep(0.15)
    progress.step("Looking around")
    for number in range(300):
        progress.show(f"{number} objects seen, and a detail that is longer than a narrow terminal")
    time.sleep(0.15)
"""

FAILING = """
from console.progress import Progress

with Progress() as progress:
    progress.step("Fetching", 10, "wheels")
    progress.show(completed=3)
    raise KeyboardInterrupt
"""

PYTHON = [sys.executable, "-c"]


def frames(output: str) -> str:
    """All that was ever shown, without style and without the moves of the cursor."""
    return without_style(output).replace("\x1b[2K", "").replace("\x1b[1A", "")


def piped(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, script],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_step_is_a_plain_line_where_no_terminal_watches() -> None:
    done = piped(SCRIPT)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "Feeding the records",
        r"a function said: \x1b[2Jbad",
        "and more",
        "Reading the file",
        "Looking around",
    ]


def test_a_terminal_shows_count_rate_and_time_left_and_keeps_the_finished_steps() -> None:
    status, output = in_terminal([*PYTHON, SCRIPT], 100)
    assert status == 0
    shown = frames(output)
    assert "2,000/4,000 records" in shown
    assert "/s" in shown
    assert "0:00:00 left" in shown
    assert "1.5 MB/3.0 MB" in shown
    assert "2000 fed" in shown
    for step in ("Feeding the records", "Reading the file", "Looking around"):
        assert f"✓ {step}  0." in shown
    assert r"a function said: \x1b[2Jbad" in shown, "a log line cannot drive the terminal"


def test_the_cursor_is_back_and_the_failed_step_named_after_an_error() -> None:
    _, output = in_terminal([*PYTHON, FAILING], 80)
    assert "✗ Fetching" in frames(output)
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l"), "the cursor is shown again"


@pytest.mark.parametrize("columns", [20, 40])
def test_no_line_is_longer_than_a_narrow_terminal(columns: int) -> None:
    status, output = in_terminal([*PYTHON, SCRIPT], columns)
    assert status == 0
    lines = [line for part in frames(output).split("\n") for line in part.split("\r")]
    assert max(map(len, lines)) <= columns
    if columns == 40:
        assert any("2,000/4,000 records" in line for line in lines)


def test_a_dumb_terminal_gets_lines_without_control_characters() -> None:
    _, output = in_terminal([*PYTHON, SCRIPT], 80, {"TERM": "dumb"})
    assert "\x1b" not in output
    assert "\r" not in output
    assert "✓ Feeding the records" in output


def test_no_color_is_respected() -> None:
    _, output = in_terminal([*PYTHON, SCRIPT], 80, {"NO_COLOR": "1"})
    assert "\x1b[32m" not in output
    _, coloured = in_terminal([*PYTHON, SCRIPT], 80)
    assert "\x1b[32m" in coloured


def test_a_colour_that_is_asked_for_moves_no_cursor_where_no_terminal_watches() -> None:
    shown = piped(SCRIPT, FORCE_COLOR="1", TERM="xterm").stderr
    assert "\x1b[32m✓" in shown
    assert "\x1b" not in without_style(shown)


def test_an_encoding_without_the_marks_has_words() -> None:
    _, output = in_terminal([*PYTHON, SCRIPT], 80, {"PYTHONIOENCODING": "ascii"})
    assert "ok Feeding the records" in frames(output)


def test_a_total_of_nothing_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.step("Feeding nothing", 0, BYTES)
        progress.count(0, 0)
    assert capsys.readouterr().err == "Feeding nothing\n"
