"""The embedded emulator's process: serves moto on a port of localhost until its parent ends.

Only this module knows that the default endpoint is moto.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from functools import cache
from typing import Any

from console.process import collect_seldom


def main() -> None:
    """Serve on a free port until standard input ends; print the port."""
    collect_seldom()
    from moto.core import utils
    from moto.logs.models import LogStream
    from moto.logs.responses import LogsResponse
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from moto.server import ThreadedMotoServer

    # moto would forward log events by itself, without a role. `emulation.subscription_filters`
    # forwards them with the filter's role, so that its policies are evaluated.
    LogStream._send_log_events = lambda *_, **__: None  # type: ignore[method-assign]
    _take_saved_queries(LogsResponse)
    # Otherwise moto lists its folder and tries the patterns of all services for each request. It
    # also lists all of botocore's services when it uses another one for the first time.
    for owner, name in (
        (DomainDispatcherApplication, "get_backend_for_host"),
        (utils, "create_loader"),
    ):
        setattr(owner, name, cache(getattr(owner, name)))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(port, flush=True)  # noqa: T201
    sys.stdin.read()
    server.stop()


def _take_saved_queries(responses: Any) -> None:
    """Give moto the operations on saved queries of logs, which it does not have.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
    """

    def saved(request: Any) -> dict[str, dict[str, Any]]:
        # Where moto keeps all that logs has: moto's reset forgets these, too.
        queries: dict[str, dict[str, Any]] = vars(request.logs_backend).setdefault("queries", {})
        return queries

    def put(request: Any) -> str:
        key = request._get_param("queryDefinitionId") or str(uuid.uuid4())
        names = ("name", "queryString", "logGroupNames")
        query = {"queryDefinitionId": key, **{n: request._get_param(n) for n in names}}
        saved(request)[key] = query
        return json.dumps({"queryDefinitionId": key})

    def describe(request: Any) -> str:
        prefix = request._get_param("queryDefinitionNamePrefix", "")
        found = [each for each in saved(request).values() if each["name"].startswith(prefix)]
        return json.dumps({"queryDefinitions": found})

    def delete(request: Any) -> str:
        known = saved(request).pop(request._get_param("queryDefinitionId"), None)
        return json.dumps({"success": known is not None})

    responses.put_query_definition = put
    responses.describe_query_definitions = describe
    responses.delete_query_definition = delete


if __name__ == "__main__":
    main()
