"""Names of all resources: pure functions of product code, environment and inventory code.

They are the names of the previous system (docs/design.md#names-and-tags).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REGION = "us-east-1"
ENVIRONMENTS = ("dev1", "qa1", "preprod1", "prod1")
DATA_PREFIX = "data-pipeline"

# By default, a Lambda function logs to the group with this prefix and its name.
_FUNCTION_LOGS = "/aws/lambda"
_DELIVERY_LOGS = "/aws/kinesisfirehose"


@dataclass(frozen=True)
class Naming:
    """Names of one stack's resources.

    Parameters
    ----------
    product_code
        As in the tag, for example ``PRD3292``.
    environment
        One of ``ENVIRONMENTS``.
    inventory_code
        As in the tag, for example ``dmnd-pipeline``.
    """

    product_code: str
    environment: str
    inventory_code: str

    @property
    def prefix(self) -> str:
        """The naming prefix, for example ``prd3292-dev1-dmnd-pipeline``."""
        return f"{self.product_code}-{self.environment}-{self.inventory_code}".lower()

    @property
    def database(self) -> str:
        """The Glue database and Athena workgroup, for example ``prd3292_dev1_dmnd_pipeline``."""
        return self.prefix.replace("-", "_")

    @property
    def parquet_database(self) -> str:
        """The Glue database of the current-state tables, which are Parquet files."""
        return f"{self.database}_parquet"

    def delivery_stream(self, delivery: str) -> str:
        """Return the name of a delivery stream, of `infra.deliveries.Delivery.name`."""
        return f"{self.prefix}-{delivery}"

    def delivery_role(self, delivery: str) -> str:
        """Return the name of the role of a delivery stream."""
        return f"{self.prefix}-delivery-{delivery}"

    def transform_function(self, delivery: str) -> str:
        """Return the name of a delivery stream's transform function, and of its role."""
        return f"{self.prefix}-transform-{delivery}"

    @property
    def writer_function(self) -> str:
        """The Avro writer function, and its role."""
        return f"{self.prefix}-avro-writer"

    @property
    def dead_letter_queue(self) -> str:
        """The queue of Avro writer runs that did not start or failed."""
        return f"{self.writer_function}-dead-letters"

    @property
    def schedule_group(self) -> str:
        """The group of the Avro writer's schedules."""
        return self.writer_function

    def schedule(self, record_type: str, lane: int) -> str:
        """Return the name, in the writer's group, of the schedule of a lane of a record type."""
        return f"{self.prefix}-{record_type}-{lane}"

    @property
    def scheduler_role(self) -> str:
        """The role with which EventBridge Scheduler runs the writer."""
        return f"{self.prefix}-scheduler"

    def refresh(self, record_type: str) -> str:
        """Return the name of the state machine that refreshes a type's current-state table.

        The schedule that starts it has the same name.
        """
        return f"{self.prefix}-{record_type}-current"

    def maintenance(self, record_type: str) -> str:
        """Return the name of the schedule that starts the daily maintenance of such a table."""
        return f"{self.prefix}-{record_type}-current-maintain"

    @property
    def refresh_role(self) -> str:
        """The role of the state machines that refresh the current-state tables."""
        return f"{self.prefix}-current"

    @property
    def refresh_scheduler_role(self) -> str:
        """The role with which EventBridge Scheduler starts refreshes."""
        return f"{self.prefix}-current-scheduler"

    @property
    def refresh_workgroup(self) -> str:
        """The Athena workgroup of the refreshes' queries."""
        return f"{self.database}_current"

    @property
    def refresh_log_group(self) -> str:
        """The log group of the refreshes' errors.

        CloudWatch Logs has one policy for log groups that AWS services write to, of limited size.
        Groups with this prefix need no entry of their own.
        https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
        """
        return f"/aws/vendedlogs/states/{self.prefix}-current"

    @property
    def log_producer_role(self) -> str:
        """The role with which CloudWatch Logs forwards log events."""
        return f"{self.prefix}-log-producer"

    @property
    def ci_role(self) -> str:
        """The role with which continuous integration tests a deployed stack."""
        return f"{self.prefix}-ci"

    @property
    def dashboard(self) -> str:
        """The dashboard in CloudWatch."""
        return self.prefix

    def alarm(self, symptom: str) -> str:
        """Return the name of an alarm, for example of the symptom ``writer-failing``."""
        return f"{self.prefix}-{symptom}"

    def log_query(self, purpose: str) -> str:
        """Return the name of a saved query of the logs, for example of purpose ``records``."""
        return f"{self.prefix}-{purpose}"

    def policy(self, purpose: str) -> str:
        """Return the name of a managed policy, for example of purpose ``kinesis-read``."""
        return f"{self.prefix}-{purpose}"

    def filled(self, pattern: str, *, account_id: str) -> str:
        """Return a name pattern of the settings with its placeholders filled in.

        The codes are filled in in lower case, as in names.
        """
        values: Mapping[str, str] = {
            "product_code": self.product_code.lower(),
            "environment": self.environment,
            "inventory_code": self.inventory_code.lower(),
            "region": REGION,
            "account_id": account_id,
        }
        for name, value in values.items():
            pattern = pattern.replace(f"{{{name}}}", value)
        return pattern


def function_log_group(function_name: str) -> str:
    """Return the log group of a function."""
    return f"{_FUNCTION_LOGS}/{function_name}"


def delivery_log_group(delivery_stream: str) -> str:
    """Return the log group of a delivery stream's errors."""
    return f"{_DELIVERY_LOGS}/{delivery_stream}"
