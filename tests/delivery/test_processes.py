"""The tests in several processes: those of a folder in one of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.cli import ROOT


def test_the_tests_of_a_folder_run_in_one_process(tmp_path: Path) -> None:
    test = "import time\n" + "".join(f"def test_{n}(): time.sleep(0.05)\n" for n in range(8))
    for folder in ("one", "two"):
        for name in ("test_a.py", "deeper/test_b.py"):
            path = tmp_path / "tests" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(test)
    for file in ("conftest.py", "support/reused.py"):
        (tmp_path / "tests" / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / file, tmp_path / "tests" / file)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--numprocesses=2", "--no-loadscope-reorder"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.findall(r"\[(gw\d)\].* PASSED tests/(one|two)/", done.stdout)
    assert len(ran) == 32
    assert len(set(ran)) == 2
    assert len({process for process, _ in ran}) == 2
