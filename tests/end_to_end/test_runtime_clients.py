"""The demo's functions run as they do on Lambda, under the project's runtime client and AWS's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import schemas
from console.progress import Progress
from demo.run import DemoOptions, Outcome, demo
from emulation.functions import FunctionHost, InvokeRequest, InvokeResponse
from release.package import build
from release.wheels import Target
from tests.end_to_end.provisioned import PACKAGES
from tests.support.cli import ROOT
from tests.support.runtime_clients import RUNTIME_CLIENTS, runtime_client, user_agent


@dataclass
class Watched:
    """A run of the demo, and what the functions' host saw in it, by function.

    ``broken`` has the transforms' later answers to an event that is not JSON. An event without
    records followed it, so each transform was invoked more than once.
    """

    client: Path
    answers: dict[str, list[InvokeResponse]] = field(default_factory=dict)
    user_agents: dict[str, frozenset[str]] = field(default_factory=dict)
    broken: dict[str, InvokeResponse] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    outcome: Outcome | None = None

    def transforms(self) -> list[str]:
        return [name for name in self.answers if "-transform-" in name]


@pytest.fixture(scope="module", params=RUNTIME_CLIENTS)
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    build(Target.LOCAL, source=ROOT, out=PACKAGES)
    run = Watched(runtime_client(request.param, tmp_path_factory.mktemp("client")))
    hosts: set[FunctionHost] = set()
    invoke = FunctionHost.invoke

    def watch(host: FunctionHost, asked: InvokeRequest) -> InvokeResponse:
        hosts.add(host)
        response = invoke(host, asked)
        name = asked.function_name.split(":function:")[-1].split(":")[0]
        run.answers.setdefault(name, []).append(response)
        return response

    problems: list[str] = []
    options = DemoOptions("dev1", PACKAGES / "local", records=300, runtime_client=run.client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FunctionHost, "invoke", watch)
        with demo(options, Progress(), problems.append) as finished:
            run.outcome, run.problems = finished.outcome, list(problems)
            (host,) = hosts
            run.user_agents = {name: host.runtime_clients(name) for name in run.answers}
            for name in run.transforms():
                run.broken[name] = invoke(host, InvokeRequest(name, b'{"records":['))
                watch(host, InvokeRequest(name, b'{"records":[]}'))
    yield run


def test_every_record_is_accounted_for(watched: Watched) -> None:
    assert watched.outcome is not None
    assert (watched.outcome.good, watched.problems) == (True, [])


def test_every_function_ran_under_that_client(watched: Watched) -> None:
    assert len(watched.user_agents) > len(schemas.RECORD_TYPES), "the writer ran, too"
    for name, agents in watched.user_agents.items():
        assert agents, name
        assert all(agent.startswith(user_agent(watched.client)) for agent in agents), name


def test_every_transform_got_its_events_as_bytes(watched: Watched) -> None:
    assert len(watched.broken) == len(schemas.RECORD_TYPES)
    error_types = {json.loads(each.payload)["errorType"] for each in watched.broken.values()}
    assert error_types == {"DecodeError"}, "the runtime itself would say Runtime.UnmarshalError"


def test_every_transform_answered_with_the_bytes_that_it_made(watched: Watched) -> None:
    assert len(watched.transforms()) == len(schemas.RECORD_TYPES)
    for name in watched.transforms():
        assert len(watched.answers[name]) > 1, name
        for response in watched.answers[name]:
            compact = json.dumps(json.loads(response.payload), separators=(",", ":")).encode()
            assert response.payload == compact, "a runtime would have written it with spaces"
