"""The endpoint that a local run uses in place of AWS, and its credentials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Credentials:
    """AWS credentials. Those of a role's session have a session token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


AssumeForService = Callable[[str, str, str], Credentials]
"""Assumes a role for a service, from its role ARN, service principal and source ARN."""

# Emulators accept any key. These mean the operator, whom no policy limits.
OPERATOR = Credentials("operator", "operator")


@dataclass(frozen=True)
class Endpoint:
    """An AWS-compatible endpoint, with the credentials to use there.

    Parameters
    ----------
    url
        Base URL, for example ``http://127.0.0.1:5000``.
    region
        Name of the AWS region for signing requests.
    credentials
        The caller's credentials; the operator's by default.
    """

    url: str
    region: str = "us-east-1"
    credentials: Credentials = OPERATOR

    def with_credentials(self, credentials: Credentials) -> Endpoint:
        """Return the same endpoint with another principal's credentials."""
        return replace(self, credentials=credentials)

    def at(self, url: str) -> Endpoint:
        """Return an endpoint with the same credentials at another URL."""
        return replace(self, url=url)

    def queue_url(self, arn: str) -> str:
        """Return the URL of an SQS queue at this endpoint, from its ARN."""
        account, name = arn.split(":")[4:6]
        return f"{self.url}/{account}/{name}"

    def client(self, service: str, *, attempts: int = 4, read_timeout_seconds: float = 60.0) -> Any:
        """Return the boto3 client of a service at this endpoint: the same for the same arguments.

        Parameters
        ----------
        service
            botocore's name of the service.
        attempts
            Maximum number of attempts of a request.
        read_timeout_seconds
            Maximum time to wait for an answer, in seconds.
        """
        return _client(self, service, attempts, read_timeout_seconds)


# Any number of threads may use a client, but boto3 makes one at a time.
_MAKING = Lock()


# Making one takes 3 ms of CPU, and the emulated services ask for one at each call of a role.
@lru_cache(maxsize=128)
def _client(endpoint: Endpoint, service: str, attempts: int, read_timeout_seconds: float) -> Any:
    with _MAKING:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint.url,
            region_name=endpoint.region,
            aws_access_key_id=endpoint.credentials.access_key_id,
            aws_secret_access_key=endpoint.credentials.secret_access_key,
            aws_session_token=endpoint.credentials.session_token,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "total_max_attempts": attempts},
                read_timeout=read_timeout_seconds,
                max_pool_connections=64,
            ),
        )
