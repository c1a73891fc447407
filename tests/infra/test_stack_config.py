"""A stack's configuration reaches the program as the engine would pass it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.stack_config import StackConfigError, stack_config

PROJECT = """
name: dmd-pipeline
config:
  number: {type: integer, default: 5}
  names: {type: array, items: {type: string}, default: [a, b]}
  flag: {type: boolean, default: true}
  text: {type: string, default: "5"}
  needed: {type: string}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "Pulumi.one.yaml").write_text(
        "config: {dmd-pipeline:number: 7, dmd-pipeline:needed: x, 'aws:region': us-east-1}"
    )
    (tmp_path / "Pulumi.two.yaml").write_text("config: {dmd-pipeline:nummer: 7}")
    (tmp_path / "Pulumi.three.yaml").write_text("encryptionsalt: x")
    return tmp_path


def test_each_value_is_text_and_lists_are_json(project: Path) -> None:
    assert stack_config("one", project=project) == {
        "dmd-pipeline:number": "7",
        "dmd-pipeline:names": '["a","b"]',
        "dmd-pipeline:flag": "true",
        "dmd-pipeline:text": "5",
        "dmd-pipeline:needed": "x",
        "aws:region": "us-east-1",
    }


def test_overrides_come_last(project: Path) -> None:
    assert stack_config("one", {"number": "8"}, project=project)["dmd-pipeline:number"] == "8"


def test_a_key_that_is_not_declared_is_refused(project: Path) -> None:
    with pytest.raises(StackConfigError, match="dmd-pipeline:nummer of stack two is not a setting"):
        stack_config("two", project=project)
    with pytest.raises(StackConfigError, match="dmd-pipeline:other of stack one is not a setting"):
        stack_config("one", {"other": "1"}, project=project)


def test_an_unknown_stack_is_refused(project: Path) -> None:
    with pytest.raises(StackConfigError, match="no stack 'four'; the stacks are one, three, two"):
        stack_config("four", project=project)


def test_a_file_without_configuration_is_refused(project: Path) -> None:
    with pytest.raises(StackConfigError, match=r"Pulumi\.three\.yaml has no `config:`"):
        stack_config("three", project=project)
