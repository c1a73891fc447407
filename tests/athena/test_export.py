"""An export of a bucket and its catalog is what ``dmd sql`` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from athena.engine import run_query
from athena.export import ExportError, export_catalog, export_objects, write_export
from emulation.endpoint import Endpoint

from .record_trino_answers import load
from .tables import BUCKET, DATABASE


class _Mocked(Endpoint):
    """moto inside this process answers clients that name no endpoint."""

    def client(self, service: str, **_: Any) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with mock_aws():
        mocked = _Mocked("in this process")
        load(mocked)
        yield mocked


def test_an_export_answers_queries(endpoint: Endpoint, tmp_path: Path) -> None:
    seen: list[int] = []
    count = write_export(
        endpoint.client("glue"), endpoint.client("s3"), BUCKET, tmp_path, seen.append
    )
    assert count == len(seen) == len(list(tmp_path.rglob("*.avro")))
    assert run_query(tmp_path, "SELECT count(*) FROM demand_latest").rows == [(4,)]


def test_a_catalog_is_json_with_every_table(endpoint: Endpoint) -> None:
    catalog = export_catalog(endpoint.client("glue"), BUCKET)
    assert json.loads(json.dumps(catalog)) == catalog
    assert catalog["bucket"] == BUCKET
    assert {t["DatabaseName"] for t in catalog["tables"]} == {DATABASE}
    assert len(catalog["tables"]) == 4


@pytest.mark.parametrize("key", ["../out", "a/../../out", "/etc/out", "a//b", "a/./b", "a/"])
def test_a_key_that_leaves_the_folder_is_refused(
    endpoint: Endpoint, tmp_path: Path, key: str
) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="keys")
    s3.put_object(Bucket="keys", Key=key, Body=b"x")
    inside = tmp_path / "inside"
    with pytest.raises(ExportError, match="not exported"):
        export_objects(s3, "keys", inside)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
