"""Errors that the runtime finds, not the function."""

from __future__ import annotations


class FaultException(Exception):
    """A fault with a type of Lambda's own, such as ``Runtime.ImportModuleError``."""

    def __init__(self, exception_type: str, msg: str) -> None:
        super().__init__(msg)
        self.exception_type = exception_type
        self.msg = msg
