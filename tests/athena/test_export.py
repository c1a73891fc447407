"""An export of a bucket and its catalog is what ``dmd sql`` reads."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from athena.engine import run_query
from athena.export import (
    ExportError,
    copy_export,
    export_catalog,
    export_objects,
    write_export,
)
from console.errors import CannotWriteError
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
    seen: list[tuple[int, int]] = []
    count = write_export(
        endpoint.client("glue"),
        endpoint.client("s3"),
        BUCKET,
        tmp_path,
        lambda done, total: seen.append((done, total)),
    )
    assert seen == [(done, count) for done in range(1, count + 1)]
    assert count == len(list(tmp_path.rglob("*.avro")))
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


FULL = Path("/dev/full")


def test_a_full_disk_names_the_object(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(
        CannotWriteError, match=rf"cannot write to {tmp_path}/data-pipeline/.*\.avro: No space"
    ):
        export_objects(endpoint.client("s3"), BUCKET, tmp_path)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_names_the_catalog(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "catalog.json").symlink_to(FULL)
    with pytest.raises(
        CannotWriteError, match=f"cannot write to {tmp_path}/catalog.json: No space left on device"
    ):
        write_export(endpoint.client("glue"), endpoint.client("s3"), BUCKET, tmp_path)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_names_the_copy_and_not_its_source(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "a").write_text("x" * 100_000)
    (target / "a").symlink_to(FULL)
    with pytest.raises(
        CannotWriteError, match=f"cannot write to {target / 'a'}: No space left on device"
    ):
        copy_export(source, target)


def test_a_copy_has_every_file_the_catalog_last(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "data" / "deep").mkdir(parents=True)
    for name in ("catalog.json", "data/deep/a", "data/b", "z"):
        (source / name).write_text(name)
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        assert (target / "catalog.json").exists() == (done == total)
        seen.append((done, total))

    copy_export(source, target, progress)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for name in ("catalog.json", "data/deep/a", "data/b", "z"):
        assert (target / name).read_text() == name
