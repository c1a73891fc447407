"""The role of continuous integration, which tests a deployed stack."""

from __future__ import annotations

import pulumi

from infra.athena import QueryWorkgroup
from infra.catalog import Catalog
from infra.deliveries import deliveries_of
from infra.lookups import Referenced
from infra.policies import allow, trust_principals
from infra.roles import ManagedPolicy, Role
from infra.settings import Settings


class ContinuousIntegration(pulumi.ComponentResource):
    """The role with which continuous integration tests a deployed stack, and its policies.

    It can put items into the demand table, see how far they come, query the resulting rows, and
    keep its own objects below ``data-pipeline/test/``. It cannot deploy: the CI runners' own role
    does that.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    referenced
        The demand table and the bucket.
    catalog, workgroup
        The tables and the workgroup of its queries.
    """

    role_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings,
        referenced: Referenced,
        catalog: Catalog,
        workgroup: QueryWorkgroup,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:access:ContinuousIntegration", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = referenced.bucket
        grants = {
            "dynamodb-rw": (
                "Read and write items of the demand table",
                referenced.table.read_write_statements(),
            ),
            "athena-query-execution": (
                "Query the tables with Athena",
                [
                    *workgroup.query_statements(),
                    *catalog.read_statements(),
                    *bucket.query_statements(current_state=settings.current_state_tables),
                ],
            ),
            "s3-write": (
                "Put test objects into the bucket, below data-pipeline/test/",
                bucket.test_write_statements(),
            ),
            "smoke-test": (
                "See how far the records of the smoke test have come",
                [
                    *bucket.smoke_statements(),
                    allow(
                        "SeeDeliveryStreams",
                        ["firehose:DescribeDeliveryStream"],
                        [
                            settings.delivery_stream_arn(each.name)
                            for each in deliveries_of(settings)
                        ],
                    ),
                ],
            ),
            "s3-delete-test": (
                "Delete test objects from the bucket, below data-pipeline/test/",
                bucket.test_delete_statements(),
            ),
        }
        role = Role(
            name,
            settings=settings,
            role_name=settings.naming.ci_role,
            description=f"Role of continuous integration for tests of {settings.environment}",
            trusts=trust_principals(
                [f"arn:aws:iam::{settings.account_id}:root", referenced.ci_runner_role_arn]
            ),
            managed=[
                ManagedPolicy(
                    purpose,
                    settings=settings,
                    description=description,
                    statements=statements,
                    opts=child,
                )
                for purpose, (description, statements) in grants.items()
            ],
            opts=child,
        )
        self.role_arn = role.arn
        self.register_outputs({"role": role.arn})
