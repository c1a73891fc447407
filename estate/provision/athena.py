"""Creates Athena workgroups and their named queries; an existing workgroup is replaced."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from estate.provision.resource import Clients, Created, Kind, Registration, Shape

_TAKEN = ("InvalidRequestException",)
_WORKGROUP: Shape = {
    "name": "Name",
    "description": "Description",
    "forceDestroy": "RecursiveDeleteOption",
    "configuration": (
        "Configuration",
        {
            "enforceWorkgroupConfiguration": "EnforceWorkGroupConfiguration",
            "publishCloudwatchMetricsEnabled": "PublishCloudWatchMetricsEnabled",
            "bytesScannedCutoffPerQuery": "BytesScannedCutoffPerQuery",
            "engineVersion": ("EngineVersion", {"selectedEngineVersion": "SelectedEngineVersion"}),
            "resultConfiguration": (
                "ResultConfiguration",
                {"outputLocation": "OutputLocation"},
            ),
        },
    ),
}


_NAMED_QUERY: Shape = {
    "name": "Name",
    "description": "Description",
    "workgroup": "WorkGroup",
    "database": "Database",
    "query": "QueryString",
}


def _workgroup(clients: Clients, workgroup: Registration) -> Created:
    athena = clients("athena")
    parameters = workgroup.parameters(_WORKGROUP)
    # The provider deletes it in this way.
    parameters.pop("RecursiveDeleteOption", None)
    name = parameters["Name"]
    # Athena answers InvalidRequestException if the name is taken, and also for other mistakes.
    try:
        athena.get_work_group(WorkGroup=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
    else:
        athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
    athena.create_work_group(**parameters, Tags=workgroup.tag_list())
    arn = f"arn:aws:athena:{clients.endpoint.region}:{clients.account_id}:workgroup/{name}"
    return Created(name, {"arn": arn})


def _named_query(clients: Clients, query: Registration) -> Created:
    athena = clients("athena")
    parameters = query.parameters(_NAMED_QUERY)
    workgroup = parameters["WorkGroup"]
    # Deleting a workgroup deletes its named queries, but an emulator may keep them. Athena allows
    # several of the same name, so one that exists is not created again.
    for known in clients.once(
        f"named queries of {workgroup}", lambda: _named_queries(athena, workgroup)
    ):
        if all(known.get(key) == value for key, value in parameters.items()):
            return Created(known["NamedQueryId"])
    return Created(athena.create_named_query(**parameters)["NamedQueryId"])


def _named_queries(athena: Any, workgroup: str) -> list[dict[str, Any]]:
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    return [
        athena.get_named_query(NamedQueryId=known)["NamedQuery"]
        for page in pages
        for known in page["NamedQueryIds"]
    ]


KINDS: dict[str, Kind] = {
    "aws:athena/namedQuery:NamedQuery": Kind(_named_query, ()),
    "aws:athena/workgroup:Workgroup": Kind(_workgroup, ("name",), _TAKEN),
}
