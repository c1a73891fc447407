"""Computes the outputs that AWS would give the program's resources: ARNs, IDs and URLs.

An output without a rule here stays unknown, as in a preview.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from estate.errors import ResourceGraphError
from infra.naming import REGION

PROVIDER_TYPE = "pulumi:providers:aws"

# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "aws:athena/workgroup:Workgroup": {
        "id": "{name}",
        "arn": "arn:aws:athena:{region}:{account}:workgroup/{name}",
    },
    "aws:cloudwatch/dashboard:Dashboard": {
        "dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}",
    },
    "aws:cloudwatch/logGroup:LogGroup": {
        "id": "{name}",
        "arn": "arn:aws:logs:{region}:{account}:log-group:{name}",
    },
    "aws:cloudwatch/logStream:LogStream": {
        "id": "{name}",
        "arn": "arn:aws:logs:{region}:{account}:log-group:{logGroupName}:log-stream:{name}",
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "id": "{name}",
        "arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
    },
    "aws:glue/catalogDatabase:CatalogDatabase": {
        "id": "{account}:{name}",
        "arn": "arn:aws:glue:{region}:{account}:database/{name}",
        "catalogId": "{account}",
    },
    "aws:glue/catalogTable:CatalogTable": {
        "id": "{account}:{databaseName}:{name}",
        "arn": "arn:aws:glue:{region}:{account}:table/{databaseName}/{name}",
        "catalogId": "{account}",
    },
    "aws:iam/policy:Policy": {
        "id": "arn:aws:iam::{account}:policy/{name}",
        "arn": "arn:aws:iam::{account}:policy/{name}",
    },
    "aws:iam/role:Role": {"id": "{name}", "arn": "arn:aws:iam::{account}:role/{name}"},
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": {
        "id": "arn:aws:firehose:{region}:{account}:deliverystream/{name}",
        "arn": "arn:aws:firehose:{region}:{account}:deliverystream/{name}",
    },
    "aws:lambda/function:Function": {
        "id": "{name}",
        "arn": "arn:aws:lambda:{region}:{account}:function:{name}",
    },
    "aws:scheduler/schedule:Schedule": {
        "id": "{groupName}/{name}",
        "arn": "arn:aws:scheduler:{region}:{account}:schedule/{groupName}/{name}",
    },
    "aws:scheduler/scheduleGroup:ScheduleGroup": {
        "id": "{name}",
        "arn": "arn:aws:scheduler:{region}:{account}:schedule-group/{name}",
    },
    "aws:sfn/stateMachine:StateMachine": {
        "id": "arn:aws:states:{region}:{account}:stateMachine:{name}",
        "arn": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    },
    "aws:sqs/queue:Queue": {
        "id": "https://sqs.{region}.amazonaws.com/{account}/{name}",
        "url": "https://sqs.{region}.amazonaws.com/{account}/{name}",
        "arn": "arn:aws:sqs:{region}:{account}:{name}",
    },
}

_LOOKUPS: Mapping[str, Mapping[str, str]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": "{account}",
        "arn": "arn:aws:iam::{account}:root",
    },
    "aws:kinesis/getStream:getStream": {
        "name": "{name}",
        "arn": "arn:aws:kinesis:{region}:{account}:stream/{name}",
    },
    "aws:dynamodb/getTable:getTable": {
        "name": "{name}",
        "arn": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    },
    "aws:lambda/getFunction:getFunction": {"functionName": "{functionName}"},
    "aws:iam/getRole:getRole": {"name": "{name}", "arn": "arn:aws:iam::{account}:role/{name}"},
    "aws:sns/getTopic:getTopic": {
        "name": "{name}",
        "arn": "arn:aws:sns:{region}:{account}:{name}",
    },
    "aws:s3/getBucket:getBucket": {"bucket": "{bucket}", "arn": "arn:aws:s3:::{bucket}"},
}


class AsAws(Mocks):
    """Answers registrations and lookups with the outputs that AWS would compute.

    Parameters
    ----------
    account_id
        The account of the credentials.
    """

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Return a resource's ID, empty if it is unknown, and its outputs."""
        if not args.custom:
            return "", {}
        if args.typ == PROVIDER_TYPE:
            return args.name, args.inputs
        computed = self._filled(_OUTPUTS.get(args.typ, {}), args.inputs)
        return computed.pop("id", ""), {**args.inputs, **computed}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Answer a lookup.

        Raises
        ------
        ResourceGraphError
            There is no rule for the lookup.
        """
        if args.token not in _LOOKUPS:
            raise ResourceGraphError(
                f"the program looks up {args.token}, which cannot be answered without AWS: "
                "add its rule in estate/resources/computed.py"
            )
        return dict(self._filled(_LOOKUPS[args.token], args.args)), []

    def _filled(self, rules: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
        """Return the outputs of the rules whose values are known."""
        known = {key: value for key, value in values.items() if isinstance(value, str)}
        known |= {"region": REGION, "account": self._account_id}
        return {
            output: rule.format_map(known)
            for output, rule in rules.items()
            if all(
                name is None or name in known for _, name, _, _ in string.Formatter().parse(rule)
            )
        }
