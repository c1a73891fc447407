"""Creates Step Functions state machines; an existing one gets the new definition."""

from __future__ import annotations

from estate.provision.resource import (
    Clients,
    Created,
    Kind,
    Registration,
    Shape,
    create_unless,
)

_TAKEN = ("StateMachineAlreadyExists",)
_STATE_MACHINE: Shape = {
    "name": "name",
    "type": "type",
    "roleArn": "roleArn",
    "definition": "definition",
    "loggingConfiguration": (
        "loggingConfiguration",
        {
            "level": "level",
            "includeExecutionData": "includeExecutionData",
            "logDestination": "logDestination",
        },
    ),
}


def _state_machine(clients: Clients, machine: Registration) -> Created:
    client = clients("stepfunctions")
    parameters = machine.parameters(_STATE_MACHINE)
    logging = parameters["loggingConfiguration"]
    # Pulumi has the one destination that the API takes in a list.
    group = {"logGroupArn": logging.pop("logDestination")}
    logging["destinations"] = [{"cloudWatchLogsLogGroup": group}]
    name = parameters["name"]
    arn = f"arn:aws:states:{clients.endpoint.region}:{clients.account_id}:stateMachine:{name}"
    tags = machine.tag_list("key", "value")

    def existing() -> None:
        changed = {key: parameters[key] for key in parameters.keys() - {"name", "type"}}
        client.update_state_machine(stateMachineArn=arn, **changed)
        client.tag_resource(resourceArn=arn, tags=tags)

    create_unless(_TAKEN, lambda: client.create_state_machine(**parameters, tags=tags), existing)
    return Created(arn, {"arn": arn})


KINDS: dict[str, Kind] = {
    "aws:sfn/stateMachine:StateMachine": Kind(_state_machine, ("name",), _TAKEN),
}
