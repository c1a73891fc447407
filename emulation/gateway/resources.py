"""The resource on which AWS authorizes each operation that a role may call here.

The gateway refuses an operation that is not in this table, because it does not know what it needs.
To add one, see the service's page of https://docs.aws.amazon.com/service-authorization/latest/reference/
S3 is in ``s3_requirements``, because its actions differ from its operations.
"""

from __future__ import annotations

from collections.abc import Mapping

from emulation.gateway.resource_rules import (
    Rule,
    arn,
    every,
    first,
    function,
    issued,
    key,
    listed,
    queue,
    table_index,
    tables,
)

# The prefix of IAM's actions, if it is not botocore's name of the service.
IAM_PREFIXES: Mapping[str, str] = {
    "dynamodbstreams": "dynamodb",
    "stepfunctions": "states",
}

# IAM's action, if it does not have the operation's name.
ACTIONS: Mapping[tuple[str, str], str] = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("lambda", "InvokeAsync"): "InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "InvokeFunction",
}

# The services' own condition keys, which come from a call's parameters.
CONDITION_KEYS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cloudwatch", "PutMetricData"): {"cloudwatch:namespace": "{Namespace}"},
    ("iam", "AttachRolePolicy"): {"iam:PolicyARN": "{PolicyArn}"},
    ("iam", "CreateRole"): {"iam:PermissionsBoundary": "{PermissionsBoundary}"},
    ("iam", "DetachRolePolicy"): {"iam:PolicyARN": "{PolicyArn}"},
    ("iam", "PutRolePermissionsBoundary"): {"iam:PermissionsBoundary": "{PermissionsBoundary}"},
}

# The operations of IAM that have the boundary of an existing role as a condition key.
OF_A_ROLE_AS_IT_IS = frozenset(
    "AttachRolePolicy DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy "
    "GetRole PutRolePolicy UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription".split()
)

_ANYTHING = arn("*")

_STREAM = first(arn("{StreamARN}"), arn("arn:aws:kinesis:{region}:{account}:stream/{StreamName}"))
_STREAM_OF_TOKEN = first(_STREAM, issued("ShardIterator"), issued("NextToken"))
_CONSUMER = first(arn("{ConsumerARN}"), arn("{StreamARN}/consumer/{ConsumerName}"))
_DELIVERY_STREAM = arn("arn:aws:firehose:{region}:{account}:deliverystream/{DeliveryStreamName}")

_LOG_GROUP_NAME = "arn:aws:logs:{region}:{account}:log-group:"
# AWS authorizes an operation on a log group on a log stream with an empty name. This is why every
# policy on a log group ends with ":*".
_LOG_GROUP = first(
    arn(_LOG_GROUP_NAME + "{logGroupName}:log-stream:"), arn("{logGroupIdentifier}:log-stream:")
)
_LOG_STREAM = arn(_LOG_GROUP_NAME + "{logGroupName}:log-stream:{logStreamName}")

_TABLE = tables(lambda call: (call.get("TableName"),))
_DYNAMODB_STREAM = first(arn("{StreamArn}"), issued("ShardIterator"))

_WORKGROUP = "arn:aws:athena:{region}:{account}:workgroup/"
_WORKGROUP_ITSELF = first(arn(_WORKGROUP + "{WorkGroup}"), arn(_WORKGROUP + "{Name}"))
_NAMED_WORKGROUP = arn(_WORKGROUP + "{WorkGroup|primary}")
_DATA_CATALOG = arn("arn:aws:athena:{region}:{account}:datacatalog/{CatalogName}")

# Glue requires the permission on the catalog, on the database and on the table.
_CATALOG = arn("arn:aws:glue:{region}:{account}:catalog")
_DATABASE_NAME = "arn:aws:glue:{region}:{account}:database/"
_TABLE_NAME = "arn:aws:glue:{region}:{account}:table/{DatabaseName}/"
_DATABASES = every(_CATALOG, arn(_DATABASE_NAME + "*"))
_DATABASE = every(
    _CATALOG, first(arn(_DATABASE_NAME + "{Name}"), arn(_DATABASE_NAME + "{DatabaseInput.Name}"))
)
# Deleting a database deletes its tables and functions.
_WHOLE_DATABASE = every(
    _DATABASE,
    arn("arn:aws:glue:{region}:{account}:table/{Name}/*"),
    arn("arn:aws:glue:{region}:{account}:userDefinedFunction/{Name}/*"),
)
_IN_DATABASE = every(_CATALOG, arn(_DATABASE_NAME + "{DatabaseName}"))
_GLUE_TABLES = every(_IN_DATABASE, arn(_TABLE_NAME + "*"))
_GLUE_TABLE = every(
    _IN_DATABASE,
    first(
        arn(_TABLE_NAME + "{TableName}"),
        arn(_TABLE_NAME + "{TableInput.Name}"),
        arn(_TABLE_NAME + "{Name}"),
    ),
)

_SCHEDULE_GROUP = arn("arn:aws:scheduler:{region}:{account}:schedule-group/{Name}")
_SCHEDULE = arn("arn:aws:scheduler:{region}:{account}:schedule/{GroupName|default}/{Name}")
_STATE_MACHINE = first(
    arn("{stateMachineArn}"), arn("arn:aws:states:{region}:{account}:stateMachine:{name}")
)
_ALARM_NAME = "arn:aws:cloudwatch:{region}:{account}:alarm:"
_ALARM = arn(_ALARM_NAME + "{AlarmName}")
_DASHBOARD_NAME = "arn:aws:cloudwatch::{account}:dashboard/"
_DASHBOARD = arn(_DASHBOARD_NAME + "{DashboardName}")
_TOPIC = first(arn("{TopicArn}"), arn("{TargetArn}"))
# No request has the role's path, which is part of its ARN, so that only roles without one work.
_ROLE = arn("arn:aws:iam::{account}:role/{RoleName}")
_POLICY = arn("{PolicyArn}")
# Of whatever the ARN names.
_TAGGED = first(
    *(arn(f"{{{each}}}") for each in ("ResourceARN", "ResourceArn", "resourceArn", "Resource"))
)


def _of(rule: Rule, operations: str) -> dict[str, Rule]:
    return dict.fromkeys(operations.split(), rule)


RESOURCES: Mapping[str, Mapping[str, Rule]] = {
    "kinesis": {
        **_of(
            _STREAM,
            "AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream "
            "DescribeStream DescribeStreamSummary GetShardIterator IncreaseStreamRetentionPeriod "
            "ListTagsForStream PutRecord PutRecords",
        ),
        **_of(_STREAM_OF_TOKEN, "GetRecords ListShards"),
        **_of(_CONSUMER, "DescribeStreamConsumer SubscribeToShard"),
        **_of(_ANYTHING, "DescribeLimits ListStreams UpdateShardCount"),
    },
    "firehose": {
        **_of(
            _DELIVERY_STREAM,
            "CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream "
            "ListTagsForDeliveryStream PutRecord PutRecordBatch TagDeliveryStream "
            "UntagDeliveryStream UpdateDestination",
        ),
        **_of(_ANYTHING, "ListDeliveryStreams"),
    },
    "lambda": {
        **_of(
            function,
            "CreateFunction DeleteFunction DeleteFunctionEventInvokeConfig GetAlias GetFunction "
            "GetFunctionCodeSigningConfig GetFunctionConcurrency GetFunctionConfiguration "
            "GetFunctionEventInvokeConfig GetPolicy Invoke InvokeAsync InvokeWithResponseStream "
            "ListVersionsByFunction PutFunctionEventInvokeConfig UpdateFunctionCode "
            "UpdateFunctionConfiguration",
        ),
        **_of(_TAGGED, "ListTags TagResource UntagResource"),
        **_of(_ANYTHING, "ListFunctions"),
    },
    "logs": {
        **_of(
            _LOG_GROUP,
            "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DeleteSubscriptionFilter "
            "DescribeLogStreams DescribeSubscriptionFilters FilterLogEvents PutRetentionPolicy "
            "PutSubscriptionFilter",
        ),
        **_of(_LOG_STREAM, "CreateLogStream DeleteLogStream GetLogEvents PutLogEvents"),
        **_of(arn(_LOG_GROUP_NAME + ":log-stream:"), "DescribeLogGroups"),
        **_of(_TAGGED, "ListTagsForResource TagResource UntagResource"),
        **_of(_ANYTHING, "DeleteQueryDefinition DescribeQueryDefinitions PutQueryDefinition"),
    },
    "cloudwatch": {
        **_of(_ANYTHING, "GetMetricData GetMetricStatistics ListMetrics PutMetricData"),
        **_of(_ALARM, "PutMetricAlarm"),
        **_of(listed("AlarmNames", _ALARM_NAME + "{item}"), "DeleteAlarms"),
        **_of(arn(_ALARM_NAME + "*"), "DescribeAlarms"),
        **_of(_DASHBOARD, "GetDashboard PutDashboard"),
        **_of(listed("DashboardNames", _DASHBOARD_NAME + "{item}"), "DeleteDashboards"),
        **_of(_TAGGED, "ListTagsForResource TagResource UntagResource"),
    },
    "dynamodb": {
        **_of(
            _TABLE,
            "DeleteItem DescribeContinuousBackups DescribeKinesisStreamingDestination "
            "DescribeTable DescribeTimeToLive GetItem PutItem UpdateItem",
        ),
        **_of(_TAGGED, "ListTagsOfResource"),
        **_of(table_index, "Query Scan"),
        **_of(tables(lambda call: call.get("RequestItems") or ()), "BatchGetItem BatchWriteItem"),
        **_of(_ANYTHING, "DescribeLimits ListTables"),
    },
    "dynamodbstreams": {
        **_of(_DYNAMODB_STREAM, "DescribeStream GetRecords GetShardIterator"),
        **_of(_ANYTHING, "ListStreams"),
    },
    "sqs": {
        **_of(
            queue,
            "ChangeMessageVisibility DeleteMessage DeleteQueue GetQueueAttributes ListQueueTags "
            "PurgeQueue ReceiveMessage SendMessage SetQueueAttributes TagQueue UntagQueue",
        ),
        **_of(arn("arn:aws:sqs:{region}:{account}:{QueueName}"), "CreateQueue GetQueueUrl"),
    },
    "sns": {
        **_of(_TOPIC, "GetTopicAttributes Publish"),
        **_of(_TAGGED, "ListTagsForResource"),
        **_of(_ANYTHING, "ListTopics"),
    },
    "sts": {
        **_of(arn("{RoleArn}"), "AssumeRole"),
    },
    "athena": {
        **_of(
            _NAMED_WORKGROUP,
            "CreateNamedQuery GetWorkGroup ListNamedQueries ListQueryExecutions "
            "StartQueryExecution",
        ),
        **_of(
            issued("QueryExecutionId"),
            "GetQueryExecution GetQueryResults GetQueryRuntimeStatistics StopQueryExecution",
        ),
        **_of(issued("NamedQueryId"), "DeleteNamedQuery GetNamedQuery"),
        **_of(_WORKGROUP_ITSELF, "CreateWorkGroup DeleteWorkGroup UpdateWorkGroup"),
        **_of(_TAGGED, "ListTagsForResource TagResource UntagResource"),
        **_of(_DATA_CATALOG, "GetDatabase GetTableMetadata ListDatabases ListTableMetadata"),
        **_of(arn("arn:aws:athena:{region}:{account}:datacatalog/{Name}"), "GetDataCatalog"),
        **_of(_ANYTHING, "ListDataCatalogs ListEngineVersions ListWorkGroups"),
    },
    "glue": {
        **_of(_DATABASES, "GetDatabases"),
        **_of(_DATABASE, "CreateDatabase GetDatabase UpdateDatabase"),
        **_of(_WHOLE_DATABASE, "DeleteDatabase"),
        **_of(_GLUE_TABLES, "GetTables"),
        **_of(
            _GLUE_TABLE,
            "BatchCreatePartition BatchGetPartition CreatePartition CreateTable DeletePartition "
            "DeleteTable GetPartition GetPartitionIndexes GetPartitions GetTable GetTableVersion "
            "GetTableVersions UpdateTable",
        ),
        **_of(_TAGGED, "GetTags TagResource UntagResource"),
    },
    "scheduler": {
        **_of(_SCHEDULE, "CreateSchedule DeleteSchedule GetSchedule UpdateSchedule"),
        **_of(_ANYTHING, "ListSchedules"),
        **_of(_SCHEDULE_GROUP, "CreateScheduleGroup DeleteScheduleGroup GetScheduleGroup"),
        **_of(_TAGGED, "ListTagsForResource TagResource UntagResource"),
    },
    "stepfunctions": {
        **_of(
            _STATE_MACHINE,
            "CreateStateMachine DeleteStateMachine DescribeStateMachine ListExecutions "
            "ListStateMachineVersions StartExecution UpdateStateMachine",
        ),
        **_of(arn("{executionArn}"), "DescribeExecution GetExecutionHistory StopExecution"),
        **_of(_TAGGED, "ListTagsForResource TagResource UntagResource"),
        **_of(_ANYTHING, "ListStateMachines ValidateStateMachineDefinition"),
    },
    "iam": {
        **_of(
            _ROLE,
            "AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary "
            "DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies "
            "ListInstanceProfilesForRole ListRolePolicies ListRoleTags "
            "PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy "
            "UpdateRole UpdateRoleDescription",
        ),
        **_of(arn("arn:aws:iam::{account}:policy/{PolicyName}"), "CreatePolicy"),
        **_of(
            _POLICY,
            "CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion "
            "ListPolicyVersions TagPolicy UntagPolicy",
        ),
        **_of(_ANYTHING, "ListPolicies ListRoles"),
    },
    "kms": _of(key, "Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext"),
}

# Operations that need no permission, and that no policy can deny.
FREE = frozenset({("sts", "GetCallerIdentity")})
