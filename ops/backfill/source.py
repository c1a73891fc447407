"""Where an export's objects are: a bucket, or a folder with the same layout."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from avro_writer.store import Missing, Refused, Store
from ops.backfill.errors import DataFileError, ExportError
from ops.backfill.manifest import (
    CHECKSUM_EXTENSIONS,
    EXPORTS_FOLDER,
    FILES,
    STARTED,
    SUMMARY,
    DataFile,
    Export,
    check_manifest,
    read_export,
)

_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]+)/(?P<key>.*)")


class Folder(Protocol):
    """Objects below one prefix or folder. Paths are relative to it, and may begin with ``..``."""

    where: str

    def find(self, path: str) -> bytes | None:
        """Return an object's bytes, or None if there is none."""

    def open(self, path: str) -> BinaryIO | None:
        """Return an object to read, or None if there is none."""

    def folders(self) -> list[str]:
        """Return the names of the folders directly below."""


class LocalFolder:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path

    def find(self, path: str) -> bytes | None:
        try:
            return (self._path / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, path: str) -> BinaryIO | None:
        try:
            return (self._path / path).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def folders(self) -> list[str]:
        return sorted(each.name for each in self._path.iterdir() if each.is_dir())


class BucketFolder:
    """A prefix of a bucket.

    Parameters
    ----------
    store
        The bucket.
    bucket
        Its name.
    prefix
        A key prefix without slashes at its ends.
    """

    def __init__(self, store: Store, bucket: str, prefix: str) -> None:
        self.where = f"s3://{bucket}/{prefix}"
        self._store = store
        self._prefix = prefix

    def find(self, path: str) -> bytes | None:
        found = self._store.find(self._key(path))
        return found[0] if found else None

    def open(self, path: str) -> BinaryIO | None:
        key = self._key(path)
        for each in self._store.objects(key):
            if each.key != key:
                break
            try:
                return self._store.read(key, each.etag)
            except Missing:
                break
            except Refused as error:
                raise DataFileError(
                    f"S3 does not give {error}: restore it, or correct its permissions"
                ) from error
        return None

    def folders(self) -> list[str]:
        return self._store.folders(f"{self._prefix}/" if self._prefix else "")

    def _key(self, path: str) -> str:
        folder = self._prefix.split("/") if self._prefix else []
        while path.startswith("../"):
            folder, path = folder[:-1], path.removeprefix("../")
        return "/".join([*folder, path])


def folder_of(source: str, bucket_store: Callable[[str], Store]) -> Folder:
    """Return the folder of an export.

    Parameters
    ----------
    source
        ``s3://bucket/prefix/AWSDynamoDB/<ExportId>/`` or a folder with the same content, or the
        ``manifest-summary.json`` in one of the two.
    bucket_store
        Returns a bucket, from its name.

    Raises
    ------
    ExportError
        There is no such folder.
    """
    if source.startswith("s3:"):
        match = _URL.fullmatch(source)
        if match is None:
            raise ExportError(
                f"{source} is not the URL of an export: use "
                f"s3://BUCKET/PREFIX/{EXPORTS_FOLDER}/EXPORT_ID/"
            )
        prefix = match["key"].strip("/").removesuffix(SUMMARY).rstrip("/")
        return BucketFolder(bucket_store(match["bucket"]), match["bucket"], prefix)
    path = Path(source)
    folder = path.parent if path.name == SUMMARY else path
    if not folder.is_dir():
        raise ExportError(f"there is no folder {folder}: name the folder of an export, or its URL")
    return LocalFolder(folder.resolve())


def open_export(folder: Folder) -> Export:
    """Return the export in a folder, with its manifests checked.

    Raises
    ------
    ExportError
        There is no export, it is not complete, or its manifests are wrong.
    """
    summary = _manifest(folder, SUMMARY)
    if summary is None:
        raise ExportError(_no_summary(folder))
    files = _manifest(folder, FILES)
    if files is None:
        raise ExportError(
            f"{folder.where} has no {FILES}: only a part of the export was copied. Copy it again"
        )
    return read_export(summary, files, folder.where)


def open_data_file(folder: Folder, export: Export, file: DataFile) -> BinaryIO:
    """Return the bytes of a data file, to read.

    Raises
    ------
    DataFileError
        There is no such file, or S3 does not give it.
    """
    first, _, rest = file.path.partition("/")
    # Exports may share one folder for their data, beside the folders of the exports.
    path = rest if first == export.id else f"../{file.path}"
    found = folder.open(path)
    if found is None:
        raise DataFileError("the file is missing: copy it again, or export the table again")
    return found


def _manifest(folder: Folder, name: str) -> bytes | None:
    content = folder.find(name)
    if content is None:
        return None
    for extension in CHECKSUM_EXTENSIONS:
        checksum = folder.find(name.removesuffix(".json") + extension)
        if checksum is not None:
            check_manifest(content, checksum, name, folder.where)
            return content
    raise ExportError(
        f"{folder.where} has no checksum file of {name}: only a part of the export was copied. "
        "Copy it again"
    )


def _no_summary(folder: Folder) -> str:
    if folder.find(STARTED) is not None:
        return (
            f"the export {folder.where} is not complete: it has begun, and has no {SUMMARY}. Wait "
            "until `aws dynamodb describe-export` says COMPLETED; if it says FAILED, export again"
        )
    below = folder.folders()
    if EXPORTS_FOLDER in below:
        return f"{folder.where} is not an export: name one of the folders in {EXPORTS_FOLDER}/"
    exports = [each for each in below if re.fullmatch(r"[0-9]+-[0-9a-f]+", each)]
    if exports:
        return f"{folder.where} is not an export: name one of its folders {', '.join(exports)}"
    return f"there is no export at {folder.where}: it has no {SUMMARY}"
