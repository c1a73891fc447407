"""What Lambda runs the functions on, said once for the program and for the packages.

Imports nothing: what packages the functions must not need Pulumi to know this.
"""

from __future__ import annotations

from typing import Final

PYTHON_VERSION: Final = "3.13"
"""Minor version of Lambda's managed Python runtime."""

RUNTIME: Final = f"python{PYTHON_VERSION}"
"""Lambda's name of the runtime, on Amazon Linux 2023."""

ARCHITECTURE: Final = "arm64"
"""Lambda's name of the instruction set; wheels call it ``aarch64``."""
