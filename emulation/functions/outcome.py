"""What comes of waiting for a function's process: its answer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Ending(Enum):
    """Why there is no answer from a process."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    ANSWER_TOO_LARGE = "answer too large"


@dataclass(frozen=True)
class Answer:
    """What the runtime in the process told the Runtime API.

    Parameters
    ----------
    kind
        ``ready`` when it asks for its first event, so that the handler is loaded. The others are
        the ends of the paths that it posts to.
    body, content_type
        What it posted, and what it says that is.
    """

    kind: Literal["ready", "response", "error", "init/error"]
    body: bytes = b""
    content_type: str = ""
