"""How a command's errors are told: one line each, unless they are faults of the program."""

from __future__ import annotations

from console.errors import CommandError


def explained(error: Exception) -> str | None:
    """Return what a user is told of an error, or None if it is a fault of the program."""
    if isinstance(error, CommandError):
        return str(error)
    # Imported here, for they take half a second; whatever raises one of their errors has done so.
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
    from botocore.parsers import ResponseParserError
    from pulumi import RunError

    if isinstance(error, RunError):
        return str(error)
    if isinstance(error, EndpointConnectionError):
        return f"{error}: start the emulator there, or correct the URL"
    if isinstance(error, BotoCoreError | ClientError | ResponseParserError):
        return f"the endpoint did not do as asked: {error}"
    return str(error) if isinstance(error, OSError) else None
