"""The third-party part of a package: wheels that fit where it runs, without unused files."""

from __future__ import annotations

import errno
import fnmatch
import importlib.metadata
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, cast

from packaging.markers import default_environment
from packaging.requirements import Requirement

from console.errors import CannotWriteError
from console.storage import TEMPORARY_REMEDY, writing
from infra.runtime import ARCHITECTURE, PYTHON_VERSION
from release.errors import PackagingError


class Target(StrEnum):
    """Where a package runs."""

    ARM64 = ARCHITECTURE
    """AWS Lambda, with its own Python and architecture. Any machine can build for it."""
    LOCAL = "local"
    """This machine, with the interpreter that builds."""


@dataclass(frozen=True)
class Rule:
    """A pattern on the paths of wheels' files, and why these files are kept or left out."""

    pattern: str
    reason: str


KEPT: Final = (
    Rule("botocore/data/endpoints.json", "regions and host names"),
    Rule("botocore/data/partitions.json", "partitions, for the endpoint rules"),
    Rule("botocore/data/sdk-default-configuration.json", "defaults by configuration mode"),
    Rule("botocore/data/s3/*/endpoint-rule-set-1.json*", "S3: where a bucket is"),
    Rule("botocore/data/s3/*/paginators-1*.json*", "S3: listings of more than a page"),
    Rule("botocore/data/s3/*/service-2*.json*", "S3: the operations and their shapes"),
)
"""Files that are packaged although a rule of `LEFT_OUT` matches them."""

LEFT_OUT: Final = (
    Rule("botocore/data/*", "400 services that the functions do not call"),
    Rule("backports/zstd/_cffi/*", "the backend for PyPy; CPython uses a compiled one"),
    Rule("backports/zstd/tarfile.py", "archives; the writer only compresses blocks"),
    Rule("backports/zstd/zipfile/*", "archives; the writer only compresses blocks"),
    Rule(
        "dateutil/zoneinfo/dateutil-zoneinfo.tar.gz", "time zones by name; AWS answers in UTC only"
    ),
    Rule("bin/*", "console scripts"),
    Rule("*.dist-info/*", "the installer's records; no function reads a distribution's version"),
    Rule("*/tests/*", "tests"),
    Rule("*/__pycache__/*", "byte code for the interpreter that builds"),
    Rule("*.pyi", "for type checkers"),
    Rule("*/py.typed", "for type checkers"),
    Rule("*.c", "sources of compiled modules"),
    Rule("*.h", "sources of compiled modules"),
    Rule("*.pxd", "sources of compiled modules"),
    Rule("*.pyx", "sources of compiled modules"),
)
"""Files of the wheels that the functions never use. All other files are packaged."""

# Amazon Linux 2023 has glibc 2.34: it loads wheels built for glibc 2.17 (manylinux2014) or later.
_MANYLINUX: Final = (
    *(f"manylinux_2_{minor}_aarch64" for minor in range(34, 16, -1)),
    "manylinux2014_aarch64",
)


# https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
_LAMBDA_ENVIRONMENT: Final = {
    "implementation_name": "cpython",
    "implementation_version": f"{PYTHON_VERSION}.0",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON_VERSION}.0",
    "python_version": PYTHON_VERSION,
    "sys_platform": "linux",
}


def is_wanted(path: str) -> bool:
    """Whether a wheel's file, given by its path in the package, is packaged."""
    if any(fnmatch.fnmatchcase(path, rule.pattern) for rule in KEPT):
        return True
    return not any(fnmatch.fnmatchcase(path, rule.pattern) for rule in LEFT_OUT)


def identity(target: Target) -> str:
    """Return the properties of interpreter and machine that decide which wheels fit."""
    if target is Target.LOCAL:
        return f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
    return f"cp{PYTHON_VERSION} {' '.join(_MANYLINUX)}"


def install(target: Target, *, lock: Path, into: Path) -> dict[str, str]:
    """Install the wheels of a function's lock into the folder ``into``.

    Nothing is compiled, and no file is taken whose SHA-256 is not in the lock.

    Parameters
    ----------
    lock
        A requirements file that names each distribution, its version and the SHA-256 of each of
        its files, as `make lock` writes it.

    Returns
    -------
    dict
        Version by name of each distribution installed.

    Raises
    ------
    PackagingError
        No wheel fits the target, a wheel is not the one that the lock names, or there is no pip.
    CannotWriteError
        The disk is full.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        text = applicable(lock.read_text(encoding="utf-8"), target)
        with writing(wanted, TEMPORARY_REMEDY):
            wanted.write_text(text, encoding="utf-8")
        command = [
            *(sys.executable, "-m", "pip", "install"),
            *("--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"),
            # The lock is complete. pip would look for dependencies by the markers of the
            # interpreter that it runs on, and warn of what that interpreter has installed.
            *("--no-deps", "--no-warn-conflicts"),
            *("--require-hashes", "--only-binary=:all:", "--target", str(into)),
            *("--requirement", str(wanted)),
            *_platform_options(target),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode != 0:
        if (full := os.strerror(errno.ENOSPC)) in result.stderr:
            raise CannotWriteError(f"cannot write to {into}: {full}", TEMPORARY_REMEDY)
        raise PackagingError(_explain(target, lock, result.stderr))
    return {
        distribution.metadata["Name"]: distribution.version
        for distribution in importlib.metadata.distributions(path=[str(into)])
    }


def applicable(lock: str, target: Target) -> str:
    """Return the entries of a lock that hold where the package runs, with their hashes.

    pip judges environment markers (``; python_version < "3.14"``) by the interpreter that it
    runs on, even when it installs for another platform. This function judges them by the target.
    """
    environment = cast("dict[str, str]", default_environment())
    if target is Target.ARM64:
        environment |= _LAMBDA_ENVIRONMENT
    entries = []
    for line in lock.replace("\\\n", " ").splitlines():
        text, *hashes = line.partition("#")[0].split("--hash=")
        if not text.strip():
            continue
        requirement = Requirement(text.strip())
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            options = "".join(f" --hash={each.strip()}" for each in hashes)
            entries.append(f"{requirement}{options}\n")
    return "".join(entries)


def _platform_options(target: Target) -> list[str]:
    if target is Target.LOCAL:
        return []
    abi = f"cp{PYTHON_VERSION.replace('.', '')}"
    options = ["--implementation", "cp", "--python-version", PYTHON_VERSION, "--abi", abi]
    for tag in _MANYLINUX:
        options += ["--platform", tag]
    return options


def _explain(target: Target, lock: Path, stderr: str) -> str:
    if "No module named pip" in stderr:
        return f"{sys.executable} has no pip, which fetches the wheels: run `python -m ensurepip`"
    runs_on = (
        f"Python {platform.python_version()} on this machine"
        if target is Target.LOCAL
        else f"Lambda (CPython {PYTHON_VERSION}, {ARCHITECTURE}, glibc 2.34)"
    )
    said = " ".join(line.strip().removeprefix("ERROR: ") for line in stderr.splitlines())
    return (
        f"cannot install the wheels of {lock.parent.name}/{lock.name} for {runs_on}. "
        f"pip says: {said.strip()} "
        "Check that the package index can be reached. If it has no such wheel, pin a version that "
        "has one with `make lock`."
    )
