"""Compares the graphs of two stacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from estate.resources.graph import Graph
from estate.resources.placeholders import replaced
from estate.resources.render import block, view
from estate.resources.unfold import Document

_CONTEXT = 1
_ABSENT = object()


@dataclass(frozen=True)
class Side:
    """One of the two graphs of a comparison.

    Parameters
    ----------
    label
        Name of the side in the report.
    graph
        Its resources.
    names
        Placeholders, by the texts of this side that they replace.
    """

    label: str
    graph: Graph
    names: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """One value that differs.

    Parameters
    ----------
    path
        Keys, and positions in lists, that lead to the value.
    values
        The value of each side, by label. A side without the value is absent.
    """

    path: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A resource that differs, or that only one side has.

    Parameters
    ----------
    name
        Type and logical name.
    only
        Label of the side that has it, or None if both have it.
    changes
        The values that differ.
    lines
        The same as lines of a unified diff, with the keys around them.
    """

    name: str
    only: str | None
    changes: tuple[Change, ...]
    lines: tuple[str, ...]


def compare(left: Side, right: Side) -> list[Difference]:
    """Return the differences in the order of the tree, apart from texts with placeholders."""
    views = [_views(left), _views(right)]
    differences = []
    # A resource that only one side has keeps its place in that side's tree.
    for key in sorted(views[0].keys() | views[1].keys()):
        before, after = (each.get(key, {}) for each in views)
        if before == after:
            continue
        (name,) = before.keys() | after.keys()
        only = left.label if not after else right.label if not before else None
        changes = () if only else _changes(left, right, before[name], after[name])
        differences.append(Difference(name, only, tuple(changes), tuple(_lines(before, after))))
    return differences


def diff_as_json(left: Side, right: Side) -> dict[str, Any]:
    """Return the differences as JSON values."""
    differences = compare(left, right)
    return {
        "placeholders": {side.label: _by_placeholder(side) for side in (left, right)},
        "only": {
            side.label: [each.name for each in differences if each.only == side.label]
            for side in (left, right)
        },
        "different": [
            {
                "resource": each.name,
                "changes": [
                    {"path": change.path, "values": _folded(change.values)}
                    for change in each.changes
                ],
            }
            for each in differences
            if each.only is None
        ],
    }


def diff_as_text(left: Side, right: Side) -> str:
    """Return the differences as text."""
    differences = compare(left, right)
    lines = [f"--- {left.label}", f"+++ {right.label}"]
    for placeholder, text in _by_placeholder(left).items():
        other = _by_placeholder(right)[placeholder]
        if other != text:
            lines.append(f"# {placeholder} is {text} and {other}")
    same = len(left.graph.resources) - sum(each.only != right.label for each in differences)
    lines.append(f"# {same} resources are the same, {len(differences)} differ")
    for each in differences:
        note = f" (only {each.only})" if each.only else ""
        lines += ["", f"{each.name}{note}", *(f"  {line}" for line in each.lines)]
    return "\n".join(lines) + "\n"


def _by_placeholder(side: Side) -> dict[str, str]:
    return {placeholder: text for text, placeholder in side.names.items()}


def _views(side: Side) -> dict[tuple[tuple[str, str], ...], dict[str, Any]]:
    """Return the view of each resource, by its place in the tree."""
    graph = side.graph
    return {
        tuple((each.type, each.name) for each in (*graph.path(resource), resource)): replaced(
            view(graph, resource), side.names
        )
        for resource in graph.resources
    }


def _changes(left: Side, right: Side, before: Any, after: Any, path: str = "") -> Iterator[Change]:
    before, after = (
        each.content if isinstance(each, Document) else each for each in (before, after)
    )
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            below = f"{path}.{key}" if path else key
            yield from _changes(
                left, right, before.get(key, _ABSENT), after.get(key, _ABSENT), below
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(left, right, old, new, f"{path}[{index}]")
    elif before != after:
        values = ((left.label, before), (right.label, after))
        yield Change(path, {label: value for label, value in values if value is not _ABSENT})


def _folded(value: Any) -> Any:
    """Return a value in which the content replaces each document."""
    match value:
        case Document(_, content):
            return _folded(content)
        case dict():
            return {key: _folded(item) for key, item in value.items()}
        case list():
            return [_folded(item) for item in value]
        case _:
            return value


def _lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    # The first line is the name, which the caller shows.
    old, new = (block(each).splitlines()[1:] if each else [] for each in (before, after))
    if not (old and new):
        yield from ((f"- {line}" for line in old) if old else (f"+ {line}" for line in new))
        return
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield f"@@ {' › '.join(_around(old, group[0][1]))}"
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                yield from (f"  {line}" for line in old[old_from:old_to])
            else:
                yield from (f"- {line}" for line in old[old_from:old_to])
                yield from (f"+ {line}" for line in new[new_from:new_to])


def _around(lines: list[str], index: int) -> list[str]:
    """Return the keys that enclose a line, outermost first; of a list item, its first line."""
    keys: list[str] = []
    if index >= len(lines):
        return keys
    depth = _depth(lines[index])
    for line in reversed(lines[:index]):
        if _depth(line) < depth:
            depth = _depth(line)
            text = line.strip()
            keys.append(text[2:] if text.startswith("- ") else text.partition(":")[0])
    return keys[::-1]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
