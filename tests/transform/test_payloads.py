"""The handler under Lambda's own runtime client, against a Runtime API that is answered here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.support.changes import change, firehose_record
from tests.transform.test_handler import ENVIRONMENT
from transform.payloads import take_payloads_as_bytes

ROOT = Path(__file__).parents[2]


class RuntimeApi(HTTPServer):
    """Hands out the payloads, one an invocation, and keeps what the runtime posts.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def __init__(self, payloads: list[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Invocations)
        self.payloads = list(payloads)
        self.posted: list[tuple[str, str, bytes]] = []
        self.done = threading.Event()


class _Invocations(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RuntimeApi

    def do_GET(self) -> None:
        if not self.server.payloads:
            self.server.done.set()
            threading.Event().wait(10)
            return
        body = self.server.payloads.pop(0)
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "r-1")
        self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:1:f")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def invoke(*payloads: bytes) -> list[tuple[str, str, bytes]]:
    server = RuntimeApi(list(payloads))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    runtime = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", "transform.handler.handler"],
        env={
            **os.environ,
            **ENVIRONMENT,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        assert server.done.wait(60), "the runtime has not taken all events"
    finally:
        runtime.kill()
        runtime.wait()
        server.shutdown()
    return server.posted


def test_lambdas_runtime_answers_with_the_bytes_that_the_handler_makes() -> None:
    records = [firehose_record(change(), "1"), firehose_record(b"{", "2")]
    (path, content_type, body), *_ = invoke(json.dumps({"records": records}).encode())
    assert (path.rsplit("/", 1)[1], content_type) == ("response", "application/json")
    assert [each["result"] for each in json.loads(body)["records"]] == ["Ok", "ProcessingFailed"]
    assert b": " not in body, "the runtime would have written it with spaces"


def test_an_event_that_is_none_is_an_error_and_the_next_is_answered() -> None:
    failed, answered = invoke(b'{"records":5}', b'{"records":[]}')
    assert failed[0].endswith("/error")
    assert "ValidationError" in json.loads(failed[2])["errorType"]
    assert answered[2] == b'{"records":[]}'


def test_elsewhere_nothing_is_changed() -> None:
    assert "awslambdaric.lambda_runtime_client" not in sys.modules
    assert take_payloads_as_bytes() is False
