"""Causes and remedies, by what pip and ensurepip printed when it happened to them."""

from __future__ import annotations

import pytest

from install.remedies import complaints, explain

_FULL = """\
Collecting six==1.17.0
Installing collected packages: six
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
"""
_CERTIFICATE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError(SSLCertVerificationError(1,
'[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self signed certificate'))': /simple/
ERROR: No matching distribution found for six==1.17.0
"""


@pytest.mark.parametrize(
    ("output", "cause", "remedy"),
    [
        (_FULL, "The disk is full.", "Free 1 GB"),
        (_CERTIFICATE, "certificate of the package index cannot be verified", "PIP_CERT="),
        ("ERROR: HTTP error 403 while getting x", "refuses access", "credentials"),
        ("/usr/bin/python3: No module named ensurepip", "virtual environments", "python3-venv"),
        ("error: [Errno 13] Permission denied: '.venv/lib'", "cannot be written", "your own"),
        ("something else", "not a known one", "lines above"),
    ],
)
def test_what_failed_is_explained(output: str, cause: str, remedy: str) -> None:
    failure = explain(output)
    assert cause in failure.cause
    assert remedy in failure.remedy


def test_of_what_was_printed_the_errors_are_shown() -> None:
    assert complaints(_FULL) == [_FULL.splitlines()[-1]]


def test_without_an_error_the_end_is_shown() -> None:
    lines = [f"line {number}" for number in range(40)]
    assert complaints("\n".join(lines)) == lines[-12:]
