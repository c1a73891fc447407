"""The Glue catalog: table and view of each record type, and the current-state tables' database."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from catalog import glue_columns
from catalog.views import current_state_view
from infra.bucket import DataBucket
from infra.lookups import Referenced
from infra.naming import REGION
from infra.policies import Statement, allow
from infra.settings import Settings
from infra.views import make_view
from schemas import PARTITION_COLUMN, table

_HIVE = "org.apache.hadoop.hive"


class Catalog(pulumi.ComponentResource):
    """The databases, tables and views that Athena reads.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    referenced
        The bucket of the tables' files.
    """

    database: pulumi.Output[str]
    tables: dict[str, pulumi.Output[str]]
    views: dict[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        settings: Settings,
        referenced: Referenced,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:catalog:Catalog", name, None, opts)
        naming = settings.naming
        # Deleting a database deletes its tables, other teams' tables too.
        kept = pulumi.ResourceOptions(parent=self, protect=settings.protected)
        database = aws.glue.CatalogDatabase(
            "avro",
            name=naming.database,
            description=f"Changes of demand records in {settings.environment}, as Avro files",
            opts=kept,
        )
        aws.glue.CatalogDatabase(
            "parquet",
            name=naming.parquet_database,
            description=f"Current state of demand records in {settings.environment}, in Iceberg",
            opts=kept,
        )
        self.database = database.name
        self.tables, self.views = {}, {}
        for record_type in settings.demand_data_types:
            table = self._table(record_type, settings, referenced.bucket, database)
            view = make_view(
                current_state_view(record_type), naming, database.name, self, after=[table]
            )
            self.tables[record_type] = table.name
            self.views[record_type] = view.name
        self._glue = f"arn:aws:glue:{REGION}:{settings.account_id}"
        self._changes, self._current_state = naming.database, naming.parquet_database
        self._queried = [self._changes]
        if settings.current_state_tables:
            self._queried.append(self._current_state)
        self.register_outputs({"database": database.name})

    def read_statements(self) -> list[Statement]:
        """Return the grants on Glue that a caller of Athena needs to query tables and views.

        For every query, Athena also reads the database ``default``, and creates it if the account
        has none.
        https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html#full-access-to-default-db-per-region
        """
        return [
            *self._find_databases(self._queried),
            allow(
                "DescribeTables",
                ["glue:GetTable", "glue:GetTables"],
                [
                    f"{self._glue}:catalog",
                    *(f"{self._glue}:database/{each}" for each in self._queried),
                    *(f"{self._glue}:table/{each}/*" for each in self._queried),
                ],
            ),
        ]

    def refresh_statements(self, record_types: Sequence[str]) -> list[Statement]:
        """Return the grants on Glue with which the current-state tables are refreshed.

        Athena keeps an Iceberg table's columns and the place of its newest metadata in Glue, and
        works there with the permissions of its caller.
        https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html

        Parameters
        ----------
        record_types
            The record types of the tables.
        """
        changes, tables = (
            [
                f"{self._glue}:catalog",
                f"{self._glue}:database/{database}",
                *(f"{self._glue}:table/{database}/{each}" for each in record_types),
            ]
            for database in (self._changes, self._current_state)
        )
        return [
            *self._find_databases([self._changes, self._current_state]),
            allow("DescribeChanges", ["glue:GetPartitions", "glue:GetTable"], changes),
            allow(
                "KeepTables",
                [
                    "glue:CreateTable",
                    "glue:DeleteTable",
                    "glue:GetTable",
                    "glue:GetTables",
                    "glue:UpdateTable",
                ],
                tables,
            ),
        ]

    def _find_databases(self, databases: Sequence[str]) -> list[Statement]:
        return [
            allow(
                "FindDatabase",
                ["glue:GetDatabase"],
                [
                    f"{self._glue}:catalog",
                    *(f"{self._glue}:database/{each}" for each in ("default", *databases)),
                ],
            ),
            allow(
                "MakeDefaultDatabase",
                ["glue:CreateDatabase", "glue:GetDatabases"],
                [f"{self._glue}:catalog", f"{self._glue}:database/default"],
            ),
        ]

    def _table(
        self,
        record_type: str,
        settings: Settings,
        bucket: DataBucket,
        database: aws.glue.CatalogDatabase,
    ) -> aws.glue.CatalogTable:
        described = table(record_type)
        location = bucket.table_location(record_type)
        return aws.glue.CatalogTable(
            record_type,
            name=record_type,
            database_name=database.name,
            description=described.doc,
            table_type="EXTERNAL_TABLE",
            parameters={
                "EXTERNAL": "TRUE",
                "classification": "avro",
                **_projection(settings, location),
            },
            partition_keys=[
                {
                    "name": PARTITION_COLUMN,
                    "type": "string",
                    "comment": "UTC date of changed_at, YYYY-MM-DD",
                }
            ],
            storage_descriptor={
                "location": location,
                "input_format": f"{_HIVE}.ql.io.avro.AvroContainerInputFormat",
                "output_format": f"{_HIVE}.ql.io.avro.AvroContainerOutputFormat",
                # Some engines that read Glue's tables fail without a number:
                # docs/aws-contracts.md#seen-on-trino
                "number_of_buckets": 0,
                "columns": [
                    {"name": column.name, "type": column.type, "comment": column.comment}
                    for column in glue_columns(record_type)
                ],
                "ser_de_info": {
                    "serialization_library": f"{_HIVE}.serde2.avro.AvroSerDe",
                    "parameters": {"avro.schema.literal": described.literal},
                },
            },
            # A new schema replaces the table, over the same data. The name stays the same, so the
            # old table must be deleted first. Nested paths keep the provider's names.
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                replace_on_changes=["storageDescriptor.columns", "storageDescriptor.serDeInfo"],
            ),
        )


def _projection(settings: Settings, location: str) -> dict[str, str]:
    """Return the table parameters of partition projection.

    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    column = f"projection.{PARTITION_COLUMN}"
    return {
        "projection.enabled": "true",
        f"{column}.type": "date",
        f"{column}.format": "yyyy-MM-dd",
        # One day ahead: another clock may date a change just after midnight.
        f"{column}.range": f"{settings.first_partition_date.isoformat()},NOW+1DAYS",
        f"{column}.interval": "1",
        f"{column}.interval.unit": "DAYS",
        "storage.location.template": f"{location}{PARTITION_COLUMN}=${{{PARTITION_COLUMN}}}/",
    }
