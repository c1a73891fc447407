"""Customer-managed KMS keys: what a role needs of the key that encrypts what it works with."""

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
    """Return what a role needs of a key: only through one service, and for one resource's data.

    The service calls KMS on behalf of whoever calls the service, so the grant is the caller's.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html

    Parameters
    ----------
    sid
        Statement ID.
    key_arn
        ARN of the key; None where there is no customer-managed one: then nothing is needed.
    actions
        ``READ``, ``WRITE`` or both.
    service
        The service that uses the key, for example ``s3``.
    context
        The encryption context that the service uses: name to pattern or patterns.
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
