"""What an endpoint was asked, what it should answer, and what it answered: the verdict is pure."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fact:
    """One thing that was asked of an endpoint.

    Parameters
    ----------
    asked
        What was done, or what was looked at.
    wanted
        The answer that the pipeline needs. Of a mapping, the entries that the answer must have; it
        may have more. A type stands for any value of it.
    got
        The answer.
    """

    asked: str
    wanted: Any
    got: Any


def lack(fact: Fact) -> str | None:
    """Return what the endpoint lacks, in words; None if its answer is as wanted."""
    difference = _difference(fact.wanted, fact.got, "")
    return None if difference is None else f"{fact.asked}: {difference}"


def _difference(wanted: Any, got: Any, where: str) -> str | None:
    if isinstance(wanted, Mapping):
        if not isinstance(got, Mapping):
            return _instead(wanted, got, where)
        differences = (
            _difference(value, got[name], f"{where}.{name}" if where else str(name))
            if name in got
            else f"{where}.{name} is missing".removeprefix(".")
            for name, value in wanted.items()
        )
        return next((each for each in differences if each is not None), None)
    if isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            return _instead(wanted, got, where)
        pairs = zip(wanted, got, strict=True)
        differences = (_difference(*pair, f"{where}[{i}]") for i, pair in enumerate(pairs))
        return next((each for each in differences if each is not None), None)
    if isinstance(wanted, type):
        return None if isinstance(got, wanted) else _instead(wanted.__name__, got, where)
    return None if wanted == got else _instead(wanted, got, where)


def _instead(wanted: Any, got: Any, where: str) -> str:
    return f"{where or 'the answer'} is {reprlib.repr(got)}, not {reprlib.repr(wanted)}"
