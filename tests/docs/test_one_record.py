"""``docs/a-records-way.md`` shows what the code does with a record today."""

from __future__ import annotations

import json

import pytest

from tests.docs.one_record import PAGE, STEPS, Way, main, printed, shown

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def way() -> Way:
    return Way()


@pytest.mark.parametrize(("step", "text"), list(printed(TEXT)))
def test_the_page_shows_what_its_command_prints(way: Way, step: str, text: str) -> None:
    assert text == getattr(way, step)(), "python -m tests.docs.one_record --write"


def test_the_page_has_every_step_once_and_in_order() -> None:
    shown_steps = [step for step, _ in printed(TEXT)]
    assert sorted(shown_steps) == sorted(STEPS)
    assert TEXT.count("tests.docs.one_record ") == len(STEPS)


def test_a_step_is_printed_alone(capsys: pytest.CaptureFixture[str], way: Way) -> None:
    assert main(["row"]) == 0
    assert capsys.readouterr().out == f"{way.row()}\n"
    assert main(["rows"]) == 2
    assert "the steps are change, event" in capsys.readouterr().err


def test_the_record_is_followed_to_its_end(way: Way) -> None:
    row = json.loads(way.row())
    assert row["change_id"] == json.loads(way.change())["eventID"]
    assert row["change_id"] in way.avro()
    assert '"dmd.repeats": "000000000001"' in way.avro()
    assert "data-pipeline/landing/" in way.landed()


def test_what_does_not_fit_into_a_line_is_broken_and_long_texts_are_cut() -> None:
    assert shown({"a": [1, None]}) == '{"a": [1, null]}'
    assert shown("x" * 65) == f'"{"x" * 64}…"'
    assert shown({"a": "x" * 60, "b": ["y" * 60]}) == (
        f'{{\n  "a": "{"x" * 60}",\n  "b": ["{"y" * 60}"]\n}}'
    )
