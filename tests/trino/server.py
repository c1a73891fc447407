"""A real Trino, the engine that Athena's is built from, over an AWS-compatible endpoint.

Its parts come through Maven with the machine's own settings, and are kept below ``build/``. The
catalog is called as Athena calls Glue's; its properties are those under which Athena's behaviour
with projected partitions and views was seen (docs/aws-contracts.md#seen-on-trino). Athena has one
catalog for tables of every format. Trino has one for each, and sends a query on to the other.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trino
from trino.exceptions import TrinoConnectionError, TrinoQueryError

VERSION = "476"
OLDEST_JAVA = 24
CATALOG = "awsdatacatalog"
ICEBERG_CATALOG = "iceberg"
_PLUGINS = ("hive", "iceberg")
# A folder that lacks a plugin must not be taken for a whole one: its name says what is there.
CACHE = Path(__file__).parents[2] / "build" / "-".join(("trino", VERSION, *_PLUGINS))

_START_SECONDS = 180
_LOG_TAIL = 60
_JAVA_FOLDERS = (
    "/usr/lib/jvm/*/bin/java",
    "/opt/java/*/bin/java",
    "/opt/*jdk*/bin/java",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
)
_JVM_OPTIONS = (
    "-server",
    "-Xmx2G",
    "-XX:+UseSerialGC",
    # Queries of a second each: they are over before a better compiler would have helped.
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=256M",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dfile.encoding=UTF-8",
    "-Duser.timezone=UTC",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "--add-modules=jdk.incubator.vector",
)


class TrinoMissing(Exception):
    """This machine cannot run Trino; the text says what it lacks."""


class TrinoFailed(Exception):
    """Trino, or the download of it, did not start; the text has the end of what it said."""


@dataclass(frozen=True)
class Tools:
    """What a machine needs to run Trino: Maven, and a Java that is new enough."""

    maven: str
    java: str


def find_tools(environment: Mapping[str, str] = os.environ) -> Tools:
    """Return Maven and the newest Java of this machine.

    Raises
    ------
    TrinoMissing
        Names all that is missing.
    """
    missing = []
    maven = shutil.which("mvn", path=environment.get("PATH"))
    if maven is None:
        missing.append("Maven (mvn on the PATH)")
    newest = max(((_java_version(each), each) for each in _javas(environment)), default=(0, ""))
    if newest[0] < OLDEST_JAVA:
        found = f"the newest found is {newest[0]}, {newest[1]}" if newest[0] else "none found"
        missing.append(f"a JDK {OLDEST_JAVA} or newer ({found}; JAVA_HOME names another)")
    if maven is None or missing:
        raise TrinoMissing(" and ".join(missing))
    return Tools(maven, newest[1])


def _javas(environment: Mapping[str, str]) -> Iterator[str]:
    if home := environment.get("JAVA_HOME"):
        yield f"{home}/bin/java"
    if on_path := shutil.which("java", path=environment.get("PATH")):
        yield on_path
    for pattern in _JAVA_FOLDERS:
        yield from map(str, Path("/").glob(pattern.removeprefix("/")))


def _java_version(java: str) -> int:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else 0


@dataclass
class Trino:
    """A running Trino; `started` makes it."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    schema: str

    def cursor(
        self, sql: str, parameters: list[Any] | None = None, *, catalog: str = CATALOG
    ) -> Any:
        """Return the cursor of a query that has run; its rows and statistics are at hand."""
        connection: Any = trino.dbapi.Connection(
            host="127.0.0.1",
            port=self.port,
            user="analyst",
            catalog=catalog,
            schema=self.schema,
            timezone="UTC",
        )
        cursor = connection.cursor()
        cursor.execute(sql, parameters)
        return cursor

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self.cursor(sql, parameters).fetchall()]

    def wait(self, probe: str) -> None:
        """Wait until a query is answered: scans of tables begin later than the server itself.

        Raises
        ------
        TrinoFailed
            It has stopped, or does not answer in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise TrinoFailed(f"Trino has stopped.\n{self.log_tail()}")
            try:
                self.rows(probe)
                return
            except (TrinoConnectionError, TrinoQueryError, OSError) as error:
                if time.monotonic() > deadline:
                    raise TrinoFailed(
                        f"Trino does not answer {probe!r} ({error}).\n{self.log_tail()}"
                    ) from error
            time.sleep(0.5)

    def log_tail(self) -> str:
        """Return the end of the server's log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL:])


@contextmanager
def started(tools: Tools, endpoint_url: str, schema: str) -> Iterator[Trino]:
    """Start Trino over an endpoint, and stop it at the end; `Trino.wait` tells when it answers.

    Parameters
    ----------
    tools
        Of `find_tools`.
    endpoint_url
        Where Glue and S3 are.
    schema
        The Glue database of bare table names.

    Raises
    ------
    TrinoFailed
        Its parts cannot be had.
    """
    parts = _install(tools)
    with tempfile.TemporaryDirectory(prefix="trino-") as temporary, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        folder = Path(temporary)
        _configure(folder, parts, endpoint_url, port)
        log = folder / "trino.log"
        command = [
            tools.java,
            *_JVM_OPTIONS,
            "-Dnode.environment=test",
            "-Dnode.id=test",
            "-Dnode.internal-address=127.0.0.1",
            "-Dnode.bind-ip=127.0.0.1",
            f"-Dnode.data-dir={folder / 'var'}",
            "-Dconfig=etc/config.properties",
            "-Dlog.levels-file=etc/log.properties",
            "-cp",
            f"{parts / 'lib'}/*",
            "io.trino.server.TrinoServer",
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        try:
            yield Trino(process, port, log, schema)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _install(tools: Tools) -> Path:
    """Return the folder of the server's parts; the first time they are fetched."""
    if CACHE.is_dir():
        return CACHE
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent, prefix="trino-download-") as temporary:
        folder, made = Path(temporary), Path(temporary) / "made"
        core = _fetch(tools, "trino-server-core", "tar.gz", folder)
        with tarfile.open(core) as archive:
            top = f"trino-server-core-{VERSION}/"
            for member in archive:
                if member.name.startswith(f"{top}lib/"):
                    member.name = member.name.removeprefix(top)
                    archive.extract(member, made, filter="data")
        for name in _PLUGINS:
            with zipfile.ZipFile(_fetch(tools, f"trino-{name}", "zip", folder)) as plugin:
                plugin.extractall(made / "plugin")
            (made / "plugin" / f"trino-{name}-{VERSION}").rename(made / "plugin" / name)
        # Only what is whole gets the name that later runs look for.
        made.rename(CACHE)
    return CACHE


def _fetch(tools: Tools, artifact: str, kind: str, into: Path) -> Path:
    done = subprocess.run(
        [
            *(tools.maven, "-B", "-q", "dependency:copy"),
            f"-Dartifact=io.trino:{artifact}:{VERSION}:{kind}",
            f"-DoutputDirectory={into}",
        ],
        cwd=into,
        capture_output=True,
        text=True,
    )
    path = into / f"{artifact}-{VERSION}.{kind}"
    if done.returncode != 0 or not path.is_file():
        said = (done.stdout + done.stderr).strip()[-3000:]
        raise TrinoFailed(f"Maven did not fetch io.trino:{artifact}:{VERSION}:{kind}.\n{said}")
    return path


def _configure(folder: Path, parts: Path, endpoint_url: str, port: int) -> None:
    catalogs = folder / "etc" / "catalog"
    catalogs.mkdir(parents=True)
    (folder / "plugin").symlink_to(parts / "plugin")
    glue_and_s3 = {
        "hive.metastore.glue.region": "us-east-1",
        "hive.metastore.glue.endpoint-url": endpoint_url,
        "hive.metastore.glue.aws-access-key": "test",
        "hive.metastore.glue.aws-secret-key": "test",
        "fs.native-s3.enabled": "true",
        "s3.endpoint": endpoint_url,
        "s3.region": "us-east-1",
        "s3.path-style-access": "true",
        "s3.aws-access-key": "test",
        "s3.aws-secret-key": "test",
    }
    _write(
        catalogs / f"{CATALOG}.properties",
        {
            "connector.name": "hive",
            "hive.metastore": "glue",
            "hive.partition-projection-enabled": "true",
            # The emulator has no column statistics.
            "hive.table-statistics-enabled": "false",
            "hive.security": "allow-all",
            "hive.iceberg-catalog-name": ICEBERG_CATALOG,
            **glue_and_s3,
        },
    )
    _write(
        catalogs / f"{ICEBERG_CATALOG}.properties",
        {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "glue",
            "iceberg.security": "allow_all",
            # Athena expires what is as young as a table's properties say.
            "iceberg.expire-snapshots.min-retention": "1d",
            # A file of a few megabytes would be read whole. What is left out of large ones is seen
            # in the small ones here, too.
            "parquet.small-file-threshold": "0B",
            "parquet.max-merge-distance": "1kB",
            **glue_and_s3,
        },
    )
    _write(
        folder / "etc" / "config.properties",
        {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": str(port),
            "discovery.uri": f"http://127.0.0.1:{port}",
            "query.max-memory": "512MB",
            "query.max-memory-per-node": "512MB",
            "memory.heap-headroom-per-node": "256MB",
            "catalog.management": "static",
        },
    )
    _write(folder / "etc" / "log.properties", {"io.trino": "WARN", "io.airlift": "WARN"})


def _write(path: Path, properties: Mapping[str, str]) -> None:
    text = "".join(f"{key}={value}\n" for key, value in properties.items())
    path.write_text(text, encoding="utf-8")
