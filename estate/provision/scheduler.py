"""Creates EventBridge schedules and their groups; existing ones get the new settings."""

from __future__ import annotations

from estate.provision.resource import (
    Clients,
    Created,
    Kind,
    Registration,
    Shape,
    create_unless,
)

_TAKEN = ("ConflictException",)
_SCHEDULE: Shape = {
    "name": "Name",
    "groupName": "GroupName",
    "description": "Description",
    "scheduleExpression": "ScheduleExpression",
    "flexibleTimeWindow": ("FlexibleTimeWindow", {"mode": "Mode"}),
    "target": (
        "Target",
        {
            "arn": "Arn",
            "roleArn": "RoleArn",
            "input": "Input",
            "retryPolicy": (
                "RetryPolicy",
                {
                    "maximumRetryAttempts": "MaximumRetryAttempts",
                    "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
                },
            ),
            "deadLetterConfig": ("DeadLetterConfig", {"arn": "Arn"}),
        },
    ),
}


def _group(clients: Clients, group: Registration) -> Created:
    scheduler = clients("scheduler")
    name = group.parameters({"name": "Name"})["Name"]
    create_unless(
        _TAKEN,
        lambda: scheduler.create_schedule_group(Name=name, Tags=group.tag_list()),
        lambda: None,
    )
    arn = scheduler.get_schedule_group(Name=name)["Arn"]
    scheduler.tag_resource(ResourceArn=arn, Tags=group.tag_list())
    return Created(name, {"arn": arn})


def _schedule(clients: Clients, schedule: Registration) -> Created:
    scheduler = clients("scheduler")
    parameters = schedule.parameters(_SCHEDULE)
    arn = create_unless(
        _TAKEN,
        lambda: scheduler.create_schedule(**parameters),
        lambda: scheduler.update_schedule(**parameters),
    )["ScheduleArn"]
    return Created(f"{parameters['GroupName']}/{parameters['Name']}", {"arn": arn})


KINDS: dict[str, Kind] = {
    "aws:scheduler/scheduleGroup:ScheduleGroup": Kind(_group, ("name",), _TAKEN),
    "aws:scheduler/schedule:Schedule": Kind(_schedule, ("groupName", "name"), _TAKEN),
}
