"""The embedded emulator's process: serves moto on a port of localhost until its parent ends.

Only this module knows that the default endpoint is moto.
"""

from __future__ import annotations

import logging
import sys


def main() -> None:
    """Serve on a free port until standard input ends; print the port."""
    from moto.logs.models import LogStream
    from moto.server import ThreadedMotoServer

    # moto would forward log events by itself, without a role. `emulation.subscription_filters`
    # forwards them with the filter's role, so that its policies are evaluated.
    LogStream._send_log_events = lambda *_, **__: None  # type: ignore[method-assign]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(port, flush=True)  # noqa: T201
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
