"""The functions' runtime on Lambda, for the program and for the packages.

It imports nothing, so that packaging the functions does not need Pulumi.
"""

from __future__ import annotations

from typing import Final

PYTHON_VERSION: Final = "3.13"
"""Minor version of Lambda's managed Python runtime."""

RUNTIME: Final = f"python{PYTHON_VERSION}"
"""Lambda's name of the runtime, on Amazon Linux 2023."""

ARCHITECTURE: Final = "arm64"
"""Lambda's name of the architecture. Wheels call it ``aarch64``."""
