"""Writes a graph as text for review: YAML, one block per resource, always in the same order.

Each block begins without indent, so that a diff names the resource that it changes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from estate.resources.graph import Graph, Resource
from estate.resources.unfold import Document, unfold

_FLAT_ITEM = 140
"""Maximum length, as JSON, of a list's item that is written on one line."""
_FLAT_LIST = 40
"""Maximum length, as JSON, of a list of single values that is written on one line."""
_SINGLE = str | int | float | None


def as_json(graph: Graph) -> list[dict[str, Any]]:
    """Return a graph as JSON values, one object per resource."""
    return [
        {
            "type": each.type,
            "name": each.name,
            "physicalName": each.physical_name,
            "urn": each.urn,
            "inputs": each.inputs,
            "options": {
                "parent": each.options.parent,
                "provider": each.options.provider,
                "dependsOn": list(each.options.depends_on),
                "propertyDependencies": each.options.property_dependencies,
                "protect": each.options.protect,
                "retainOnDelete": each.options.retain_on_delete,
                "deleteBeforeReplace": each.options.delete_before_replace,
                "replaceOnChanges": list(each.options.replace_on_changes),
                "ignoreChanges": list(each.options.ignore_changes),
                "aliases": list(each.options.aliases),
            },
        }
        for each in graph.resources
    ]


def as_text(graph: Graph) -> str:
    """Return a graph as text: the number of resources of each type, then each resource."""
    kinds = Counter(each.type for each in graph.resources)
    lines = [f"# Stack {graph.stack}: {kinds.total()} resources"]
    lines += [f"# {count:>5}  {kind}" for kind, count in sorted(kinds.items())]
    return "\n".join([*lines, "", *(block(view(graph, each)) for each in graph.resources)])


def view(graph: Graph, resource: Resource) -> dict[str, Any]:
    """Return the readable view of a resource, with the documents in its inputs unfolded.

    It leaves out options at their defaults, the provider, and the inputs' references.
    """
    options = resource.options
    shown = {
        "physicalName": resource.physical_name,
        "parent": " / ".join(each.described for each in graph.path(resource)),
        "dependsOn": _dependencies(graph, resource),
        "protect": options.protect,
        "retainOnDelete": options.retain_on_delete,
        "deleteBeforeReplace": options.delete_before_replace,
        "replaceOnChanges": list(options.replace_on_changes),
        "ignoreChanges": list(options.ignore_changes),
        "aliases": list(options.aliases),
        "inputs": unfold(resource.inputs),
    }
    return {f"{resource.type} {resource.name}": {key: each for key, each in shown.items() if each}}


def block(content: Mapping[str, Any]) -> str:
    """Return a mapping as YAML, with a newline at the end."""
    return yaml.dump(
        content,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=1_000_000,
    )


def _dependencies(graph: Graph, resource: Resource) -> list[str]:
    """Return what a resource depends on; all resources of a component as the component's name."""
    urns = set(resource.options.depends_on)
    below: dict[str, list[Resource]] = {}
    for each in graph.resources:
        below.setdefault(each.options.parent, []).append(each)

    def whole(component: Resource) -> bool:
        children = below.get(component.urn, [])
        return bool(children) and all(
            each.urn in urns if each.custom else whole(each) for each in children
        )

    def named(children: list[Resource]) -> list[str]:
        names: list[str] = []
        for each in children:
            if each.custom:
                names += [each.described] if each.urn in urns else []
            elif whole(each):
                names.append(f"all of {each.described}")
            else:
                names += named(below.get(each.urn, []))
        return names

    known = {each.urn for each in graph.resources}
    top = [each for each in graph.resources if each.options.parent not in known]
    return sorted(named(top))


class _Dumper(yaml.SafeDumper):
    """Writes documents with a tag, texts of several lines as blocks, and flat items on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        short = len(json.dumps(sequence, default=str)) <= _FLAT_LIST
        flat = short and all(isinstance(item, _SINGLE) for item in sequence)
        node = super().represent_sequence(tag, sequence, flow_style=flat)
        for item, value in zip(node.value, sequence, strict=True):
            if isinstance(item, yaml.MappingNode) and _is_flat(value):
                item.flow_style = len(json.dumps(value, ensure_ascii=False)) <= _FLAT_ITEM
        return node


def _is_flat(value: Any) -> bool:
    """Return whether a mapping has only single values and lists of them."""
    if not isinstance(value, dict):
        return False
    return all(
        isinstance(each, _SINGLE)
        or (isinstance(each, list) and all(isinstance(item, _SINGLE) for item in each))
        for each in value.values()
    )


def _represent_text(dumper: _Dumper, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_document(dumper: _Dumper, document: Document) -> Any:
    tag, content = f"!{document.form}", document.content
    if isinstance(content, dict):
        return dumper.represent_mapping(tag, content, flow_style=False)
    return dumper.represent_sequence(tag, content)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Document, _represent_document)
