"""The program as Pulumi's engine runs it: a process of its own, previews, updates and errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.mocks import MockCallArgs

from emulation.endpoint import Endpoint
from estate.errors import ProvisionError
from estate.provision.monitor import ResourceMaker
from infra.naming import ENVIRONMENTS
from tests.engine.conftest import Stack
from tests.engine.monitor import Deployment, Registered
from tests.engine.wire import UNKNOWN, texts
from tests.support.packages import write_packages

Stacks = Callable[[str], Stack]
Up = tuple[Stack, Deployment]

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
TABLE = "aws:glue/catalogTable:CatalogTable"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"

# https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/firehose/delivery_stream.go
REPLACES_A_STREAM = {"name", "destination", "kinesisSourceConfiguration"}


def changes(stack: Stack, deployment: Deployment) -> dict[str, tuple[Registered, set[str]]]:
    """Return the resources whose inputs changed, each with the paths of what did."""
    assert stack.state.keys() <= deployment.registered.keys()
    return {
        urn: (each, paths)
        for urn, each in deployment.registered.items()
        if each.request.custom and (paths := set(differing(stack.state[urn].inputs, each.inputs)))
    }


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from differing(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differing(one, other, f"{path}[{index}]")
    elif before != after:
        yield path


def contained(path: str, paths: list[str]) -> bool:
    """Tell whether the engine finds ``path`` in the paths of ``replaceOnChanges``."""
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in paths)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_stack_that_does_not_exist_yet_is_previewed(name: str, new_stack: Stacks) -> None:
    deployment = new_stack(name).run(preview=True)
    assert (deployment.succeeded, deployment.messages) == (True, [])
    assert deployment.made == []
    inputs = [text for each in deployment.registered.values() for text in texts(each.inputs)]
    assert UNKNOWN in inputs
    assert not [text for text in inputs if UNKNOWN in text and text != UNKNOWN]
    # What an output says of itself where it is made text of without being waited for.
    assert not [text for text in inputs if "Calling __str__ on an Output" in text]


def test_an_update_makes_all_that_is_registered(up: Up) -> None:
    _, deployment = up
    assert (deployment.succeeded, deployment.messages) == (True, [])
    custom = {urn for urn, each in deployment.registered.items() if each.request.custom}
    assert set(deployment.made) == custom
    assert not [text for text in texts(deployment.outputs) if UNKNOWN in text]


@pytest.mark.parametrize("preview", [True, False])
def test_a_second_update_changes_nothing(preview: bool, up: Up) -> None:
    stack, first = up
    again = stack.run(preview=preview)
    assert (again.succeeded, again.messages) == (True, [])
    assert again.made == []
    assert changes(stack, again) == {}
    assert again.registered.keys() == first.registered.keys()
    assert again.outputs == first.outputs


def test_each_setting_may_be_kept_as_a_secret(up: Up) -> None:
    stack, _ = up
    deployment = stack.run(preview=True, secret=True)
    assert (deployment.succeeded, deployment.messages) == (True, [])
    assert changes(stack, deployment) == {}


PROVIDER = "urn:pulumi:{}::dmd-pipeline::pulumi:providers:aws::aws"
WRITERS_LOGS = (
    "urn:pulumi:{}::dmd-pipeline::dmd:writer:AvroWriter$dmd:lambda:Function"
    "$dmd:logs:ForwardedLogGroup$aws:cloudwatch/logGroup:LogGroup::avro-writer"
)


@pytest.mark.parametrize("preview", [True, False])
def test_a_part_of_a_stack_that_does_not_exist_yet_can_be_the_target(
    preview: bool, new_stack: Stacks
) -> None:
    stack = new_stack("qa1")
    targets = [each.format(stack.name) for each in (PROVIDER, WRITERS_LOGS)]
    deployment = stack.run(preview=preview, targets=targets)
    assert (deployment.succeeded, deployment.messages) == (True, [])
    assert deployment.made == ([] if preview else targets)
    assert set(targets) < deployment.registered.keys()


BUFFERING = {
    "delivery_buffer_size_mb": "100",
    "delivery_buffer_interval_seconds": "60",
    "transform_buffer_size_mb": "2",
    "transform_buffer_interval_seconds": "30",
}


def test_a_change_of_buffering_updates_the_delivery_streams_in_place(up: Up) -> None:
    stack, _ = up
    changed = changes(stack, stack.run(BUFFERING, preview=True)).values()
    # How late an object may be is an alarm's to know.
    assert {each.request.type for each, _ in changed} <= {STREAM, ALARM}
    streams = [(each, paths) for each, paths in changed if each.request.type == STREAM]
    assert len(streams) == 4
    for each, paths in streams:
        assert not {path.split(".")[0] for path in paths} & REPLACES_A_STREAM
        assert list(each.request.replaceOnChanges) == []
        assert each.request.protect


def test_a_change_of_the_transforms_code_changes_the_transforms_alone(
    up: Up, project: Path
) -> None:
    stack, _ = up
    with (project / "transform" / "handler.py").open("a", encoding="utf-8") as code:
        code.write("\n# A change.\n")
    deployment = stack.run(packaged(project), preview=True, folder=project)
    # The engine compares packages by what is in them, and not by where they lie.
    changed = {
        each.request.name: paths - {"code.path"}
        for each, paths in changes(stack, deployment).values()
        if paths != {"code.path"}
    }
    types = ("demand", "event", "notification", "sale")
    assert changed == {f"transform-{record_type}": {"sourceCodeHash"} for record_type in types}


def test_a_change_of_a_schema_replaces_its_table_and_the_old_one_goes_first(
    up: Up, project: Path
) -> None:
    stack, _ = up
    path = project / "schemas" / "sale.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["fields"].append({"name": "added", "type": ["null", "string"], "default": None})
    path.write_text(json.dumps(schema), encoding="utf-8")
    changed = [
        (each, paths)
        for each, paths in changes(
            stack, stack.run(packaged(project), preview=True, folder=project)
        ).values()
        if each.request.type != FUNCTION
    ]
    # What names the table's columns: the views of it, the query beside the views, and the refresh.
    names = {each.inputs["name"] for each, _ in changed}
    refresh = "prd3292-prod1-dmnd-pipeline-sale-current"
    assert names == {"sale", "sale_latest", "sale_current", "sale-latest-since", refresh}
    ((table, paths),) = ((each, paths) for each, paths in changed if each.inputs["name"] == "sale")
    assert table.request.deleteBeforeReplace
    assert paths
    assert all(contained(path, list(table.request.replaceOnChanges)) for path in paths)


def packaged(project: Path) -> dict[str, str]:
    """Build a changed program's packages; return the setting that says where they are."""
    folder = project / "packages"
    folder.mkdir()
    return {"package_directory": str(write_packages(folder, root=project))}


def test_packages_of_an_older_tree_are_one_clear_error(new_stack: Stacks, project: Path) -> None:
    (project / "schemas" / "sale.json").write_text(
        (project / "schemas" / "sale.json").read_text(encoding="utf-8") + "\n", encoding="utf-8"
    )
    deployment = new_stack("dev1").run(preview=True, folder=project)
    refused(deployment, "schemas/sale.json is different\nRun `make package`.")


WRONG = {
    "a wrong value": (
        {"delivery_buffer_size_mb": "512"},
        "dmd-pipeline:delivery_buffer_size_mb = '512': must be a whole number from 1 to 128 (MB)",
    ),
    "a list that is none": (
        {"demand_data_types": "demand"},
        "dmd-pipeline:demand_data_types = 'demand': must be a list of at least one of",
    ),
    "another account's credentials": (
        {"account_id": "111122223333"},
        "stack dev1 belongs to account 111122223333, but these credentials are of account",
    ),
    "no packages": (
        {"package_directory": "build/none"},
        "build/none has no transform.zip and no avro_writer.zip: run `make package`",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_one_clear_error_before_anything_is_made(
    wrong: str, new_stack: Stacks
) -> None:
    settings, said = WRONG[wrong]
    refused(new_stack("dev1").run(settings, preview=False), said)


class OfOtherAccounts(ResourceMaker):
    """The provider, where the credentials are of an account that it was not given."""

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        raise ProvisionError("AWS account ID not allowed: 123456789012")


def test_an_account_that_the_provider_refuses_is_one_clear_error(new_stack: Stacks) -> None:
    deployment = new_stack("dev1").run(preview=False, maker=OfOtherAccounts)
    refused(deployment, "AWS account ID not allowed: 123456789012")
    (message,) = deployment.messages
    assert message.startswith("stack dev1 belongs to account ")
    assert message.endswith(
        "use credentials of the stack's account, or correct dmd-pipeline:account_id"
    )


def test_a_key_that_is_no_setting_is_one_clear_error(new_stack: Stacks) -> None:
    deployment = new_stack("dev1").run({"log_retention_day": "14"}, preview=True)
    refused(deployment, "dmd-pipeline:log_retention_day ")


def test_a_schema_that_does_not_parse_is_one_clear_error(new_stack: Stacks, project: Path) -> None:
    path = project / "schemas" / "sale.json"
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    deployment = new_stack("dev1").run(preview=True, folder=project)
    refused(deployment, "schemas/sale.json: it is not JSON")


def test_what_cannot_be_looked_up_is_one_clear_error(
    empty_endpoint: Endpoint, packages: Path
) -> None:
    deployment = Stack("dev1", empty_endpoint, packages).run(preview=False)
    refused(deployment, "prd3292-dev1-dmnd-table-stream")


def refused(deployment: Deployment, said: str) -> None:
    assert not deployment.succeeded
    (message,) = deployment.messages
    assert said in message
    assert "Traceback" not in message
    # The account is asked for through the provider.
    types = {each.request.type for each in deployment.registered.values()}
    assert types <= {"pulumi:pulumi:Stack", "pulumi:providers:aws"}
