"""DynamoDB exports to S3 for tests, in the layout that AWS documents.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Item = Mapping[str, Any]
EXPORT_TIME = datetime(2026, 11, 20, 12, tzinfo=UTC)


def full_line(item: Item) -> bytes:
    """A line of a full export."""
    return _json({"Item": item})


def incremental_line(
    keys: Item, written_micros: int, new: Item | None, old: Item | None = None
) -> bytes:
    """A line of an incremental export with both images."""
    line: dict[str, Any] = {
        "Metadata": {"WriteTimestampMicros": {"N": str(written_micros)}},
        "Keys": keys,
    }
    if new is not None:
        line["NewImage"] = new
    if old is not None:
        line["OldImage"] = old
    return _json(line)


@dataclass
class ExportBuilder:
    """An export: its data files as lists of lines, and what its manifests say."""

    files: Mapping[str, Sequence[bytes]]
    table_name: str = "t"
    export_id: str = "01695353076000-a1b2c3d4"
    until: datetime = EXPORT_TIME
    since: datetime | None = None
    prefix: str = "exports/"
    checksum: str = ".md5"
    shared_data: bool = False
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The key prefix of the export."""
        return f"{self.prefix}AWSDynamoDB/{self.export_id}/"

    def data_key(self, name: str) -> str:
        """The key of a data file."""
        folder = f"{self.prefix}AWSDynamoDB/" if self.shared_data else self.folder
        return f"{folder}data/{name}.json.gz"

    def objects(self) -> dict[str, bytes]:
        """The export's objects by key."""
        data = {name: gzip.compress(_lines(lines), mtime=0) for name, lines in self.files.items()}
        listed = [
            {
                "itemCount": len(self.files[name]),
                "md5Checksum": _md5(body),
                "etag": f"{hashlib.md5(body).hexdigest()}-1",
                "dataFileS3Key": self.data_key(name),
            }
            for name, body in data.items()
        ]
        manifests = {
            "manifest-summary": _json(self._summary() | self.summary),
            "manifest-files": _lines(map(_json, listed)),
        }
        found = {f"{self.folder}_started": b""}
        for name, content in manifests.items():
            found[f"{self.folder}{name}.json"] = content
            found[f"{self.folder}{name}{self.checksum}"] = _md5(content).encode()
        return found | {self.data_key(name): body for name, body in data.items()}

    def write(self, root: Path) -> Path:
        """Write the export below a folder; return the export's own folder."""
        for key, body in self.objects().items():
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return root / self.folder

    def _summary(self) -> dict[str, Any]:
        arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/{self.table_name}"
        window: dict[str, Any] = {"exportTime": _time(self.until), "exportType": "FULL_EXPORT"}
        if self.since is not None:
            window = {
                "exportFromTime": _time(self.since),
                "exportToTime": _time(self.until),
                "exportType": "INCREMENTAL_EXPORT",
                "outputView": "NEW_AND_OLD_IMAGES",
            }
        return {
            "version": "2020-06-30" if self.since is None else "2023-08-01",
            "exportArn": f"{arn}/export/{self.export_id}",
            "startTime": _time(self.until),
            "endTime": _time(self.until + timedelta(minutes=5)),
            "tableArn": arn,
            "tableId": "12345a12-abcd-123a-ab12-1234abc12345",
            **window,
            "s3Bucket": "exports",
            "s3Prefix": self.prefix.rstrip("/") or None,
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": f"{self.folder}manifest-files.json",
            "billedSizeBytes": sum(len(each) for lines in self.files.values() for each in lines),
            "itemCount": sum(map(len, self.files.values())),
            "outputFormat": "DYNAMODB_JSON",
        }


def spread(lines: Iterable[bytes], count: int) -> dict[str, list[bytes]]:
    """Lines in so many data files, as DynamoDB spreads items; the last file is empty."""
    files: dict[str, list[bytes]] = {name: [] for name in _names(count)}
    names = list(files)
    for number, line in enumerate(lines):
        files[names[number % max(count - 1, 1)]].append(line)
    return files


def _names(count: int) -> Iterator[str]:
    for number in range(count):
        yield hashlib.sha256(str(number).encode()).hexdigest()[:26]


def _lines(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def _time(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
