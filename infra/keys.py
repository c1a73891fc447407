"""Grants on the customer-managed KMS keys that encrypt the resources of a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.naming import REGION
from infra.policies import Statement, allow

READ = "kms:Decrypt"
WRITE = "kms:GenerateDataKey"


def key_statements(
    sid: str,
    key_arn: str | None,
    actions: Sequence[str],
    *,
    service: str,
    context: Mapping[str, str | list[str]],
) -> list[Statement]:
    """Return the grants on a key, limited to use by one service for one resource's data.

    The service calls KMS with the permissions of its own caller, so the caller needs the grant.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html

    Parameters
    ----------
    sid
        Statement ID.
    key_arn
        ARN of the key. If there is no customer-managed key, None: no grant is needed.
    actions
        ``READ``, ``WRITE`` or both.
    service
        The service that uses the key, for example ``s3``.
    context
        The service's encryption context: a pattern, or several, by name.
    """
    if key_arn is None:
        return []
    return [
        allow(
            sid,
            actions,
            [key_arn],
            {
                "StringEquals": {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"},
                "StringLike": {
                    f"kms:EncryptionContext:{name}": pattern for name, pattern in context.items()
                },
            },
        )
    ]
