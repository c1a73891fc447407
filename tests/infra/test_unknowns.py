"""The program has no errors that mocks hide: unknown values, outputs as text, secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estate.resources.recorder import UNKNOWN
from tests.infra.recorded import RECORDED, Recording, record, record_named


def leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for item in value.values():
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


def known(value: Any) -> bool:
    return UNKNOWN not in set(map(str, leaves(value)))


@pytest.mark.parametrize("stack", RECORDED)
def test_in_a_preview_what_is_unknown_is_what_aws_computes(
    stack: str, recorded: Callable[[str], Recording], packages: Path
) -> None:
    preview = {each.urn: each for each in record_named(stack, packages, preview=True).resources}
    for each in recorded(stack).resources:
        before = preview.pop(each.urn)
        # The ID of the provider is unknown, too.
        assert replace(before.options, provider=each.options.provider) == each.options
        assert before.inputs.keys() == each.inputs.keys()
        for key, value in each.inputs.items():
            if known(before.inputs[key]):
                assert before.inputs[key] == value, (each.urn, key)
            else:
                assert before.options.property_dependencies[key], (each.urn, key)
    assert preview == {}


@pytest.mark.parametrize("stack", RECORDED)
def test_no_output_becomes_text_before_its_value_is_there(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    # It would be an error of the recording.
    assert recorded(stack).resources


def test_an_output_that_becomes_text_is_found(packages: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import pulumi_aws as aws\n"
        "queue = aws.sqs.Queue('q', name='q')\n"
        "aws.sqs.Queue('r', name=f'after-{queue.name}')\n"
    )
    with pytest.raises(Exception, match=r"Calling __str__ on an Output\[T\] is not supported"):
        record("dev1", packages, program=program)


@pytest.mark.parametrize("stack", RECORDED)
def test_nothing_is_secret(stack: str, recorded: Callable[[str], Recording]) -> None:
    assert "[secret]" not in {
        leaf for each in recorded(stack).resources for leaf in leaves(each.inputs)
    }
