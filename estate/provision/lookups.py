"""Answers the program's lookups from the endpoint, as the provider's functions do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from estate.errors import ProvisionError
from estate.provision.resource import Clients

Lookup: TypeAlias = Callable[[Clients, Mapping[str, Any]], dict[str, Any]]

_MISSING = (
    *("ResourceNotFoundException", "NotFoundException", "NotFound", "404"),
    *("NoSuchBucket", "NoSuchEntity"),
)


def _caller_identity(clients: Clients, _: Mapping[str, Any]) -> dict[str, Any]:
    answer = clients("sts").get_caller_identity()
    account_id = answer["Account"]
    return {
        "accountId": account_id,
        "arn": answer["Arn"],
        "id": account_id,
        "userId": answer["UserId"],
    }


def _stream(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["name"]
    answer = _found(
        f"Kinesis stream {name}",
        lambda: clients("kinesis").describe_stream_summary(StreamName=name),
    )
    summary = answer["StreamDescriptionSummary"]
    return {
        "arn": summary["StreamARN"],
        "id": summary["StreamARN"],
        "name": name,
        "region": clients.endpoint.region,
        "status": summary["StreamStatus"],
        "retentionPeriod": summary["RetentionPeriodHours"],
        "encryptionType": summary.get("EncryptionType", "NONE"),
        "kmsKeyId": summary.get("KeyId", ""),
    }


def _bucket(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["bucket"]
    _found(f"bucket {name}", lambda: clients("s3").head_bucket(Bucket=name))
    return {
        "arn": f"arn:aws:s3:::{name}",
        "bucket": name,
        "id": name,
        "region": clients.endpoint.region,
    }


def _table(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["name"]
    answer = _found(
        f"DynamoDB table {name}", lambda: clients("dynamodb").describe_table(TableName=name)
    )
    table = answer["Table"]
    return {
        "arn": table["TableArn"],
        "id": name,
        "name": name,
        "region": clients.endpoint.region,
        "streamArn": table.get("LatestStreamArn", ""),
        "serverSideEncryption": {
            "enabled": "SSEDescription" in table,
            "kmsKeyArn": table.get("SSEDescription", {}).get("KMSMasterKeyArn", ""),
        },
    }


def _key(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    key_id = arguments["keyId"]
    answer = _found(f"KMS key {key_id}", lambda: clients("kms").describe_key(KeyId=key_id))
    key = answer["KeyMetadata"]
    return {
        "arn": key["Arn"],
        "id": key["KeyId"],
        "keyId": key_id,
        "keyManager": key["KeyManager"],
        "keyState": key["KeyState"],
    }


def _role(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["name"]
    answer = _found(f"IAM role {name}", lambda: clients("iam").get_role(RoleName=name))
    role = answer["Role"]
    return {"arn": role["Arn"], "id": name, "name": name, "uniqueId": role["RoleId"]}


def _topic(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["name"]
    arn = f"arn:aws:sns:{clients.endpoint.region}:{clients.account_id}:{name}"
    _found(f"SNS topic {name}", lambda: clients("sns").get_topic_attributes(TopicArn=arn))
    return {"arn": arn, "id": arn, "name": name}


def _function(clients: Clients, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["functionName"]
    try:
        answer = clients("lambda").get_function_configuration(FunctionName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        # The stack makes its functions itself, so one may not be there yet.
        answer = {}
    return {
        "id": name,
        "functionName": name,
        "environment": {"variables": answer.get("Environment", {}).get("Variables", {})},
    }


def _found(what: str, look: Callable[[], Any]) -> Any:
    try:
        return look()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        raise ProvisionError(
            f"the endpoint has no {what}, which the stack only looks up: "
            "create it, or correct its name in the stack's configuration"
        ) from error


LOOKUPS: dict[str, Lookup] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:kinesis/getStream:getStream": _stream,
    "aws:kms/getKey:getKey": _key,
    "aws:lambda/getFunction:getFunction": _function,
    "aws:iam/getRole:getRole": _role,
    "aws:s3/getBucket:getBucket": _bucket,
    "aws:sns/getTopic:getTopic": _topic,
    "aws:dynamodb/getTable:getTable": _table,
}
