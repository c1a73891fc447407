"""A run at an endpoint other than the embedded one works, or is refused in one line.

``DMD_TEST_ENDPOINT_URL`` names a further fresh endpoint for a run: see docs/one-machine.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from tests.support.cli import dmd, dmd_here
from tests.support.other_endpoint import (
    OwnFirehose,
    not_implemented,
    of,
    other_endpoint,
)

URL = os.environ.get("DMD_TEST_ENDPOINT_URL")
NAMING = "prd3292-dev1-dmnd-pipeline"
# Two types have several delivery streams, schedules and subscription filters, as four have.
TYPES = ("--set", 'demand_data_types=["demand", "sale"]')
DEMO = ("demo", *TYPES, "--records", "100", "--json")


@pytest.fixture
def embedded() -> Iterator[Endpoint]:
    with embedded_emulator() as endpoint:
        yield endpoint


def registered(endpoint: Endpoint) -> list[str]:
    """The resources of dev1 with which an endpoint's own services could deliver."""
    firehose, scheduler = endpoint.client("firehose"), endpoint.client("scheduler")
    logs = endpoint.client("logs")
    found = [
        *firehose.list_delivery_streams(Limit=1000)["DeliveryStreamNames"],
        *(each["Name"] for each in scheduler.list_schedules()["Schedules"]),
    ]
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = {"logGroupName": group["logGroupName"]}
            answer = logs.describe_subscription_filters(**name)["subscriptionFilters"]
            found += [f"{each['logGroupName']}:{each['filterName']}" for each in answer]
    return [each for each in found if NAMING in each]


def test_an_endpoint_that_would_deliver_by_itself_is_kept_from_it(
    embedded: Endpoint, tmp_path: Path
) -> None:
    own = OwnFirehose(embedded)
    with other_endpoint(embedded, own) as endpoint:
        done = dmd_here(*DEMO, "--endpoint-url", endpoint.url, state=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["reconciled"] is True
        assert own.delivered == 0
        assert registered(endpoint) == []


def test_an_endpoint_that_delivers_all_the_same_is_refused_before_counts_differ(
    embedded: Endpoint, tmp_path: Path
) -> None:
    own = OwnFirehose(embedded, obstinate=True)
    with other_endpoint(embedded, own) as endpoint:
        done = dmd_here(*DEMO, "--endpoint-url", endpoint.url, state=tmp_path)
    assert own.delivered > 0
    assert (done.returncode, done.stdout) == (1, b"")
    *_, line = done.stderr.decode().splitlines()
    assert "something else delivers there, perhaps a Firehose of the endpoint's own" in line


@pytest.mark.parametrize("command", [DEMO, ("provision",)])
def test_an_endpoint_that_lacks_something_is_refused_before_anything_is_made(
    embedded: Endpoint, tmp_path: Path, command: tuple[str, ...]
) -> None:
    lacking = not_implemented(of("CreateWorkGroup"))
    with other_endpoint(embedded, lacking) as endpoint:
        done = dmd_here(*command, "--endpoint-url", endpoint.url, state=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    *_, line = done.stderr.decode().splitlines()
    assert "lacks what a stack needs: Athena workgroups (" in line
    assert embedded.client("s3").list_buckets()["Buckets"] == []
    assert embedded.client("dynamodb").list_tables()["TableNames"] == []
    assert embedded.client("iam").list_roles()["Roles"] == []


@pytest.mark.skipif(URL is None, reason="DMD_TEST_ENDPOINT_URL names no other emulator to run at")
def test_a_run_at_the_named_endpoint_reconciles(tmp_path: Path) -> None:
    assert URL is not None
    provisioned = dmd("provision", "--endpoint-url", URL, state=tmp_path)
    assert provisioned.returncode == 0, provisioned.stderr
    assert registered(Endpoint(URL))
    done = dmd("demo", "--records", "2000", "--json", "--endpoint-url", URL, state=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["reconciled"], summary["denials"]) == (True, [])
    assert summary["fed"] == 2000 + summary["table_changes"]
    assert summary["table_changes"] > 0
    assert registered(Endpoint(URL)) == []
