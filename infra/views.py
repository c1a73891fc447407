"""Views of the current state, stored in Glue as Athena itself stores views.

See docs/aws-contracts.md#athena-views.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from catalog.views import CurrentStateView
from infra.naming import Naming


def make_view(
    view: CurrentStateView,
    naming: Naming,
    database: pulumi.Input[str],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> aws.glue.CatalogTable:
    """Register a view of the current state.

    Parameters
    ----------
    view
        The view's name, query and columns.
    naming
        The stack's names.
    database
        Name of the database of the view.
    parent
        The component that the view is part of.
    after
        What is created or replaced before the view: the table that it reads.
    """
    return aws.glue.CatalogTable(
        view.name.replace("_", "-"),
        name=view.name,
        database_name=database,
        # No description: engines read it in place of the comment below, and then do not recognize
        # the view (seen on Trino 476: "Table does not exist").
        table_type="VIRTUAL_VIEW",
        # Without an owner, the engine fails with "run-as identity must be set".
        owner=naming.prefix,
        parameters={"presto_view": "true", "comment": "Presto View"},
        view_original_text=view.original_text(naming.database),
        view_expanded_text="/* Presto View */",
        storage_descriptor={
            "columns": [
                {"name": column.name, "type": column.type, "comment": column.comment}
                for column in view.glue_columns
            ],
            "number_of_buckets": 0,
            # The provider leaves out an empty SerDe, and Athena then cannot read the view: "Table
            # storage descriptor is missing SerDe info" (hashicorp/terraform-provider-aws#28517).
            "ser_de_info": {"name": "-", "serialization_library": "-"},
        },
        # A view has no data, so a changed query replaces it. Every version of the provider can do
        # that; updates in place fail in some (#48534 there).
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=after,
            delete_before_replace=True,
            replace_on_changes=["viewOriginalText", "storageDescriptor.columns"],
        ),
    )
