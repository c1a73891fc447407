"""Creates Glue databases, tables and views; an existing table is replaced."""

from __future__ import annotations

from typing import Any

from estate.provision.resource import (
    Clients,
    Created,
    Kind,
    Registration,
    Shape,
    create_unless,
)

_TAKEN = ("AlreadyExistsException",)
_COLUMNS: Shape = {"name": "Name", "type": "Type", "comment": "Comment"}
_TABLE: Shape = {
    "name": "Name",
    "databaseName": "DatabaseName",
    "description": "Description",
    "tableType": "TableType",
    "owner": "Owner",
    "viewOriginalText": "ViewOriginalText",
    "viewExpandedText": "ViewExpandedText",
    "parameters": "Parameters",
    "partitionKeys": ("PartitionKeys", _COLUMNS),
    "storageDescriptor": (
        "StorageDescriptor",
        {
            "location": "Location",
            "inputFormat": "InputFormat",
            "outputFormat": "OutputFormat",
            "numberOfBuckets": "NumberOfBuckets",
            "columns": ("Columns", _COLUMNS),
            "serDeInfo": (
                "SerdeInfo",
                {
                    "name": "Name",
                    "serializationLibrary": "SerializationLibrary",
                    "parameters": "Parameters",
                },
            ),
        },
    ),
}


def _database(clients: Clients, database: Registration) -> Created:
    glue = clients("glue")
    parameters = database.parameters({"name": "Name", "description": "Description"})
    name = parameters["Name"]
    arn = f"{_arn(clients)}:database/{name}"
    create_unless(
        _TAKEN,
        lambda: glue.create_database(DatabaseInput=parameters, Tags=dict(database.tags)),
        lambda: glue.update_database(Name=name, DatabaseInput=parameters),
    )
    return Created(f"{clients.account_id}:{name}", {"arn": arn, "catalogId": clients.account_id})


def _table(clients: Clients, table: Registration) -> Created:
    glue = clients("glue")
    parameters = table.parameters(_TABLE)
    database, name = parameters.pop("DatabaseName"), parameters["Name"]

    def create() -> Any:
        return glue.create_table(DatabaseName=database, TableInput=parameters)

    def existing() -> Any:
        glue.delete_table(DatabaseName=database, Name=name)
        return create()

    create_unless(_TAKEN, create, existing)
    return Created(
        f"{clients.account_id}:{database}:{name}",
        {"arn": f"{_arn(clients)}:table/{database}/{name}", "catalogId": clients.account_id},
    )


def _arn(clients: Clients) -> str:
    return f"arn:aws:glue:{clients.endpoint.region}:{clients.account_id}"


KINDS: dict[str, Kind] = {
    "aws:glue/catalogDatabase:CatalogDatabase": Kind(_database, ("name",), _TAKEN, folds_case=True),
    "aws:glue/catalogTable:CatalogTable": Kind(
        _table, ("databaseName", "name"), _TAKEN, folds_case=True
    ),
}
