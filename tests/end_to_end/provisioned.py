"""A provisioned stack, for running parts of the pipeline and for removing permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from demo.run import LOCAL_OVERRIDES
from emulation.emulator import embedded_emulator
from emulation.encryption_keys import encryption_keys
from emulation.endpoint import Endpoint
from emulation.gateway import Gateway
from emulation.pipeline import Pipeline, running_pipeline
from estate.provision.provision import Provisioned, local_settings, provision
from estate.referenced import make_referenced
from release.package import build
from release.wheels import Target
from tests.support.cli import ROOT
from tests.support.runtime_clients import truest_client

PACKAGES = ROOT / "build" / "lambda"


@dataclass(frozen=True)
class Stack:
    """A stack at an emulator, with the operator's credentials."""

    endpoint: Endpoint
    provisioned: Provisioned
    runtime_client: Path

    @property
    def naming(self) -> str:
        return self.provisioned.settings.naming.prefix

    @property
    def bucket(self) -> str:
        return self.provisioned.settings.bucket_name

    @property
    def role_arns(self) -> list[str]:
        """The program's roles."""
        return [
            str(each.arn) for each in self.provisioned.resources if each.type == "aws:iam/role:Role"
        ]

    def gateway(self) -> Gateway:
        """A gateway with the same knowledge as the pipeline's own."""
        return Gateway(
            self.endpoint, keys=encryption_keys(self.endpoint, self.provisioned.settings)
        )

    @contextmanager
    def running(self, record_types: Sequence[str]) -> Iterator[Pipeline]:
        outputs = self.provisioned.outputs["delivery_streams"]
        streams = {record_type: outputs[record_type] for record_type in record_types}
        settings = self.provisioned.settings
        with running_pipeline(
            self.endpoint,
            settings,
            streams,
            PACKAGES / "local",
            runtime_client=self.runtime_client,
        ) as pipeline:
            yield pipeline

    def objects(self, prefix: str = "") -> list[str]:
        listed = self.endpoint.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", ())]

    def work_left(self) -> bool:
        return any(self.objects(f"data-pipeline/{area}/") for area in ("landing", "compaction"))

    def clear_bucket(self) -> None:
        s3 = self.endpoint.client("s3")
        for key in self.objects():
            s3.delete_object(Bucket=self.bucket, Key=key)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Remove and return all messages of the dead-letter queue."""
        sqs, url = self.endpoint.client("sqs"), self.provisioned.outputs["dead_letter_queue"]
        taken: list[dict[str, Any]] = []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken += messages
        return taken


# Optional settings add grants, which must be tested too.
_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OVERRIDES = {**LOCAL_OVERRIDES, "tracing": "true", "bucket_kms_key_arn": _KEY}


@contextmanager
def provisioned_stack() -> Iterator[Stack]:
    """Provision dev1, with all optional settings, at its own emulator."""
    build(Target.LOCAL, source=ROOT, out=PACKAGES)
    with embedded_emulator() as endpoint, TemporaryDirectory() as client:
        packages = PACKAGES / "local"
        settings = local_settings(endpoint, "dev1", overrides=OVERRIDES, packages=packages)
        # The resources of other teams are encrypted with those teams' keys.
        key = endpoint.client("kms").create_key()["KeyMetadata"]["Arn"]
        make_referenced(endpoint, settings, key_arn=key)
        made = provision(endpoint, "dev1", overrides=OVERRIDES, packages=packages)
        yield Stack(endpoint, made, truest_client(Path(client)))


@contextmanager
def without(iam: Any, role: str, sid: str) -> Iterator[None]:
    """Remove a statement from a role's inline policy during the ``with``.

    ``iam`` is an operator's client. It may bypass the gateway only before the role's first call.
    """
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [each for each in before["Statement"] if each["Sid"] != sid]
    assert len(kept) == len(before["Statement"]) - 1

    def put(document: dict[str, Any]) -> None:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    if kept:
        put({**before, "Statement": kept})
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        put(before)
