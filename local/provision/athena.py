"""Makes Athena workgroups; an existing one is replaced, with the history of its queries."""

from __future__ import annotations

from botocore.exceptions import ClientError

from local.provision.resource import Clients, Created, Creator, Registration, Shape

_WORKGROUP: Shape = {
    "name": "Name",
    "description": "Description",
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


def _workgroup(clients: Clients, workgroup: Registration) -> Created:
    athena = clients("athena")
    parameters = workgroup.parameters(_WORKGROUP)
    name = parameters["Name"]
    # Athena says InvalidRequestException of a name that is taken, as of any other mistake.
    try:
        athena.get_work_group(WorkGroup=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidRequestException":
            raise
    else:
        athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
    athena.create_work_group(**parameters, Tags=workgroup.tag_list())
    arn = f"arn:aws:athena:{clients.endpoint.region}:{clients.account_id}:workgroup/{name}"
    return Created(name, {"arn": arn})


CREATORS: dict[str, Creator] = {"aws:athena/workgroup:Workgroup": _workgroup}
