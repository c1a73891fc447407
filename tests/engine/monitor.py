"""The engine's side of its protocol with a program: over gRPC, and with all that mocks leave out.

Pulumi's mocks are objects in the program's own process that say no to outputs as values, and that
take what the engine refuses: a name twice, a parent or a dependency which is not there. Here the
program is another process, every feature of the protocol is on, and what does not exist yet is
unknown. Deciding what is updated and what is replaced is the engine's, and not done here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from estate.urn import STACK_TYPE, urn_of
from infra.switch import READ_OUTPUTS
from tests.engine.wire import UNKNOWN, received, sent, with_archives

_PROVIDER = "pulumi:providers:"


@dataclass(frozen=True)
class Registered:
    """A registration of the program: the request, and its inputs as plain values."""

    request: Any
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A resource that exists, and the inputs that it was made of."""

    inputs: dict[str, Any]
    id: str
    outputs: dict[str, Any]


@dataclass
class Deployment:
    """What a run of a program did.

    Parameters
    ----------
    registered
        URN to registration, in the order in which they came.
    made
        URNs of the resources that were made, or made anew.
    outputs
        The stack's outputs.
    messages
        What the program's user is shown: warnings and errors.
    succeeded
        Whether the program's process said so.
    """

    registered: dict[str, Registered] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    succeeded: bool = False


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Takes registrations, and has those that are new or changed made, but not in a preview.

    Parameters
    ----------
    project, stack
        What is deployed.
    preview
        Whether nothing is made.
    maker
        Stands for the provider.
    state
        URN to resource; an update changes it.
    targets
        URNs that ``--target`` names; None without it.
    deployed
        The stack's outputs, as the last update left them.
    """

    def __init__(
        self,
        project: str,
        stack: str,
        *,
        preview: bool,
        maker: Mocks,
        state: dict[str, Made],
        targets: Collection[str] | None = None,
        deployed: Mapping[str, Any] | None = None,
    ) -> None:
        self.deployment = Deployment()
        self._deployed = dict(deployed or {})
        self._project = project
        self._stack = stack
        self._preview = preview
        self._maker = maker
        self._state = state
        self._targets = targets
        self._root = ""

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        """Say what the monitor can do: everything that this version of the SDK knows."""
        return resource_pb2.DeploymentInfo(
            project=self._project,
            stack=self._stack,
            dryRun=self._preview,
            supportedFeatures=list(resource_pb2.ResourceMonitorFeature.values()),
        )

    def RegisterResource(self, request: Any, context: Any) -> Any:
        """Take a resource; answer with its ID and outputs, as far as they are known."""
        urn = urn_of(self._stack, self._project, request.parent, request.type, request.name)
        if urn in self.deployment.registered:
            _refuse(context, f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self._check_references(request, context)
        inputs = received(request.object)
        self.deployment.registered[urn] = Registered(request, inputs)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn, object=sent(inputs))
        made = self._made(urn, request, inputs, context)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=sent(made.outputs))

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        """Keep the stack's outputs."""
        if request.urn.split("::")[2] == STACK_TYPE:
            self.deployment.outputs = received(request.outputs)
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        """Answer a lookup; it is made in a preview too."""
        arguments = MockCallArgs(request.tok, received(request.args), request.provider)
        try:
            values = self._own_answer(arguments) or self._maker.call(arguments)[0]
        except Exception as error:
            _refuse(context, f"invocation of {request.tok} returned an error: {error}")
        # The field has a name that is a keyword of Python.
        answer: dict[str, Any] = {"return": sent(values)}
        return resource_pb2.ResourceInvokeResponse(**answer)

    def _own_answer(self, arguments: MockCallArgs) -> dict[str, Any] | None:
        """Answer what no provider answers. Seen on the engine: a new stack has no outputs."""
        if arguments.token != READ_OUTPUTS:
            return None
        name = f"organization/{self._project}/{self._stack}"
        if arguments.args["name"] != name:
            raise LookupError(f"unknown stack {arguments.args['name']}")
        return {"name": name, "outputs": self._deployed, "secretOutputNames": []}

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:
        """Let the program end as soon as it is through."""
        return Empty()

    def Log(self, request: Any, context: Any) -> Any:
        """Keep what a user is shown."""
        if request.severity >= engine_pb2.WARNING:
            self.deployment.messages.append(request.message)
        return Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:
        """Return the stack's URN."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:
        """Keep the stack's URN."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def _check_references(self, request: Any, context: Any) -> None:
        named = {*request.dependencies, request.parent, request.provider.rpartition("::")[0]}
        for dependency in request.propertyDependencies.values():
            named.update(dependency.urns)
        if missing := named - self.deployment.registered.keys() - {""}:
            _refuse(context, f"{request.name} refers to what is not registered: {missing}")

    def _made(self, urn: str, request: Any, inputs: dict[str, Any], context: Any) -> Made:
        before = self._state.get(urn)
        arguments = MockResourceArgs(
            request.type,
            request.name,
            with_archives(inputs),
            provider=request.provider,
            custom=True,
        )
        if before and before.inputs == inputs:
            if request.type.startswith(_PROVIDER):
                # Each run configures it.
                self._maker.new_resource(arguments)
            return before
        if self._targets is not None and urn not in self._targets:
            # Seen on the engine: what is not there yet has its inputs, and no other output.
            return before or Made(inputs, "", inputs)
        if self._preview:
            if before:
                return Made(inputs, before.id, before.outputs | inputs)
            # What an output is that the provider computes is left out, and unknown by that.
            return Made(inputs, UNKNOWN if request.type.startswith(_PROVIDER) else "", inputs)
        try:
            id_, outputs = self._maker.new_resource(arguments)
        except Exception as error:
            _refuse(context, f"{request.type} {request.name}: {error}")
        self._state[urn] = made = Made(inputs, id_ or "", outputs)
        self.deployment.made.append(urn)
        return made


@contextmanager
def serving(monitor: Monitor) -> Iterator[str]:
    """Serve a monitor on a free port; give its address."""
    server = grpc.server(ThreadPoolExecutor(max_workers=32, thread_name_prefix="engine"))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()


def _refuse(context: Any, reason: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, reason)
    raise AssertionError("abort raises")
