"""The only AWS provider of the program: region, account and the tags of all resources."""

from __future__ import annotations

import pulumi_aws as aws

from infra.naming import REGION
from infra.settings import Settings


def make_provider(settings: Settings) -> aws.Provider:
    """Register the provider that all lookups and resources of the program use.

    It is the only source of tags, and it refuses the credentials of another account.
    """
    return aws.Provider(
        "aws",
        region=REGION,
        allowed_account_ids=[settings.account_id],
        default_tags={"tags": settings.tags},
    )
