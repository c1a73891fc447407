"""Makes a picture of the demo as a terminal shows it: ``docs/demo.svg``.

    python -m demo.picture [FILE]

The picture is of a real run. Its times, and the number of repeats that fall into one batch, differ
a little from picture to picture. Long tables are shortened, with "…" in place of the other lines.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from console.errors import CommandError
from console.process import forget_aws, prepare
from console.storage import writing
from demo.action import run
from demo.run import DemoOptions
from estate.provision.action import LOCAL_PACKAGES
from infra.stack_config import REPOSITORY

PICTURE = REPOSITORY / "docs" / "demo.svg"

_COLUMNS = 96
_MOST_LINES = 16
_FIRST, _LAST = 9, 2


def main(arguments: list[str]) -> int:
    """Run the demo and write the picture; return the exit status."""
    path = Path(arguments[0]) if arguments else PICTURE
    prepare()
    forget_aws()
    with tempfile.TemporaryDirectory() as state:
        # The demo must not replace the last run that the user saved.
        os.environ["DMD_STATE_DIR"] = state
        console = _console()
        console.print("$ make demo")
        try:
            status = run(
                DemoOptions(stack="dev1", packages=LOCAL_PACKAGES), out=console, said=console
            )
            with writing(path):
                path.write_text(draw(console.export_text(styles=True)), encoding="utf-8")
        except CommandError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return status


def draw(output: str) -> str:
    """Return an SVG of an output as a terminal shows it.

    Parameters
    ----------
    output
        Lines with ANSI styles.
    """
    console = _console()
    for line in _shortened(output.rstrip("\n").split("\n")):
        console.print(Text.from_ansi(line), soft_wrap=True)
    svg = console.export_svg(title="dmd-pipeline", unique_id="demo")
    # A page that shows the picture must not load fonts for it.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def _console() -> Console:
    return Console(
        file=io.StringIO(),
        record=True,
        width=_COLUMNS,
        force_terminal=True,
        # Otherwise the recording has frames of the spinner.
        force_interactive=False,
        color_system="truecolor",
        markup=False,
        emoji=False,
        highlight=False,
    )


def _shortened(lines: list[str]) -> Iterator[str]:
    """Yield the lines; of a long block without empty lines, only the first and the last."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
            continue
        if len(block) > _MOST_LINES:
            block = [*block[:_FIRST], "…", *block[-_LAST:]]
        yield from block
        yield ""
        block = []


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
