"""The packaged functions, run on this machine as Lambda would run them.

See docs/design.md#on-one-machine.

Real: the package, its isolation from everything but the standard library, the environment
variables, the role's credentials, one invocation at a time in each process, warm processes, the
time, memory and payload limits, the shapes of answers, errors and log lines.

Not emulated: the processor (this machine's, and this interpreter's version), the share of a vCPU
that goes with the memory, `/tmp` as a file system of its own (`TMPDIR` is private instead), the
minutes between the retries of an asynchronous invocation and its greatest age, destinations other
than a queue, and X-Ray traces.
"""

from __future__ import annotations

from emulation.functions.errors import FunctionHostError, PackageMismatchError
from emulation.functions.host import FunctionHost
from emulation.functions.invocation import InvokeRequest, InvokeResponse
from emulation.functions.logs import FunctionLog

__all__ = [
    "FunctionHost",
    "FunctionHostError",
    "FunctionLog",
    "InvokeRequest",
    "InvokeResponse",
    "PackageMismatchError",
]
