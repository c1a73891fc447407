"""The requests that create a stack's resources, as the API would get them.

The creators of ``estate/provision`` make them from the program's inputs, and the tests check them
with AWS's rules.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel
from pulumi.runtime.mocks import MockResourceArgs

from emulation.endpoint import Endpoint
from estate.provision.monitor import ResourceMaker
from estate.provision.resource import Clients
from tests.infra.service_models import faults

_READS = ("Get", "List", "Describe")


@dataclass(frozen=True)
class Request:
    """A call of an API, before botocore turns it into a request."""

    operation: OperationModel
    parameters: dict[str, Any]

    @property
    def writes(self) -> bool:
        return not self.operation.name.startswith(_READS)

    @property
    def faults(self) -> list[str]:
        return faults(self.operation, self.parameters)


@dataclass(frozen=True)
class ListeningClients(Clients):
    """Clients that keep each request with the resource that its thread creates."""

    made_for: threading.local = field(default_factory=threading.local)
    sent: defaultdict[str, list[Request]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, service: str) -> Any:
        client = super().__call__(service)
        # Others use the client, too, and may listen as well.
        client.meta.events.register_last("before-parameter-build", self._keep, unique_id=id(self))
        return client

    def _keep(self, params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        if name := getattr(self.made_for, "name", None):
            self.sent[name].append(Request(model, params))


class ListeningMaker(ResourceMaker):
    """Creates resources, and keeps the requests for each of them.

    Parameters
    ----------
    endpoint
        The endpoint.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._listening = ListeningClients(endpoint)
        super().__init__(self._listening)

    @property
    def sent(self) -> dict[str, list[Request]]:
        """The requests that were sent for each resource, by its type and logical name."""
        return dict(self._listening.sent)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self._listening.made_for.name = f"{args.typ} {args.name}"
        try:
            return super().new_resource(args)
        finally:
            self._listening.made_for.name = None
