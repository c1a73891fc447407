"""The permissions that calls of S3 need. S3's actions differ from its operations.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html,
conditional-writes-enforce.html and conditional-delete-enforce.html;
docs/aws-contracts.md#s3-conditional-requests.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from emulation.gateway.api_call import ApiCall
from emulation.gateway.errors import UnjudgeableRequest
from emulation.gateway.requirement import Requirement

ON_BUCKETS: Mapping[str, str] = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetBucketWebsite": "GetBucketWebsite",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
ON_OBJECTS: Mapping[str, str] = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "DeleteObjectTagging": "DeleteObjectTagging",
    "GetObject": "GetObject",
    "GetObjectAttributes": "GetObjectAttributes",
    "GetObjectTagging": "GetObjectTagging",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "PutObject": "PutObject",
    "PutObjectTagging": "PutObjectTagging",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
# These create an object. The other multipart steps do not, and take no conditional header.
_CREATING = ("PutObject", "CopyObject", "CompleteMultipartUpload")
_COPYING = ("CopyObject", "UploadPartCopy")
_OF_A_VERSION = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
}
_LISTING_KEYS = {"Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys"}
_HEADER_KEYS = {
    "x-amz-acl": "s3:x-amz-acl",
    "x-amz-copy-source": "s3:x-amz-copy-source",
    "x-amz-server-side-encryption": "s3:x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class": "s3:x-amz-storage-class",
}
# Headers with which a write needs a further permission.
_FURTHER_ACTIONS = {"x-amz-tagging": "s3:PutObjectTagging", "x-amz-acl": "s3:PutObjectAcl"}


@dataclass(frozen=True)
class ObjectToDelete:
    """One object of a DeleteObjects request."""

    key: str
    version: str | None
    etag: str | None


def requirements(call: ApiCall) -> tuple[Requirement, ...]:
    """Return all permissions that an S3 call needs.

    Raises
    ------
    UnjudgeableRequest
        The gateway does not know the operation, or cannot read the request.
    """
    operation, parameters = call.operation, call.parameters
    _require_path_style(call)
    if operation == "ListBuckets":
        return (Requirement("s3:ListAllMyBuckets", "*"),)
    bucket = str(parameters.get("Bucket", ""))
    if operation in ON_BUCKETS:
        return (Requirement(f"s3:{ON_BUCKETS[operation]}", bucket_arn(bucket), _listing(call)),)
    if operation == "DeleteObjects":
        return tuple(
            needed
            for item in objects_to_delete(call)
            for needed in _deletion(bucket, item.key, item.version, item.etag)
        )
    if operation == "DeleteObject":
        key, version = str(parameters["Key"]), parameters.get("VersionId")
        return tuple(_deletion(bucket, key, version, call.headers.get("if-match")))
    if operation in ON_OBJECTS:
        return tuple(_on_object(call, object_arn(bucket, str(parameters["Key"]))))
    raise UnjudgeableRequest(
        f"the gateway does not know the permissions of s3:{operation}; add the operation to "
        "emulation/gateway/s3_requirements.py"
    )


def existence_requirement(call: ApiCall) -> Requirement | None:
    """Return the permission that a caller needs to learn that an object does not exist.

    Without it, AWS answers 403 instead of 404. In this decision the key is the ``s3:prefix``, so
    a grant to list below a prefix is enough for the keys below it. Ceph does the same to match
    AWS (ceph/ceph#68577).
    """
    if call.operation not in ("GetObject", "HeadObject"):
        return None
    bucket, key = str(call.parameters["Bucket"]), str(call.parameters["Key"])
    return Requirement("s3:ListBucket", bucket_arn(bucket), {"s3:prefix": key})


def objects_to_delete(call: ApiCall) -> tuple[ObjectToDelete, ...]:
    """Return what a DeleteObjects request names.

    Raises
    ------
    UnjudgeableRequest
        The body is not a DeleteObjects document.
    """
    try:
        root = ElementTree.fromstring(call.body)  # noqa: S314  (sent from this machine)
    except ElementTree.ParseError as error:
        raise UnjudgeableRequest(f"s3:DeleteObjects: the body is not XML: {error}") from error
    found = tuple(
        ObjectToDelete(
            element.findtext("{*}Key") or "",
            element.findtext("{*}VersionId"),
            element.findtext("{*}ETag"),
        )
        for element in root.iterfind("{*}Object")
    )
    if not found:
        raise UnjudgeableRequest("s3:DeleteObjects: the body names no object")
    return found


def bucket_arn(bucket: str) -> str:
    """Return the ARN of a bucket."""
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    """Return the ARN of an object."""
    return f"arn:aws:s3:::{bucket}/{key}"


def _on_object(call: ApiCall, resource: str) -> Iterator[Requirement]:
    version = call.parameters.get("VersionId")
    action = _versioned(f"s3:{ON_OBJECTS[call.operation]}", version)
    keys = {key: call.headers[name] for name, key in _HEADER_KEYS.items() if name in call.headers}
    if version:
        keys["s3:VersionId"] = version
    if action == "s3:PutObject":
        keys["s3:ObjectCreationOperation"] = str(call.operation in _CREATING).lower()
        if call.operation in _CREATING:
            keys |= _preconditions(call.headers)
    if call.operation in _COPYING:
        yield _copied(call)
    yield Requirement(action, resource, keys)
    if action != "s3:PutObject":
        return
    if "s3:if-match" in keys:
        # A condition on the ETag requires the permission to read the object:
        # docs/aws-contracts.md#s3-conditional-requests
        yield Requirement("s3:GetObject", resource)
    for header, further in _FURTHER_ACTIONS.items():
        if header in call.headers:
            yield Requirement(further, resource, keys)


def _preconditions(headers: Mapping[str, str]) -> dict[str, str]:
    names = {"if-match": "s3:if-match", "if-none-match": "s3:if-none-match"}
    return {key: headers[name] for name, key in names.items() if name in headers}


def _copied(call: ApiCall) -> Requirement:
    source = unquote(call.headers["x-amz-copy-source"], errors="surrogateescape")
    path, _, version = source.partition("?versionId=")
    action = _versioned("s3:GetObject", version)
    if path.startswith("arn:"):
        raise UnjudgeableRequest(
            f"s3:{call.operation}: the gateway does not support a source given by ARN; give "
            "bucket and key"
        )
    return Requirement(action, f"arn:aws:s3:::{path.removeprefix('/')}")


def _deletion(
    bucket: str, key: str, version: str | None, etag: str | None
) -> Iterator[Requirement]:
    resource = object_arn(bucket, key)
    keys = {"s3:if-match": etag} if etag else {}
    yield Requirement(_versioned("s3:DeleteObject", version), resource, keys)
    if etag:
        yield Requirement("s3:GetObject", resource)


def _listing(call: ApiCall) -> dict[str, str]:
    if not call.operation.startswith("ListObject"):
        return {}
    return {
        key: str(call.parameters[name])
        for name, key in _LISTING_KEYS.items()
        if name in call.parameters
    }


def _require_path_style(call: ApiCall) -> None:
    # If the bucket is in the host name, the path's first segment is not the bucket.
    host = urlsplit(f"//{call.headers.get('host', '')}").hostname or ""
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise UnjudgeableRequest(
                f"s3:{call.operation} at host {host}: the gateway supports path-style requests "
                "only; use an IP address or localhost as the host"
            ) from error


def _versioned(action: str, version: str | None) -> str:
    return _OF_A_VERSION.get(action, action) if version else action
