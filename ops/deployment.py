"""A deployed stack as the operator's commands see it: its settings, and clients for its services.

The names of its resources come from the stack's settings, and not from Pulumi's state: an operator
needs no access to that.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
    create_assume_role_refresher,
)
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from avro_writer.s3_store import S3Store
from console.kept_run import kept_run
from console.process import forget_aws
from infra.naming import REGION, Naming
from infra.settings import Settings
from infra.stack_config import REPOSITORY, settings_of, stack_config
from ops.errors import DeploymentError, OptionError
from ops.options import StackOptions

_DEFAULT_STACK = "dev1"
# An emulator accepts any key.
_KEY_AT_AN_ENDPOINT = "operator"


@dataclass(frozen=True)
class Deployment:
    """A deployed stack.

    Parameters
    ----------
    stack
        Name of the stack.
    settings
        Its settings; ``account_id`` is that of the caller.
    caller_arn
        Who works on it.
    make_client
        Returns a boto3 client of a service, from botocore's name of the service.
    endpoint_url
        Base URL of the emulator; None if it is AWS itself.
    packages
        Folder of the functions' packages that belong to it.
    """

    stack: str
    settings: Settings
    caller_arn: str
    make_client: Callable[..., Any]
    endpoint_url: str | None
    packages: Path

    @property
    def naming(self) -> Naming:
        """The names of its resources."""
        return self.settings.naming

    @property
    def bucket(self) -> str:
        """The name of its bucket."""
        return self.settings.bucket_name

    @property
    def local(self) -> bool:
        """Whether it is at an emulator and not on AWS."""
        return self.endpoint_url is not None

    def record_types(self, chosen: Collection[str]) -> tuple[str, ...]:
        """Return the record types that somebody chose, each once; all of the stack without any.

        Raises
        ------
        OptionError
            The stack does not have one of them.
        """
        known = self.settings.demand_data_types
        for each in chosen:
            if each not in known:
                raise OptionError(
                    f"stack {self.stack} has no type {each!r}; its types are {', '.join(known)}"
                )
        return tuple(dict.fromkeys(chosen)) or known

    def client(self, service: str, *, attempts: int = 4) -> Any:
        """Return a boto3 client of a service, with the caller's credentials.

        Parameters
        ----------
        service
            botocore's name of the service.
        attempts
            Maximum number of attempts of a request.
        """
        return self.make_client(service, attempts=attempts)

    def s3_store(self) -> S3Store:
        """Return its bucket as the writer's protocols need it; no deadline ends the work."""
        # The store tries again itself what fails in passing.
        return S3Store(self.client("s3", attempts=1), self.bucket, lambda: math.inf)


def open_deployment(where: StackOptions) -> Deployment:
    """Return the stack that a command's options mean.

    Without a stack and an endpoint, it is the run that ``dmd demo --keep`` keeps up.

    Raises
    ------
    DeploymentError
        There is no such stack or run, the credentials are missing, or they belong to another
        account.
    infra.stack_config.StackConfigError
        The stack has no file.
    infra.settings.SettingsError
        The stack's settings are wrong.
    """
    if where.region not in (None, REGION):
        raise DeploymentError(
            f"region {where.region} has no stack: all stacks are deployed in {REGION}"
        )
    kept = kept_run()
    url = where.endpoint_url
    if url is None and where.stack is None:
        if kept is None:
            raise DeploymentError(
                "no local run is kept up: name a deployed stack with --stack, or start a local "
                "run with `dmd demo --keep`"
            )
        url = kept.endpoint_url
    if url is None:
        return _opened(where, str(where.stack), None, {}, None)
    if kept is None or kept.endpoint_url.rstrip("/") != url.rstrip("/"):
        return _opened(where, where.stack or _DEFAULT_STACK, url, {}, None)
    if where.stack not in (None, kept.stack):
        raise DeploymentError(
            f"the endpoint {url} has the stack {kept.stack}, not {where.stack}: leave out --stack"
        )
    return _opened(where, kept.stack, url, kept.overrides, kept.packages)


def as_role(deployment: Deployment, role_name: str) -> Deployment:
    """Return the same stack with the credentials of a role, which the caller assumes.

    If the caller is this role already, nothing changes. The role is assumed again before a session
    ends: one that a role's session has begun ends after an hour at the latest.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining

    Raises
    ------
    botocore.exceptions.ClientError
        The caller may not assume the role, or there is none.
    """
    if f":assumed-role/{role_name}/" in deployment.caller_arn:
        return deployment
    role_arn = f"arn:aws:iam::{deployment.settings.account_id}:role/{role_name}"
    assume = create_assume_role_refresher(
        deployment.client("sts"), {"RoleArn": role_arn, "RoleSessionName": "dmd"}
    )
    core = _session()
    core.register_component("credential_provider", CredentialResolver([_Assumed(assume)]))
    make_client = _clients_of(
        boto3.Session(botocore_session=core, region_name=REGION), deployment.endpoint_url
    )
    caller = make_client("sts").get_caller_identity()
    return replace(deployment, caller_arn=str(caller["Arn"]), make_client=make_client)


class _Assumed(CredentialProvider):
    """Gives the credentials of a role that is assumed when they are needed."""

    METHOD = CANONICAL_NAME = "dmd-assumed"

    def __init__(self, assume: Callable[[], Any]) -> None:
        super().__init__()
        self._assume = assume

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(self._assume, self.METHOD)


def _opened(
    where: StackOptions,
    stack: str,
    url: str | None,
    overrides: Mapping[str, str],
    packages: str | None,
) -> Deployment:
    # First what needs no request.
    settings = settings_of(stack, stack_config(stack, overrides))
    make_client = _client_maker(where.profile, url)
    try:
        caller = make_client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(_no_identity(error, where, url)) from error
    account = str(caller["Account"])
    if url is not None:
        settings = settings_of(stack, stack_config(stack, {**overrides, "account_id": account}))
    elif account != settings.account_id:
        raise DeploymentError(
            f"the credentials belong to account {account}, and the stack {stack} is in "
            f"{settings.account_id}: use credentials of that account (--profile)"
        )
    return Deployment(
        stack=stack,
        settings=settings,
        caller_arn=str(caller["Arn"]),
        make_client=make_client,
        endpoint_url=url,
        packages=Path(packages) if packages else REPOSITORY / settings.package_directory,
    )


def _client_maker(profile: str | None, url: str | None) -> Callable[..., Any]:
    if url and not profile:
        # An emulator must not see the caller's keys, unless a profile of its own is named.
        forget_aws()
    key = _KEY_AT_AN_ENDPOINT if url and not profile else None
    try:
        session = boto3.Session(
            botocore_session=_session(),
            profile_name=profile,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=key,
        )
    except ProfileNotFound as error:
        raise DeploymentError(
            f"{error}: name a profile of `aws configure list-profiles`"
        ) from error
    return _clients_of(session, url)


@functools.cache
def _service_descriptions() -> Any:
    return botocore.session.Session().get_component("data_loader")


def _session() -> botocore.session.Session:
    """Return a new session that has botocore's descriptions of services from the sessions before.

    Each would read them again, which takes most of the time of making its clients.
    """
    session = botocore.session.Session()
    session.register_component("data_loader", _service_descriptions())
    return session


def _clients_of(session: boto3.Session, url: str | None) -> Callable[..., Any]:
    lock = threading.Lock()

    @functools.cache
    def make(service: str, *, attempts: int = 4) -> Any:
        # Clients may be shared by threads, but a session may not make two at once.
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html
        with lock:
            return session.client(
                service,  # type: ignore[call-overload]
                endpoint_url=url,
                config=Config(
                    s3={"addressing_style": "path"} if url else {},
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    max_pool_connections=32,
                ),
            )

    return make


def _no_identity(error: Exception, where: StackOptions, url: str | None) -> str:
    if url is not None:
        return f"the endpoint {url} does not answer ({error}): start it, or correct the URL"
    of = f" of profile {where.profile}" if where.profile else ""
    return (
        f"AWS does not accept the credentials{of} ({error}): sign in again, for example with "
        "`aws sso login`, or name another profile with --profile"
    )
