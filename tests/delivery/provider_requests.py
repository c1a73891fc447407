"""The requests that the AWS provider makes for a stack, as they were recorded once.

    .venv/bin/python -m tests.delivery.provider_requests

records them again. It needs `terraform` on the path, and downloads the provider: Pulumi's own
provider is made of the same code. It creates a stack at the embedded emulator, reads it, changes
whatever can be changed in place, and deletes it.

Of each request the operation is kept, and the parameters that name something. Of requests that
differ in nothing but the end of a name of ours, one is kept.
"""

from __future__ import annotations

import dataclasses
import http
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pulumi.runtime.mocks import MockCallArgs

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from emulation.gateway.api_call import ApiCall, Protocol, recognise
from emulation.gateway.signed_request import HttpRequest, signature
from estate.referenced import make_referenced
from estate.resources.graph import Graph
from infra.policies import allow, document
from infra.stack_config import settings_of, stack_config
from tests.delivery.terraform import Lookup, configuration
from tests.infra.recorded import ACCOUNTS, Recording, record
from tests.infra.test_keys import Keyed
from tests.support.packages import write_packages

STACK = "dev1"
ACCOUNT = ACCOUNTS[STACK]
REGION = "us-east-1"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/dmd-pipeline-boundary"
ANY_ID = "11111111-2222-3333-4444-555555555555"
"""Stands for the ID of each saved query, and of a key."""

_FILE = Path(__file__).with_name("provider_requests.json")
_COMMAND = ".venv/bin/python -m tests.delivery.provider_requests"

_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
# What Terraform's default tags are, so that tags are added, changed and removed.
_TAGS = ({"iacRepo": "one", "Removed": "yes"}, {"iacRepo": "other", "Added": "yes"})
# What the provider has to be answered where the emulator has no answer; anything else is of no
# interest here.
_INSTEAD = {
    "AWSStepFunctions.ValidateStateMachineDefinition": b'{"result": "OK", "diagnostics": []}'
}
_NAMING = re.compile(
    r"(name|names|arn|url|id|identifier|role|bucket|workgroup|resource|permissionsboundary)$", re.I
)


@dataclass(frozen=True)
class Recorded:
    """All that was recorded.

    Parameters
    ----------
    types
        Pulumi's tokens of the resources that were created, and of the lookups.
    requests
        Service, operation, parameters and steps of each.
    """

    types: frozenset[str]
    requests: tuple[Mapping[str, Any], ...]


@cache
def recorded() -> Recorded:
    """Return what was recorded."""
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    return Recorded(frozenset(content["types"]), tuple(content["requests"]))


def as_call(request: Mapping[str, Any]) -> ApiCall:
    """Return a recorded request as the gateway has it when it has read one."""
    return ApiCall(
        request["service"],
        request["operation"],
        Protocol.QUERY,
        REGION,
        # S3's requests name the bucket in the path.
        {"host": "127.0.0.1"},
        b"",
        request["parameters"],
    )


# --- recording ----------------------------------------------------------------------------------


class _Listening(Keyed):
    """Answers lookups as if streams and table had keys, and keeps what is looked up."""

    asked: list[Lookup]

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        self.asked.append((args.token, dict(args.args)))
        if args.token == "aws:lambda/getFunction:getFunction":
            return {"environment": {"variables": {}}}, []
        return super().call(args)


@dataclass(frozen=True)
class _Sent:
    step: str
    request: HttpRequest


@contextmanager
def _proxy(upstream: str, sent: list[_Sent], step: list[str]) -> Iterator[str]:
    """Pass requests on and keep them; give the URL."""
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            sent.append(_Sent(step[-1], HttpRequest(self.command, self.path, headers, body)))
            status, answered, content = self._ask(body)
            if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
                # The emulator does not have the operation.
                asked = headers.get("x-amz-target", self.path)
                sys.stderr.write(f"not emulated: {asked}\n")
                status, content = http.HTTPStatus.OK, _INSTEAD.get(asked, b"{}")
            self.send_response(status)
            for name, value in answered:
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(str(target.hostname), target.port)
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            response = connection.getresponse()
            content = response.read()
            connection.close()
            return response.status, response.getheaders(), content

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def _changed(graph: Graph) -> Graph:
    """Return a graph with other texts where no setting changes what can be changed in place."""
    texts = {
        "aws:iam/role:Role": "description",
        "aws:glue/catalogDatabase:CatalogDatabase": "description",
        "aws:athena/workgroup:Workgroup": "description",
        "aws:lambda/function:Function": "description",
    }
    values: Mapping[str, Mapping[str, Any]] = {
        "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": {
            "distribution": "ByLogStream"
        },
        "aws:sqs/queue:Queue": {"messageRetentionSeconds": 600},
    }
    return Graph(
        graph.stack,
        tuple(
            dataclasses.replace(
                each,
                inputs={
                    name: f"{value}, changed" if texts.get(each.type) == name else value
                    for name, value in {**each.inputs, **values.get(each.type, {})}.items()
                },
            )
            for each in graph.resources
        ),
    )


def _states(packages: Path, others: Path, key: str) -> tuple[Recording, Recording, list[Lookup]]:
    """Return a stack, the same with other settings, and what both look up."""
    asked: list[Lookup] = []
    account = type("_Asked", (_Listening,), {"asked": asked, "streams": key, "table": key})
    first = record(STACK, packages, account=account)
    second = record(
        STACK,
        others,
        account=account,
        alarm_topic_arn=_TOPIC,
        athena_bytes_scanned_limit="10485760",
        bucket_kms_key_arn=key,
        ci_runner_role="OtherRunner",
        current_state_days="3",
        current_state_refresh_minutes="7",
        delivery_buffer_interval_seconds="60",
        first_partition_date="2025-06-01",
        log_retention_days="1",
        permissions_boundary_arn=BOUNDARY,
        tracing="true",
        transform_memory_mb="512",
        writer_memory_mb="2048",
        writer_schedule_minutes="7",
    )
    # A change of the delivery streams looks up the functions that are there.
    record(
        STACK,
        packages,
        account=account,
        deployed={"delivery": "per_type"},
        delivery="shared",
        delivery_border="2999-12-01T12:00Z",
    )
    unique = {json.dumps(each, sort_keys=True): each for each in asked}
    return first, second, list(unique.values())


def _record(endpoint: Endpoint, folder: Path) -> dict[str, Any]:
    packages, others = folder / "packages", folder / "others"
    for each in (packages, others):
        each.mkdir()
    write_packages(packages)
    write_packages(others, third_party=b"other code")
    iam = endpoint.client("iam")
    key = endpoint.client("kms").create_key()["KeyMetadata"]["Arn"]
    iam.create_policy(
        PolicyName=BOUNDARY.rpartition("/")[2],
        PolicyDocument=json.dumps(document([allow("Everything", ["s3:*"], ["*"])])),
    )
    for runner in ("GitRunner", "OtherRunner"):
        overrides = {"ci_runner_role": runner, "alarm_topic_arn": _TOPIC}
        settings = settings_of(STACK, stack_config(STACK, overrides))
        make_referenced(endpoint, settings, key_arn=key)
    first, second, lookups = _states(packages, others, key)
    graphs = (first.graph(STACK), _changed(second.graph(STACK)))

    sent: list[_Sent] = []
    step = [""]
    with _proxy(endpoint.url, sent, step) as url:

        def run(name: str, graph: Graph, tags: Mapping[str, str], *command: str) -> None:
            step.append(name)
            sys.stderr.write(f"{name}: terraform {' '.join(command)}\n")
            content = configuration(graph, lookups, url, tags)
            (folder / "main.tf.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
            subprocess.run(["terraform", *command], cwd=folder, check=True, stdout=sys.stderr)

        one, other = ((graph, tags) for graph, tags in zip(graphs, _TAGS, strict=True))
        run("init", *one, "init", "-no-color")
        run("create", *one, "apply", "-auto-approve", "-no-color")
        run("read", *one, "plan", "-no-color")
        run("change", *other, "apply", "-auto-approve", "-no-color")
        run("change", *one, "apply", "-auto-approve", "-no-color")
        run("delete", *one, "destroy", "-auto-approve", "-no-color")
    types = {each.type for each in first.owned} | {token for token, _ in lookups}
    version = json.loads(
        subprocess.run(
            ["terraform", "version", "-json"], cwd=folder, check=True, capture_output=True
        ).stdout
    )
    return {
        "provider": {
            name.partition("/")[2]: number
            for name, number in version["provider_selections"].items()
        },
        "types": sorted(types),
        "requests": _reduced(sent),
    }


def _reduced(sent: Sequence[_Sent]) -> list[dict[str, Any]]:
    """Return one request of each kind, with the steps in which there are any of the kind."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for each in sent:
        signed = signature(each.request)
        assert signed is not None, each.request
        call = recognise(each.request, signed)
        named = {"service": call.service, "operation": call.operation}
        parameters = _naming(call.parameters)
        kind = json.dumps([named, _mapped(parameters, _kind)], sort_keys=True)
        kinds.setdefault(kind, []).append({**named, "step": each.step, "parameters": parameters})
    reduced = [
        {
            "service": same[0]["service"],
            "operation": same[0]["operation"],
            "steps": sorted({each["step"] for each in same}),
            # The order of the requests is another each time.
            "parameters": min((each["parameters"] for each in same), key=json.dumps),
        }
        for same in kinds.values()
    ]
    return sorted(reduced, key=json.dumps)


def _naming(parameters: Mapping[str, Any], depth: int = 2) -> dict[str, Any]:
    """Return those parameters that name something, and whether there are tags."""
    found: dict[str, Any] = {}
    for name, value in sorted(parameters.items()):
        match value:
            case dict() | list() if value and name.lower() == "tags":
                found[name] = ["…"]
            case dict() if depth > 1 and (inner := _naming(value, depth - 1)):
                found[name] = inner
            case str() | list() if value and _NAMING.search(name):
                found[name] = _mapped(value, _everywhere)
    return found


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            return [_mapped(each, change) for each in value]
        case dict():
            return {name: _mapped(each, change) for name, each in value.items()}
        case _:
            return value


def _everywhere(text: str) -> str:
    """Return a text as it is whenever and wherever it is recorded."""
    text = re.sub(r"^http://127\.0\.0\.1:\d+/", f"https://sqs.{REGION}.amazonaws.com/", text)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ANY_ID, text)


def _kind(text: str) -> str:
    """Return what a name has in common with all others of which the policy says the same."""
    ours = re.sub(r"prd3292([-_])dev1\1dmnd\1pipeline[-_a-z0-9]*", "ours", text)
    return ours if ours != text or re.search("[:/]", text) else "name"


def _as_text(content: Mapping[str, Any]) -> str:
    """Return what was recorded as JSON, each request in a line of its own."""
    requests = content["requests"]
    head = json.dumps({**content, "requests": []}, indent=1).removesuffix("]\n}")
    lines = ",\n".join(f"  {json.dumps(each, ensure_ascii=False)}" for each in requests)
    return f"{head}\n{lines}\n ]\n}}\n"


def main() -> None:
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
    with tempfile.TemporaryDirectory() as folder, embedded_emulator() as endpoint:
        content = _record(endpoint, Path(folder))
    _FILE.write_text(_as_text(content), encoding="utf-8")
    sys.stdout.write(f"{_FILE}: {len(content['requests'])} requests\n")


if __name__ == "__main__":
    main()
