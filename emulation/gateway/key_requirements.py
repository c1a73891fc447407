"""What S3 needs of a caller in KMS where a bucket encrypts with a customer-managed key.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from emulation.gateway.api_call import ApiCall
from emulation.gateway.requirement import Requirement
from emulation.gateway.s3_requirements import object_arn

_READ, _WRITE = "kms:Decrypt", "kms:GenerateDataKey"
# Later parts of an upload are encrypted with the data key of the first.
_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "CompleteMultipartUpload": (_READ, _WRITE),
    "CopyObject": (_READ, _WRITE),
    "CreateMultipartUpload": (_WRITE,),
    "GetObject": (_READ,),
    "PutObject": (_WRITE,),
    "UploadPart": (_READ, _WRITE),
    "UploadPartCopy": (_READ, _WRITE),
}


def key_requirements(call: ApiCall, bucket_keys: Mapping[str, str]) -> Iterator[Requirement]:
    """Give what an S3 call needs of its bucket's key; nothing where the bucket has none.

    S3 asks for it on the caller's behalf, with the object as the encryption context. Of an object
    that is not there it would not ask; here it is asked for all the same.

    Parameters
    ----------
    call
        A call of S3.
    bucket_keys
        Bucket to the ARN of its key.
    """
    bucket = str(call.parameters.get("Bucket", ""))
    key_arn = bucket_keys.get(bucket)
    if key_arn is None:
        return
    for action in _ACTIONS.get(call.operation, ()):
        context = {
            "kms:ViaService": f"s3.{call.region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": object_arn(bucket, str(call.parameters["Key"])),
        }
        yield Requirement(action, key_arn, context)
