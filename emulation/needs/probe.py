"""Asking an endpoint with things of one's own, all of which are removed at the end."""

from __future__ import annotations

import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

from emulation.endpoint import Endpoint
from emulation.needs.fact import Fact, lack

# How long records may take to come, and how long is waited before looking again: seconds.
_MOST_SECONDS, _PAUSE_SECONDS = 10.0, 0.2
_ATTEMPTS = 2
_MOST_TEXT = 300
WAITING = {"Delay": 1, "MaxAttempts": 60}
"""A waiter's settings: the defaults are for AWS, where things take longer."""


@dataclass(frozen=True)
class Need:
    """Something that an endpoint has to do.

    Parameters
    ----------
    title
        What it is, in the words of AWS's documentation.
    ask
        Asks an endpoint, and yields what it answered.
    """

    title: str
    ask: Callable[[Probe], Iterator[Fact]]


class Probe:
    """An endpoint, a name for things of one's own, and the way to remove them.

    Parameters
    ----------
    endpoint
        Who is asked.
    removals
        Does at its end what `afterwards` was given, the last first.

    Attributes
    ----------
    client
        Gives boto3's client of a service.
    name
        A name that nothing else has.
    """

    def __init__(self, endpoint: Endpoint, removals: ExitStack) -> None:
        self.endpoint = endpoint
        self.client = cache(partial(endpoint.client, attempts=_ATTEMPTS))
        self.name = f"dmd-probe-{uuid.uuid4().hex[:12]}"
        self._removals = removals

    def afterwards(self, remove: Callable[..., Any], **arguments: Any) -> None:
        """Have something removed when everything is known."""
        self._removals.callback(remove, **arguments)


def status(call: Callable[[], Any]) -> int:
    """Return the HTTP status of an API call's answer, which may be an error."""
    try:
        answer = call()
    except ClientError as error:
        answer = error.response
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def gathered(read: Callable[[], Sequence[Any]], number: int) -> list[Any]:
    """Read again and again until there are so many entries, for a few seconds at most."""
    found: list[Any] = []
    until = time.monotonic() + _MOST_SECONDS
    while True:
        found.extend(read())
        if len(found) >= number or time.monotonic() > until:
            return found
        time.sleep(_PAUSE_SECONDS)


def lacks(endpoint: Endpoint, need: Need) -> str | None:
    """Ask an endpoint, remove what that made, and return what is lacking; None if nothing is.

    Raises
    ------
    botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError
        The endpoint does not answer at all.
    """
    found: str | None = None
    try:
        with ExitStack() as removals:
            facts = need.ask(Probe(endpoint, removals))
            found = next(filter(None, map(lack, facts)), None)
    except (ConnectionError, HTTPClientError):
        raise
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        found = found or textwrap.shorten(str(error), _MOST_TEXT, placeholder="…")
    except (KeyError, IndexError) as error:
        found = found or f"an answer lacks {error}"
    return None if found is None else f"{need.title} ({found})"
