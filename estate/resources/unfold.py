"""Parses documents in texts: policies, schemas, dashboards, inputs, views."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/")


@dataclass(frozen=True)
class Document:
    """A text that holds a document.

    Parameters
    ----------
    form
        How it is written: ``json``, or ``view`` for an Athena view's JSON in base64.
    content
        The document, with its keys in the written order.
    """

    form: str
    content: Any


def unfold(value: Any) -> Any:
    """Return a value in which each text that holds a document is a :class:`Document`."""
    match value:
        case dict():
            return {key: unfold(item) for key, item in value.items()}
        case list():
            return [unfold(item) for item in value]
        case str() if view := _VIEW.fullmatch(value):
            content = _json(view[1], lambda text: base64.b64decode(text, validate=True))
            return value if content is None else Document("view", unfold(content))
        case str() if value[:1] in ("{", "["):
            content = _json(value, str.encode)
            return value if content is None else Document("json", unfold(content))
        case _:
            return value


def _json(text: str, decode: Callable[[str], bytes]) -> Any:
    """Return the object or list that a text holds, or None."""
    try:
        content = json.loads(decode(text))
    except (ValueError, binascii.Error):
        return None
    return content if isinstance(content, dict | list) else None
