"""Where AWS is, for a local run: an endpoint on this machine and the credentials to use there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Credentials:
    """One set of AWS credentials; a role's session has a session token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


AssumeForService = Callable[[str, str, str], Credentials]
"""Gives a role's session to a service: role ARN, service principal, source ARN."""

# Emulators take any key; these stand for the operator, whom no role's policy limits.
OPERATOR = Credentials("operator", "operator")


@dataclass(frozen=True)
class Endpoint:
    """An AWS-compatible endpoint, seen with one set of credentials.

    Parameters
    ----------
    url
        Base URL, for example ``http://127.0.0.1:5000``.
    region
        AWS region name that requests are signed for.
    credentials
        Who is calling; the operator unless told otherwise.
    """

    url: str
    region: str = "us-east-1"
    credentials: Credentials = OPERATOR

    def with_credentials(self, credentials: Credentials) -> Endpoint:
        """Return the same endpoint as another principal sees it."""
        return replace(self, credentials=credentials)

    def at(self, url: str) -> Endpoint:
        """Return an endpoint with the same credentials at another URL."""
        return replace(self, url=url)

    def queue_url(self, arn: str) -> str:
        """Return the URL at this endpoint of the SQS queue with an ARN."""
        account, name = arn.split(":")[4:6]
        return f"{self.url}/{account}/{name}"

    def client(self, service: str, *, attempts: int = 4, read_timeout_seconds: float = 60.0) -> Any:
        """Return a boto3 client of a service at this endpoint.

        Parameters
        ----------
        service
            botocore's name of it.
        attempts
            How often a request is tried in all.
        read_timeout_seconds
            How long an answer may take.
        """
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
            aws_session_token=self.credentials.session_token,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "total_max_attempts": attempts},
                read_timeout=read_timeout_seconds,
                max_pool_connections=16,
            ),
        )
