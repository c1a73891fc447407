"""The state machine that refreshes a record type's table of the current state.

Its definition is in the Amazon States Language with JSONPath:
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html

Every state may fail, be repeated, or overlap with another execution's. What is read depends on the
anchor of the very table that is written, and an anchor moves only after the merge. So whatever
happens, later refreshes read at least what is missing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from catalog.current.keys import anchor_prefix, late_prefix
from catalog.current.statements import Statements
from catalog.types import hive_type
from schemas.columns import Column

State = dict[str, Any]

# Below Step Functions' limit of 256 KiB for a result: a listed key has some 400 bytes.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_MOST_MARKS = 300

# Athena ends a query after 30 minutes, if the account has not asked for more.
# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
_QUERY_SECONDS = 60 * 60
_EXECUTION_SECONDS = 4 * 60 * 60
# VACUUM deletes a part of the files in a run. So does the DROP of a large table: it was seen to end
# after a minute, and to succeed when it was run again (dbt-labs/dbt-adapters#457).
_DELETIONS = 20

# The anchor of a table that has to get everything; and a date after all.
_NEVER = "1970-01-02T00:00:00Z"
_NOTHING_LATE = "9999-12-31"

# In the location of each table: what follows is the name of the execution that has made it.
_MADE_BY = "made="

_CHANGED = "ColumnChanged"


@dataclass(frozen=True)
class Refresh:
    """What a state machine refreshes, and with what.

    Parameters
    ----------
    statements
        The queries.
    workgroup
        The Athena workgroup that runs them. It says where results go.
    bucket
        The bucket of the data.
    data_prefix
        The prefix of all keys of the pipeline, without a slash at its end.
    wait_seconds
        How long to wait for executions of an older definition, before each look at them.
    """

    statements: Statements
    workgroup: str
    bucket: str
    data_prefix: str
    wait_seconds: int = 60

    @property
    def record_type(self) -> str:
        """The type whose current state it is."""
        return self.statements.table.record_type


def definition(refresh: Refresh) -> State:
    """Return the definition of the state machine, as JSON values.

    An execution's input may say ``"maintain": true``, for the work of once a day, and
    ``"rebuild": true``: the table is then made anew of all changes.
    """
    statements = refresh.statements
    states = {
        "KeepTexts": _texts(refresh),
        "IsRebuildAsked": _if(_is_set("$.rebuild"), "Drop", "FindTable"),
        **_find(refresh),
        **_adapt(refresh),
        **_late(refresh),
        "IsAnythingMerged": _if(
            {"Variable": "$.anchor.is.since", "StringEquals": _NEVER}, "IsTurnForAll", "Merge"
        ),
        # Executions that start meanwhile wait, and find the anchor moved. So all is read once.
        "IsTurnForAll": _if(_is_set("$.turn"), "MergeAll", "WaitForOlder"),
        "Merge": _query(
            refresh,
            "States.Format($.texts.merge, $.late.date, $.anchor.is.since)",
            "ForgetMarks",
        ),
        # Not tried again at once: a query that is stopped at the workgroup's limit is billed.
        "MergeAll": _query(refresh, statements.merge_all(), "ForgetMarks", attempts=0),
        **_finish(refresh),
        "IsMaintenanceDue": _if(_is_set("$.maintain"), "ForgetRemoved", "Done"),
        "ForgetRemoved": _query(refresh, statements.forget(), "CheckKeys"),
        "CheckKeys": _query(refresh, statements.check(), "Optimize"),
        "Optimize": _query(refresh, statements.optimize(), "Vacuum"),
        "Vacuum": _query(refresh, statements.vacuum(), "Done", attempts=_DELETIONS),
        "Done": {"Type": "Succeed"},
        **_make(refresh),
    }
    return {
        "Comment": f"Brings the changes of {refresh.record_type} into the table of their current "
        "state",
        "StartAt": "KeepTexts",
        "TimeoutSeconds": _EXECUTION_SECONDS,
        "States": states,
    }


def _texts(refresh: Refresh) -> State:
    """Keep the queries that get values put in. As values themselves they need no escaping.

    In the text of an intrinsic function each quote would need a backslash, and AWS's page says
    nothing about line breaks there.
    """
    location = (
        f"s3://{refresh.bucket}/{refresh.data_prefix}/parquet/{refresh.record_type}/{_MADE_BY}{{}}"
    )
    return {
        "Type": "Pass",
        "Result": {
            "merge": refresh.statements.merge("{}", "{}"),
            "create": refresh.statements.create(location),
        },
        "ResultPath": "$.texts",
        "Next": "IsRebuildAsked",
    }


def _find(refresh: Refresh) -> dict[str, State]:
    """Find the table, and the anchor of this very table."""
    statements = refresh.statements
    return {
        "FindTable": _call(
            "glue:getTable",
            {
                "DatabaseName": statements.current_database,
                "Name": refresh.record_type,
            },
            "ReadAnchor",
            result=(
                "$.table",
                {
                    "id.$": "States.ArrayGetItem(States.StringSplit(States.ArrayGetItem("
                    "States.StringSplit($.Table.StorageDescriptor.Location, '='), 1), '/'), 0)",
                    "columns.$": "$.Table.StorageDescriptor.Columns[*].Name",
                },
            ),
            catch={"Glue.EntityNotFoundException": "Begin"},
        ),
        "ReadAnchor": _call(
            "s3:getObject",
            {"Bucket": refresh.bucket, "Key.$": _anchor(refresh, "$.table.id")},
            "AreColumnsKnown",
            result=("$.anchor", {"is.$": "States.StringToJson($.Body)"}),
            # The object was deleted, or the table has the name of an execution that put none.
            catch={"S3.NoSuchKeyException": "Drop"},
        ),
    }


def _adapt(refresh: Refresh) -> dict[str, State]:
    """Add the columns that the schema has and the table lacks."""
    return {
        "AreColumnsKnown": _if(
            {"Variable": "$.anchor.is.schema", "StringEquals": _fingerprint(refresh)},
            "ListMarks",
            "IsTurn",
        ),
        "IsTurn": _if(_is_set("$.turn"), "ListColumns", "WaitForOlder"),
        # An execution of an older definition does not know the new columns: what it merged after
        # they are there would lack them for good. A definition that was just replaced may be used
        # for some seconds more, and the list of executions may be as old.
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
        "WaitForOlder": {"Type": "Wait", "Seconds": refresh.wait_seconds, "Next": "ListRunning"},
        "ListRunning": _call(
            "sfn:listExecutions",
            {"StateMachineArn.$": "$$.StateMachine.Id", "StatusFilter": "RUNNING"},
            "IsAnyListed",
            result=(
                "$.running",
                {
                    "arns.$": "$.Executions[*].ExecutionArn",
                    "count.$": "States.ArrayLength($.Executions[*].ExecutionArn)",
                },
            ),
        ),
        "IsAnyListed": _if(
            {"Variable": "$.running.count", "NumericEquals": 0}, "WaitForOlder", "FindOldest"
        ),
        # The newest is listed first. The oldest goes on, so two never wait for each other.
        "FindOldest": {
            "Type": "Pass",
            "Parameters": {
                "arn.$": "States.ArrayGetItem($.running.arns, States.MathAdd($.running.count, -1))",
                "own.$": "$$.Execution.Id",
            },
            "ResultPath": "$.oldest",
            "Next": "IsOldest",
        },
        "IsOldest": _if(
            {"Variable": "$.oldest.arn", "StringEqualsPath": "$.oldest.own"},
            "TakeTurn",
            "WaitForOlder",
        ),
        # Meanwhile another execution may have added the columns, or made the table anew. What was
        # read of both before the wait is of no use.
        "TakeTurn": {
            "Type": "Pass",
            "Result": True,
            "ResultPath": "$.turn",
            "Next": "FindTable",
        },
        "ListColumns": {
            "Type": "Pass",
            "Result": [
                {
                    "name": each.name,
                    "known": _known(each),
                    "add": refresh.statements.add(each) or "",
                }
                for each in refresh.statements.columns
            ],
            "ResultPath": "$.columns",
            "Next": "AddColumns",
        },
        "AddColumns": {
            "Type": "Map",
            "ItemsPath": "$.columns",
            "ItemSelector": {
                "column.$": "$$.Map.Item.Value",
                "names.$": "$.table.columns",
                "known.$": "$.anchor.is.columns",
            },
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "LookAtColumn",
                "States": {
                    "LookAtColumn": {
                        "Type": "Pass",
                        "Parameters": {
                            "add.$": "$.column.add",
                            "is_there.$": "States.ArrayContains($.names, $.column.name)",
                            "is_known.$": "States.ArrayContains($.known, $.column.known)",
                        },
                        "Next": "HowIsColumn",
                    },
                    "HowIsColumn": {
                        "Type": "Choice",
                        "Choices": [
                            {"Variable": "$.is_known", "BooleanEquals": True, "Next": "KeepColumn"},
                            {"Variable": "$.is_there", "BooleanEquals": True, "Next": "NoWay"},
                            {"Variable": "$.add", "StringEquals": "", "Next": "NoWay"},
                        ],
                        "Default": "AddColumn",
                    },
                    "AddColumn": _query(refresh, "$.add", None),
                    "KeepColumn": {"Type": "Succeed"},
                    "NoWay": {
                        "Type": "Fail",
                        "Error": _CHANGED,
                        "Cause": "no ALTER TABLE leads to this column: the table is made anew",
                    },
                },
            },
            "ResultPath": None,
            "Catch": [{"ErrorEquals": [_CHANGED], "ResultPath": None, "Next": "Drop"}],
            "Next": "KeepColumns",
        },
        # Executions of an older definition have merged changes without the new columns. All are
        # read once more.
        "KeepColumns": _put_anchor(refresh, "$.table.id", _NEVER, "FindTable"),
    }


def _late(refresh: Refresh) -> dict[str, State]:
    """Find the earliest date with changes that came late. Keys are listed in their order."""
    prefix = late_prefix(refresh.data_prefix, refresh.record_type)
    place = prefix.count("/")
    return {
        "ListMarks": _call(
            "s3:listObjectsV2",
            {"Bucket": refresh.bucket, "Prefix": prefix, "MaxKeys": _MOST_MARKS},
            "IsAnythingLate",
            result=("$.listed", None),
        ),
        "IsAnythingLate": _if(
            {"Variable": "$.listed.KeyCount", "NumericEquals": 0}, "NothingIsLate", "FindEarliest"
        ),
        "NothingIsLate": {
            "Type": "Pass",
            "Result": {"date": _NOTHING_LATE, "marks": []},
            "ResultPath": "$.late",
            "Next": "IsAnythingMerged",
        },
        "FindEarliest": {
            "Type": "Pass",
            "Parameters": {
                "date.$": "States.ArrayGetItem(States.StringSplit(States.ArrayGetItem("
                f"$.listed.Contents[*].Key, 0), '/'), {place})",
                "marks.$": "$.listed.Contents[*].Key",
            },
            "ResultPath": "$.late",
            "Next": "IsAnythingMerged",
        },
    }


def _finish(refresh: Refresh) -> dict[str, State]:
    """Say what the table now has: delete the marks that were listed, and move the anchor."""
    return {
        "ForgetMarks": {
            "Type": "Map",
            "ItemsPath": "$.late.marks",
            "ItemSelector": {"key.$": "$$.Map.Item.Value"},
            "MaxConcurrency": 10,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "ForgetMark",
                "States": {
                    "ForgetMark": _call(
                        "s3:deleteObject", {"Bucket": refresh.bucket, "Key.$": "$.key"}, None
                    )
                },
            },
            "ResultPath": None,
            "Next": "MoveAnchor",
        },
        "MoveAnchor": _put_anchor(
            refresh, "$.table.id", "$$.Execution.StartTime", "IsMaintenanceDue"
        ),
    }


def _make(refresh: Refresh) -> dict[str, State]:
    """Make the table, after the anchor that says that it has nothing."""
    return {
        "Drop": _query(refresh, refresh.statements.drop(), "Begin", attempts=_DELETIONS),
        "Begin": _put_anchor(refresh, "$$.Execution.Name", _NEVER, "Create"),
        "Create": _query(refresh, "States.Format($.texts.create, $$.Execution.Name)", "IsMade"),
        "IsMade": {
            "Type": "Pass",
            "Result": False,
            "ResultPath": "$.rebuild",
            "Next": "FindTable",
        },
    }


def _if(condition: State, then: str, otherwise: str) -> State:
    """Return the state that goes one way if a condition is true, and else the other."""
    return {
        "Type": "Choice",
        "Choices": [{**condition, "Next": then}],
        "Default": otherwise,
    }


def _is_set(flag: str) -> State:
    """Return the condition that a flag is there and true."""
    return {
        "And": [
            {"Variable": flag, "IsPresent": True},
            {"Variable": flag, "BooleanEquals": True},
        ]
    }


def _query(refresh: Refresh, sql: str, then: str | None, *, attempts: int = 3) -> State:
    """Return the state that runs a query to its end.

    ``sql`` is its text, or a path or intrinsic function that gives it.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
    """
    dynamic = sql.startswith(("$.", "States."))
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Parameters": {
            "QueryString.$" if dynamic else "QueryString": sql,
            "QueryExecutionContext": {"Database": refresh.statements.database},
            "WorkGroup": refresh.workgroup,
        },
        "TimeoutSeconds": _QUERY_SECONDS,
        # Of two writers in conflict, Iceberg lets one fail. Each query may be run again.
        "Retry": [
            {
                **_retry(seconds=30, attempts=5),
                "ErrorEquals": ["Athena.TooManyRequestsException"],
            },
            _retry(seconds=30, attempts=attempts),
        ],
        "ResultPath": None,
        **_then(then),
    }


def _call(
    operation: str,
    parameters: State,
    then: str | None,
    *,
    result: tuple[str, State | None] | None = None,
    catch: dict[str, str] | None = None,
) -> State:
    """Return the state that calls an operation of an AWS service.

    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    path, selector = result or (None, None)
    caught = catch or {}
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::aws-sdk:{operation}",
        "Parameters": parameters,
        "TimeoutSeconds": 60,
        **({"ResultSelector": selector} if selector else {}),
        "ResultPath": path,
        "Retry": [
            *({"ErrorEquals": [error], "MaxAttempts": 0} for error in caught),
            _retry(seconds=2, attempts=5),
        ],
        **(
            {
                "Catch": [
                    {"ErrorEquals": [error], "ResultPath": None, "Next": state}
                    for error, state in caught.items()
                ]
            }
            if caught
            else {}
        ),
        **_then(then),
    }


def _put_anchor(refresh: Refresh, table: str, since: str, then: str) -> State:
    return _call(
        "s3:putObject",
        {
            "Bucket": refresh.bucket,
            "Key.$": _anchor(refresh, table),
            "Body": {
                "since.$" if since.startswith("$") else "since": since,
                "schema": _fingerprint(refresh),
                "columns": [_known(each) for each in refresh.statements.columns],
            },
            "ContentType": "application/json",
        },
        then,
    )


def _retry(*, seconds: int, attempts: int) -> State:
    return {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": seconds,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "MaxDelaySeconds": 300,
        "JitterStrategy": "FULL",
    }


def _then(state: str | None) -> State:
    return {"End": True} if state is None else {"Next": state}


def _anchor(refresh: Refresh, table: str) -> str:
    prefix = anchor_prefix(refresh.data_prefix, refresh.record_type)
    # A key's prefix has no character that would need escaping.
    # https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
    return f"States.Format('{prefix}{{}}', {table})"


def _known(column: Column) -> str:
    return f"{column.name} {hive_type(column.type)}"


def _fingerprint(refresh: Refresh) -> str:
    columns = [_known(each) for each in refresh.statements.columns]
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()
