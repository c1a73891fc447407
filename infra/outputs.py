"""Texts made of other resources' outputs."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


def joined(*parts: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the texts joined, or None if one of them is None.

    ``pulumi up --target`` runs the whole program. A resource that is not a target and does not
    exist yet has outputs of None, which ``Output.concat`` cannot join. No target uses the result.
    https://www.pulumi.com/docs/iac/concepts/resources/options/#targeting-specific-resources
    """

    def join(texts: Sequence[str | None]) -> str:
        known = [text for text in texts if text is not None]
        return "".join(known) if len(known) == len(texts) else None  # type: ignore[return-value]

    return pulumi.Output.all(*parts).apply(join)
