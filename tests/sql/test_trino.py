"""What is wrong with a Trino's URL is said before anything is asked."""

from __future__ import annotations

import socket

import pytest

from dmd.__main__ import main


def said(url: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["sql", "--trino", url, *arguments, "SELECT 1"]) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("localhost:8080/c/s", "this is not the URL of a Trino"),
        ("ftp://localhost/c/s", "this is not the URL of a Trino"),
        ("http://localhost:8080", "this is not the URL of a Trino"),
        ("http://localhost:8080/c", "the URL names no schema"),
        ("http://localhost:8080/c/s/more", "the URL names no schema"),
    ],
)
def test_a_url_of_another_form_is_an_error(
    url: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in said(url, capsys)


def test_a_password_in_a_wrong_url_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "hunter2" not in said("http://me:hunter2@localhost:8080", capsys)


def test_a_password_without_encryption_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "a password needs https" in said("http://me:secret@localhost:8080/c/s", capsys)


def test_a_trino_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = said(f"http://127.0.0.1:{port}/c", capsys, "--database", "s")
    assert "Trino does not answer" in text
