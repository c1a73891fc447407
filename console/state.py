"""Where the last run is kept between commands."""

from __future__ import annotations

import os
from pathlib import Path

from console.errors import CommandError

LAST_RUN = "last-run"

STATE_REMEDY = "set DMD_STATE_DIR to a folder that can be written"
"""What a user can do when the folder of the state cannot be written."""


def state_directory() -> Path:
    """Return the folder of what commands keep for each other.

    ``DMD_STATE_DIR`` if set, else ``dmd-pipeline`` in the user's state folder
    (https://specifications.freedesktop.org/basedir-spec/latest/).

    Raises
    ------
    CommandError
        The user has no home folder.
    """
    given = os.environ.get("DMD_STATE_DIR")
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME")
    if home:
        return Path(home) / "dmd-pipeline"
    try:
        return Path.home() / ".local" / "state" / "dmd-pipeline"
    except RuntimeError as error:
        raise CommandError(f"this user has no home folder: {STATE_REMEDY}") from error
