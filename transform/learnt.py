"""Remembers the attributes without a column that items had, and finds them in the next items.

msgspec can refuse unknown members of an object or skip them, but cannot report them. So
`transform.typed` learns such attributes, and its decoders have a field for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import Any

from msgspec import UNSET


class Learnt:
    """The names of attributes without a column.

    Attributes
    ----------
    fields
        The name of each attribute's field in the decoded items. The field is ``UNSET`` if an item
        does not have the attribute.
    """

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._keys: list[tuple[str, Callable[[Any], Any]]] = []
        self._others: list[str] = []
        self._absent: tuple[Any, ...] = ()
        self._values: Callable[[Any], tuple[Any, ...]] = lambda image: ()

    def add(self, names: Collection[str], keys: Collection[str]) -> None:
        """Learn more names.

        Parameters
        ----------
        names
            The names of attributes.
        keys
            The names of the item's key attributes. Every item has them, and they are looked at
            each time.
        """
        for name in sorted(names):
            self.fields[name] = f"learnt_{len(self.fields)}"
            if name in keys:
                self._keys.append((name, attrgetter(self.fields[name])))
            else:
                self._others.append(name)
        if self._others:
            self._absent = (UNSET,) * (len(self._others) + 1)
            # attrgetter returns a tuple only if it has two names or more.
            places = [self.fields[name] for name in self._others]
            self._values = attrgetter(*places, places[0])

    def rescued(
        self, images: Sequence[Any], keys: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return for each item the learnt attributes that it has, except its key attributes.

        Parameters
        ----------
        images
            The decoded items.
        keys
            The key attributes of each. One that differs from the item's is not excepted.
        """
        rescued: list[dict[str, Any]] = [{} for _ in images]
        for name, value_of in self._keys:
            for value, own, kept in zip(map(value_of, images), keys, rescued, strict=True):
                if own.get(name, UNSET) != value is not UNSET:
                    kept[name] = value
        for values, own, kept in zip(map(self._values, images), keys, rescued, strict=True):
            # Most items have none of them. One comparison of all is faster than one of each.
            if values != self._absent:
                for name, value in zip(self._others, values, strict=False):
                    if value is not UNSET and own.get(name, UNSET) != value:
                        kept[name] = value
        return rescued
