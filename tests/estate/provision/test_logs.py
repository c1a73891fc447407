"""Saved queries are put where an endpoint has them, and are no obstacle where it has not."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from estate.provision.logs import KINDS
from estate.provision.resource import Clients, Registration

TYPE = "aws:cloudwatch/queryDefinition:QueryDefinition"
INPUTS = {"name": "p-records", "logGroupNames": ["/g"], "queryString": "fields @message"}
QUERY = Registration(TYPE, "logs-records", INPUTS, {})


@pytest.fixture
def clients() -> Clients:
    return Clients(Endpoint("http://127.0.0.1:9"))


def test_a_query_is_put_with_all_that_it_has(clients: Clients) -> None:
    with Stubber(clients("logs")) as stub:
        stub.add_response("put_query_definition", {"queryDefinitionId": "q-1"}, INPUTS)
        assert KINDS[TYPE].create(clients, QUERY).id == "q-1"
        stub.assert_no_pending_responses()


def test_the_embedded_emulator_keeps_a_query_until_it_is_deleted() -> None:
    with embedded_emulator() as endpoint:
        made = KINDS[TYPE].create(Clients(endpoint), QUERY).id
        logs = endpoint.client("logs")
        prefix = {"queryDefinitionNamePrefix": "p-"}
        (found,) = logs.describe_query_definitions(**prefix)["queryDefinitions"]
        assert found == {"queryDefinitionId": made, **INPUTS}
        assert logs.delete_query_definition(queryDefinitionId=made)["success"]
        assert logs.describe_query_definitions(**prefix)["queryDefinitions"] == []


def put_refused_with(clients: Clients, code: str) -> Any:
    with Stubber(clients("logs")) as stub:
        stub.add_client_error("put_query_definition", code)
        return KINDS[TYPE].create(clients, QUERY)


def test_an_endpoint_without_saved_queries_will_do(clients: Clients) -> None:
    assert put_refused_with(clients, "InvalidOperationException").id


def test_another_refusal_is_not_overlooked(clients: Clients) -> None:
    with pytest.raises(ClientError, match="LimitExceededException"):
        put_refused_with(clients, "LimitExceededException")
