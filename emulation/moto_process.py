"""The embedded emulator's process: moto behind a port of localhost, until its parent is gone.

Nothing else knows that the default endpoint is moto.
"""

from __future__ import annotations

import logging
import sys


def main() -> None:
    """Serve until standard input ends; print the port that was free."""
    from moto.logs.models import LogStream
    from moto.server import ThreadedMotoServer

    # It would forward log events by itself, with nobody's role:
    # `emulation.subscription_filters` does so with the role of the filter, so that it is judged.
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
