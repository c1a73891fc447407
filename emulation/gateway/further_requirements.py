"""The further permissions that a call needs for some of its parameters: a role, or tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulation.gateway.api_call import ApiCall
from emulation.gateway.requirement import Requirement
from emulation.gateway.resource_rules import Place, Rule, arn


@dataclass(frozen=True)
class Further:
    """An action that a call needs if it has a parameter.

    Parameters
    ----------
    parameter
        The parameter, or one inside another (``Target.RoleArn``).
    action
        IAM's action.
    rule
        Names the action's resources.
    keys
        Condition keys.
    """

    parameter: str
    action: str
    rule: Rule
    keys: Mapping[str, str]


def _passing(service: str, *parameters: str) -> tuple[Further, ...]:
    """Return what is needed to give a service a role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    keys = {"iam:PassedToService": f"{service}.amazonaws.com"}
    return tuple(Further(each, "iam:PassRole", arn(f"{{{each}}}"), keys) for each in parameters)


def _tagging(action: str, resource: str, parameter: str = "Tags") -> tuple[Further, ...]:
    """Return what is needed to give a resource tags as it is made.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html#access_tags_control-tag-keys
    """
    return (Further(parameter, action, arn(resource), {}),)


_HERE = "{region}:{account}"

FURTHER: Mapping[tuple[str, str], tuple[Further, ...]] = {
    ("athena", "CreateWorkGroup"): _tagging(
        "athena:TagResource", f"arn:aws:athena:{_HERE}:workgroup/{{Name}}"
    ),
    ("cloudwatch", "PutMetricAlarm"): _tagging(
        "cloudwatch:TagResource", f"arn:aws:cloudwatch:{_HERE}:alarm:{{AlarmName}}"
    ),
    ("firehose", "CreateDeliveryStream"): (
        *_passing(
            "firehose",
            "KinesisStreamSourceConfiguration.RoleARN",
            "ExtendedS3DestinationConfiguration.RoleARN",
        ),
        *_tagging(
            "firehose:TagDeliveryStream",
            f"arn:aws:firehose:{_HERE}:deliverystream/{{DeliveryStreamName}}",
        ),
    ),
    ("firehose", "UpdateDestination"): _passing("firehose", "ExtendedS3DestinationUpdate.RoleARN"),
    ("glue", "CreateDatabase"): _tagging(
        "glue:TagResource", f"arn:aws:glue:{_HERE}:database/{{DatabaseInput.Name}}"
    ),
    ("iam", "CreatePolicy"): _tagging(
        "iam:TagPolicy", "arn:aws:iam::{account}:policy/{PolicyName}"
    ),
    ("iam", "CreateRole"): _tagging("iam:TagRole", "arn:aws:iam::{account}:role/{RoleName}"),
    ("lambda", "CreateFunction"): (
        *_passing("lambda", "Role"),
        *_tagging("lambda:TagResource", f"arn:aws:lambda:{_HERE}:function:{{FunctionName}}"),
    ),
    ("lambda", "UpdateFunctionConfiguration"): _passing("lambda", "Role"),
    ("logs", "CreateLogGroup"): _tagging(
        "logs:TagResource", f"arn:aws:logs:{_HERE}:log-group:{{logGroupName}}", "tags"
    ),
    ("logs", "PutSubscriptionFilter"): _passing("logs", "roleArn"),
    ("scheduler", "CreateSchedule"): _passing("scheduler", "Target.RoleArn"),
    ("scheduler", "CreateScheduleGroup"): _tagging(
        "scheduler:TagResource", f"arn:aws:scheduler:{_HERE}:schedule-group/{{Name}}"
    ),
    ("scheduler", "UpdateSchedule"): _passing("scheduler", "Target.RoleArn"),
    ("stepfunctions", "CreateStateMachine"): (
        *_passing("states", "roleArn"),
        *_tagging("states:TagResource", f"arn:aws:states:{_HERE}:stateMachine:{{name}}", "tags"),
    ),
    ("stepfunctions", "UpdateStateMachine"): _passing("states", "roleArn"),
    ("sqs", "CreateQueue"): _tagging("sqs:TagQueue", f"arn:aws:sqs:{_HERE}:{{QueueName}}", "tags"),
}


def further_requirements(call: ApiCall, place: Place) -> Iterator[Requirement]:
    """Give what a call needs for its parameters, beside the operation's own action."""
    for each in FURTHER.get((call.service, call.operation), ()):
        value: object = call.parameters
        for name in each.parameter.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value:
            for resource in each.rule(call, place):
                yield Requirement(each.action, resource, each.keys)
