"""A stack at an emulator, whose tables are those that the program describes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.deployment import Deployment
from tests.support.provisioned_run import provisioned_run

OVERRIDES = {"demand_data_types": '["demand","sale"]'}


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A local run of a stack with the tables of demands and sales, found without options."""
    with provisioned_run(tmp_path_factory, OVERRIDES) as made:
        yield made
