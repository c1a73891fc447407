"""Replaces texts that always differ between two stacks by placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from estate.resources.unfold import Document
from infra.settings import Settings


def placeholders(settings: Settings) -> dict[str, str]:
    """Return the placeholders for a comparison, by the texts of a stack that they replace."""
    return {
        settings.naming.prefix: "{naming}",
        settings.naming.database: "{database}",
        settings.account_id: "{account_id}",
        settings.environment: "{environment}",
    }


def replaced(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value in which the texts of ``names`` are replaced where they are whole words."""
    words = "|".join(re.escape(text) for text in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")

    def replace(item: Any) -> Any:
        match item:
            case str():
                return pattern.sub(lambda found: names[found[0]], item)
            case dict():
                return {replace(key): replace(each) for key, each in item.items()}
            case list():
                return [replace(each) for each in item]
            case Document(form, content):
                return Document(form, replace(content))
            case _:
                return item

    return replace(value)
