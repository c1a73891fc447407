"""What has to be so in a stack before rows of an export may be written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

import schemas
from infra.deliveries import deliveries_of
from ops.backfill.errors import BackfillError
from ops.backfill.items import RowTimes
from ops.backfill.ledger import Plan
from ops.backfill.manifest import Export, micros
from ops.deployment import Deployment


def check_stack(
    deployment: Deployment, export: Export, types: Iterable[str], times: RowTimes
) -> None:
    """Refuse an export that does not belong to the stack, and tables that cannot read its rows.

    Parameters
    ----------
    deployment
        The stack.
    export
        The export.
    types
        The record types whose tables get rows.
    times
        The times of the rows.

    Raises
    ------
    BackfillError
        The export is of another table, a table has another schema than this program, or no query
        would see the rows.
    """
    table_name = deployment.settings.table_name
    if export.table_name != table_name:
        raise BackfillError(
            f"the export {export.id} is of the table {export.table_name}, and the stack "
            f"{deployment.stack} has {table_name}: name an export of that table, or another stack"
        )
    first = deployment.settings.first_partition_date
    earliest = times.until if export.since is None else times.of_write(micros(export.since))
    date = (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=earliest)).date()
    if date < first:
        raise BackfillError(
            f"the rows would be of {date}, and queries read the tables from {first} on: set "
            "first_partition_date of the stack to an earlier date, and deploy"
        )
    glue = deployment.client("glue")
    for each in types:
        _check_table(glue, deployment.naming.database, each)


def key_names(deployment: Deployment) -> tuple[str, ...]:
    """Return the attributes of the demand table's primary key.

    Raises
    ------
    BackfillError
        There is no such table.
    """
    name = deployment.settings.table_name
    try:
        table = deployment.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        what = f"the table {name}"
        raise BackfillError(_cannot(error, what, "dynamodb:DescribeTable")) from error
    return tuple(each["AttributeName"] for each in table["KeySchema"])


def warnings(deployment: Deployment, export: Export, plan: Plan) -> list[str]:
    """Return what may be wrong with the result: delivery streams may be too young for the export.

    The tables need each change from two margins before the export's time on
    (docs/backfill.md#which-row-wins).
    """
    firehose = deployment.client("firehose")
    needed = export.until - timedelta(seconds=2 * plan.margin_seconds)
    found: list[str] = []
    young: dict[str, datetime] = {}
    for each in deliveries_of(deployment.settings):
        begin = max(needed, each.since or needed)
        wanted = not set(plan.types).isdisjoint(each.record_types)
        if not (wanted and each.answers(begin, datetime.now(UTC))):
            continue
        name = deployment.naming.delivery_stream(each.name)
        try:
            answer = firehose.describe_delivery_stream(DeliveryStreamName=name)
        except ClientError as error:
            action = "firehose:DescribeDeliveryStream"
            found.append(_cannot(error, f"the delivery stream {name}", action))
            continue
        created = answer["DeliveryStreamDescription"]["CreateTimestamp"]
        if created > begin:
            young[each.name] = created.astimezone(UTC)
    if young:
        found.append(
            f"this export needs the changes from {needed:%F %T} UTC on, and the delivery streams "
            f"of {', '.join(young)} were created at {max(young.values()):%F %T} UTC or shortly "
            "before: items that changed in between may be shown as they were. Export again, or add "
            "an incremental export (docs/backfill.md)"
        )
    return found


def _check_table(glue: object, database: str, record_type: str) -> None:
    try:
        table = glue.get_table(DatabaseName=database, Name=record_type)["Table"]  # type: ignore[attr-defined]
    except ClientError as error:
        what = f"the table {database}.{record_type}"
        raise BackfillError(_cannot(error, what, "glue:GetTable")) from error
    literal = table["StorageDescriptor"]["SerdeInfo"]["Parameters"].get("avro.schema.literal", "{}")
    if json.loads(literal) != schemas.table(record_type).avro:
        raise BackfillError(
            f"the deployed table {record_type} has another schema than this checkout, and might "
            "not be able to read the rows: deploy this checkout, or use the one that is deployed"
        )


def _cannot(error: ClientError, what: str, action: str) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    if "NotFound" in code:
        return f"{what} does not exist: deploy the stack first"
    return f"cannot look at {what} ({code}): ask for the permission {action}"
