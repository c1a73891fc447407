"""How a command's errors are told: one line each, unless they are faults of the program."""

from __future__ import annotations

from typing import Any

from avro_writer.store import Refused
from console.errors import CommandError

_POLICY = (
    "the policy that ends with -operate allows what the commands for a stack need "
    "(docs/operations.md#who-may-run-the-commands)"
)
_DENIED = ("AccessDenied", "AccessDeniedException", "AccessDeniedForDependency")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_NOT_THERE = ("NoSuchBucket", "ResourceNotFoundException", "QueueDoesNotExist")


def explained(error: Exception) -> str | None:
    """Return what a user is told of an error, or None if it is a fault of the program."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, Refused):
        remedy = _POLICY if error.reason in _DENIED else "see docs/operations.md"
        return f"S3 refuses {error.key} ({error.reason}): {remedy}"
    # Imported here, for they take half a second; whatever raises one of their errors has done so.
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
    from botocore.parsers import ResponseParserError
    from pulumi import RunError

    if isinstance(error, RunError):
        return str(error)
    if isinstance(error, EndpointConnectionError):
        return f"{error}: start the emulator there, or correct the URL"
    if isinstance(error, ClientError) and (text := _of_aws(error)):
        return text
    if isinstance(error, BotoCoreError | ClientError | ResponseParserError):
        return f"the endpoint did not do as asked: {error}"
    return str(error) if isinstance(error, OSError) else None


def _of_aws(error: Any) -> str | None:
    """Return what to do about an error of AWS that a user can do something about."""
    code = error.response.get("Error", {}).get("Code", "")
    if code in _DENIED:
        return f"{error}: a permission is missing; {_POLICY}"
    if code in _EXPIRED:
        return f"{error}: the credentials have expired; sign in again"
    if code in _NOT_THERE:
        return f"{error}: is the stack deployed there? `dmd status` says what is missing"
    return None
