"""The transform's package under the project's runtime client and AWS's, as they are and changed."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulation.endpoint import Endpoint
from emulation.functions.configuration import FunctionConfiguration, process_environment
from emulation.functions.outcome import Answer
from emulation.functions.runtime_api import Event
from emulation.functions.sandbox import Sandbox
from release.package import build
from release.wheels import Target
from tests.support import runtime_clients
from tests.support.changes import change, firehose_record
from tests.support.runtime_clients import RUNTIME_CLIENTS
from tests.transform.test_handler import ENVIRONMENT
from transform.payloads import JsonValues, _Answers, returnable, take_payloads_as_bytes

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:lambda:us-east-1:123456789012:function:transform"
SECONDS = 30

# Batches of different lengths, so that no answer can be taken for another.
BATCHES = [
    [firehose_record(change(), "1"), firehose_record(b"{", "2")],
    [firehose_record(change({"type": {"S": "sale"}}), "3")],
    [firehose_record(change(), str(number)) for number in range(4, 8)],
]
RESULTS = [["Ok", "ProcessingFailed"], ["Dropped"], ["Ok"] * 4]

# What every change of a client starts with: its instances find the marshaller through `adapted`.
_ADAPTER = """
_plain = LambdaRuntimeClient.marshaller
_of_instance = LambdaRuntimeClient.__getattribute__

def _get(self, name):
    return Adapted(type(self).marshaller) if name == "marshaller" else _of_instance(self, name)

LambdaRuntimeClient.__getattribute__ = _get

class Adapted:
    def __init__(self, marshaller):
        self.marshaller = marshaller

    def unmarshal_request(self, body, content_type):
        return self.marshaller.unmarshal_request(body, content_type)

    def marshal_response(self, response):
        return self.marshaller.marshal_response(response)
"""

# Changes after which the function still takes and gives bytes.
AS_BYTES = {
    "none": "",
    "hands over a bytearray": """
        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return super().unmarshal_request(bytearray(body), content_type)
    """,
    "hands over a memoryview": """
        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return super().unmarshal_request(memoryview(body), content_type)
    """,
    "hands over a str": """
        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return super().unmarshal_request(bytes(body).decode(), content_type)
    """,
    "says no content type": """
        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return self.marshaller.unmarshal_request(body)
    """,
    "works on a copy": """
        import copy

        class Adapted(Adapted):
            def __init__(self, marshaller):
                super().__init__(copy.deepcopy(copy.copy(marshaller)))
    """,
    "names the arguments": """
        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return self.marshaller.unmarshal_request(request=body, content_type=content_type)

            def marshal_response(self, response):
                return self.marshaller.marshal_response(response=response)
    """,
}

# Changes after which the function goes on all the same.
GOES_ON = {
    "the class refuses": """
        class Closed(type):
            def __setattr__(cls, name, value):
                raise AttributeError(f"{name} cannot be set")

        class LambdaRuntimeClient(LambdaRuntimeClient, metaclass=Closed):
            pass
    """,
    "the class ignores": """
        class Deaf(type):
            def __setattr__(cls, name, value):
                pass

        class LambdaRuntimeClient(LambdaRuntimeClient, metaclass=Deaf):
            pass
    """,
    "the class's property is read-only": """
        class Closed(type):
            marshaller = property(lambda cls: _plain)

        class LambdaRuntimeClient(LambdaRuntimeClient, metaclass=Closed):
            pass
    """,
    "the instances' property is read-only": """
        class LambdaRuntimeClient(LambdaRuntimeClient):
            __getattribute__ = _of_instance
            marshaller = property(lambda self: _plain)
    """,
    "the instances have a slot": """
        class LambdaRuntimeClient(LambdaRuntimeClient):
            __slots__ = ("marshaller",)
            __getattribute__ = _of_instance

            def __init__(self, *arguments, **named):
                super().__init__(*arguments, **named)
                self.marshaller = _plain
    """,
    "the instance copies it when it is made": """
        class LambdaRuntimeClient(LambdaRuntimeClient):
            __getattribute__ = _of_instance

            def __init__(self, *arguments, **named):
                super().__init__(*arguments, **named)
                self.marshaller = type(self).marshaller
    """,
    "copies how events are read when it is made": """
        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return _plain.unmarshal_request(body, content_type)
    """,
    "copies how answers are written when it is made": """
        class Adapted(Adapted):
            def marshal_response(self, response):
                return _plain.marshal_response(response)
    """,
    "gives more arguments": """
        read, write = LambdaMarshaller.unmarshal_request, LambdaMarshaller.marshal_response
        LambdaMarshaller.unmarshal_request = lambda self, a, b, c, *, d: read(self, a, b)
        LambdaMarshaller.marshal_response = lambda self, a, b=None, *, c=None: write(self, a)

        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return self.marshaller.unmarshal_request(body, content_type, "more", d="and more")

            def marshal_response(self, response):
                return self.marshaller.marshal_response(response, "more", c="and more")
    """,
    "gives more arguments with the event": """
        read = LambdaMarshaller.unmarshal_request
        LambdaMarshaller.unmarshal_request = lambda self, a, b, c: read(self, a, b)

        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return self.marshaller.unmarshal_request(body, content_type, "more")
    """,
    "gives more arguments with the answer": """
        write = LambdaMarshaller.marshal_response
        LambdaMarshaller.marshal_response = lambda self, a, b=None: write(self, a)

        class Adapted(Adapted):
            def marshal_response(self, response):
                return self.marshaller.marshal_response(response, "more")
    """,
    "names the arguments otherwise": """
        read, write = LambdaMarshaller.unmarshal_request, LambdaMarshaller.marshal_response
        LambdaMarshaller.unmarshal_request = lambda self, *, body, kind: read(self, body, kind)
        LambdaMarshaller.marshal_response = lambda self, answer: write(self, answer)

        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return self.marshaller.unmarshal_request(body=body, kind=content_type)

            def marshal_response(self, response):
                return self.marshaller.marshal_response(answer=response)
    """,
    "reads events itself": """
        import json

        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                return json.loads(body)
    """,
    "writes answers itself": """
        try:
            import simplejson as json
        except ImportError:
            import json

        class Adapted(Adapted):
            def marshal_response(self, response):
                return json.dumps(response), "application/json"
    """,
    "writes every second answer itself": """
        import json
        turn = 0

        class Adapted(Adapted):
            def marshal_response(self, response):
                global turn
                turn += 1
                if turn % 2:
                    return json.dumps(response), "application/json"
                return super().marshal_response(response)
    """,
    "sends only text": """
        write = LambdaMarshaller.marshal_response
        post = LambdaRuntimeClient.post_invocation_result

        def only_text(self, response):
            content, content_type = write(self, response)
            return content if isinstance(content, str) else content.decode(), content_type

        LambdaMarshaller.marshal_response = only_text
        LambdaRuntimeClient.post_invocation_result = (
            lambda self, invoke_id, text, *more: post(self, invoke_id, text.encode(), *more)
        )
    """,
    "refuses bytes": """
        write = LambdaMarshaller.marshal_response

        def no_bytes(self, response):
            if isinstance(response, bytes):
                raise TypeError("bytes are no JSON")
            return write(self, response)

        LambdaMarshaller.marshal_response = no_bytes
    """,
    "has more to say of an answer": """
        write = LambdaMarshaller.marshal_response
        LambdaMarshaller.marshal_response = lambda self, response: (*write(self, response), {})

        class Adapted(Adapted):
            def marshal_response(self, response):
                content, content_type, _ = super().marshal_response(response)
                return content, content_type
    """,
    "uses more of the marshaller": """
        LambdaMarshaller.begin = lambda self: None

        class Adapted(Adapted):
            def unmarshal_request(self, body, content_type):
                self.marshaller.begin()
                return super().unmarshal_request(body, content_type)
    """,
    "has no marshaller": """
        class LambdaRuntimeClient(LambdaRuntimeClient):
            pass

        _get = LambdaRuntimeClient.__getattribute__
        LambdaRuntimeClient.__getattribute__ = (
            lambda self, name: _plain if name == "marshaller" else _get(self, name)
        )
        LambdaRuntimeClient.marshaller = None
    """,
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The transform's package, built for this machine and unpacked."""
    packages = build(Target.LOCAL, source=ROOT, out=ROOT / "build" / "lambda")
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(next(p.path for p in packages if p.function == "transform")) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module", params=RUNTIME_CLIENTS)
def runtime_client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return runtime_clients.runtime_client(request.param, tmp_path_factory.mktemp("client"))


def changed(client: Path, change: str, folder: Path) -> Path:
    """A copy of a runtime client, with a change at the end of the module that it is about."""
    shutil.copytree(client, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "awslambdaric" / "lambda_runtime_client.py").open("a", encoding="utf-8") as file:
        file.write(textwrap.dedent(_ADAPTER) + textwrap.dedent(change))
    return folder


def answers(client: Path, package: Path, scratch: Path, payloads: Sequence[bytes]) -> list[Answer]:
    """What one process answers to events, one after the other."""
    configuration = FunctionConfiguration(
        name="transform",
        arn=ARN,
        version="$LATEST",
        handler="transform.handler.handler",
        runtime="python3.13",
        role="arn:aws:iam::123456789012:role/transform",
        memory_megabytes=512,
        timeout_seconds=SECONDS,
        code_sha256="",
        log_group="/aws/lambda/transform",
        variables=ENVIRONMENT,
        reserved_concurrency=None,
    )
    scratch.mkdir()
    sandbox = Sandbox(
        task_root=package,
        environment=process_environment(
            configuration,
            endpoint=Endpoint("http://127.0.0.1:1"),
            log_stream="stream",
            task_root=package,
            scratch=scratch,
        ),
        scratch=scratch,
        memory_bytes=configuration.memory_bytes,
        runtime_client=client,
    )
    log = bytearray()
    try:
        given = [sandbox.load(timeout=SECONDS, write_log=log.extend)]
        for number, payload in enumerate(payloads):
            event = Event(f"r-{number}", ARN, 4_102_444_800_000, payload)
            given.append(sandbox.invoke(event, timeout=SECONDS, write_log=log.extend))
    finally:
        sandbox.close()
    assert all(isinstance(each, Answer) for each in given), (given, log.decode())
    return given[1:]  # type: ignore[return-value]


EVENTS = [json.dumps({"records": batch}).encode() for batch in BATCHES]


@pytest.mark.parametrize("change", AS_BYTES.values(), ids=AS_BYTES)
def test_events_and_answers_are_bytes(
    runtime_client: Path, package: Path, tmp_path: Path, change: str
) -> None:
    client = changed(runtime_client, change, tmp_path / "client")
    payloads = [*EVENTS, b'{"records":5}', b'{"records":[', *EVENTS]
    given = answers(client, package, tmp_path / "scratch", payloads)
    of_events, of_others = given[:3] + given[5:], given[3:5]
    assert [results(each) for each in of_events] == RESULTS * 2
    assert not any(b": " in each.body for each in of_events), "a runtime would write it with spaces"
    assert {each.content_type for each in of_events} == {"application/json"}
    # Where the runtime reads events, it is the one that fails: Runtime.UnmarshalError.
    assert [each.kind for each in of_others] == ["error", "error"]
    error_types = [json.loads(each.body)["errorType"] for each in of_others]
    assert error_types == ["ValidationError", "DecodeError"]


@pytest.mark.parametrize("change", GOES_ON.values(), ids=GOES_ON)
def test_the_function_goes_on_where_the_client_is_another(
    runtime_client: Path, package: Path, tmp_path: Path, change: str
) -> None:
    client = changed(runtime_client, change, tmp_path / "client")
    given = answers(client, package, tmp_path / "scratch", EVENTS)
    assert [results(each) for each in given] == RESULTS


def results(answer: Answer) -> list[str]:
    """The results in an answer, which must be what Firehose takes."""
    assert answer.kind == "response", answer.body
    decoded = json.loads(answer.body)
    assert set(decoded) == {"records"}
    return [each["result"] for each in decoded["records"]]


class Marshaller:
    """A marshaller as a client may have it."""

    def unmarshal_request(self, request: Any, content_type: str) -> Any:
        return json.loads(request)

    def marshal_response(self, response: Any) -> tuple[Any, str]:
        return response if isinstance(response, bytes) else json.dumps(response), "text"


class Refusing(type):
    @property
    def marshaller(cls) -> Marshaller:
        raise RuntimeError("there is none")


class Unassignable(type):
    def __setattr__(cls, name: str, value: object) -> None:
        raise TypeError(name)


def with_marshaller(**methods: Any) -> Any:
    return SimpleNamespace(marshaller=SimpleNamespace(**methods))


OTHER_CLIENTS = {
    "None": None,
    "no marshaller": object(),
    "a marshaller that is None": SimpleNamespace(marshaller=None),
    "no methods": with_marshaller(),
    "no unmarshal_request": with_marshaller(marshal_response=lambda response: (response, "")),
    "no marshal_response": with_marshaller(unmarshal_request=json.loads),
    "bytes are no answer": with_marshaller(
        unmarshal_request=json.loads, marshal_response=json.dumps
    ),
    "bytes are quoted": with_marshaller(
        unmarshal_request=json.loads, marshal_response=lambda response: (b'"{}"', "")
    ),
    "bytes get a line's end": with_marshaller(
        unmarshal_request=json.loads, marshal_response=lambda response: (response + b"\n", "")
    ),
    "an answer has no type": with_marshaller(
        unmarshal_request=json.loads, marshal_response=lambda response: response
    ),
    "the marshaller cannot be read": Refusing("Client", (), {}),
    "the marshaller cannot be set": Unassignable("Client", (), {"marshaller": Marshaller()}),
    "a class of C": int,
}


@pytest.mark.parametrize("client", OTHER_CLIENTS.values(), ids=OTHER_CLIENTS)
def test_a_client_that_is_not_as_known_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    module = SimpleNamespace(LambdaRuntimeClient=client)
    monkeypatch.setitem(sys.modules, "awslambdaric.lambda_runtime_client", module)
    before = dict(getattr(client, "__dict__", {}))
    assert take_payloads_as_bytes() is False
    assert dict(getattr(client, "__dict__", {})) == before


def test_a_client_that_is_as_known_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = type("Client", (), {"marshaller": Marshaller()})
    module = SimpleNamespace(LambdaRuntimeClient=client)
    monkeypatch.setitem(sys.modules, "awslambdaric.lambda_runtime_client", module)
    assert take_payloads_as_bytes() is True
    assert client.marshaller.unmarshal_request(b"{}", "application/json") == b"{}"
    assert client.marshaller.unmarshal_request(b"5", "text/plain") == 5, "it is left to the default"


def test_answers_are_bytes_after_one_was_written_here_and_until_one_was_not() -> None:
    # Each form is right here. JSON values cost more, and bytes may be wrong under another runtime.
    answers = _Answers()
    first, second, *others = (b'{"records":[%d]}' % number for number in range(4))
    assert answers.form(first) == JsonValues(first)
    answers.written(first)
    assert answers.form(second) is second
    for each in others:
        assert answers.form(each) == JsonValues(each), "the second was not written here"
        answers.written(each)


def test_elsewhere_nothing_is_changed() -> None:
    assert "awslambdaric.lambda_runtime_client" not in sys.modules
    assert take_payloads_as_bytes() is False
    assert returnable(b'{"records":[]}') == {"records": []}
