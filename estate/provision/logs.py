"""Creates log groups, log streams and subscription filters; existing groups keep their events."""

from __future__ import annotations

import uuid

from estate.provision.resource import Clients, Created, Kind, Registration, create_unless

_TAKEN = ("ResourceAlreadyExistsException",)
# How emulators say that they do not have an operation.
_UNKNOWN_OPERATION = ("InvalidOperationException", "UnknownOperationException", "InternalFailure")


def _log_group(clients: Clients, group: Registration) -> Created:
    logs = clients("logs")
    parameters = group.parameters({"name": "logGroupName", "retentionInDays": "retentionInDays"})
    name = parameters["logGroupName"]
    tags = dict(group.tags)
    arn = f"arn:aws:logs:{clients.endpoint.region}:{clients.account_id}:log-group:{name}"
    create_unless(
        _TAKEN,
        lambda: logs.create_log_group(logGroupName=name, tags=tags),
        lambda: logs.tag_resource(resourceArn=arn, tags=tags),
    )
    if "retentionInDays" in parameters:
        logs.put_retention_policy(**parameters)
    return Created(name, {"arn": arn})


def _log_stream(clients: Clients, stream: Registration) -> Created:
    parameters = stream.parameters({"name": "logStreamName", "logGroupName": "logGroupName"})
    create_unless(_TAKEN, lambda: clients("logs").create_log_stream(**parameters), lambda: None)
    group, name = parameters["logGroupName"], parameters["logStreamName"]
    prefix = f"arn:aws:logs:{clients.endpoint.region}:{clients.account_id}:log-group:{group}"
    return Created(name, {"arn": f"{prefix}:log-stream:{name}"})


def _subscription_filter(clients: Clients, subscription: Registration) -> Created:
    parameters = subscription.parameters(
        {
            "name": "filterName",
            "logGroup": "logGroupName",
            "filterPattern": "filterPattern",
            "destinationArn": "destinationArn",
            "roleArn": "roleArn",
            "distribution": "distribution",
        }
    )
    clients("logs").put_subscription_filter(**parameters)
    return Created(f"{parameters['logGroupName']}|{parameters['filterName']}")


def _query_definition(clients: Clients, query: Registration) -> Created:
    parameters = query.parameters(
        {"name": "name", "logGroupNames": "logGroupNames", "queryString": "queryString"}
    )
    # No run reads a saved query, so an emulator need not have them.
    found = create_unless(
        _UNKNOWN_OPERATION,
        lambda: clients("logs").put_query_definition(**parameters),
        lambda: {"queryDefinitionId": str(uuid.uuid5(uuid.NAMESPACE_OID, parameters["name"]))},
    )
    return Created(found["queryDefinitionId"])


KINDS: dict[str, Kind] = {
    "aws:cloudwatch/logGroup:LogGroup": Kind(_log_group, ("name",), _TAKEN),
    "aws:cloudwatch/logStream:LogStream": Kind(_log_stream, ("logGroupName", "name"), _TAKEN),
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": Kind(
        _subscription_filter, ("logGroup", "name")
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Kind(_query_definition, ()),
}
