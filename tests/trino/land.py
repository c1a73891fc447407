"""Provision a stack with the schemas of this tree, and take change records into its tables.

Usage, in the tree: ``python -m tests.trino.land ENDPOINT_URL FIRST_DATE RECORD_TYPES FILE``

FILE has a change record a line. The records go through the real program, packages, roles,
delivery streams and Avro writer, as in ``dmd demo``; the stack's tables may hold rows already.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from demo.feed.stream import StreamRecord, feed
from demo.reconciliation import list_keys
from demo.run import LOCAL_OVERRIDES
from emulation.endpoint import Endpoint
from emulation.pipeline import running_pipeline
from estate.provision.action import LOCAL_PACKAGES
from estate.provision.provision import local_settings, provision
from estate.referenced import make_referenced
from infra.stack_config import REPOSITORY
from release.package import build
from release.wheels import Target

STACK = "dev1"


def main(endpoint_url: str, first_date: str, record_types: str, file: str) -> None:
    """Land and write the records; print what is left to do, which is nothing."""
    endpoint = Endpoint(endpoint_url)
    build(Target.LOCAL, source=REPOSITORY, out=LOCAL_PACKAGES.parent)
    overrides = {
        **LOCAL_OVERRIDES,
        "first_partition_date": first_date,
        "demand_data_types": json.dumps(record_types.split(",")),
    }
    settings = local_settings(endpoint, STACK, overrides=overrides, packages=LOCAL_PACKAGES)
    make_referenced(endpoint, settings)
    provisioned = provision(endpoint, STACK, overrides=overrides, packages=LOCAL_PACKAGES)
    streams = provisioned.outputs["delivery_streams"]
    problems: list[str] = []
    with running_pipeline(endpoint, settings, streams, LOCAL_PACKAGES) as pipeline:
        pipeline.start()
        operator = pipeline.endpoint
        fed = feed(operator.client("kinesis"), settings.stream_name, _records(Path(file)))
        pipeline.drain(lambda: None)
        s3 = operator.client("s3")

        def done() -> bool:
            prefixes = ("data-pipeline/landing/", "data-pipeline/compaction/")
            return not any(
                True for prefix in prefixes for _ in list_keys(s3, settings.bucket_name, prefix)
            )

        schedules = pipeline.schedules(provisioned.outputs["schedule_group"], problems.append)
        schedules.until(done, lambda runs: None)
        problems += [denial.message for denial in pipeline.gate.denials()] + fed.refused
    if problems:
        sys.exit("\n".join(problems))


def _records(file: Path) -> Iterator[StreamRecord]:
    for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], 1):
        try:
            key = json.dumps(json.loads(line)["dynamodb"]["Keys"])
        except (ValueError, KeyError, TypeError):
            key = "broken"
        # As DynamoDB does: changes of one item go the same way, and stay in their order.
        yield StreamRecord(line, hashlib.sha256(key.encode()).hexdigest(), f"line {number}")


if __name__ == "__main__":
    main(*sys.argv[1:])
