"""How all tests are run.

Properties are tested without a deadline, because machines may be busy, and with the same examples
each time in CI. Where several processes share the tests, a folder's tests stay in one of them:
what they share, such as a run of the demo, takes long to make.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_HERE = Path(__file__).parent

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# Before pytest-xdist, which reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of a folder into one group (pytest-xdist, ``--dist=loadgroup``)."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.path.relative_to(_HERE).parts[0]))
