"""Runs the packaged functions on this machine as Lambda runs them.

As on Lambda: the package; its isolation (a function can import the standard library and the runtime
client, and nothing else); the environment variables; the role's credentials; one invocation at a
time in each process; warm processes; the limits of time, memory and payload; the form of answers,
errors and log lines. A process gets its events from the Runtime API, either through the project's
own runtime client or through AWS's. See docs/design.md#on-one-machine.

Different from Lambda:

- The processor and the version of Python are this machine's.
- A function may use all of the processor, whatever its memory setting.
- `/tmp` is this machine's. `TMPDIR` names a folder of the function's own.
- A process is not frozen between two invocations.
- An asynchronous invocation that fails is run again at once, not minutes later, and never expires.
- A failed event can only be sent to a queue.
- X-Ray gets no traces.
"""

from __future__ import annotations

from emulation.functions.errors import FunctionHostError, PackageMismatchError
from emulation.functions.host import FunctionHost
from emulation.functions.invocation import InvokeRequest, InvokeResponse
from emulation.functions.logs import FunctionLog
from emulation.functions.sandbox import OWN_CLIENT

__all__ = [
    "OWN_CLIENT",
    "FunctionHost",
    "FunctionHostError",
    "FunctionLog",
    "InvokeRequest",
    "InvokeResponse",
    "PackageMismatchError",
]
