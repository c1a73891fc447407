"""Finding the operation of a REST request with botocore's service models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from botocore.model import OperationModel, ServiceModel

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True)
class Route:
    """The form of one operation's requests.

    ``constants`` are the query parameters in the URI, each with its value, or None for any.
    ``query`` and ``headers`` are the wire names of required parameters. ``members`` has the
    parameter's name by location and wire name. ``reads_body`` says whether the body has
    parameters, and is not itself one.
    """

    operation: str
    method: str
    path: re.Pattern[str]
    constants: Mapping[str, str | None]
    query: frozenset[str]
    headers: frozenset[str]
    members: Mapping[tuple[str, str], str]
    reads_body: bool

    @property
    def specificity(self) -> tuple[int, int]:
        """Return how much the route requires of a request; the most specific route wins."""
        required = len(self.constants) + len(self.query) + len(self.headers)
        return required, -self.path.groups

    def parameters(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> dict[str, str] | None:
        """Return the parameters in URL and headers, or None if the request does not match.

        Parameters
        ----------
        method, path
            The HTTP method, and the URL's path as sent, still percent-encoded.
        query
            Decoded query parameters.
        headers
            Header values by lower-case name.
        """
        found = self.path.fullmatch(path) if method == self.method else None
        if (
            found is None
            or not self.query <= query.keys()
            or not self.headers <= headers.keys()
            or any(
                name not in query or value not in (None, query[name])
                for name, value in self.constants.items()
            )
        ):
            return None
        # surrogateescape keeps keys distinct that are not UTF-8.
        parameters = {
            name: unquote(text, errors="surrogateescape")
            for name, text in found.groupdict().items()
        }
        for (location, wire_name), member in self.members.items():
            values = query if location == "querystring" else headers
            if wire_name in values:
                parameters[member] = values[wire_name]
        return parameters


def routes(service: ServiceModel) -> tuple[Route, ...]:
    """Return the routes of a REST service, the most specific first."""
    found = [_route(service.operation_model(name)) for name in service.operation_names]
    return tuple(sorted(found, key=lambda route: route.specificity, reverse=True))


def match(
    table: Sequence[Route],
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request and its parameters in URL and headers, or None."""
    for route in table:
        parameters = route.parameters(method, path, query, headers)
        if parameters is not None:
            return route, parameters
    return None


def _route(operation: OperationModel) -> Route:
    path, _, query = str(operation.http["requestUri"]).partition("?")
    constants = dict(_constant(item) for item in query.split("&") if item)
    required: dict[str, set[str]] = {"querystring": set(), "header": set()}
    members: dict[tuple[str, str], str] = {}
    shape = operation.input_shape
    if shape is not None:
        for name, member in shape.members.items():
            location = str(member.serialization.get("location", ""))
            if location not in required:
                continue
            wire_name = str(member.serialization["name"])
            wire_name = wire_name.lower() if location == "header" else wire_name
            members[location, wire_name] = name
            if name in shape.required_members:
                required[location].add(wire_name)
    return Route(
        operation.name,
        str(operation.http["method"]),
        _path_pattern(path),
        constants,
        frozenset(required["querystring"]),
        frozenset(required["header"]),
        members,
        shape is not None and not shape.serialization.get("payload"),
    )


def _constant(item: str) -> tuple[str, str | None]:
    name, equals, value = item.partition("=")
    return name, value if equals else None


def _path_pattern(path: str) -> re.Pattern[str]:
    source, position = "", 0
    for label in _LABEL.finditer(path):
        source += re.escape(path[position : label.start()])
        source += f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"
        position = label.end()
    # A slash after the last segment has no meaning: "/bucket/" is "/bucket".
    return re.compile(source + re.escape(path[position:].rstrip("/")) + "/?", re.DOTALL)
