"""`make package`: the functions' zips for Lambda, or for this machine.

A package consists of the function's own folder, the folders that both functions share, and the
wheels that the function's lock (its `requirements.txt`) pins. The same tree gives the same bytes,
so that a function is deployed again only when something in it has changed.

    python -m release.package [--target arm64|local] [--out build/lambda] [--force]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from console.errors import CommandError
from console.storage import writing
from infra.sources import SHARED, files_below, own_files
from release import archive, wheels
from release.errors import PackagingError
from release.wheels import Target

FUNCTIONS: Final = ("transform", "avro_writer")
"""The functions. Each name is that of the top-level package, and of the zip."""

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_ZIPPED: Final = 50 * 1024 * 1024
_MAX_UNZIPPED: Final = 250 * 1024 * 1024

_HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Package:
    """A function's deployment package.

    Parameters
    ----------
    function
        Name of the function's top-level package, for example ``transform``.
    path
        The zip.
    size, unzipped_size
        Bytes of the zip, and of the files in it.
    sha256, code_sha256
        Digest of the zip in hexadecimal, and in base64 as Lambda's ``CodeSha256``.
    third_party
        Name and version of each distribution in the zip.
    """

    function: str
    path: Path
    size: int
    unzipped_size: int
    sha256: str
    code_sha256: str
    third_party: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Describe the package in one line."""
        contents = ", ".join(f"{name} {version}" for name, version in self.third_party)
        return (
            f"{self.path}  {self.size:,} bytes ({self.unzipped_size:,} unzipped)  "
            f"sha256 {self.sha256}  {contents or 'nothing third-party'}"
        )


def build(
    target: Target,
    *,
    source: Path,
    out: Path,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Package, ...]:
    """Build the zip of each function at ``out/<target>/<function>.zip``.

    A zip is built again only if something that it is made from has changed.

    Parameters
    ----------
    source
        The repository, with the functions' folders and those that they share.
    force
        Build again even if nothing has changed.
    progress
        Called with a line of text before a package is built.

    Raises
    ------
    PackagingError
        A folder or a wheel is missing, or a package is larger than Lambda allows.
    CannotWriteError
        A package cannot be written; the disk may be full.
    """
    return tuple(
        _build_one(function, target, source, out / target.value, force, progress or _quietly)
        for function in FUNCTIONS
    )


def _quietly(text: str) -> None:
    """Say nothing."""


def _build_one(
    function: str,
    target: Target,
    source: Path,
    folder: Path,
    force: bool,
    progress: Callable[[str], None],
) -> Package:
    path = folder / f"{function}.zip"
    record = folder / f"{function}.package.json"
    own = _own_files(function, source)
    inputs = _digest_of_inputs(function, target, source, own)
    if not force and (known := _read_record(record, inputs, path)):
        return _describe(function, path, known)
    progress(f"packaging {function} for {target}")
    with tempfile.TemporaryDirectory() as temporary:
        into = Path(temporary)
        versions = wheels.install(
            target,
            lock=source / function / "requirements.txt",
            into=into,
        )
        third_party = {
            name: file for name, file in files_below(into, into) if wheels.is_wanted(name)
        }
        unzipped = archive.write_archive(path, {**third_party, **own})
    known = {
        "inputs": inputs,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "unzipped_size": unzipped,
        "third_party": versions,
    }
    package = _describe(function, path, known)
    _refuse_what_lambda_refuses(package)
    with writing(record):
        record.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return package


def _own_files(function: str, source: Path) -> dict[str, Path]:
    for needed in (
        *(f"{name}/__init__.py" for name in (function, *SHARED)),
        f"{function}/requirements.txt",
    ):
        if not (source / needed).is_file():
            raise PackagingError(
                f"{source / needed} is missing: {source} must be the repository's root"
            )
    return own_files(function, source)


def _digest_of_inputs(function: str, target: Target, source: Path, own: dict[str, Path]) -> str:
    """Return a digest of all that decides the bytes of a zip: files, lock, rules of packaging."""
    digest = hashlib.sha256(wheels.identity(target).encode())
    named = {
        **own,
        f"{function}/requirements.txt": source / function / "requirements.txt",
        **{f"rules/{file.name}": file for file in sorted(_HERE.glob("*.py"))},
    }
    for name in sorted(named):
        content = hashlib.sha256(named[name].read_bytes()).hexdigest()
        digest.update(f"\n{name} {content}".encode())
    return digest.hexdigest()


def _read_record(record: Path, inputs: str, path: Path) -> dict[str, Any] | None:
    """Return the record of the zip at ``path``, if the zip is whole and made from ``inputs``."""
    try:
        known: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None
    return known if known.get("inputs") == inputs and known.get("sha256") == digest else None


def _describe(function: str, path: Path, known: dict[str, Any]) -> Package:
    sha256 = str(known["sha256"])
    return Package(
        function=function,
        path=path,
        size=path.stat().st_size,
        unzipped_size=int(known["unzipped_size"]),
        sha256=sha256,
        code_sha256=base64.b64encode(bytes.fromhex(sha256)).decode(),
        third_party=tuple(sorted(known["third_party"].items())),
    )


def _refuse_what_lambda_refuses(package: Package) -> None:
    for size, limit, what in (
        (package.size, _MAX_ZIPPED, "zipped"),
        (package.unzipped_size, _MAX_UNZIPPED, "unzipped"),
    ):
        if size > limit:
            package.path.unlink()
            raise PackagingError(
                f"{package.path} has {size:,} bytes {what}, Lambda takes at most {limit:,}. "
                "Leave out what the function does not use: LEFT_OUT in release/wheels.py lists "
                "the files of wheels that are not packaged"
            )


def main(arguments: list[str] | None = None) -> int:
    """Build the packages, print one line about each, and return the exit code."""
    root = _HERE.parent
    parser = argparse.ArgumentParser(prog="python -m release.package", description=__doc__)
    parser.add_argument(
        "--target",
        type=Target,
        choices=list(Target),
        default=Target.ARM64,
        help="arm64 for AWS Lambda (default), local for this machine",
    )
    parser.add_argument("--out", type=Path, default=root / "build" / "lambda")
    parser.add_argument("--force", action="store_true", help="build even if nothing has changed")
    options = parser.parse_args(arguments)
    try:
        packages = build(
            options.target,
            source=root,
            out=options.out,
            force=options.force,
            progress=lambda text: print(text, file=sys.stderr),  # noqa: T201
        )
    except CommandError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for package in packages:
        sys.stdout.write(f"{package}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
