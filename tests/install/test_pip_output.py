"""pip's lines as progress. The lines are pip 23.2's and pip 26.3's own."""

from __future__ import annotations

from functools import reduce

import pytest

from install.pip_output import Progress, amount, entries, packages, read

_DOWNLOADS = """\
Looking in links: /opt/wheels
Ignoring pywin32: markers 'sys_platform == "win32"' don't match your environment
Requirement already satisfied: six==1.17.0 in ./.venv/lib (from -r requirements.txt (line 9)) (1.17)
Collecting aiohttp==3.14.5 (from -r requirements.txt (line 5))
  Downloading aiohttp-3.14.5-cp311-cp311-manylinux_2_28_x86_64.whl (1.9 MB)
Collecting pyarrow==26.0.1 (from -r requirements.txt (line 1400))
  Using cached pyarrow-26.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (55.0 MB)
Processing /opt/wheels/pytz-2026.6-py2.py3-none-any.whl (from -r requirements.txt (line 7))
"""
_END = """\
Installing collected packages: pytz, pyarrow, aiohttp
  Attempting uninstall: pytz
Successfully installed aiohttp-3.14.5 pyarrow-26.0.1 pytz-2026.6
"""


def after(output: str, total: int = 5) -> list[Progress]:
    """Return the progress after each line."""
    steps = [Progress(total)]
    for line in output.splitlines(keepends=True):
        steps.append(read(line, steps[-1]))
    return steps[1:]


def test_each_file_is_told_with_its_size_and_how_many_there_are() -> None:
    assert [each.text for each in after(_DOWNLOADS) if each.text] == [
        "2 of 4: aiohttp 3.14.5 (1.9 MB)",
        "3 of 4: pyarrow 26.0.1 (55.0 MB)",
        "4 of 4: pytz 2026.6",
    ]


def test_big_files_and_what_takes_time_at_the_end_are_notable() -> None:
    notable = [each.text for each in after(_DOWNLOADS + _END) if each.notable]
    assert notable == ["3 of 4: pyarrow 26.0.1 (55.0 MB)", "unpacking 3 packages (56.9 MB)"]


def test_the_end_knows_what_was_needed_what_was_new_and_what_was_fetched() -> None:
    end = reduce(
        lambda before, line: read(line, before), (_DOWNLOADS + _END).splitlines(), Progress(5)
    )
    assert (end.total, end.done, end.new, end.size) == (4, 4, 3, 56_900_000)


def test_an_index_that_does_not_answer_is_told_at_once() -> None:
    line = (
        "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) "
        "after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection."
        "HTTPConnection object at 0x7f89>: Failed to establish a new connection: "
        "[Errno 111] Connection refused')': /simple/six/\n"
    )
    (step,) = after(line)
    assert step.text == "the package index does not answer, trying again"
    assert step.notable


def test_a_lock_has_as_many_packages_as_it_pins() -> None:
    lock = (
        "six==1.17.0 \\\n    --hash=sha256:4721 \\\n    --hash=sha256:ff70\n    # via trino\n"
        "pywin32==312 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    assert entries(lock) == 2


@pytest.mark.parametrize(
    ("size", "text"), [(61_000, "61 kB"), (999_999, "1000 kB"), (47_400_000, "47.4 MB")]
)
def test_bytes_are_told_in_the_unit_that_pip_uses(size: int, text: str) -> None:
    assert amount(size) == text


def test_one_package_is_not_called_packages() -> None:
    assert (packages(1), packages(2)) == ("1 package", "2 packages")
