"""The settings of a stack: one frozen, validated object, and the only reader of pulumi.Config.

``Pulumi.yaml`` has their types, defaults and meanings. This module has the allowed values.
"""

from __future__ import annotations

import datetime
import difflib
import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, get_type_hints

import pulumi
from pulumi.runtime.config import CONFIG

from infra.naming import ENVIRONMENTS, REGION, Naming
from infra.rules import Date, Flag, ListOf, Moment, Number, OneOf, Rule, Text, Whole, WholeOneOf
from schemas import RECORD_TYPES

PROJECT = "dmd-pipeline"

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_CODE_LENGTHS = "so that every name fits into the 64 characters that IAM and Firehose allow"


class SettingsError(pulumi.RunError):
    """A stack's settings cannot be used. The engine shows the message without a traceback."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a stack. Units are part of the names, or bytes.

    The fields' names are the keys of the configuration.
    """

    environment: str
    account_id: Annotated[
        str,
        # YAML makes a number of one without quotes, and of its first 0 nothing.
        Text(r"[0-9]{12}", "an AWS account ID, 12 digits, in quotes"),
    ]
    product_code: Annotated[
        str, Text(r"[A-Za-z][A-Za-z0-9]{1,11}", f"2 to 12 letters and digits, {_CODE_LENGTHS}")
    ]
    inventory_code: Annotated[
        str,
        Text(
            r"[a-z][a-z0-9]*(-[a-z0-9]+)*(?<!.{19})",
            f"1 to 18 lower case letters, digits and single hyphens, {_CODE_LENGTHS}",
        ),
    ]
    iac_repo: Annotated[
        str,
        # The characters that IAM allows in a tag's value.
        Text(
            r"https://[A-Za-z0-9_.:/=+@-]{1,248}",
            "a URL, https://..., of letters, digits and _ . : / = + @ -",
        ),
    ]
    table_name: Annotated[
        str, Text(r"[A-Za-z0-9_.-]{3,255}", "a DynamoDB table name: 3 to 255 of A-Z a-z 0-9 _ . -")
    ]
    stream_name: Annotated[
        str, Text(r"[A-Za-z0-9_.-]{1,128}", "a Kinesis stream name: 1 to 128 of A-Z a-z 0-9 _ . -")
    ]
    bucket_name: Annotated[
        str,
        Text(
            r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "an S3 bucket name: 3 to 63 of a-z 0-9 . -, no two dots in a row",
        ),
    ]
    log_stream_arn: Annotated[
        str,
        Text(
            rf"arn:aws:kinesis:{REGION}:[0-9]{{12}}:stream/[A-Za-z0-9_.-]{{1,128}}",
            f"the ARN of a Kinesis stream, arn:aws:kinesis:{REGION}:ACCOUNT:stream/NAME",
        ),
    ]
    bucket_kms_key_arn: Annotated[
        str,
        Text(
            rf"(arn:aws:kms:{REGION}:[0-9]{{12}}:key/[A-Za-z0-9-]{{1,64}})?",
            f"the ARN of a KMS key, arn:aws:kms:{REGION}:ACCOUNT:key/ID (no alias), or empty",
        ),
    ]
    permissions_boundary_arn: Annotated[
        str,
        Text(
            r"(arn:aws:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]{1,512})?",
            "the ARN of a managed policy, arn:aws:iam::ACCOUNT:policy/NAME, or empty",
        ),
    ]
    ci_runner_role: Annotated[
        str, Text(r"[A-Za-z0-9_+=,.@-]{1,64}", "the name of an IAM role, 1 to 64 characters")
    ]
    demand_data_types: Annotated[tuple[str, ...], ListOf(RECORD_TYPES)]
    type_attribute: Annotated[
        str,
        # Without characters that JSON escapes: the transform cannot find such a name.
        Text(
            r'(?!\s)[^"\\\x00-\x1f\ud800-\udfff]{1,255}',
            'an attribute name, 1 to 255 characters without " and \\ and control characters',
        ),
    ]

    delivery: Annotated[str, OneOf(("per_type", "shared"))]
    delivery_border: Annotated[datetime.datetime | None, Moment()]
    delivery_buffer_size_mb: Annotated[int, Whole(1, 128, "MB")]
    delivery_buffer_interval_seconds: Annotated[int, Whole(0, 900, "seconds")]
    transform_buffer_size_mb: Annotated[Decimal, Number(Decimal("0.2"), Decimal(3), "MB")]
    transform_buffer_interval_seconds: Annotated[int, Whole(0, 900, "seconds")]
    transform_memory_mb: Annotated[int, Whole(128, 10_240, "MB")]
    transform_timeout_seconds: Annotated[int, Whole(60, 300, "seconds")]

    delivery_batch_size: Annotated[int, Whole(1, 10_000, "landed objects")]
    delivery_parallelization_factor: Annotated[int, Whole(1, 16, "lanes")]
    max_plan_bytes: Annotated[int, Whole(1, 5 * 1024**3, "bytes")]
    min_plan_bytes: Annotated[int, Whole(0, 5 * 1024**3, "bytes")]
    max_wait_seconds: Annotated[int, Whole(0, 86_400, "seconds")]
    settle_seconds: Annotated[int, Whole(0, 86_400, "seconds")]
    writer_schedule_minutes: Annotated[int, Whole(1, 1440, "minutes")]
    writer_memory_mb: Annotated[int, Whole(128, 10_240, "MB")]
    writer_timeout_seconds: Annotated[int, Whole(60, 900, "seconds")]

    first_partition_date: Annotated[datetime.date, Date()]
    athena_bytes_scanned_limit: Annotated[int, Whole(10_485_760, 2**53 - 1, "bytes")]

    current_state_tables: Annotated[bool, Flag()]
    current_state_refresh_minutes: Annotated[int, Whole(5, 1440, "minutes")]
    current_state_days: Annotated[int, Whole(1, 366, "days")]
    current_state_tombstone_days: Annotated[int, Whole(2, 36_600, "days")]
    current_state_bytes_scanned_limit: Annotated[int, Whole(10_485_760, 2**53 - 1, "bytes")]

    alarm_topic_arn: Annotated[
        str,
        Text(
            rf"(arn:aws:sns:{REGION}:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}})?",
            f"the ARN of an SNS topic, arn:aws:sns:{REGION}:ACCOUNT:NAME, or empty",
        ),
    ]
    tracing: Annotated[bool, Flag()]
    log_level: Annotated[str, OneOf(("DEBUG", "INFO", "WARNING", "ERROR"))]
    log_retention_days: Annotated[int, WholeOneOf(_RETENTION_DAYS, "days")]
    package_directory: Annotated[str, Text(r"\S(.*\S)?", "the path of a folder")]

    @property
    def log_stream_name(self) -> str:
        """The central log stream's name, the end of its ARN."""
        return self.log_stream_arn.rpartition("/")[2]

    @property
    def naming(self) -> Naming:
        """The names of this stack's resources."""
        return Naming(self.product_code, self.environment, self.inventory_code)

    def delivery_stream_arn(self, delivery: str) -> str:
        """Return the ARN of a delivery stream, of `infra.deliveries.Delivery.name`."""
        name = self.naming.delivery_stream(delivery)
        return f"arn:aws:firehose:{REGION}:{self.account_id}:deliverystream/{name}"

    def refresh_arn(self, record_type: str) -> str:
        """Return the ARN of the state machine that refreshes a type's table; of all for ``*``."""
        name = self.naming.refresh(record_type)
        return f"arn:aws:states:{REGION}:{self.account_id}:stateMachine:{name}"

    @property
    def protected(self) -> bool:
        """Whether resources with a position in the Kinesis stream are protected from deletion."""
        return self.environment == "prod1"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource."""
        return {
            "Environment": self.environment,
            "ProductCode": self.product_code,
            "InventoryCode": self.inventory_code,
            "iacRepo": self.iac_repo,
        }


# Their values may have placeholders, and are checked after those are filled in.
_PATTERNS = ("table_name", "stream_name", "bucket_name", "log_stream_arn")


def read_settings() -> Settings:
    """Return the settings of the stack that the engine runs.

    Raises
    ------
    SettingsError
        The stack is unknown, or settings are missing or wrong: all of them are named.
    """
    config = pulumi.Config(PROJECT)
    return parse_settings(pulumi.get_stack(), config.get, keys=_keys())


def _keys() -> frozenset[str]:
    """Return the keys of the project's namespace. The engine also passes unknown keys."""
    namespace = f"{PROJECT}:"
    return frozenset(
        key.removeprefix(namespace) for key in CONFIG.get() if key.startswith(namespace)
    )


def parse_settings(
    stack: str, value_of: Callable[[str], str | None], *, keys: Collection[str] = ()
) -> Settings:
    """Return the settings of ``stack`` from their texts, as the engine passes them.

    Parameters
    ----------
    stack
        Name of the stack, which is its environment.
    value_of
        Returns the text of a key (without the project's namespace), or None.
    keys
        The keys that the stack is known to have. The program must know all of them.

    Raises
    ------
    SettingsError
        The stack is unknown, or settings are missing or wrong: all of them are named.
    """
    if stack not in ENVIRONMENTS:
        raise SettingsError(f"unknown stack {stack!r}: must be one of {', '.join(ENVIRONMENTS)}")
    texts = {key: value_of(key) for key in _rules()}
    problems = [
        f"{PROJECT}:{key} is not a setting{_meant(key)}"
        for key in sorted(set(keys) - _rules().keys())
    ]
    values: dict[str, Any] = {}

    def check(key: str, text: str | None) -> None:
        rule = _rules()[key]
        if text is None:
            problems.append(f"{PROJECT}:{key} is missing: must be {rule.allowed}")
            return
        try:
            values[key] = rule.read(text)
        except ValueError:
            written = texts[key]
            became = "" if text == written else f" (that is {text!r})"
            problems.append(f"{PROJECT}:{key} = {written!r}{became}: must be {rule.allowed}")

    for key, text in texts.items():
        if key not in _PATTERNS:
            check(key, text)
    # If a code itself is wrong, a valid one is used to check the patterns that contain it.
    naming = Naming(values.get("product_code", "x1"), stack, values.get("inventory_code", "x"))
    account_id = values.get("account_id", "0" * 12)
    for key in _PATTERNS:
        pattern = texts[key]
        check(key, pattern and naming.filled(pattern, account_id=account_id))
    problems += _contradictions(values)
    if problems:
        raise SettingsError(_report(stack, problems))
    return Settings(environment=stack, **values)


@functools.cache
def _rules() -> Mapping[str, Rule]:
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if name != "environment"}


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    least, most = values.get("min_plan_bytes"), values.get("max_plan_bytes")
    if least is not None and most is not None and least > most:
        found.append(
            f"{PROJECT}:min_plan_bytes = '{least}': "
            f"must be at most {PROJECT}:max_plan_bytes, {most}"
        )
    found += _not_for_dynamic_partitioning(values)
    days, tombstone_days = (
        values.get(f"current_state_{name}") for name in ("days", "tombstone_days")
    )
    # A refresh would write the tombstones again that the maintenance has just deleted.
    if days is not None and tombstone_days is not None and tombstone_days <= days:
        found.append(
            f"{PROJECT}:current_state_tombstone_days = '{tombstone_days}': "
            f"must be more than {PROJECT}:current_state_days, {days}"
        )
    account_id, log_stream = values.get("account_id"), values.get("log_stream_arn")
    # CloudWatch Logs forwards only to a Kinesis stream of its own account.
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
    if account_id and log_stream and log_stream.split(":")[4] != account_id:
        found.append(
            f"{PROJECT}:log_stream_arn = '{log_stream}': "
            f"must be of the stack's own account, {account_id}"
        )
    boundary = values.get("permissions_boundary_arn")
    if account_id and boundary and boundary.split(":")[4] not in (account_id, "aws"):
        found.append(
            f"{PROJECT}:permissions_boundary_arn = '{boundary}': "
            f"must be of the stack's own account, {account_id}, or one of AWS's"
        )
    return found


def _not_for_dynamic_partitioning(values: Mapping[str, Any]) -> list[str]:
    """Return the buffers that are too small for a delivery stream that all types share.

    See docs/aws-contracts.md#dynamic-partitioning.
    """
    if values.get("delivery") != "shared" and values.get("delivery_border") is None:
        return []
    least = {"delivery_buffer_size_mb": 64, "delivery_buffer_interval_seconds": 60}
    return [
        f"{PROJECT}:{key} = '{values[key]}': must be at least {minimum} "
        "for a delivery stream that all types share"
        for key, minimum in least.items()
        if values.get(key, minimum) < minimum
    ]


def _meant(key: str) -> str:
    near = difflib.get_close_matches(key, _rules(), n=1)
    return f": did you mean {PROJECT}:{near[0]}?" if near else ": Pulumi.yaml has them all"


def _report(stack: str, problems: list[str]) -> str:
    lines = [f"stack {stack}: {len(problems)} of its settings cannot be used"]
    lines += [f"  - {problem}" for problem in problems]
    lines.append(f"Correct them in Pulumi.{stack}.yaml; Pulumi.yaml says what each means.")
    return "\n".join(lines)
