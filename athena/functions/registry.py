"""The functions that a query may call, by name."""

from __future__ import annotations

from collections.abc import Mapping

from athena.functions.aggregate import aggregate_forms, window_forms
from athena.functions.collection import collection_forms
from athena.functions.scalar import scalar_forms
from athena.functions.signatures import Form
from athena.functions.time import time_forms
from athena.functions.url import url_forms


def _merged(*tables: Mapping[str, list[Form]]) -> dict[str, list[Form]]:
    merged: dict[str, list[Form]] = {}
    for table in tables:
        for name, forms in table.items():
            merged.setdefault(name, []).extend(forms)
    return merged


SCALARS: Mapping[str, list[Form]] = _merged(
    scalar_forms(), time_forms(), collection_forms(), url_forms()
)
AGGREGATES: Mapping[str, list[Form]] = aggregate_forms()
WINDOWS: Mapping[str, list[Form]] = window_forms()
# Athena approximates these, and its answer depends on how it divides the work.
APPROXIMATE = frozenset({"approx_distinct", "approx_percentile"})
