"""The Glue catalog: table and view of each record type, and a database reserved for Parquet."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from catalog import glue_columns
from infra.bucket import DataBucket
from infra.lookups import Referenced
from infra.naming import REGION
from infra.policies import Statement, allow
from infra.settings import Settings
from infra.views import make_current_state_view
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
            description="Reserved for the same tables as Parquet files",
            opts=kept,
        )
        self.database = database.name
        self.tables, self.views = {}, {}
        for record_type in settings.demand_data_types:
            table = self._table(record_type, settings, referenced.bucket, database)
            view = make_current_state_view(record_type, naming, database.name, table, self)
            self.tables[record_type] = table.name
            self.views[record_type] = view.name
        self._glue = f"arn:aws:glue:{REGION}:{settings.account_id}"
        self._database_name = naming.database
        self.register_outputs({"database": database.name})

    def read_statements(self) -> list[Statement]:
        """Return the grants on Glue that a caller of Athena needs to query tables and views.

        For every query, Athena also reads the database ``default``, and creates it if the account
        has none.
        https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html#full-access-to-default-db-per-region
        """
        return [
            allow(
                "FindDatabase",
                ["glue:GetDatabase"],
                [
                    f"{self._glue}:catalog",
                    f"{self._glue}:database/default",
                    f"{self._glue}:database/{self._database_name}",
                ],
            ),
            allow(
                "MakeDefaultDatabase",
                ["glue:CreateDatabase", "glue:GetDatabases"],
                [f"{self._glue}:catalog", f"{self._glue}:database/default"],
            ),
            allow(
                "DescribeTables",
                ["glue:GetTable", "glue:GetTables"],
                [
                    f"{self._glue}:catalog",
                    f"{self._glue}:database/{self._database_name}",
                    f"{self._glue}:table/{self._database_name}/*",
                ],
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
