"""Why pip or venv failed, and what to do about it, from what they printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Failure:
    """A cause of failure and its remedy, each a sentence.

    Parameters
    ----------
    pattern
        What pip or venv prints in this case, as a regular expression.
    """

    pattern: str
    cause: str
    remedy: str


NO_WHEEL: Final = Failure(
    r"No matching distribution found",
    "The package index has no wheel of this version that fits.",
    "Use Python 3.11 to 3.14 on Linux (x86_64, arm64) or macOS (arm64), and an index that has "
    "all of PyPI (`pip config list` shows which one is used).",
)
"""The one case whose remedy depends on where the wheel is to run."""

# In this order: pip reports a package as missing after each of those before it.
KNOWN: Final = (
    Failure(
        r"No space left on device|Disk quota exceeded",
        "The disk is full.",
        "Free 1 GB where .venv is, and where pip keeps its files (TMPDIR, and `pip cache dir`).",
    ),
    Failure(
        r"DO NOT MATCH THE HASHES",
        "The package index gave a file that is not the one in the lock.",
        "Use an index that serves PyPI's own files. Do not install this file by other means.",
    ),
    Failure(
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
        "The certificate of the package index cannot be verified.",
        "Name your certificates with PIP_CERT=/path/to/certificates.pem.",
    ),
    Failure(
        r"HTTP error 40[137]|40[137] Client Error|407 Proxy Authentication",
        "The package index refuses access.",
        "Check the index and the credentials that `pip config list` shows.",
    ),
    Failure(
        r"connection broken by|Max retries exceeded|Read timed out|Connection refused"
        r"|name resolution|Name or service not known|nodename nor servname",
        "The package index cannot be reached.",
        "Check the network, the proxy (HTTPS_PROXY), and the index that `pip config list` shows.",
    ),
    NO_WHEEL,
    Failure(
        r"No module named '?(venv|ensurepip)",
        "This Python cannot make virtual environments.",
        "Install what is missing (on Debian and Ubuntu: apt-get install python3-venv).",
    ),
    Failure(
        r"Permission denied|Read-only file system",
        "A folder cannot be written.",
        "Make the project's folder, and what lies in it, your own.",
    ),
)
"""What is known to go wrong."""

_UNKNOWN: Final = Failure("", "The cause is not a known one.", "The lines above may tell more.")
_SHOWN = 12


def explain(output: str) -> Failure:
    """Return the cause and the remedy that fit what a failed command printed."""
    return next((each for each in KNOWN if re.search(each.pattern, output)), _UNKNOWN)


def complaints(output: str) -> list[str]:
    """Return the lines to show of what a failed command printed: errors, or else the last ones."""
    lines = [line for line in output.splitlines() if line.strip()]
    first = next((i for i, line in enumerate(lines) if re.match(r"error\b", line, re.I)), None)
    return lines[first:][:_SHOWN] if first is not None else lines[-_SHOWN:]
