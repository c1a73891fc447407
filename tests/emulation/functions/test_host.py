"""What a function sees and what its caller gets, held against Lambda's documented behaviour."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulation.endpoint import Endpoint
from emulation.functions import (
    FunctionHost,
    FunctionHostError,
    FunctionLog,
    InvokeRequest,
    InvokeResponse,
    PackageMismatchError,
)
from tests.emulation.functions.conftest import Deploy, credentials
from tests.support.runtime_clients import user_agent

# One function that does as its event says, so that few need to be made.
_SOURCE = """
import json, logging, os, sys, time
count = 0

def handler(event, context):
    global count
    count += 1
    return globals()[event["do"]](event, context)

def tell(event, context):
    return {"pid": os.getpid(), "count": count, "env": dict(os.environ), "cwd": os.getcwd()}

def tell_context(event, context):
    names = ["aws_request_id", "function_name", "function_version", "invoked_function_arn",
             "memory_limit_in_mb", "log_group_name", "log_stream_name"]
    told = {name: getattr(context, name) for name in names}
    return {**told, "remaining": context.get_remaining_time_in_millis()}

def fail(event, context):
    raise ValueError("broken: é")

def fail_at_length(event, context):
    raise type("Störung", (Exception,), {})("é" * event["length"])

def leave(event, context):
    sys.exit(event["status"])

def sleep(event, context):
    time.sleep(event["seconds"])
    return os.getpid()

def answer(event, context):
    return "x" * event["bytes"]

def unspeakable(event, context):
    return object()

def echo(event, context):
    return event["value"]

def take_memory(event, context):
    data = bytearray(event["megabytes"] << 20)
    del data
    return "had it"

def write(event, context):
    print("printed")
    print("to standard error", file=sys.stderr)
    logging.warning("logged")
    sys.stdout.write("no end of line")

def take_bytes_once(event, context):
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    class AsTheyAre:
        def unmarshal_request(self, request, content_type="application/json"):
            return {"do": "answer_bytes", "request": request, "content_type": content_type}

        def marshal_response(self, response):
            if response != b"null":
                LambdaRuntimeClient.marshaller = default
            return response, "application/json"

    default = LambdaRuntimeClient.marshaller
    LambdaRuntimeClient.marshaller = AsTheyAre()
    return b"null"

def answer_bytes(event, context):
    return event["request"] + event["content_type"].encode()

def import_module(event, context):
    __import__(event["module"])

def modes(event, context):
    return oct(os.stat(__file__).st_mode & 0o777) + oct(os.stat(".").st_mode & 0o777)

def start_child(event, context):
    import subprocess
    return subprocess.Popen(["sleep", "60"]).pid
"""


@pytest.fixture(scope="module")
def arn(deploy: Deploy) -> str:
    """Give the function that does as its event says."""
    return deploy(
        "worker",
        _SOURCE,
        Environment={"Variables": {"BUCKET": "of the pipeline"}},
        Architectures=["arm64"],
    )


@pytest.fixture(scope="module")
def shared_host(endpoint: Endpoint, packages: Path, runtime_client: Path) -> Iterator[FunctionHost]:
    """Give a host for tests that leave it as it was."""
    with FunctionHost(endpoint, packages, credentials, runtime_client=runtime_client) as host:
        yield host


@pytest.fixture
def host(endpoint: Endpoint, packages: Path, runtime_client: Path) -> Iterator[FunctionHost]:
    """Give a host without a process yet."""
    with FunctionHost(endpoint, packages, credentials, runtime_client=runtime_client) as host:
        yield host


def ask(host: FunctionHost, do: str, function: str = "worker", **event: Any) -> InvokeResponse:
    """Invoke a function with an event."""
    return host.invoke(InvokeRequest(function, json.dumps({"do": do, **event}).encode()))


def value(response: InvokeResponse) -> Any:
    """Return what a function answered, which must not be an error."""
    assert response.function_error is None, response.payload
    assert response.status == 200
    return json.loads(response.payload)


def error(response: InvokeResponse) -> dict[str, Any]:
    """Return the error that a function ended with."""
    assert (response.status, response.function_error) == (200, "Unhandled"), response.payload
    answered: dict[str, Any] = json.loads(response.payload)
    return answered


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting for its parent to look."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in ("", "Z")


def until(condition: Callable[[], object]) -> None:
    """Wait some seconds at most for a condition."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it has not come true"
        time.sleep(0.01)


def test_the_environment_is_the_functions_own_and_lambdas_and_nothing_of_this_machine(
    shared_host: FunctionHost, arn: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "leaked")
    told = value(ask(shared_host, "tell"))
    environment = told["env"]

    assert environment["BUCKET"] == "of the pipeline"
    assert environment["AWS_ENDPOINT_URL"] == endpoint.url
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "worker"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/worker"
    assert re.fullmatch(
        r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", environment["AWS_LAMBDA_LOG_STREAM_NAME"]
    )
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert environment["_HANDLER"] == "code.main.handler"
    assert environment["TZ"] == ":UTC"
    assert environment["LAMBDA_TASK_ROOT"] == told["cwd"]
    assert "OF_THIS_MACHINE" not in environment
    assert environment["HOME"] == environment["TMPDIR"] != os.environ.get("HOME")


def test_the_credentials_are_the_roles(shared_host: FunctionHost, arn: str) -> None:
    environment = value(ask(shared_host, "tell"))["env"]
    assert environment["AWS_ACCESS_KEY_ID"] == "function-role"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "worker"
    assert environment["AWS_SESSION_TOKEN"] == "session"


def test_the_context_tells_about_the_invocation(shared_host: FunctionHost, arn: str) -> None:
    context = value(ask(shared_host, "tell_context"))
    assert 9_000 < context.pop("remaining") <= 10_000
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", context.pop("aws_request_id"))
    assert context.pop("log_stream_name").partition("[")[2].startswith("$LATEST]")
    assert context == {
        "function_name": "worker",
        "function_version": "$LATEST",
        "invoked_function_arn": arn,
        "memory_limit_in_mb": "128",
        "log_group_name": "/aws/lambda/worker",
    }


@pytest.mark.parametrize(
    "name",
    [
        "worker",
        "worker:$LATEST",
        "123456789012:function:worker",
        "arn:aws:lambda:us-east-1:123456789012:function:worker",
        "arn:aws:lambda:us-east-1:123456789012:function:worker:$LATEST",
    ],
)
def test_a_function_goes_by_every_name_that_lambda_takes(
    shared_host: FunctionHost, arn: str, name: str
) -> None:
    response = ask(shared_host, "echo", name, value=1)
    assert value(response) == 1
    assert response.executed_version == "$LATEST"


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "not a name",
        "arn:aws:lambda:eu-west-1:123456789012:function:worker",
        "arn:aws:lambda:us-east-1:999999999999:function:worker",
    ],
)
def test_a_function_that_is_not_there_is_refused_as_lambda_refuses(
    shared_host: FunctionHost, arn: str, name: str
) -> None:
    response = ask(shared_host, "tell", name)
    assert (response.status, response.function_error) == (404, None)
    refusal = json.loads(response.payload)
    assert refusal["__type"] == "ResourceNotFoundException"
    assert name in refusal["message"]


@pytest.mark.parametrize("given", [None, [1, 2.5, "ü \u2028 \U0001f39f"], {"a": {"b": True}}, ""])
def test_an_answer_comes_back_as_json(shared_host: FunctionHost, arn: str, given: object) -> None:
    response = ask(shared_host, "echo", value=given)
    assert value(response) == given
    assert response.payload == json.dumps(given, ensure_ascii=False).encode()


def test_nothing_but_the_package_and_the_standard_library_can_be_imported(
    shared_host: FunctionHost, arn: str
) -> None:
    for module in ("botocore", "pytest", "emulation", "infra"):
        assert module in sys.modules or __import__(module)
        failed = error(ask(shared_host, "import_module", module=module))
        assert failed["errorType"] == "ModuleNotFoundError"
    assert value(ask(shared_host, "import_module", module="sqlite3")) is None


def test_the_package_is_read_only(shared_host: FunctionHost, arn: str) -> None:
    assert value(ask(shared_host, "modes")) == "0o4440o555"


def test_the_runtime_client_says_which_it_is(
    host: FunctionHost, arn: str, runtime_client: Path
) -> None:
    assert host.runtime_clients("worker") == frozenset()
    ask(host, "tell")
    (client,) = host.runtime_clients("worker")
    assert client.startswith(user_agent(runtime_client))


def test_a_function_may_put_a_marshaller_of_its_own_in_the_clients_place(
    host: FunctionHost, arn: str
) -> None:
    assert value(ask(host, "take_bytes_once")) is None
    response = host.invoke(InvokeRequest("worker", b"no JSON, "))
    assert response.payload == b"no JSON, application/json"
    assert value(ask(host, "echo", value=1)) == 1


def test_each_invocation_has_a_trace_of_its_own(host: FunctionHost, arn: str) -> None:
    traces = [value(ask(host, "tell"))["env"]["_X_AMZN_TRACE_ID"] for _ in range(2)]
    pattern = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]"
    assert all(re.fullmatch(pattern, trace) for trace in traces)
    assert len(set(traces)) == 2


def test_a_process_is_used_again_and_again(host: FunctionHost, arn: str) -> None:
    first, second = (value(ask(host, "tell")) for _ in range(2))
    assert first["pid"] == second["pid"]
    assert (first["count"], second["count"]) == (1, 2)
    assert host.processes("worker") == (first["pid"],)


def test_an_exception_is_the_functions_error_and_the_process_lives_on(
    shared_host: FunctionHost, arn: str
) -> None:
    before = value(ask(shared_host, "tell"))["pid"]
    failed = error(ask(shared_host, "fail"))

    assert set(failed) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert (failed["errorType"], failed["errorMessage"]) == ("ValueError", "broken: é")
    assert [re.search(r"in (\w+)", frame)[1] for frame in failed["stackTrace"]] == [  # type: ignore[index]
        "handler",
        "fail",
    ]
    assert value(ask(shared_host, "tell"))["pid"] == before


def test_the_log_has_an_exception_as_one_event(host: FunctionHost, arn: str) -> None:
    failed = error(ask(host, "fail"))
    (line,) = [each for each in host.logs("worker") if each.startswith("[ERROR]")]
    frames = "".join(failed["stackTrace"]).splitlines()
    assert line.replace("\u00a0", " ").split("\r") == [
        "[ERROR] ValueError: broken: é",
        "Traceback (most recent call last):",
        *frames,
    ]
    assert " " * 2 not in line, "the indentation is of spaces that nothing takes away"


def test_an_error_comes_back_whole(shared_host: FunctionHost, arn: str) -> None:
    # AWS's client repeats it in a header field, up to 1 MB.
    failed = error(ask(shared_host, "fail_at_length", length=400_000))
    assert (failed["errorType"], failed["errorMessage"]) == ("Störung", "é" * 400_000)


def test_an_answer_that_is_not_json_is_an_error(shared_host: FunctionHost, arn: str) -> None:
    failed = error(ask(shared_host, "unspeakable"))
    assert failed["errorType"] == "Runtime.MarshalError"
    assert failed["errorMessage"].startswith("Unable to marshal response: Object of type object")


def test_an_event_that_is_not_json_is_an_error(shared_host: FunctionHost, arn: str) -> None:
    failed = error(shared_host.invoke(InvokeRequest("worker", b"{")))
    assert failed["errorType"] == "Runtime.UnmarshalError"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (3, "Runtime exited with error: exit status 3"),
        (0, "Runtime exited without providing a reason"),
    ],
)
def test_a_function_that_exits_is_an_error_and_the_next_event_finds_a_new_process(
    host: FunctionHost, arn: str, status: int, reason: str
) -> None:
    before = value(ask(host, "tell"))["pid"]
    failed = error(ask(host, "leave", status=status))

    assert failed["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(rf"RequestId: [0-9a-f-]{{36}} Error: {reason}", failed["errorMessage"])
    after = value(ask(host, "tell"))
    assert (after["pid"] != before, after["count"]) == (True, 1)


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        (
            "import nowhere",
            "code.main.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'code.main': No module named 'nowhere'",
        ),
        (
            "def (",
            "code.main.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'code.main': ",
        ),
        (
            "",
            "code.main.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'code.main'",
        ),
        ("", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("1 / 0", "code.main.handler", "ZeroDivisionError", "division by zero"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_an_error_that_says_why(
    host: FunctionHost, deploy: Deploy, source: str, handler: str, error_type: str, message: str
) -> None:
    name = f"unloadable-{error_type.rpartition('.')[2]}"
    deploy(name, source, Handler=handler)
    failed = error(ask(host, "tell", name))
    assert failed["errorType"] == error_type
    assert failed["errorMessage"].startswith(message)
    assert host.processes(name) == ()


def test_a_function_that_takes_too_long_is_ended(host: FunctionHost, deploy: Deploy) -> None:
    deploy("slow", _SOURCE, Timeout=1)
    pid = value(ask(host, "tell", "slow"))["pid"]
    started = time.monotonic()
    response = ask(host, "sleep", "slow", seconds=30)
    failed = error(response)

    assert 1.0 <= time.monotonic() - started < 3
    assert failed["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(
        r"RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds",
        failed["errorMessage"],
    )
    assert not is_running(pid)
    assert value(ask(host, "echo", "slow", value=1)) == 1


def test_what_a_function_started_ends_with_it(host: FunctionHost, arn: str) -> None:
    child = value(ask(host, "start_child"))
    assert is_running(child)
    host.close()
    until(lambda: not is_running(child))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux remembers a peak this short")
def test_a_function_that_takes_too_much_memory_is_ended(host: FunctionHost, arn: str) -> None:
    assert value(ask(host, "take_memory", megabytes=64)) == "had it"
    failed = error(ask(host, "take_memory", megabytes=200))

    assert failed["errorType"] == "Runtime.OutOfMemory"
    assert failed["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert host.processes("worker") == ()
    assert value(ask(host, "echo", value=1)) == 1


def test_the_largest_answer_comes_back_whole_and_a_larger_one_is_an_error(
    shared_host: FunctionHost, arn: str
) -> None:
    quotes = 2
    largest = 6_291_556 - quotes
    assert len(ask(shared_host, "answer", bytes=largest).payload) == 6_291_556
    assert error(ask(shared_host, "answer", bytes=largest + 1)) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
    }


def test_the_largest_request_is_taken_and_a_larger_one_is_refused(
    shared_host: FunctionHost, arn: str
) -> None:
    frame = len(json.dumps({"do": "echo", "value": 1, "padding": ""}))
    padding = "x" * (6 * 1024 * 1024 - frame)
    assert value(ask(shared_host, "echo", value=1, padding=padding)) == 1

    response = ask(shared_host, "echo", value=1, padding=padding + "x")
    assert (response.status, response.function_error) == (413, None)
    assert json.loads(response.payload)["__type"] == "RequestTooLargeException"


def test_a_process_that_is_killed_while_it_works_is_an_error_and_replaced(
    host: FunctionHost, arn: str
) -> None:
    pid = value(ask(host, "tell"))["pid"]
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(ask, host, "sleep", seconds=30)
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        failed = error(working.result(timeout=10))

    assert failed["errorType"] == "Runtime.ExitError"
    assert failed["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert value(ask(host, "tell"))["count"] == 1


def test_a_process_that_is_killed_while_idle_is_replaced_unseen(
    host: FunctionHost, arn: str
) -> None:
    before = value(ask(host, "tell"))["pid"]
    os.kill(before, signal.SIGKILL)
    until(lambda: not is_running(before))
    assert value(ask(host, "tell"))["pid"] != before


def test_a_process_takes_one_event_at_a_time_and_too_many_are_refused(
    endpoint: Endpoint, packages: Path, runtime_client: Path, arn: str
) -> None:
    with (
        FunctionHost(
            endpoint, packages, credentials, concurrency=2, runtime_client=runtime_client
        ) as host,
        ThreadPoolExecutor(2) as pool,
    ):
        working = [pool.submit(ask, host, "sleep", seconds=1) for _ in range(2)]
        until(lambda: len(host.processes("worker")) == 2)
        refused = ask(host, "tell")
        pids = {value(each.result(timeout=20)) for each in working}

        assert refused.status == 429
        assert json.loads(refused.payload) == {
            "__type": "TooManyRequestsException",
            "Type": "User",
            "message": "Rate Exceeded.",
            "Reason": "ConcurrentInvocationLimitExceeded",
        }
        assert len(pids) == 2
        assert value(ask(host, "tell"))["pid"] in pids


def test_a_function_runs_no_more_often_at_once_than_it_reserves(
    endpoint: Endpoint, host: FunctionHost, deploy: Deploy
) -> None:
    deploy("reserved", _SOURCE)
    endpoint.client("lambda").put_function_concurrency(
        FunctionName="reserved", ReservedConcurrentExecutions=1
    )
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(ask, host, "sleep", "reserved", seconds=0.5)
        until(lambda: host.processes("reserved"))
        assert ask(host, "tell", "reserved").status == 429
        value(working.result(timeout=20))
    assert ask(host, "tell", "reserved").status == 200


def test_many_threads_get_their_own_answers(host: FunctionHost, arn: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: value(ask(host, "echo", value=i)), range(60)))
    assert answers == list(range(60))
    assert 1 <= len(host.processes("worker")) <= 4


def test_a_change_of_configuration_takes_effect_at_the_next_event(
    endpoint: Endpoint, host: FunctionHost, deploy: Deploy
) -> None:
    deploy("changing", _SOURCE, Environment={"Variables": {"LANES": "2"}})
    before = value(ask(host, "tell", "changing"))
    endpoint.client("lambda").update_function_configuration(
        FunctionName="changing", Environment={"Variables": {"LANES": "4"}}
    )
    after = value(ask(host, "tell", "changing"))

    assert (before["env"]["LANES"], after["env"]["LANES"]) == ("2", "4")
    assert host.processes("changing") == (after["pid"],)


def test_a_function_made_from_another_package_is_an_error_that_says_what_to_do(
    host: FunctionHost, deploy: Deploy
) -> None:
    deploy("elsewhere", _SOURCE, keep_package=False)
    with pytest.raises(PackageMismatchError, match=r"build them again .* provision again"):
        ask(host, "tell", "elsewhere")


def test_an_event_is_answered_at_once_and_run_in_the_background(
    endpoint: Endpoint, packages: Path, runtime_client: Path, arn: str
) -> None:
    lines: list[FunctionLog] = []
    done = threading.Event()

    def take(line: FunctionLog) -> None:
        lines.append(line)
        if line.message.startswith("REPORT"):
            done.set()

    with FunctionHost(
        endpoint, packages, credentials, log_sink=take, runtime_client=runtime_client
    ) as host:
        started = time.monotonic()
        response = host.invoke(
            InvokeRequest(arn, b'{"do": "write"}', invocation_type="Event"),
        )
        assert (response.status, response.payload) == (202, b"")
        assert time.monotonic() - started < 1
        assert done.wait(10)
    assert "printed" in [line.message for line in lines]

    with FunctionHost(endpoint, packages, credentials, runtime_client=runtime_client) as host:
        too_large = json.dumps({"padding": "x" * (1 << 20)}).encode()
        response = host.invoke(InvokeRequest(arn, too_large, invocation_type="Event"))
        assert response.status == 413


def test_the_log_is_what_the_function_wrote_between_lambdas_own_lines(
    endpoint: Endpoint, packages: Path, runtime_client: Path, arn: str
) -> None:
    taken: list[FunctionLog] = []
    with FunctionHost(
        endpoint, packages, credentials, log_sink=taken.append, runtime_client=runtime_client
    ) as host:
        response = ask(host, "write")
        lines = host.logs("worker")

    request_id = lines[0].split()[2]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert lines[1:4] == ["printed", "to standard error", lines[3]]
    assert re.fullmatch(
        rf"\[WARNING\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{request_id}\tlogged", lines[3]
    )
    assert lines[4:6] == ["no end of line", f"END RequestId: {request_id}"]
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms",
        lines[6],
    )
    assert len(lines) == 7
    assert response.log_tail.decode().splitlines() == lines
    assert [each.message for each in taken] == lines
    assert {each.log_group for each in taken} == {"/aws/lambda/worker"}
    assert {each.request_id for each in taken} == {request_id}


def test_what_a_function_wrote_before_it_was_ended_is_in_its_log(
    host: FunctionHost, deploy: Deploy
) -> None:
    deploy(
        "talkative",
        """
        import os, signal
        def handler(event, context):
            print("x" * 5000)
            print("last words", flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
        """,
    )
    response = ask(host, "die", "talkative")
    assert error(response)["errorMessage"].endswith("signal: terminated")
    assert "last words" in host.logs("talkative")
    assert len(response.log_tail) == 4096
    assert host.logs("talkative")[-1].endswith("Status: error\tError Type: Runtime.ExitError")


def test_closing_ends_what_is_running_and_leaves_nothing_behind(
    endpoint: Endpoint, packages: Path, runtime_client: Path, arn: str
) -> None:
    host = FunctionHost(endpoint, packages, credentials, runtime_client=runtime_client)
    told = value(ask(host, "tell"))
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(ask, host, "sleep", seconds=30)
        time.sleep(0.2)
        started = time.monotonic()
        host.close()
        assert time.monotonic() - started < 5
        assert error(working.result(timeout=5))["errorType"] == "Runtime.ExitError"

    assert not is_running(told["pid"])
    assert not Path(told["cwd"]).exists()
    assert not Path(told["env"]["TMPDIR"]).exists()
    with pytest.raises(FunctionHostError, match="closed"):
        ask(host, "tell")


def test_functions_end_when_their_host_dies(
    endpoint: Endpoint, packages: Path, runtime_client: Path, arn: str, tmp_path: Path
) -> None:
    script = f"""
import json, sys, threading, time
from pathlib import Path
from emulation.emulator import embedded_emulator
from emulation.endpoint import Credentials, Endpoint
from emulation.functions import FunctionHost, InvokeRequest
host = FunctionHost(
    Endpoint({endpoint.url!r}),
    Path({str(packages)!r}),
    lambda *_: Credentials("a", "b"),
    runtime_client=Path({str(runtime_client)!r}),
)
sleep = InvokeRequest("worker", json.dumps({{"do": "sleep", "seconds": 60}}).encode())
threading.Thread(target=host.invoke, args=(sleep,), daemon=True).start()
while not host.processes("worker"):
    time.sleep(0.01)
time.sleep(0.3)
print(*host.processes("worker"), flush=True)
time.sleep(60)
"""
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not is_running(pid))
