"""Creates SQS queues; an existing one keeps its messages and gets the new attributes."""

from __future__ import annotations

import json

from estate.provision.resource import Clients, Created, Kind, Registration, create_unless

_TAKEN = ("QueueNameExists", "QueueAlreadyExists")


def _queue(clients: Clients, queue: Registration) -> Created:
    sqs = clients("sqs")
    parameters = queue.parameters(
        {
            "name": "QueueName",
            "messageRetentionSeconds": "MessageRetentionPeriod",
            "sqsManagedSseEnabled": "SqsManagedSseEnabled",
        }
    )
    name = parameters.pop("QueueName")
    # The API takes each attribute as text.
    attributes = {key: json.dumps(value) for key, value in parameters.items()}
    url = create_unless(
        _TAKEN,
        lambda: sqs.create_queue(QueueName=name, Attributes=attributes, tags=dict(queue.tags)),
        lambda: sqs.get_queue_url(QueueName=name),
    )["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    sqs.tag_queue(QueueUrl=url, Tags=dict(queue.tags))
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return Created(url, {"url": url, "arn": answer["Attributes"]["QueueArn"]})


KINDS: dict[str, Kind] = {"aws:sqs/queue:Queue": Kind(_queue, ("name",), _TAKEN)}
