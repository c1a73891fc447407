"""Creates Lambda functions with their code; existing ones get the new code and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi

from estate.errors import UnsupportedResourceError
from estate.provision.resource import (
    Clients,
    Created,
    Kind,
    Registration,
    Shape,
    create_unless,
)
from infra.stack_config import REPOSITORY

_TAKEN = ("ResourceConflictException",)
_FUNCTION: Shape = {
    "name": "FunctionName",
    "description": "Description",
    "role": "Role",
    "runtime": "Runtime",
    "architectures": "Architectures",
    "handler": "Handler",
    "memorySize": "MemorySize",
    "timeout": "Timeout",
    "environment": ("Environment", {"variables": "Variables"}),
    "tracingConfig": ("TracingConfig", {"mode": "Mode"}),
    "code": "Code",
    # Lambda computes it. The provider only compares it with the deployed code.
    "sourceCodeHash": "CodeSha256",
}


def _function(clients: Clients, function: Registration) -> Created:
    client = clients("lambda")
    parameters = function.parameters(_FUNCTION)
    del parameters["CodeSha256"]
    package = _package(function, parameters.pop("Code"))
    architectures = parameters.pop("Architectures")
    name = parameters["FunctionName"]

    def existing() -> Any:
        client.update_function_code(FunctionName=name, ZipFile=package, Architectures=architectures)
        client.get_waiter("function_updated_v2").wait(FunctionName=name)
        answer = client.update_function_configuration(**parameters)
        client.tag_resource(Resource=answer["FunctionArn"], Tags=dict(function.tags))
        return answer

    answer = create_unless(
        _TAKEN,
        lambda: client.create_function(
            **parameters,
            Architectures=architectures,
            Code={"ZipFile": package},
            Tags=dict(function.tags),
        ),
        existing,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return Created(name, {"arn": answer["FunctionArn"], "codeSha256": answer["CodeSha256"]})


def _package(function: Registration, code: object) -> bytes:
    if not isinstance(code, pulumi.FileArchive):
        raise UnsupportedResourceError(
            f"{function.described} has code that is not a FileArchive of a zip: {type(code)}"
        )
    # As in the engine, the path is relative to the project.
    return (REPOSITORY / Path(code.path)).read_bytes()


def _event_invoke_config(clients: Clients, config: Registration) -> Created:
    parameters = config.parameters(
        {
            "functionName": "FunctionName",
            "maximumRetryAttempts": "MaximumRetryAttempts",
            "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
            "destinationConfig": (
                "DestinationConfig",
                {"onFailure": ("OnFailure", {"destination": "Destination"})},
            ),
        }
    )
    clients("lambda").put_function_event_invoke_config(**parameters)
    return Created(parameters["FunctionName"])


KINDS: dict[str, Kind] = {
    "aws:lambda/function:Function": Kind(_function, ("name",), _TAKEN),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Kind(
        _event_invoke_config, ("functionName",)
    ),
}
