"""A stack changes its delivery streams in two updates, and each knows what the last one left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from estate.errors import ProvisionError
from estate.provision.monitor import ResourceMaker
from infra.deliveries import ALL_TYPES
from schemas import RECORD_TYPES
from tests.engine.conftest import Stack
from tests.engine.monitor import Deployment

Stacks = Callable[[str], Stack]

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
FUNCTION = "aws:lambda/function:Function"


def ahead(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%MZ")


def chosen(stack: Stack) -> tuple[str, str]:
    return stack.outputs["delivery"], stack.outputs["delivery_border"]


def made(deployment: Deployment, type_: str) -> list[str]:
    """Return the logical names of what a deployment made or updated, in that order."""
    return [urn.rpartition("::")[2] for urn in deployment.made if f"{type_}::" in urn]


def limits(deployment: Deployment) -> dict[str, set[str]]:
    """Return the limits that each transform is told, by its name."""
    return {
        each.request.name.removeprefix("transform-"): {
            name for name in each.inputs["environment"]["variables"] if name.startswith("ARRIVED")
        }
        for each in deployment.registered.values()
        if each.request.type == FUNCTION and each.request.name.startswith("transform-")
    }


class WithoutSharedStream(ResourceMaker):
    """AWS, when it does not create the shared delivery stream."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == STREAM and args.name == ALL_TYPES:
            raise ProvisionError("LimitExceededException")
        return super().new_resource(args)


def test_a_stack_changes_to_a_shared_delivery_stream(new_stack: Stacks) -> None:
    stack = new_stack("dev1")
    assert stack.run(preview=False).succeeded
    assert chosen(stack) == ("per_type", "")

    # Without a border, or with one that is too near, nothing happens.
    for preview, border in ((True, ""), (False, ahead(5))):
        wanted = {"delivery": "shared", "delivery_border": border}
        refused = stack.run(wanted, preview=preview)
        assert not refused.succeeded
        (message,) = refused.messages
        assert "set delivery_border to" in message
        assert refused.made == []

    # An update that fails leaves the outputs, and tells no former transform of the border.
    border = ahead(60)
    switching = {"delivery": "shared", "delivery_border": border}
    failed = stack.run(switching, preview=False, maker=WithoutSharedStream)
    assert not failed.succeeded
    assert made(failed, FUNCTION) == ["transform-all-types"]
    assert chosen(stack) == ("per_type", "")

    begun = stack.run(switching, preview=False)
    assert (begun.succeeded, begun.messages) == (True, [])
    assert made(begun, STREAM) == [ALL_TYPES]
    assert sorted(made(begun, FUNCTION)) == sorted(f"transform-{each}" for each in RECORD_TYPES)
    # The former transforms are updated when the new delivery stream reads.
    order = [urn.rpartition("::")[2] for urn in begun.made]
    assert all(order.index(ALL_TYPES) < order.index(f"transform-{each}") for each in RECORD_TYPES)
    assert limits(begun) == {
        ALL_TYPES: {"ARRIVED_SINCE"},
        **{each: {"ARRIVED_BEFORE"} for each in RECORD_TYPES},
    }
    assert chosen(stack) == ("shared", border)

    # It may not be ended before its border. An hour later, it may.
    ended = {"delivery": "shared"}
    assert not stack.run(ended, preview=False).succeeded
    stack.outputs["delivery_border"] = ahead(-61)
    ending = stack.run(ended, preview=False)
    assert ending.succeeded
    assert limits(ending) == {ALL_TYPES: set()}
    streams = [each for each in ending.registered.values() if each.request.type == STREAM]
    assert [each.request.name for each in streams] == [ALL_TYPES]
    assert chosen(stack) == ("shared", "")


class WithoutSaleTransform(ResourceMaker):
    """AWS, when it does not update the transform of sale."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        variables = args.inputs.get("environment", {}).get("variables", {})
        if args.name == "transform-sale" and "ARRIVED_BEFORE" in variables:
            raise ProvisionError("ServiceException")
        return super().new_resource(args)


def test_a_change_that_failed_is_finished_although_its_border_is_past(new_stack: Stacks) -> None:
    stack = new_stack("preprod1")
    assert stack.run(preview=False).succeeded
    switching = {"delivery": "shared", "delivery_border": ahead(60)}
    assert not stack.run(switching, preview=False, maker=WithoutSaleTransform).succeeded
    assert chosen(stack) == ("per_type", "")

    # Time goes by.
    past = ahead(-60)
    function = stack.endpoint.client("lambda")
    for each in function.list_functions()["Functions"]:
        variables = each.get("Environment", {}).get("Variables", {})
        if "ARRIVED_BEFORE" in variables:
            variables["ARRIVED_BEFORE"] = past.replace("Z", ":00Z")
            function.update_function_configuration(
                FunctionName=each["FunctionName"], Environment={"Variables": variables}
            )
    for wanted in (switching, {}):
        refused = stack.run(wanted, preview=False)
        assert not refused.succeeded
        (message,) = refused.messages
        assert f'set delivery: shared, delivery_border: "{past}"' in message
    assert stack.run(switching | {"delivery_border": past}, preview=False).succeeded
    assert chosen(stack) == ("shared", past)


class WithoutLookUpOfFunctions(ResourceMaker):
    """AWS, when it does not show the functions, or has none."""

    answer = "AccessDeniedException: not authorized to perform: lambda:GetFunction"

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token == "aws:lambda/getFunction:getFunction":
            raise ProvisionError(self.answer)
        return super().call(args)


class WithoutFunctions(WithoutLookUpOfFunctions):
    answer = "reading Lambda Function: ResourceNotFoundException: Function not found"


def test_a_stack_whose_functions_nobody_may_see_is_left_as_it_is(new_stack: Stacks) -> None:
    stack = new_stack("dev1")
    assert stack.run(preview=False).succeeded
    denied = stack.run(preview=False, maker=WithoutLookUpOfFunctions)
    assert not denied.succeeded
    assert "transform-demand cannot be looked up: " in "".join(denied.messages)
    assert denied.made == []
    # A function that is not there knows no border: it may be that of a new record type.
    assert stack.run(preview=False, maker=WithoutFunctions).succeeded


def test_what_is_not_made_is_not_recorded(new_stack: Stacks) -> None:
    stack = new_stack("qa1")
    assert stack.run({"delivery": "shared"}, preview=False, targets=[]).succeeded
    assert chosen(stack) == ("", "")
    # So the stack is still new, and may be made with either kind.
    assert stack.run(preview=True).succeeded
