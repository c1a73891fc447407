"""Complete runs of the pipeline. Each is made once for all tests that use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.end_to_end.provisioned import Stack, provisioned_stack
from tests.support.changes import change
from tests.support.cli import dmd

SEED, RECORDS = 5, 600


@dataclass(frozen=True)
class Run:
    """A finished run: its JSON summary, its export, and its state folder."""

    summary: dict[str, Any]
    export: Path
    state: Path
    said: str


def finished(
    state: Path,
    export: Path,
    *arguments: str | Path,
    input: bytes = b"",
    run: Callable[..., CompletedProcess[bytes]] = dmd,
) -> Run:
    done = run("demo", "--json", "--export", export, *arguments, state=state, input=input)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return Run(json.loads(done.stdout), export, state, done.stderr.decode())


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run over generated records."""
    folder = tmp_path_factory.mktemp("generated")
    arguments = ("--seed", str(SEED), "--records", str(RECORDS))
    return finished(folder / "state", folder / "export", *arguments)


def own_lines() -> list[bytes]:
    """A user's own change records, good and bad, as the lines of a file."""
    first = change(eventID="first")
    second = change(
        {"maxPrice": {"N": "99.95"}, "party": {"M": {"adults": {"N": "2"}}}, "x": {"S": "kept"}},
        event="MODIFY",
        eventID="second",
    )
    second["dynamodb"]["ApproximateCreationDateTime"] += 86_400_000_000
    removed = change(
        event="REMOVE",
        eventID="third",
        userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    )
    removed["dynamodb"]["ApproximateCreationDateTime"] += 2 * 86_400_000_000
    large = change({"note": {"S": "x" * 900_000}}, eventID="large")
    records: list[Any] = [
        first,
        second,
        first,
        removed,
        large,
        change({"type": {"S": "venue"}}),
        change({"type": None}),
        change({"requestedSeats": {"N": "many"}}, eventID="unfit"),
    ]
    lines = [json.dumps(each, ensure_ascii=False).encode() for each in records]
    too_large = b'"' + b"x" * (2 * 1024 * 1024) + b'"'
    return [*lines, b"not json", b"", b"\xff\xfe", b"[1, 2]", too_large]


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run over a user's own records from standard input."""
    folder = tmp_path_factory.mktemp("own")
    lines = b"".join(line + b"\n" for line in own_lines())
    return finished(folder / "state", folder / "export", "--input", "-", input=lines)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A provisioned stack. A test must restore its roles, functions and bucket."""
    with provisioned_stack() as made:
        yield made
