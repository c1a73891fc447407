"""AWS's limits that its models do not have. A deployment would fail halfway on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from tests.infra.recorded import RECORDED, Recording

Stacks = Callable[[str], Recording]


def size(document: str) -> int:
    """Return the size of a policy as IAM counts it, without white space."""
    return len("".join(document.split()))


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


@pytest.mark.parametrize("stack", RECORDED)
def test_policies_are_no_larger_than_iam_takes(stack: str, recorded: Stacks) -> None:
    recording = recorded(stack)
    inline: defaultdict[str, int] = defaultdict(int)
    for each in recording.of("aws:iam/rolePolicy:RolePolicy"):
        inline[each.inputs["role"]] += size(each.inputs["policy"])
    managed = [size(each.inputs["policy"]) for each in recording.of("aws:iam/policy:Policy")]
    trusts = [size(each.inputs["assumeRolePolicy"]) for each in recording.of("aws:iam/role:Role")]
    assert 0 < max(inline.values()) <= 10_240
    assert 0 < max(managed) <= 6_144
    assert 0 < max(trusts) <= 2_048


@pytest.mark.parametrize("stack", RECORDED)
def test_roles_have_no_more_policies_than_iam_takes(stack: str, recorded: Stacks) -> None:
    attached = recorded(stack).of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert 0 < max(Counter(each.inputs["role"] for each in attached).values()) <= 10


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html


@pytest.mark.parametrize("stack", RECORDED)
def test_log_groups_have_no_more_subscriptions_than_two(stack: str, recorded: Stacks) -> None:
    filters = recorded(stack).of("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter")
    assert 0 < max(Counter(each.inputs["logGroup"] for each in filters).values()) <= 2


# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


@pytest.mark.parametrize("stack", RECORDED)
def test_environment_variables_fit_into_four_kilobytes(stack: str, recorded: Stacks) -> None:
    for each in recorded(stack).of("aws:lambda/function:Function"):
        variables = each.inputs["environment"]["variables"]
        assert 0 < sum(len(f"{key}{value}".encode()) for key, value in variables.items()) <= 4096


# https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html


@pytest.mark.parametrize("stack", RECORDED)
def test_delivery_buffers_are_no_larger_than_firehose_takes(stack: str, recorded: Stacks) -> None:
    streams = recorded(stack).of("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream")
    sizes = {each.inputs["extendedS3Configuration"]["bufferingSize"] for each in streams}
    assert 0 < max(sizes) <= 128


# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html


@pytest.mark.parametrize("stack", RECORDED)
def test_named_queries_are_no_longer_than_athena_takes(stack: str, recorded: Stacks) -> None:
    queries = [
        len(each.inputs["query"].encode())
        for each in recorded(stack).of("aws:athena/namedQuery:NamedQuery")
    ]
    assert 0 < max(queries) <= 262_144
