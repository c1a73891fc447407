"""Athena at the local endpoint: the project's own SQL engine, with the caller's permissions."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError

from athena.errors import SqlError
from athena.render import text_rows
from athena.service import TableService
from console.errors import CommandError
from emulation.endpoint import Credentials, Endpoint
from emulation.gateway import Query, QueryFailed, QueryRows
from infra.settings import Settings


class LocalAthena:
    """Answers the queries that somebody starts at the gateway.

    Parameters
    ----------
    settings
        The stack's settings, which name the bucket and the database.
    folder
        Where it keeps the tables' files.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._services: dict[Credentials, TableService] = {}
        self._lock = Lock()

    def run(self, query: Query, endpoint: Endpoint) -> QueryRows:
        """Answer a query.

        Parameters
        ----------
        query
            The query.
        endpoint
            The gateway, which judges what the caller reads.

        Raises
        ------
        QueryFailed
            There is no answer; the text says why.
        """
        try:
            service = self._service(query.credentials, endpoint)
            found = service.run(query.sql, query.parameters)
        except (SqlError, CommandError, ClientError, BotoCoreError) as error:
            raise QueryFailed(str(error)) from error
        columns = [(name, str(kind)) for name, kind in found.columns]
        return QueryRows(columns, text_rows(found), found.bytes_read, found.notes)

    def _service(self, credentials: Credentials, endpoint: Endpoint) -> TableService:
        with self._lock:
            service = self._services.get(credentials)
            if service is None:
                caller = endpoint.with_credentials(credentials)
                folder = self._folder / str(len(self._services))
                folder.mkdir()
                service = self._services[credentials] = TableService(
                    caller.client("glue"),
                    caller.client("s3"),
                    self._settings.bucket_name,
                    self._settings.naming.database,
                    folder,
                )
            return service
