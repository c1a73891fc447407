"""Asks an endpoint for everything that a stack needs there, before anything of it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from console.errors import CommandError
from emulation.endpoint import Endpoint
from emulation.needs.probe import Need, lacks
from emulation.needs.registrations import REGISTRATIONS
from emulation.needs.storage import STORAGE


class EndpointUnfit(CommandError):
    """The endpoint lacks what a stack needs; names all of it."""


def check_registers(endpoint: Endpoint, progress: Callable[[str], None]) -> None:
    """Check that an endpoint takes what a stack is made of, and gives it back as it was given.

    Parameters
    ----------
    endpoint
        As the operator sees it. What the check makes there is removed again.
    progress
        Called with the title of each need.

    Raises
    ------
    EndpointUnfit
        It does not.
    """
    _check(endpoint, REGISTRATIONS, progress)


def check_runs(endpoint: Endpoint, progress: Callable[[str], None]) -> None:
    """Check that a stack can be provisioned at an endpoint and can run there.

    Parameters
    ----------
    endpoint
        As the operator sees it. What the check makes there is removed again.
    progress
        Called with the title of each need.

    Raises
    ------
    EndpointUnfit
        It cannot.
    """
    _check(endpoint, (*STORAGE, *REGISTRATIONS), progress)


def _check(endpoint: Endpoint, needs: Iterable[Need], progress: Callable[[str], None]) -> None:
    found = []
    for need in needs:
        progress(need.title)
        missing = lacks(endpoint, need)
        if missing is not None:
            found.append(missing)
    if found:
        raise EndpointUnfit(
            f"the endpoint {endpoint.url} lacks what a stack needs: {'; '.join(found)}. "
            "Use another emulator, or `dmd demo` without --endpoint-url, which starts its own"
        )
