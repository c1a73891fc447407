"""The one AWS provider of the program: region, account and the tags of everything."""

from __future__ import annotations

import pulumi_aws as aws

from infra.naming import REGION
from infra.settings import Settings


def make_provider(settings: Settings) -> aws.Provider:
    """Register the provider that every lookup and resource of the program goes through.

    It is the only place that tags come from, and it refuses the credentials of another account.
    """
    return aws.Provider(
        "aws",
        region=REGION,
        allowed_account_ids=[settings.account_id],
        default_tags={"tags": settings.tags},
    )
