"""The functions' packages: what is in them, and that the same tree gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from infra.sources import SHARED
from release import archive, package, wheels
from release.errors import PackagingError
from release.wheels import Target
from tests.release.wheel import write_wheel

_LAMBDA_TAG = "cp313-cp313-manylinux2014_aarch64"


@pytest.fixture
def index(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of wheels, the only place where pip looks; the functions' locks name one."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    entry = write_wheel(
        folder,
        "sums",
        "1.2.0",
        "py3-none-any",
        {
            "sums/__init__.py": "TOTAL = 3\n",
            "sums/__init__.pyi": "TOTAL: int\n",
            "sums/py.typed": "",
            "sums/_fast.c": "int total;\n",
            "sums/tests/__init__.py": "",
            "bin/sums": "#!python\n",
        },
    )
    for function in package.FUNCTIONS:
        lock(tree, function).write_text(entry)
    return folder


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare a test that is not about wheels the seconds that pip takes."""

    def install(target: Target, *, lock: Path, into: Path) -> dict[str, str]:
        (into / "sums.py").write_text("TOTAL = 3\n")
        return {"sums": "1.2.0"}

    monkeypatch.setattr(wheels, "install", install)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a source tree like the repository's, with functions of a few lines."""
    root = tmp_path / "tree"
    for folder in (*package.FUNCTIONS, *SHARED):
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").write_text(f'"""{folder}"""\n')
    for function in package.FUNCTIONS:
        (root / function / "handler.py").write_text(f"import {', '.join(SHARED)}, sums\n")
        lock(root, function).write_text("sums==1.2.0\n")
    (root / "schemas" / "demand.json").write_text("{}\n")
    (root / "schemas" / "notes.txt").write_text("for people\n")
    return root


def lock(tree: Path, function: str) -> Path:
    """Return the path of a function's lock."""
    return tree / function / "requirements.txt"


def names(built: package.Package) -> set[str]:
    """Return the names of the files in a package."""
    with zipfile.ZipFile(built.path) as opened:
        return set(opened.namelist())


def test_a_package_holds_the_function_what_it_shares_and_its_wheels(
    tree: Path, index: Path, tmp_path: Path
) -> None:
    transform, writer = package.build(Target.LOCAL, source=tree, out=tmp_path / "out")

    assert names(transform) == {
        "transform/__init__.py",
        "transform/handler.py",
        "environment/__init__.py",
        "schemas/__init__.py",
        "schemas/demand.json",
        "telemetry/__init__.py",
        "sums/__init__.py",
    }
    assert "avro_writer/handler.py" in names(writer)
    assert "transform/handler.py" not in names(writer)
    assert transform.path == tmp_path / "out" / "local" / "transform.zip"
    assert transform.third_party == (("sums", "1.2.0"),)


def test_a_package_is_described_as_lambda_describes_it(
    tree: Path, installed: None, tmp_path: Path
) -> None:
    built, _ = package.build(Target.LOCAL, source=tree, out=tmp_path / "out")
    content = built.path.read_bytes()

    assert built.size == len(content)
    assert built.sha256 == hashlib.sha256(content).hexdigest()
    assert built.code_sha256 == base64.b64encode(hashlib.sha256(content).digest()).decode()
    with zipfile.ZipFile(built.path) as opened:
        assert built.unzipped_size == sum(entry.file_size for entry in opened.infolist())


def test_the_same_tree_gives_the_same_bytes(tree: Path, index: Path, tmp_path: Path) -> None:
    first = package.build(Target.LOCAL, source=tree, out=tmp_path / "first")
    elsewhere = shutil.copytree(tree, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    for file in elsewhere.rglob("*.py"):
        os.utime(file, (1, 1))
        file.chmod(0o600)
    before = os.umask(0o077)
    try:
        second = package.build(Target.LOCAL, source=elsewhere, out=tmp_path / "second")
    finally:
        os.umask(before)

    assert [each.sha256 for each in first] == [each.sha256 for each in second]
    assert [each.path.read_bytes() for each in first] == [each.path.read_bytes() for each in second]


def test_another_tree_gives_other_bytes(tree: Path, installed: None, tmp_path: Path) -> None:
    first = package.build(Target.LOCAL, source=tree, out=tmp_path / "out")
    (tree / "schemas" / "demand.json").write_text("[]\n")
    second = package.build(Target.LOCAL, source=tree, out=tmp_path / "out")
    assert {each.sha256 for each in first}.isdisjoint(each.sha256 for each in second)


def test_every_user_of_lambda_can_read_every_file(
    tree: Path, installed: None, tmp_path: Path
) -> None:
    (tree / "transform" / "handler.py").chmod(0o600)
    built, _ = package.build(Target.LOCAL, source=tree, out=tmp_path / "out")
    with zipfile.ZipFile(built.path) as opened:
        assert {entry.external_attr >> 16 for entry in opened.infolist()} == {0o100644}


def test_nothing_is_built_again_until_an_input_changes(
    tree: Path, installed: None, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def times() -> list[int]:
        built = package.build(Target.LOCAL, source=tree, out=out)
        return [each.path.stat().st_mtime_ns for each in built]

    first = times()
    assert times() == first

    (tree / "transform" / "handler.py").write_text("import sums\n")
    second = times()
    assert second[0] != first[0]
    assert second[1] == first[1]

    package.build(Target.LOCAL, source=tree, out=out, force=True)
    third = times()
    assert third[0] != second[0]
    assert third[1] != second[1]

    (out / "local" / "transform.zip").write_bytes(b"damaged")
    assert times()[0] != third[0]
    assert zipfile.is_zipfile(out / "local" / "transform.zip")


def test_wheels_for_lambda_are_chosen_by_its_platform_and_not_by_this_machine(
    tree: Path, index: Path, tmp_path: Path
) -> None:
    entry = write_wheel(index, "quick", "2.0", _LAMBDA_TAG, {"quick/_core.so": "for Lambda"})
    write_wheel(index, "quick", "2.0", "cp311-cp311-manylinux2014_x86_64", {"quick/_core.so": "no"})
    lock(tree, "transform").write_text(entry)

    built, _ = package.build(Target.ARM64, source=tree, out=tmp_path / "out")

    with zipfile.ZipFile(built.path) as opened:
        assert opened.read("quick/_core.so") == b"for Lambda"
        assert opened.getinfo("quick/_core.so").external_attr >> 16 == 0o100755


def test_a_requirement_holds_by_where_the_package_runs_and_not_by_what_builds_it() -> None:
    text = """
        # for the functions
        msgspec==0.22.0
        old ; python_version < "3.13"  # not any more
        backport ; python_full_version < "3.14"
        windows==1.0 ; sys_platform == "win32"
        arm==3 ; platform_machine == "aarch64" \\
            --hash=sha256:aa \\
            --hash=sha256:bb
            # via msgspec
    """
    assert wheels.applicable(text, Target.ARM64) == (
        "msgspec==0.22.0\nbackport\narm==3 --hash=sha256:aa --hash=sha256:bb\n"
    )
    here = wheels.applicable(
        "here ; python_version == '{}.{}'".format(*sys.version_info), Target.LOCAL
    )
    assert here == "here\n"


def test_a_wheel_that_lambda_cannot_load_is_an_error_that_names_it(
    tree: Path, index: Path, tmp_path: Path
) -> None:
    tag = "cp313-cp313-manylinux2014_x86_64"
    entry = write_wheel(index, "quick", "2.0", tag, {"quick/_core.so": ""})
    lock(tree, "avro_writer").write_text(entry)

    with pytest.raises(PackagingError, match=r"avro_writer/requirements\.txt.*quick"):
        package.build(Target.ARM64, source=tree, out=tmp_path / "out")
    assert not (tmp_path / "out" / "arm64" / "avro_writer.zip").exists()


@pytest.mark.parametrize("target", Target)
def test_a_wheel_that_the_lock_does_not_know_is_refused(
    tree: Path, index: Path, tmp_path: Path, target: Target
) -> None:
    changed = {"sums/__init__.py": "TOTAL = 4\n"}
    write_wheel(index, "sums", "1.2.0", "py3-none-any", changed)

    with pytest.raises(PackagingError, match=r"DO NOT MATCH THE HASHES.*sums==1\.2\.0"):
        package.build(target, source=tree, out=tmp_path / "out")
    assert not (tmp_path / "out" / target / "transform.zip").exists()


@pytest.mark.parametrize("entry", ["sums==1.2.0\n", "sums --hash=sha256:00\n"])
def test_a_requirement_without_a_version_or_a_hash_is_refused(
    tree: Path, index: Path, tmp_path: Path, entry: str
) -> None:
    lock(tree, "transform").write_text(entry)
    with pytest.raises(PackagingError, match=r"transform/requirements\.txt.*sums"):
        package.build(Target.LOCAL, source=tree, out=tmp_path / "out")


def test_a_tree_without_the_functions_is_an_error_that_names_what_is_missing(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "telemetry" / "__init__.py").unlink()
    with pytest.raises(PackagingError, match=r"telemetry/__init__\.py is missing"):
        package.build(Target.LOCAL, source=tree, out=tmp_path / "out")


def test_a_package_above_a_limit_of_lambdas_is_refused(
    tree: Path, installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "_MAX_UNZIPPED", 50)
    with pytest.raises(PackagingError, match=r"bytes unzipped, Lambda takes at most 50"):
        package.build(Target.LOCAL, source=tree, out=tmp_path / "out")
    assert not (tmp_path / "out" / "local" / "transform.zip").exists()


def test_an_archive_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    (tmp_path / "a").write_text("a")
    archive.write_archive(path, {"a": tmp_path / "a"})
    before = path.read_bytes()

    with pytest.raises(FileNotFoundError):
        archive.write_archive(path, {"a": tmp_path / "a", "b": tmp_path / "missing"})

    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "some.zip"]
