"""The entry point, called as that of AWS's client is."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .bootstrap import run
from .lambda_runtime_client import LambdaRuntimeClient


def main(args: Sequence[str]) -> None:
    """Run a function until the process is ended.

    Parameters
    ----------
    args
        The program's name, and the handler as ``package.module.function``.
    """
    run(args[1], LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))
