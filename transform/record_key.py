"""The identity of a record: its primary key as canonical JSON (design §3)."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any

import msgspec

from transform.numbers import plain

_encode = msgspec.json.Encoder(order="deterministic").encode


def record_key(keys: dict[str, Any]) -> str | None:
    """Return a change record's ``Keys`` as canonical JSON, or None if they are no primary key.

    Names are sorted by code point, values are plain (text, number, or base64 text of a binary), and
    one number has one text: the same item always has the same key.

    Parameters
    ----------
    keys
        Attribute names to attribute values; a primary key has one or two.
    """
    texts = {}
    for name, value in keys.items():
        if type(value) is not dict or len(value) != 1 or type(text := value.get("S")) is not str:
            return _of_any(keys)
        texts[name] = text
    # Most keys are text. Written as below, and in half the time.
    return _encode(texts).decode() if texts else None


def _of_any(keys: dict[str, Any]) -> str | None:
    parts = []
    for name in sorted(keys):
        value = keys[name]
        if type(value) is not dict or len(value) != 1:
            return None
        ((marker, text),) = value.items()
        if type(text) is not str:
            return None
        if marker == "N":
            number = plain(text)
            if number is None:
                return None
            parts.append(f"{encode_basestring(name)}:{number}")
        elif marker in ("S", "B"):
            parts.append(f"{encode_basestring(name)}:{encode_basestring(text)}")
        else:
            return None
    return "{" + ",".join(parts) + "}" if parts else None
