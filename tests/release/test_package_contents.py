"""The real packages: each holds all that its function imports, and nothing more."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.sources import SHARED
from release import package
from release.wheels import Target
from testing.writer_environment import WRITER_ENVIRONMENT

ROOT = Path(package.__file__).resolve().parents[1]

# e_machine of the ELF header, bytes 18 and 19: the System V ABI's EM_AARCH64.
_AARCH64 = (183).to_bytes(2, "little")

# Imports a function's handler where there is nothing but the standard library and the package,
# and tells which of the package's files that has imported.
_IMPORT = """
import importlib, json, os, sys
root, module = sys.argv[1:]
os.environ.clear()
os.environ.update(json.load(sys.stdin))
sys.path.insert(0, root)
importlib.import_module(module)
files = {getattr(each, "__file__", None) or "" for each in list(sys.modules.values())}
print(json.dumps(sorted(os.path.relpath(each, root) for each in files if each.startswith(root))))
"""

# Loads the writer, does with S3 what the writer does, and tells which files of botocore's data
# that has opened.
_USE_S3 = """
import importlib, json, os, sys
root = sys.argv[1]
os.environ.clear()
os.environ.update(json.load(sys.stdin))
opened = set()
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.realpath(arguments[0])
        if path.startswith(os.path.join(root, "botocore", "data")) and os.path.isfile(path):
            opened.add(os.path.relpath(path, root))
sys.addaudithook(note)
sys.path.insert(0, root)
importlib.import_module("avro_writer.handler")
import botocore.session
from botocore.config import Config
session = botocore.session.get_session()
session.set_credentials("test", "test")
client = session.create_client("s3", config=Config(retries={"mode": "standard"}))
client.get_paginator("list_objects_v2")
client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
print(json.dumps(sorted(opened)))
"""

_ENVIRONMENT = {
    "RECORD_TYPE": "demand",
    "TYPE_ATTRIBUTE": "type",
    **WRITER_ENVIRONMENT,
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="session", params=package.FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    """Give each function's name in turn."""
    return str(request.param)


def built(target: Target, function: str) -> package.Package:
    """Return the package of a function, built if it is not there already."""
    packages = package.build(target, source=ROOT, out=ROOT / "build" / "lambda")
    return next(each for each in packages if each.function == function)


def extract(zipped: Path, folder: Path) -> Path:
    """Unpack a package into ``folder``."""
    with zipfile.ZipFile(zipped) as opened:
        opened.extractall(folder)
    return folder.resolve()


def in_isolation(script: str, *arguments: str) -> list[str]:
    """Run a script with the standard library alone; return the list that it prints."""
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script, *arguments],
        input=json.dumps(_ENVIRONMENT),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ImportError(result.stderr.strip().splitlines()[-1])
    answer: list[str] = json.loads(result.stdout)
    return answer


def top_level_names(folder: Path) -> list[str]:
    """Return what an import statement could name in an unpacked package."""
    return sorted(each.name.removesuffix(".py") for each in folder.iterdir())


def imported_files(folder: Path, function: str) -> list[str]:
    """Return the files of an unpacked package that importing the function's handler imports."""
    return in_isolation(_IMPORT, str(folder), f"{function}.handler")


def top_of(files: list[str]) -> list[str]:
    """Return the same as names at the top of the package."""
    return sorted({each.partition("/")[0].removesuffix(".py") for each in files})


@pytest.fixture(scope="session")
def unpacked(function: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a function's unpacked package, which stays as it is."""
    return extract(built(Target.LOCAL, function).path, tmp_path_factory.mktemp(function))


@pytest.fixture(scope="session")
def imported(function: str, unpacked: Path) -> list[str]:
    """Give the files of the package that importing the function's handler imports."""
    return imported_files(unpacked, function)


def test_the_handler_imports_everything_at_the_top_of_its_package_and_nothing_else(
    unpacked: Path, imported: list[str]
) -> None:
    assert top_of(imported) == top_level_names(unpacked)


def test_a_package_has_no_module_of_ours_that_its_function_does_not_import(
    function: str, unpacked: Path, imported: list[str]
) -> None:
    ours = {
        str(each.relative_to(unpacked))
        for name in (function, *SHARED)
        for each in (unpacked / name).rglob("*.py")
    }
    assert ours
    assert ours <= set(imported)


def test_that_check_finds_what_is_missing_and_what_is_too_much(
    function: str, tmp_path: Path
) -> None:
    folder = extract(built(Target.LOCAL, function).path, tmp_path)
    (folder / "stranger.py").write_text("")
    found = top_of(imported_files(folder, function))
    assert set(top_level_names(folder)) - set(found) == {"stranger"}

    (folder / "msgspec").rename(tmp_path.parent / f"{tmp_path.name}-msgspec")
    with pytest.raises(ImportError, match="msgspec"):
        imported_files(folder, function)


def test_the_writer_has_exactly_the_service_data_that_s3_needs(tmp_path: Path) -> None:
    folder = extract(built(Target.LOCAL, "avro_writer").path, tmp_path)
    data = (folder / "botocore" / "data").rglob("*")
    packaged = sorted(str(each.relative_to(folder)) for each in data if each.is_file())
    assert in_isolation(_USE_S3, str(folder)) == packaged


def test_what_is_compiled_is_compiled_for_lambdas_processor_and_python(function: str) -> None:
    with zipfile.ZipFile(built(Target.ARM64, function).path) as opened:
        compiled = [name for name in opened.namelist() if name.endswith(".so")]
        machines = {opened.read(name)[18:20] for name in compiled}
    assert machines == {_AARCH64}
    assert all(".cpython-313-aarch64-linux-gnu.so" in name for name in compiled)


def test_both_targets_have_the_same_files_but_for_what_is_compiled(function: str) -> None:
    def sums(target: Target) -> dict[str, int]:
        with zipfile.ZipFile(built(target, function).path) as opened:
            return {entry.filename: entry.CRC for entry in opened.infolist()}

    here, there = sums(Target.LOCAL), sums(Target.ARM64)
    own = tuple(f"{name}/" for name in (function, *SHARED))
    assert {each for each in here if each.startswith(own)} == {
        each for each in there if each.startswith(own)
    }
    # What Python itself has from 3.14 on is in a package for an earlier one alone.
    assert all(here[each] == there[each] for each in here.keys() & there.keys())
