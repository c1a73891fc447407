"""What every local command does with its process before anything else."""

from __future__ import annotations

import io
import logging
import os
import sys

_LOCALHOST = "127.0.0.1,localhost"


def prepare() -> None:
    """Forget the user's AWS settings, reach this machine without a proxy, and log errors alone.

    What a user's shell says of AWS and of proxies is for the real AWS. Local commands name their
    endpoint and credentials themselves, and must not trip over a profile that does not exist here.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _LOCALHOST)))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal's encoding lacks is shown as an escape.
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
