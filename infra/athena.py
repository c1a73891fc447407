"""Athena workgroups, and the one for the analysts' queries with its saved queries."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.lookups import Referenced
from infra.policies import Statement, allow
from infra.queries import saved_queries
from infra.settings import Settings

_ENGINE = "Athena engine version 3"


def make_workgroup(
    name: str,
    settings: Settings,
    *,
    workgroup_name: str,
    description: str,
    bytes_scanned_limit: int,
    results: str,
    parent: pulumi.Resource,
) -> aws.athena.Workgroup:
    """Register a workgroup whose settings clients cannot override.

    https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    workgroup_name
        Name in Athena.
    description
        Whose queries run in it.
    bytes_scanned_limit
        The maximum number of bytes that a query may scan.
    results
        Location of the queries' results, an ``s3://`` URL that ends with a slash.
    parent
        The component that the workgroup is part of.
    """
    return aws.athena.Workgroup(
        name,
        name=workgroup_name,
        description=description,
        configuration={
            "enforce_workgroup_configuration": True,
            "publish_cloudwatch_metrics_enabled": True,
            "bytes_scanned_cutoff_per_query": bytes_scanned_limit,
            "engine_version": {"selected_engine_version": _ENGINE},
            "result_configuration": {"output_location": results},
        },
        # Otherwise Athena refuses to delete a workgroup that has run queries.
        force_destroy=not settings.protected,
        opts=pulumi.ResourceOptions(parent=parent),
    )


class QueryWorkgroup(pulumi.ComponentResource):
    """A workgroup whose settings clients cannot override, with saved queries.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    referenced
        The bucket for the results.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings,
        referenced: Referenced,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:athena:QueryWorkgroup", name, None, opts)
        workgroup = make_workgroup(
            name,
            settings,
            workgroup_name=settings.naming.database,
            description=f"Queries on the demand tables of {settings.environment}",
            bytes_scanned_limit=settings.athena_bytes_scanned_limit,
            results=referenced.bucket.query_results,
            parent=self,
        )
        # In an order of their own: a query's text cannot be changed, only the query replaced, and
        # the order of the setting is nothing that its readers care about.
        for query in saved_queries(
            sorted(settings.demand_data_types), current=settings.current_state_tables
        ):
            aws.athena.NamedQuery(
                query.name,
                name=query.name,
                description=query.description,
                workgroup=workgroup.name,
                database=settings.naming.database,
                query=query.sql,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.name = workgroup.name
        self.arn = workgroup.arn
        self.register_outputs({"name": workgroup.name})

    def query_statements(self) -> list[Statement]:
        """Return the grants for running queries in the workgroup, its named queries too.

        https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
        """
        return [
            allow(
                "RunQueries",
                [
                    "athena:GetNamedQuery",
                    "athena:GetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:GetWorkGroup",
                    "athena:ListNamedQueries",
                    "athena:StartQueryExecution",
                    "athena:StopQueryExecution",
                ],
                [self.arn],
            )
        ]
