"""What a call needs of the customer-managed KMS key that encrypts what the call works on.

A service calls KMS on behalf of its caller, with the encryption context that its page names.
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
    """Give what a call needs of keys; nothing where what it works on has none.

    Of an object that is not there S3 would not ask; here it is asked for all the same.

    Parameters
    ----------
    call
        A call of any service.
    resources
        The ARNs that the call is judged on.
    keys
        ARN of a bucket, stream or table to the ARN of its key.
    """
    actions = _ACTIONS.get(call.service, {}).get(call.operation, ())
    if not actions or not keys:
        return
    for owner, context in dict(_encrypted(call, resources)).items():
        if owner in keys:
            via = {"kms:ViaService": f"{call.service}.{call.region}.amazonaws.com"}
            yield from (Requirement(action, keys[owner], {**via, **context}) for action in actions)


def _encrypted(call: ApiCall, resources: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give what may have a key, with the encryption context that the service uses for it."""
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
