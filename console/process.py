"""What commands do with their process before anything else."""

from __future__ import annotations

import gc
import io
import logging
import os
import sys

_LOCALHOST = "127.0.0.1,localhost"

# New objects between two looks of the garbage collector (Python's own: 700). A command imports
# moto or Pulumi, makes a million objects that stay, and ends after seconds.
_NEW_OBJECTS = 50_000


def forget_aws() -> None:
    """Forget the user's AWS settings.

    They are for the real AWS. Commands that work on this machine name their endpoint and their
    credentials themselves, and must not trip over a profile that does not exist here.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def collect_seldom() -> None:
    """Look for garbage cycles less often than Python does by itself."""
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def prepare() -> None:
    """Reach this machine without a proxy, show what a terminal lacks, and log errors alone."""
    collect_seldom()
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _LOCALHOST)))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal's encoding lacks is shown as an escape.
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
