"""What ``dmd resources`` says that AWS computes is what the endpoint has."""

from __future__ import annotations

from pathlib import Path

from pulumi.runtime.mocks import MockResourceArgs

from emulation.endpoint import Endpoint
from estate.provision import Provisioned
from estate.provision.provision import local_config
from estate.resources.computed import AsAws
from estate.resources.recorder import record

QUEUE = "aws:sqs/queue:Queue"


def test_arns_and_ids_are_those_that_the_endpoint_gave(
    dev1: Provisioned, endpoint: Endpoint, packages: Path
) -> None:
    graph = record("dev1", local_config(endpoint, "dev1", packages=packages))
    told = {each.urn: each for each in graph.resources if each.type.startswith("aws:")}
    assert told.keys() == {each.urn for each in dev1.resources}
    account = AsAws(dev1.settings.account_id)
    without_rule = set()
    for made in dev1.resources:
        inputs = dict(told[made.urn].inputs)
        physical_id, outputs = account.new_resource(
            MockResourceArgs(made.type, made.name, inputs, custom=True)
        )
        assert outputs.get("arn") == made.arn
        if not physical_id:
            without_rule.add(made.type)
        elif made.type == QUEUE:
            # A queue's ID is its URL, which begins with the endpoint's own.
            assert physical_id.split("/")[3:] == made.physical_id.split("/")[3:]
        else:
            assert physical_id == made.physical_id
    assert QUEUE not in without_rule
    assert "aws:iam/role:Role" not in without_rule
