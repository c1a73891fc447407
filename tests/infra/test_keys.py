"""Keys of other teams' resources: each role gets the grants that it needs, none for AWS's keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.mocks import MockCallArgs

from estate.resources.computed import AsAws
from tests.infra.recorded import Recording, record
from tests.infra.test_optional_settings import added

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TABLE_KEY = "arn:aws:kms:us-east-1:111122223333:key/aaaabbbb-12ab-34cd-56ef-1234567890ab"
STREAM = "arn:aws:kinesis:us-east-1:111122223333:stream/prd3292-dev1-dmnd-"
LOG_STREAM = "arn:aws:kinesis:us-east-1:111122223333:stream/prd3292-dev1-log-stream"


class Keyed(AsAws):
    """Streams and table have keys of these names, managed by the customer or by AWS."""

    streams: str = KEY
    table: str = TABLE_KEY
    manager: str = "CUSTOMER"

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token == "aws:kms/getKey:getKey":
            key = str(args.args["keyId"])
            arn = key if key.startswith("arn:aws:kms:us-east-1:111122223333:key/") else KEY
            return {"arn": arn, "keyManager": self.manager}, []
        found, failures = super().call(args)
        if args.token == "aws:kinesis/getStream:getStream":
            found |= {"encryptionType": "KMS", "kmsKeyId": self.streams}
        if args.token == "aws:dynamodb/getTable:getTable":
            found["serverSideEncryption"] = {"enabled": True, "kmsKeyArn": self.table}
        return found, failures


def with_keys(packages: Path, **what: str) -> Recording:
    return record("dev1", packages, account=type("_Keyed", (Keyed,), what))


def via(service: str, name: str, value: str) -> dict[str, Any]:
    return {
        "StringEquals": {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"},
        "StringLike": {f"kms:EncryptionContext:{name}": value},
    }


def test_readers_may_decrypt_and_writers_make_data_keys(dev1: Recording, packages: Path) -> None:
    found = added(dev1, with_keys(packages))
    assert {
        name: [(each["Action"], each["Resource"], each["Condition"]) for each in statements]
        for name, statements in found.items()
    } == {
        "kinesis-read": [
            (["kms:Decrypt"], [KEY], via("kinesis", "aws:kinesis:arn", f"{STREAM}table-stream"))
        ],
        "operate": [
            (["kms:Decrypt"], [KEY], via("kinesis", "aws:kinesis:arn", f"{STREAM}table-stream"))
        ],
        "logs-write": [
            (["kms:GenerateDataKey"], [KEY], via("kinesis", "aws:kinesis:arn", LOG_STREAM))
        ],
        "dynamodb-rw": [
            (
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [TABLE_KEY],
                via("dynamodb", "aws:dynamodb:tableName", "prd3292-dev1-us-east-1-demand-table"),
            )
        ],
    }


@pytest.mark.parametrize("named", ["alias/streams", "1234abcd-12ab-34cd-56ef-1234567890ab", KEY])
def test_a_stream_may_name_its_key_by_alias_id_or_arn(
    dev1: Recording, packages: Path, named: str
) -> None:
    found = added(dev1, with_keys(packages, streams=named))
    assert found["kinesis-read"][0]["Resource"] == [KEY]


def test_keys_that_aws_manages_need_no_grant(dev1: Recording, packages: Path) -> None:
    assert added(dev1, with_keys(packages, streams="alias/aws/kinesis", manager="AWS")) == {}
