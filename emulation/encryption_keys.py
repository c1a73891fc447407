"""Reads from the endpoint which customer-managed KMS keys encrypt a stack's resources."""

from __future__ import annotations

from typing import Any

from emulation.endpoint import Endpoint
from infra.settings import Settings

_AWS_MANAGED_ALIAS = "alias/aws/"


def encryption_keys(endpoint: Endpoint, settings: Settings) -> dict[str, str]:
    """Return the ARNs of keys, by the ARN of the bucket, stream or table that they encrypt.

    Parameters
    ----------
    endpoint
        The endpoint of the stack.
    settings
        The settings that name the bucket and its key, the two streams and the table.
    """
    kinesis, dynamodb = endpoint.client("kinesis"), endpoint.client("dynamodb")
    named = {f"arn:aws:s3:::{settings.bucket_name}": settings.bucket_kms_key_arn}
    for stream in (settings.stream_name, settings.log_stream_name):
        found = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        named[found["StreamARN"]] = found.get("KeyId", "")
    table = dynamodb.describe_table(TableName=settings.table_name)["Table"]
    named[table["TableArn"]] = table.get("SSEDescription", {}).get("KMSMasterKeyArn", "")
    kms = endpoint.client("kms")
    found_keys = {
        owner: _customer_managed(kms, key)
        for owner, key in named.items()
        if key and not key.startswith(_AWS_MANAGED_ALIAS)
    }
    return {owner: key for owner, key in found_keys.items() if key}


def _customer_managed(kms: Any, key: str) -> str | None:
    if ":key/" in key:
        return key
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    return str(found["Arn"]) if found["KeyManager"] == "CUSTOMER" else None
