"""Exporting a run's bucket and Glue catalog to a folder, which ``dmd sql`` reads."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.errors import CommandError
from console.storage import writing

CATALOG_FILE = "catalog.json"


class ExportError(CommandError):
    """The bucket or the catalog cannot be written as a folder."""


def check_empty(directory: Path) -> None:
    """Raise `ExportError` unless a folder is new or empty: files of two runs must not mix."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ExportError(f"{directory} is not an empty folder: name a new or an empty one")


def export_catalog(glue: Any, bucket: str, databases_prefix: str = "") -> dict[str, Any]:
    """Return Glue databases and their tables as the API returns them, ready for JSON.

    Parameters
    ----------
    glue
        A boto3 client of Glue.
    bucket
        The bucket of the tables.
    databases_prefix
        The beginning of the databases' names, because an endpoint may also have other stacks.
    """
    databases: list[Any] = []
    for page in glue.get_paginator("get_databases").paginate():
        databases += [
            each for each in page["DatabaseList"] if each["Name"].startswith(databases_prefix)
        ]
    tables: list[Any] = []
    for database in databases:
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=database["Name"]):
            tables += page["TableList"]
    return as_json({"bucket": bucket, "databases": databases, "tables": tables})


def as_json(catalog: dict[str, Any]) -> dict[str, Any]:
    """Return answers of the Glue API with JSON's own values only."""
    written: dict[str, Any] = json.loads(json.dumps(catalog, default=_json_text))
    return written


def export_objects(
    s3: Any, bucket: str, directory: Path, progress: Callable[[int, int], None] | None = None
) -> int:
    """Copy every object of the bucket to ``directory`` under its key; return how many.

    Parameters
    ----------
    s3
        A boto3 client of S3.
    progress
        Called with the number of objects copied so far, and of all.

    Raises
    ------
    ExportError
        A key would be outside the folder, or would be both a file and a folder.
    CannotWriteError
        The folder cannot be written; the disk may be full.
    """
    root = directory.resolve()
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [listed["Key"] for page in pages for listed in page.get("Contents", [])]
    for count, key in enumerate(keys, 1):
        path = _path(root, key)
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        with writing(path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise ExportError(
                    f"the key {key!r} cannot be a file: another key needs it as a folder"
                ) from error
        if progress is not None:
            progress(count, len(keys))
    return len(keys)


def write_export(
    glue: Any,
    s3: Any,
    bucket: str,
    directory: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    databases_prefix: str = "",
) -> int:
    """Write the bucket's objects and ``catalog.json``; return the number of objects.

    The catalog is written last, so that a folder with a catalog is complete.
    """
    count = export_objects(s3, bucket, directory, progress)
    catalog = export_catalog(glue, bucket, databases_prefix)
    text = json.dumps(catalog, indent=1, ensure_ascii=False)
    path = directory / CATALOG_FILE
    with writing(path):
        path.write_text(text, encoding="utf-8")
    return count


def copy_export(
    source: Path, target: Path, progress: Callable[[int, int], None] | None = None
) -> None:
    """Copy an export's files into another folder, the catalog last.

    Parameters
    ----------
    progress
        Called with the number of files copied so far, and of all.

    Raises
    ------
    CannotWriteError
        The other folder cannot be written; the disk may be full.
    """
    files = sorted(
        (each.relative_to(source) for each in source.rglob("*") if each.is_file()),
        key=lambda each: (each == Path(CATALOG_FILE), each),
    )
    for count, file in enumerate(files, 1):
        path = target / file
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file, path)
        if progress is not None:
            progress(count, len(files))


def _path(root: Path, key: str) -> Path:
    parts = key.split("/")
    if key.endswith("/") or not all(parts) or {".", ".."} & set(parts) or "\0" in key:
        raise ExportError(f"the key {key!r} cannot be a file's path; the bucket is not exported")
    path = root.joinpath(*parts)
    if not path.resolve().is_relative_to(root):
        raise ExportError(f"the key {key!r} is outside {root}; the bucket is not exported")
    return path


def _json_text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"the Glue API returned a {type(value).__name__}, which JSON does not have")
