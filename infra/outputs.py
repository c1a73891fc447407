"""Texts made of what other resources put out."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


def joined(*parts: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return texts as one; None where one of them is None.

    ``pulumi up --target`` runs the whole program, and what is no target and not there yet has no
    outputs: each is None, which ``Output.concat`` cannot join. Nothing is made of the result.
    https://www.pulumi.com/docs/iac/concepts/resources/options/#targeting-specific-resources
    """

    def join(texts: Sequence[str | None]) -> str:
        known = [text for text in texts if text is not None]
        return "".join(known) if len(known) == len(texts) else None  # type: ignore[return-value]

    return pulumi.Output.all(*parts).apply(join)
