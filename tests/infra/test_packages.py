"""Functions are deployed from packages of this very tree, or not at all."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.packages import PackageMissingError, PackageOutOfDateError, Packages, find_packages
from infra.stack_config import settings_of, stack_config


def find(folder: Path) -> Packages:
    return find_packages(
        settings_of("dev1", stack_config("dev1", {"package_directory": str(folder)}))
    )


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the files in a package: ``change`` gets them by name."""
    with zipfile.ZipFile(path) as package:
        files = {name: package.read(name) for name in package.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)


def test_what_was_built_from_this_tree_is_taken(packages: Path) -> None:
    found = find(packages)
    assert found.transform.path == str(packages / "transform.zip")
    assert found.avro_writer.path == str(packages / "avro_writer.zip")
    assert found.transform.sha256 != found.avro_writer.sha256


def test_what_is_third_party_says_nothing_of_the_tree(packages: Path, tmp_path: Path) -> None:
    shutil.copytree(packages, tmp_path, dirs_exist_ok=True)
    rewritten(tmp_path / "transform.zip", lambda files: files.update({"msgspec/x.py": b""}))
    find(tmp_path)


STALE = {
    "a new column": (
        "transform",
        lambda files: files.update({"schemas/sale.json": b"{}"}),
        "schemas/sale.json is different",
    ),
    "a new type": (
        "avro_writer",
        lambda files: files.pop("schemas/sale.json"),
        "schemas/sale.json is missing",
    ),
    "a type that went": (
        "avro_writer",
        lambda files: files.update({"schemas/refund.json": b"{}"}),
        "schemas/refund.json is not in the tree",
    ),
    "other code": (
        "transform",
        lambda files: files.update({"transform/handler.py": b""}),
        "transform/handler.py is different",
    ),
    "other code of what both share": (
        "avro_writer",
        lambda files: files.update({"telemetry/__init__.py": b"X = 1"}),
        "telemetry/__init__.py is different",
    ),
}


@pytest.mark.parametrize(("function", "change", "says"), STALE.values(), ids=STALE)
def test_what_was_built_from_another_tree_is_refused(
    packages: Path,
    tmp_path: Path,
    function: str,
    change: Callable[[dict[str, bytes]], object],
    says: str,
) -> None:
    shutil.copytree(packages, tmp_path, dirs_exist_ok=True)
    rewritten(tmp_path / f"{function}.zip", change)
    with pytest.raises(PackageOutOfDateError) as refused:
        find(tmp_path)
    assert str(refused.value).splitlines() == [
        "1 of the functions' packages were not built from this tree",
        f"  - {tmp_path / function}.zip: {says}",
        "Run `make package`.",
    ]


def test_of_many_differences_the_first_are_named(packages: Path, tmp_path: Path) -> None:
    shutil.copytree(packages, tmp_path, dirs_exist_ok=True)
    rewritten(tmp_path / "transform.zip", lambda files: files.clear())
    with pytest.raises(PackageOutOfDateError, match=r"is missing and \d+ more") as refused:
        find(tmp_path)
    assert str(refused.value).count("is missing") == 3


def test_what_is_no_zip_is_refused(packages: Path, tmp_path: Path) -> None:
    shutil.copytree(packages, tmp_path, dirs_exist_ok=True)
    (tmp_path / "transform.zip").write_bytes(b"half of a")
    with pytest.raises(PackageOutOfDateError, match=r"transform\.zip: it is not a zip file"):
        find(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageMissingError, match=r"no transform\.zip and no avro_writer\.zip"):
        find(tmp_path)
