"""The functions that a query may call, by name."""

from __future__ import annotations

from collections.abc import Mapping

from local.sql.aggregate_functions import aggregate_forms, window_forms
from local.sql.collection_functions import collection_forms
from local.sql.scalar_functions import scalar_forms
from local.sql.signatures import Form
from local.sql.time_functions import time_forms


def _merged(*tables: Mapping[str, list[Form]]) -> dict[str, list[Form]]:
    merged: dict[str, list[Form]] = {}
    for table in tables:
        for name, forms in table.items():
            merged.setdefault(name, []).extend(forms)
    return merged


SCALARS: Mapping[str, list[Form]] = _merged(scalar_forms(), time_forms(), collection_forms())
AGGREGATES: Mapping[str, list[Form]] = aggregate_forms()
WINDOWS: Mapping[str, list[Form]] = window_forms()
