"""Things that several probes make for their own time."""

from __future__ import annotations

import json
import uuid

from emulation.needs.probe import WAITING, Probe

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def role(probe: Probe) -> str:
    """Make a role and return its ARN."""
    iam, name = probe.client("iam"), f"{probe.name}-{uuid.uuid4().hex[:8]}"
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    probe.afterwards(iam.delete_role, RoleName=name)
    return str(made["Role"]["Arn"])


def queue(probe: Probe) -> str:
    """Make an SQS queue and return its ARN."""
    sqs = probe.client("sqs")
    url = sqs.create_queue(QueueName=probe.name)["QueueUrl"]
    probe.afterwards(sqs.delete_queue, QueueUrl=url)
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def kinesis_stream(probe: Probe) -> str:
    """Make a Kinesis stream of one shard and return its ARN."""
    kinesis, name = probe.client("kinesis"), {"StreamName": probe.name}
    kinesis.create_stream(**name, ShardCount=1)
    probe.afterwards(kinesis.delete_stream, **name)
    kinesis.get_waiter("stream_exists").wait(**name, WaiterConfig=WAITING)
    summary = kinesis.describe_stream_summary(**name)["StreamDescriptionSummary"]
    return str(summary["StreamARN"])
