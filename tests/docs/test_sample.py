"""The change record that the README shows is what the command prints."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from dmd.__main__ import main
from infra.stack_config import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_what_dmd_sample_prints(capsys: pytest.CaptureFixture[str]) -> None:
    ((command, shown),) = re.findall(
        r"`dmd (sample [^`]*)` prints this record.*?```json\n(.*?)```", README, re.DOTALL
    )
    assert main(shlex.split(command)) == 0
    assert json.loads(shown) == json.loads(capsys.readouterr().out)
