"""The permissions for a customer-managed KMS key that a call on an encrypted resource needs.

A service calls KMS on behalf of its caller, with the encryption context that its page documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from emulation.gateway.api_call import ApiCall
from emulation.gateway.requirement import Requirement
from emulation.gateway.s3_requirements import bucket_arn, object_arn

_READ, _WRITE = "kms:Decrypt", "kms:GenerateDataKey"


def _of(actions: tuple[str, ...], operations: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(operations.split(), actions)


_ACTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms
    # Later parts of an upload are encrypted with the data key of the first.
    "s3": {
        **_of((_READ,), "GetObject"),
        **_of((_WRITE,), "CreateMultipartUpload PutObject"),
        **_of(
            (_READ, _WRITE),
            "CompleteMultipartUpload CopyObject UploadPart UploadPartCopy",
        ),
    },
    # https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
    "kinesis": {
        **_of((_READ,), "GetRecords SubscribeToShard"),
        **_of((_WRITE,), "PutRecord PutRecords"),
    },
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
    # Each access decrypts the table's own key.
    "dynamodb": {
        **_of((_READ,), "BatchGetItem GetItem Query Scan TransactGetItems"),
        **_of(
            (_READ, _WRITE),
            "BatchWriteItem DeleteItem PutItem TransactWriteItems UpdateItem",
        ),
    },
}


def key_requirements(
    call: ApiCall, resources: Iterable[str], keys: Mapping[str, str]
) -> Iterator[Requirement]:
    """Yield the permissions for keys that a call needs; none if its resources have no key.

    S3 does not require them for an object that does not exist; the gateway does.

    Parameters
    ----------
    call
        A call of any service.
    resources
        The ARNs on which the call is authorized.
    keys
        The ARN of the key of each bucket, stream or table that has one, by its own ARN.
    """
    actions = _ACTIONS.get(call.service, {}).get(call.operation, ())
    if not actions or not keys:
        return
    for owner, context in dict(_encrypted(call, resources)).items():
        if owner in keys:
            via = {"kms:ViaService": f"{call.service}.{call.region}.amazonaws.com"}
            yield from (Requirement(action, keys[owner], {**via, **context}) for action in actions)


def _encrypted(call: ApiCall, resources: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each resource that may have a key, with the encryption context of the service."""
    if call.service == "s3":
        bucket, key = str(call.parameters["Bucket"]), str(call.parameters["Key"])
        name = "kms:EncryptionContext:aws:s3:arn"
        yield bucket_arn(bucket), {name: object_arn(bucket, key)}
        return
    for resource in resources:
        if call.service == "kinesis":
            stream = resource.partition("/consumer/")[0]
            yield stream, {"kms:EncryptionContext:aws:kinesis:arn": stream}
        else:
            table = resource.partition("/index/")[0]
            name = table.rpartition("/")[2]
            yield table, {"kms:EncryptionContext:aws:dynamodb:tableName": name}
