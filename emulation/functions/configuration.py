"""A function's configuration in Lambda, and the environment variables that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulation.endpoint import Endpoint


@dataclass(frozen=True)
class FunctionConfiguration:
    """How a function runs.

    Parameters
    ----------
    arn
        Unqualified ARN.
    memory_megabytes, timeout_seconds
        Limits of one process, and of one invocation.
    code_sha256
        SHA-256 of the package, in base64.
    reserved_concurrency
        The most invocations at a time, or None if the function reserves none.
    """

    name: str
    arn: str
    version: str
    handler: str
    runtime: str
    role: str
    memory_megabytes: int
    timeout_seconds: int
    code_sha256: str
    log_group: str
    variables: Mapping[str, str]
    reserved_concurrency: int | None

    @classmethod
    def from_response(cls, response: Mapping[str, Any]) -> FunctionConfiguration:
        """Read the answer of Lambda's GetFunction."""
        configuration = response["Configuration"]
        name = configuration["FunctionName"]
        logging = configuration.get("LoggingConfig") or {}
        return cls(
            name=name,
            arn=":".join(configuration["FunctionArn"].split(":")[:7]),
            version=configuration["Version"],
            handler=configuration["Handler"],
            runtime=configuration["Runtime"],
            role=configuration["Role"],
            memory_megabytes=int(configuration["MemorySize"]),
            timeout_seconds=int(configuration["Timeout"]),
            code_sha256=configuration["CodeSha256"],
            log_group=logging.get("LogGroup") or f"/aws/lambda/{name}",
            variables=dict((configuration.get("Environment") or {}).get("Variables") or {}),
            reserved_concurrency=(response.get("Concurrency") or {}).get(
                "ReservedConcurrentExecutions"
            ),
        )

    @property
    def memory_bytes(self) -> int:
        """The memory limit of a process, in bytes."""
        return self.memory_megabytes * 1024 * 1024


def process_environment(
    configuration: FunctionConfiguration,
    *,
    endpoint: Endpoint,
    log_stream: str,
    task_root: Path,
    scratch: Path,
) -> dict[str, str]:
    """Return the environment variables of a function's process.

    They are the function's own variables and those that Lambda defines
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). Lambda defines one
    more, the address of the Runtime API, which `sandbox` adds. Three are different from Lambda:
    `AWS_ENDPOINT_URL` is where AWS is in a local run, `TMPDIR` is used because `/tmp` belongs to
    the whole machine, and `HOME` keeps the user's AWS configuration from being read.

    Parameters
    ----------
    endpoint
        The local AWS, with the credentials of the function's role.
    task_root
        Folder with the unpacked package.
    scratch
        A folder that only this process uses.
    """
    credentials = endpoint.credentials
    return {
        **configuration.variables,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        **({"AWS_SESSION_TOKEN": credentials.session_token} if credentials.session_token else {}),
        "AWS_REGION": endpoint.region,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
        "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_megabytes),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": configuration.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "_HANDLER": configuration.handler,
        "LAMBDA_TASK_ROOT": str(task_root),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        "AWS_ENDPOINT_URL": endpoint.url,
        "TMPDIR": str(scratch),
        "HOME": str(scratch),
    }
