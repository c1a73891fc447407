"""What an export says of itself: its manifests, checked before anything is done with them.

See docs/aws-contracts.md#dynamodb-exports.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from ops.backfill.errors import ExportError

SUMMARY, FILES = "manifest-summary.json", "manifest-files.json"
STARTED = "_started"
CHECKSUM_EXTENSIONS = (".checksum", ".md5")
"""Extensions of a manifest's checksum file. AWS documents the first; exports have the second."""

EXPORTS_FOLDER = "AWSDynamoDB"

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATA_FILE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/(?P<name>[A-Za-z0-9_-]+)\.json\.gz")
_TABLE_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:[^:]+:[0-9]+:table/(?P<name>[A-Za-z0-9_.-]+)")
_EXPORT_ARN = re.compile(_TABLE_ARN.pattern + r"/export/(?P<id>[A-Za-z0-9-]+)")


class _Summary(msgspec.Struct):
    exportArn: str  # noqa: N815
    tableArn: str  # noqa: N815
    itemCount: int  # noqa: N815
    outputFormat: str  # noqa: N815
    exportTime: str | None = None  # noqa: N815
    exportType: str = "FULL_EXPORT"  # noqa: N815
    exportFromTime: str | None = None  # noqa: N815
    exportToTime: str | None = None  # noqa: N815
    outputView: str | None = None  # noqa: N815


class _File(msgspec.Struct):
    itemCount: int  # noqa: N815
    md5Checksum: str  # noqa: N815
    dataFileS3Key: str  # noqa: N815


@dataclass(frozen=True)
class DataFile:
    """A data file of an export.

    Parameters
    ----------
    name
        Its name without folder and extension, which no other file of the export has.
    path
        Where it is, relative to the folder ``AWSDynamoDB``.
    items
        Number of its lines.
    md5
        MD5 digest of its bytes as they are stored.
    """

    name: str
    path: str
    items: int
    md5: bytes


@dataclass(frozen=True)
class Export:
    """An export, as its manifests describe it.

    Parameters
    ----------
    id
        DynamoDB's identifier of the export.
    table_name
        The table that was exported.
    since
        Beginning of the window of an incremental export; None for a full export.
    until
        The time of a full export, or the end of an incremental export's window. Aware.
    files
        The data files, in the manifest's order.
    """

    id: str
    table_name: str
    since: datetime | None
    until: datetime
    files: tuple[DataFile, ...]

    @property
    def incremental(self) -> bool:
        """Whether it has the changes of a window, and not all items."""
        return self.since is not None

    @property
    def items(self) -> int:
        """Number of items in all data files."""
        return sum(each.items for each in self.files)


def read_export(summary: bytes, files: bytes, where: str) -> Export:
    """Return the export that two manifests describe.

    Parameters
    ----------
    summary, files
        The content of ``manifest-summary.json`` and ``manifest-files.json``.
    where
        The export's location, for errors.

    Raises
    ------
    ExportError
        A manifest is not as AWS documents it, the two contradict each other, or the export has a
        form that cannot be used.
    """
    said = _decoded(_Summary, summary, where, SUMMARY)
    export, table = _EXPORT_ARN.fullmatch(said.exportArn), _TABLE_ARN.fullmatch(said.tableArn)
    if export is None or table is None or export["name"] != table["name"]:
        raise ExportError(
            f"{SUMMARY} of {where} names no table and export of it ({said.tableArn!r}, "
            f"{said.exportArn!r}): it was not written by DynamoDB, so export the table again"
        )
    if said.outputFormat != "DYNAMODB_JSON":
        raise ExportError(
            f"the export {export['id']} has the format {said.outputFormat}: export the table again "
            "with --export-format DYNAMODB_JSON"
        )
    since, until = _window(said, where)
    found = tuple(_data_files(files, where))
    if len({each.name for each in found}) < len(found):
        raise ExportError(f"{FILES} of {where} names a data file twice: export the table again")
    result = Export(export["id"], table["name"], since, until, found)
    if result.items != said.itemCount:
        raise ExportError(
            f"the manifests of {where} contradict each other: {SUMMARY} has {said.itemCount:,} "
            f"items, and the files of {FILES} have {result.items:,}. Copy the export again, or "
            "export the table again"
        )
    return result


def check_manifest(content: bytes, checksum: bytes, name: str, where: str) -> None:
    """Compare a manifest with its checksum file, which has its MD5 digest.

    Parameters
    ----------
    content, checksum
        The manifest, and the content of its checksum file.
    name, where
        The manifest's name and the export's location, for errors.

    Raises
    ------
    ExportError
        They do not agree.
    """
    digest = hashlib.md5(content, usedforsecurity=False)
    said = checksum.strip()
    if said not in (base64.b64encode(digest.digest()), digest.hexdigest().encode()):
        raise ExportError(
            f"{name} of {where} does not agree with its checksum file: it was changed or cut off. "
            "Copy the export again, or export the table again"
        )


def micros(when: datetime) -> int:
    """Return an aware time in microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def _window(said: _Summary, where: str) -> tuple[datetime | None, datetime]:
    if said.exportType == "FULL_EXPORT":
        return None, _time(said.exportTime, "exportTime", where)
    if said.exportType != "INCREMENTAL_EXPORT":
        raise ExportError(f"{where} is an export of type {said.exportType!r}, which is unknown")
    if said.outputView != "NEW_AND_OLD_IMAGES":
        raise ExportError(
            f"the incremental export {where} has the view {said.outputView}: without the old "
            "image, the row of a removed item has no record type. Export the window again with "
            "ExportViewType=NEW_AND_OLD_IMAGES"
        )
    since = _time(said.exportFromTime, "exportFromTime", where)
    until = _time(said.exportToTime, "exportToTime", where)
    if since >= until:
        raise ExportError(f"the window of {where} ends before it begins: export it again")
    return since, until


def _time(text: str | None, name: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ExportError(
            f"{SUMMARY} of {where} has {text!r} as {name}, which is not a time: export the table "
            "again"
        ) from None


def _data_files(content: bytes, where: str) -> list[DataFile]:
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        said = _decoded(_File, line, where, f"line {number} of {FILES}")
        path = said.dataFileS3Key.rpartition(f"{EXPORTS_FOLDER}/")[2]
        match = _DATA_FILE.fullmatch(path)
        if match is None or ".." in path.split("/"):
            raise ExportError(
                f"line {number} of {FILES} of {where} names {said.dataFileS3Key!r}, which is no "
                "data file of an export: export the table again"
            )
        try:
            md5 = base64.b64decode(said.md5Checksum, validate=True)
        except binascii.Error:
            md5 = b""
        if len(md5) != hashlib.md5(usedforsecurity=False).digest_size or said.itemCount < 0:
            raise ExportError(
                f"line {number} of {FILES} of {where} has no MD5 digest or no count: copy the "
                "export again, or export the table again"
            )
        found.append(DataFile(match["name"], path, said.itemCount, md5))
    return found


def _decoded(kind: type[_T], content: bytes, where: str, name: str) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExportError(
            f"{name} of {where} is not as DynamoDB writes it ({error}): copy the export again, or "
            "export the table again"
        ) from None
