"""The identity of a record: its primary key as canonical JSON.

See docs/design.md#the-envelope.
"""

from __future__ import annotations

from typing import Any

import msgspec

from transform.numbers import plain

_encode = msgspec.json.Encoder(order="deterministic").encode


def record_key(keys: dict[str, Any]) -> str | None:
    """Return a change record's ``Keys`` as canonical JSON, or None if they are not a primary key.

    The same item always has the same key: names are sorted by code point, values are plain (text,
    number, or base64 text of a binary), and equal numbers have the same text.

    Parameters
    ----------
    keys
        Attribute names to attribute values; a primary key has one or two.
    """
    values: dict[str, str | msgspec.Raw] = {}
    for name, value in keys.items():
        if type(value) is not dict or len(value) != 1:
            return None
        ((marker, text),) = value.items()
        if type(text) is not str:
            return None
        if marker in ("S", "B"):
            values[name] = text
        elif marker == "N" and (number := plain(text)) is not None:
            values[name] = msgspec.Raw(number.encode())
        else:
            return None
    return _encode(values).decode() if values else None
