"""Where the last run is kept between commands."""

from __future__ import annotations

import os
from pathlib import Path

LAST_RUN = "last-run"


def state_directory() -> Path:
    """Return the folder of what commands keep for each other.

    ``DMD_STATE_DIR`` if set, else ``dmd-pipeline`` in the user's state folder
    (https://specifications.freedesktop.org/basedir-spec/latest/).
    """
    given = os.environ.get("DMD_STATE_DIR")
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "dmd-pipeline"
