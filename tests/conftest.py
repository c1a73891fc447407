"""How all tests are run.

Properties are tested without a deadline, because machines may be busy, and with the same examples
each time in CI. Where several processes share the tests, a folder's tests stay in one of them:
what they share, such as a run of the demo, takes long to make.

Tests start some hundred processes of Python. Byte code is kept even where the environment says
otherwise, because each process would compile moto, botocore and Pulumi again. ``python -B`` is
followed.
"""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path

import pytest
from _pytest.unraisableexception import gc_collect_iterations_key
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from console.process import collect_seldom
from infra.stack_config import REPOSITORY
from tests.support.reused import reuse

if "-B" not in sys.orig_argv:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False

collect_seldom()

if "PYTEST_XDIST_WORKER" in os.environ:
    # To free all that it holds would take a process seconds, and all the others would wait.
    atexit.register(os._exit, 0)

reused = reuse(REPOSITORY / "build" / "lambda" / "local")

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure(config: pytest.Config) -> None:
    """Do not look for garbage at the end, which takes seconds, too."""
    config.stash[gc_collect_iterations_key] = 0


def pytest_sessionfinish() -> None:
    """Stop and remove what the tests have shared."""
    reused.close()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the functions' packages, without the wheels."""
    # What it imports takes long, and many tests need none of it.
    from tests.support.packages import write_packages

    return write_packages(tmp_path_factory.mktemp("packages"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the tests: more than cores, because tests wait, too.

    Each takes up to 1.2 GB, and the largest folder takes longer than its share of eight.
    """
    return min((os.cpu_count() or 1) * 3 // 2, 8)


# What takes longest. Begun last, one of them would keep one process busy when others have ended.
# Those that wait much (the switch, the engine, the emulated services) are apart from each other.
_FIRST = (
    *("end_to_end/test_switch", "ops/", "infra/", "avro_writer/", "engine/", "estate/"),
    *("release/", "emulation/", "end_to_end/test_smoke", "end_to_end/test_another_endpoint"),
    *("end_to_end/test_demo", "transform/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: [not item.nodeid.startswith(f"tests/{each}") for each in _FIRST])


class FolderScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives all tests of a folder below `tests` to the process that takes its first one.

    The end-to-end tests would keep one process busy long after the others have ended, so they go
    file by file. A process makes what several of its files share once.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = "/".join(nodeid.split("/", 2)[:2])
        return nodeid.partition("::")[0] if folder == "tests/end_to_end" else folder


# Not by pytest-xdist's own groups (``--dist=loadgroup``): its release 3.8 puts them into names of
# tests that pytest 9.2 no longer reads, so that every test is by itself.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling:
    """Schedule by folder, whatever way ``--dist`` names."""
    return FolderScheduling(config, log)
