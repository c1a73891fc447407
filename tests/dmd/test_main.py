"""What scripts rely on: exit statuses, errors as one line, signals, pipes and the environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from pulumi import RunError

from avro_writer.store import Refused
from console.errors import CommandError
from dmd.__main__ import main
from dmd.errors import explained
from tests.support.cli import ROOT

FULL = Path("/dev/full")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CommandError("no such table"), "no such table"),
        (RunError("a setting is wrong"), "a setting is wrong"),
        (
            ClientError({"Error": {"Code": "X", "Message": "no"}}, "PutItem"),
            "the endpoint did not do as asked: An error occurred (X) when calling the PutItem",
        ),
        (ConnectTimeoutError(endpoint_url="http://a"), "the endpoint did not do as asked: Connect"),
        (FileNotFoundError(2, "No such file", "/a"), "No such file: '/a'"),
        (
            ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "may not s3:ListBucket"}}, "List"
            ),
            "may not s3:ListBucket: a permission is missing; the policy that ends with -operate",
        ),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetObject"),
            "the credentials have expired; sign in again",
        ),
        (
            ClientError({"Error": {"Code": "NoSuchBucket", "Message": "none"}}, "List"),
            "is the stack deployed there?",
        ),
        (Refused("errors/x", "AccessDenied"), "S3 refuses errors/x (AccessDenied): the policy"),
    ],
)
def test_what_is_no_fault_of_the_program_is_explained(error: Exception, text: str) -> None:
    assert text in str(explained(error))


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> int:
        raise KeyError("eventId")

    monkeypatch.setattr("ops.schema_action.show", broken)
    with pytest.raises(KeyError, match="eventId"):
        main(["schema", "show"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "dmd: No such command 'nothing'."),
        (["demo", "--records", "-1"], "dmd demo: Invalid value for '--records': -1 is not in"),
        (["demo", "--records", "many"], "'many' is not a valid integer"),
        (["sql", "--format", "xml", "SELECT 1"], "'table', 'json', 'csv'"),
        (["provision"], "dmd provision: Missing option '--endpoint-url'."),
        (["schema", "check", "--warning-status", "256"], "dmd schema check: Invalid value"),
        (["demo", "--seeds", "1"], "No such option '--seeds'"),
    ],
)
def test_a_wrong_use_is_two_lines_on_standard_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    captured = capsys.readouterr()
    usage, line = captured.err.splitlines()
    assert usage.startswith("usage: dmd")
    assert message in line
    assert "--help` says more" in line
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [[], ["schema"]])
def test_a_group_without_a_command_shows_its_help_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: dmd")


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="nothing tells when the command is ready"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_with_status_130(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        # It waits for its query. As a shell does in the background, the signal is ignored at first.
        [sys.executable, "-m", "dmd", "sql", "-"],
        cwd=ROOT,
        env={**os.environ, "DMD_STATE_DIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN),
    )
    status_file = Path(f"/proc/{process.pid}/status")
    deadline = time.monotonic() + 60
    while status_file.exists() and ignored(status_file, number) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"dmd: stopped\n")


def ignored(status: Path, number: signal.Signals) -> bool:
    (line,) = [each for each in status.read_text().splitlines() if each.startswith("SigIgn:")]
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dmd", "schema", "show"],
        cwd=ROOT,
        env={**os.environ, "DMD_STATE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("schema", "show", "sale"), ("completion", "bash")])
def test_a_full_disk_behind_standard_output_is_one_line(arguments: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dmd", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == (
        f"dmd {arguments[0]}: cannot write to the standard output: No space left on device\n"
    )
    assert done.returncode == 1


def test_the_users_aws_settings_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    script = (
        "import os, sys; from dmd.__main__ import main; main(['schema', 'show', 'sale']);"
        "print([n for n in os.environ if n.startswith('AWS_')], os.environ['no_proxy'],"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names, _, no_proxy = done.stderr.partition("] ")
    assert set(names.strip("[").replace("'", "").split(", ")) == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert "127.0.0.1,localhost" in no_proxy
