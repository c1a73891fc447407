"""What ``dmd smoke`` does: puts marked items, takes them back, and waits for their rows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from console.confirm import confirm
from console.progress import Progress
from console.tables import print_table
from console.terminal import messages, output, write
from infra.deliveries import deliveries_of
from infra.settings import Settings
from ops.deployment import Deployment, as_role, open_deployment
from ops.errors import SmokeError
from ops.options import StackOptions
from ops.smoke.evidence import CHANGES, Evidence, Stage, stage_of
from ops.smoke.items import MARK, Item, TableKeys, minimal_item, record_key, table_keys
from ops.smoke.watch import Watch
from schemas import table

# Between put and delete. The stream may give times in milliseconds, and of two changes with the
# same time nothing says which is the newer.
_BETWEEN_SECONDS = 2.0
_LOOK_SECONDS = 15.0
_LOOK_LOCALLY_SECONDS = 1.0
# By then the items are in the stream.
_SOON = timedelta(minutes=5)
# What the services need besides the times that are settings: starting, a retry, the query.
_SERVICES_SECONDS = 300


@dataclass(frozen=True)
class Options:
    """What the command line asks for; ``timeout`` is in seconds."""

    types: tuple[str, ...] = ()
    timeout: int | None = None
    as_ci: bool = False
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False


def run(where: StackOptions, options: Options) -> int:
    """Test a stack; return the exit status, 1 if a record did not come through.

    Raises
    ------
    CommandError
        The stack cannot be reached, the test cannot begin, or the answer was no.
    """
    deployment = open_deployment(where)
    settings = deployment.settings
    types = deployment.record_types(options.types)
    timeout = options.timeout or default_timeout(settings)
    if options.as_ci:
        deployment = as_role(deployment, settings.naming.ci_role)
    dynamodb = deployment.client("dynamodb")
    keys = table_keys(dynamodb.describe_table(TableName=settings.table_name)["Table"])
    began = datetime.now(UTC)
    number = int(began.timestamp() * 1000)
    items = {
        each: minimal_item(
            table(each), settings.type_attribute, keys.key(each, number, position), began
        )
        for position, each in enumerate(types)
    }
    what = (
        f"{len(items)} items with {keys.partition} = {MARK} ({', '.join(items)}) into the table "
        f"{settings.table_name} of {deployment.stack}, delete them after "
        f"{_BETWEEN_SECONDS:.0f} s, and wait up to {_minutes(timeout)} for their rows"
    )
    if options.dry_run:
        messages().print(f"Would put {what}.", soft_wrap=True)
        return 0
    confirm(f"Put {what}?", yes=options.yes)
    with Progress(messages()) as progress:
        _check_streams(deployment, types)
        progress.step("Removing what an earlier test left")
        left = _remove_left(dynamodb, settings.table_name, keys)
        if left:
            progress.say(f"{left} items of an earlier test were still in the table: removed")
        record_keys = {each: record_key(_key(item, keys)) for each, item in items.items()}
        watch = Watch(
            deployment.s3_store(), deployment.client("athena"), settings, record_keys, began
        )
        progress.step(f"Putting {len(items)} items into {settings.table_name}, and deleting them")
        with _taken_back(dynamodb, settings.table_name, keys, items):
            for item in items.values():
                dynamodb.put_item(
                    TableName=settings.table_name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#key)",
                    ExpressionAttributeNames={"#key": keys.partition},
                )
            time.sleep(_BETWEEN_SECONDS)
        progress.step("Waiting for their rows", len(items) * len(CHANGES), "rows")
        pause = _LOOK_LOCALLY_SECONDS if deployment.local else _LOOK_SECONDS
        started = time.monotonic()
        while True:
            watch.look()
            progress.show(_waiting(watch.seen), sum(len(each.rows) for each in watch.seen.values()))
            seconds = time.monotonic() - started
            if all(each.complete for each in watch.seen.values()) or seconds >= timeout:
                break
            time.sleep(min(pause, timeout - seconds))
    stages = {
        each: stage_of(each, seen, _stack_options(where))
        for each, seen in watch.seen.items()
        if not seen.complete
    }
    _report(watch.seen, stages, seconds, options.as_json, output())
    return 1 if stages else 0


def default_timeout(settings: Settings) -> int:
    """Return the seconds after which a record must be in its table, by the stack's settings."""
    return (
        settings.transform_buffer_interval_seconds
        + settings.transform_timeout_seconds
        + settings.delivery_buffer_interval_seconds
        + max(settings.settle_seconds, settings.max_wait_seconds)
        + 2 * settings.writer_schedule_minutes * 60
        + settings.writer_timeout_seconds
        + _SERVICES_SECONDS
    )


def _check_streams(deployment: Deployment, types: tuple[str, ...]) -> None:
    """Refuse to wait for what cannot come: a stream is missing or not active."""
    firehose = deployment.client("firehose")
    # The records come in a moment, perhaps on the other side of a border.
    now = datetime.now(UTC)
    soon = now + _SOON
    for each in deliveries_of(deployment.settings):
        if set(types).isdisjoint(each.record_types) or not each.answers(now, soon):
            continue
        name = deployment.naming.delivery_stream(each.name)
        try:
            found = firehose.describe_delivery_stream(DeliveryStreamName=name)
        except firehose.exceptions.ResourceNotFoundException:
            raise SmokeError(
                f"stage delivery: there is no delivery stream {name}: deploy the stack "
                "(docs/deploying.md)"
            ) from None
        status = found["DeliveryStreamDescription"]["DeliveryStreamStatus"]
        if status != "ACTIVE":
            raise SmokeError(
                f"stage delivery: the delivery stream {name} is {status}: look at it in the "
                "console, and deploy the stack again"
            )


def _remove_left(dynamodb: Any, table_name: str, keys: TableKeys) -> int:
    """Delete the marked items that are in the table; return how many."""
    removed = 0
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table_name,
        KeyConditionExpression="#key = :mark",
        ExpressionAttributeNames={"#key": keys.partition},
        ExpressionAttributeValues={":mark": {"S": MARK}},
        ConsistentRead=True,
    )
    for page in pages:
        for item in page["Items"]:
            dynamodb.delete_item(TableName=table_name, Key=_key(item, keys))
            removed += 1
    return removed


@contextmanager
def _taken_back(
    dynamodb: Any, table_name: str, keys: TableKeys, items: Mapping[str, Item]
) -> Iterator[None]:
    """Delete the items at the end of the ``with``, whatever ends it."""
    try:
        yield
    finally:
        for item in items.values():
            dynamodb.delete_item(TableName=table_name, Key=_key(item, keys))


def _key(item: Item, keys: TableKeys) -> Item:
    return {name: item[name] for name in (keys.partition, keys.sort)}


def _stack_options(where: StackOptions) -> str:
    given = (("--stack", where.stack), ("--endpoint-url", where.endpoint_url))
    return "".join(f" {name} {value}" for name, value in given if value)


def _waiting(seen: Mapping[str, Evidence]) -> str:
    return "  ".join(
        f"{each}: {'landed' if found.landed else 'on its way'}"
        for each, found in seen.items()
        if not found.complete
    )


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} minutes"


def _report(
    seen: Mapping[str, Evidence],
    stages: Mapping[str, Stage],
    seconds: float,
    as_json: bool,
    console: Console,
) -> None:
    if as_json:
        found = {
            "healthy": not stages,
            "seconds": round(seconds, 1),
            "types": {
                each: {
                    "rows": sorted(evidence.rows),
                    "stopped_at": stages[each].name if each in stages else None,
                    "advice": stages[each].advice if each in stages else None,
                }
                for each, evidence in seen.items()
            },
        }
        write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    rows = [
        [
            each,
            *("yes" if change in found.rows else "no" for change in CHANGES),
            stages[each].name if each in stages else "",
        ]
        for each, found in seen.items()
    ]
    print_table(console, ["type", "inserted", "removed", "stopped at"], rows)
    console.print()
    for each, stage in stages.items():
        console.print(f"{each}: {stage.advice}.", soft_wrap=True)
    if stages:
        console.print(
            f"{len(stages)} of {len(seen)} records did not come through in {seconds:.0f} s."
        )
    else:
        console.print(f"All {len(seen)} records came through in {seconds:.0f} s.")
