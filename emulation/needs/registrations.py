"""What a stack is made of: an endpoint takes it, and gives it back as it was given."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

from emulation.needs.fact import Fact
from emulation.needs.probe import WAITING, Need, Probe
from emulation.needs.shared import kinesis_stream, queue, role

_GRANT = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
_PREFIX = "landing/lanes=2/!{timestamp:yyyy/MM/dd}/"
_ERROR_PREFIX = "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"


def _policies(probe: Probe) -> Iterator[Fact]:
    iam, arn = probe.client("iam"), role(probe)
    name = {"RoleName": arn.rpartition("/")[2]}
    inline = {**name, "PolicyName": "inline"}
    iam.put_role_policy(**inline, PolicyDocument=json.dumps(_GRANT))
    probe.afterwards(iam.delete_role_policy, **inline)
    made = iam.create_policy(PolicyName=probe.name, PolicyDocument=json.dumps(_GRANT))
    yield Fact("CreatePolicy", {"Arn": str, "PolicyId": str}, made["Policy"])
    policy = {"PolicyArn": made["Policy"]["Arn"]}
    probe.afterwards(iam.delete_policy, **policy)
    iam.attach_role_policy(**name, **policy)
    probe.afterwards(iam.detach_role_policy, **name, **policy)
    statement = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    wanted = {"RoleId": str, "AssumeRolePolicyDocument": {"Statement": [statement]}}
    yield Fact("GetRole", wanted, iam.get_role(**name)["Role"])
    names = iam.list_role_policies(**name)["PolicyNames"]
    yield Fact("ListRolePolicies", ["inline"], names)
    document = iam.get_role_policy(**inline)["PolicyDocument"]
    yield Fact("GetRolePolicy", _GRANT, document)
    attached = iam.list_attached_role_policies(**name)["AttachedPolicies"]
    yield Fact("ListAttachedRolePolicies", [policy], attached)
    version = iam.get_policy(**policy)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(**policy, VersionId=version)["PolicyVersion"]
    yield Fact("GetPolicyVersion", {"Document": _GRANT}, found)


def _queues(probe: Probe) -> Iterator[Fact]:
    sqs, arn = probe.client("sqs"), queue(probe)
    # The URL that senders make from a queue's ARN.
    url = probe.endpoint.queue_url(arn)
    wanted = {"MessageRetentionPeriod": "1209600"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=wanted)
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    yield Fact("GetQueueAttributes", wanted, answer["Attributes"])


def _functions(probe: Probe) -> Iterator[Fact]:
    client, package = probe.client("lambda"), io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("probe.py", "def handler(event, context):\n    return None\n")
    name = {"FunctionName": probe.name}
    settings = {
        **name,
        "Role": role(probe),
        "Runtime": "python3.13",
        "Handler": "probe.handler",
        "MemorySize": 1769,
        "Timeout": 61,
        "Environment": {"Variables": {"NAME": "value"}},
    }
    made = client.create_function(**settings, Code={"ZipFile": package.getvalue()})
    probe.afterwards(client.delete_function, **name)
    client.get_waiter("function_active_v2").wait(**name, WaiterConfig=WAITING)
    digest = hashlib.sha256(package.getvalue()).digest()
    wanted = {
        **settings,
        "CodeSha256": base64.b64encode(digest).decode(),
        "FunctionArn": str,
        "Version": "$LATEST",
    }
    yield Fact("CreateFunction", wanted, made)
    yield Fact("GetFunction", wanted, client.get_function(**name)["Configuration"])
    events = {
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnFailure": {"Destination": queue(probe)}},
    }
    client.put_function_event_invoke_config(**name, **events)
    answer = client.get_function_event_invoke_config(**name)
    yield Fact("GetFunctionEventInvokeConfig", events, answer)


def _delivery_streams(probe: Probe) -> Iterator[Fact]:
    firehose, name = probe.client("firehose"), {"DeliveryStreamName": probe.name}
    role_arn, stream_arn = role(probe), kinesis_stream(probe)
    source = {"KinesisStreamARN": stream_arn, "RoleARN": role_arn}
    function = f"arn:aws:lambda:{stream_arn.split(':')[3]}:{stream_arn.split(':')[4]}:function:f"
    parameters = {"LambdaArn": function, "BufferIntervalInSeconds": "61", "NumberOfRetries": "2"}
    destination = {
        "RoleARN": role_arn,
        "BucketARN": f"arn:aws:s3:::{probe.name}",
        "Prefix": _PREFIX,
        "ErrorOutputPrefix": _ERROR_PREFIX,
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 301},
        "CompressionFormat": "GZIP",
        "CloudWatchLoggingOptions": {
            "Enabled": True,
            "LogGroupName": probe.name,
            "LogStreamName": "errors",
        },
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [
                {
                    "Type": "Lambda",
                    "Parameters": [
                        {"ParameterName": key, "ParameterValue": value}
                        for key, value in parameters.items()
                    ],
                }
            ],
        },
    }
    firehose.create_delivery_stream(
        **name,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration=source,
        ExtendedS3DestinationConfiguration=destination,
    )
    probe.afterwards(firehose.delete_delivery_stream, **name)
    wanted = {
        "DeliveryStreamARN": str,
        "DeliveryStreamStatus": "ACTIVE",
        "VersionId": str,
        "Source": {"KinesisStreamSourceDescription": source},
        "Destinations": [{"ExtendedS3DestinationDescription": destination}],
    }
    described = firehose.describe_delivery_stream(**name)["DeliveryStreamDescription"]
    yield Fact("DescribeDeliveryStream", wanted, described)


def _schedules(probe: Probe) -> Iterator[Fact]:
    scheduler, group = probe.client("scheduler"), {"GroupName": probe.name}
    scheduler.create_schedule_group(Name=probe.name)
    probe.afterwards(scheduler.delete_schedule_group, Name=probe.name)
    dead_letters, role_arn = queue(probe), role(probe)
    schedule = {
        "Name": probe.name,
        **group,
        "ScheduleExpression": "rate(7 days)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": dead_letters,
            "RoleArn": role_arn,
            "Input": '{"lane": 0}',
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
            "DeadLetterConfig": {"Arn": dead_letters},
        },
    }
    made = scheduler.create_schedule(**schedule)
    probe.afterwards(scheduler.delete_schedule, Name=probe.name, **group)
    found = scheduler.get_schedule(Name=probe.name, **group)
    yield Fact("CreateSchedule", {"ScheduleArn": str}, made)
    yield Fact("GetSchedule", {**schedule, "Arn": made["ScheduleArn"]}, found)
    listed = [each["Name"] for each in scheduler.list_schedules(**group)["Schedules"]]
    yield Fact("ListSchedules of a group", [probe.name], listed)


def _state_machines(probe: Probe) -> Iterator[Fact]:
    client = probe.client("stepfunctions")
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    machine = {
        "name": probe.name,
        "type": "STANDARD",
        "roleArn": role(probe),
        "definition": json.dumps(definition),
    }
    made = {"stateMachineArn": client.create_state_machine(**machine)["stateMachineArn"]}
    probe.afterwards(client.delete_state_machine, **made)
    yield Fact("DescribeStateMachine", {**machine, **made}, client.describe_state_machine(**made))


def _logs(probe: Probe) -> Iterator[Fact]:
    logs, began = probe.client("logs"), int(time.time() * 1000)
    group = {"logGroupName": probe.name}
    logs.create_log_group(**group)
    probe.afterwards(logs.delete_log_group, **group)
    stream = {**group, "logStreamName": "stream"}
    logs.create_log_stream(**stream)
    events = [{"timestamp": began + each, "message": f"event {each}"} for each in range(2)]
    logs.put_log_events(**stream, logEvents=events)
    found = logs.filter_log_events(**group, startTime=began)["events"]
    wanted = [{**each, "logStreamName": "stream"} for each in events]
    yield Fact("FilterLogEvents", wanted, found)
    filter_name = {"filterName": "filter"}
    target = {"destinationArn": kinesis_stream(probe), "roleArn": role(probe), "filterPattern": ""}
    logs.put_subscription_filter(**group, **filter_name, **target)
    probe.afterwards(logs.delete_subscription_filter, **group, **filter_name)
    answer = logs.describe_subscription_filters(**group)["subscriptionFilters"]
    del target["filterPattern"]
    yield Fact("DescribeSubscriptionFilters", [{**filter_name, **target}], answer)
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=probe.name)
    names = [each["logGroupName"] for page in pages for each in page["logGroups"]]
    yield Fact("DescribeLogGroups", [probe.name], names)


def _catalog(probe: Probe) -> Iterator[Fact]:
    glue, database = probe.client("glue"), probe.name.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": database})
    probe.afterwards(glue.delete_database, Name=database)
    tables: dict[str, dict[str, Any]] = {}
    column = {"Name": "party", "Type": "struct<adults:int>", "Comment": "who comes"}
    schema = json.dumps({"type": "record", "name": "probe", "fields": []})
    tables["table"] = {
        "Name": "table",
        "Description": "what it is",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"projection.enabled": "true", "projection.partition_date.type": "date"},
        "PartitionKeys": [{"Name": "partition_date", "Type": "string"}],
        "StorageDescriptor": {
            "Location": f"s3://{probe.name}/avro/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
            "Columns": [column],
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
                "Parameters": {"avro.schema.literal": schema},
            },
        },
    }
    tables["view"] = {
        "Name": "view",
        "TableType": "VIRTUAL_VIEW",
        "ViewOriginalText": "/* Presto View: e30= */",
        "ViewExpandedText": "/* Presto View */",
        "Parameters": {"presto_view": "true"},
        "StorageDescriptor": {"Columns": [column]},
    }
    for name, table in tables.items():
        glue.create_table(DatabaseName=database, TableInput=table)
        probe.afterwards(glue.delete_table, DatabaseName=database, Name=name)
        found = glue.get_table(DatabaseName=database, Name=name)["Table"]
        yield Fact(f"GetTable of a {name}", table, found)


def _workgroups(probe: Probe) -> Iterator[Fact]:
    athena, workgroup = probe.client("athena"), {"WorkGroup": probe.name}
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "ResultConfiguration": {"OutputLocation": f"s3://{probe.name}/results/"},
    }
    athena.create_work_group(Name=probe.name, Configuration=configuration)
    probe.afterwards(athena.delete_work_group, **workgroup, RecursiveDeleteOption=True)
    found = athena.get_work_group(**workgroup)["WorkGroup"]
    yield Fact("GetWorkGroup", {"Name": probe.name, "Configuration": configuration}, found)
    query = {**workgroup, "Name": "query", "Database": "default", "QueryString": "SELECT 1"}
    made = {"NamedQueryId": athena.create_named_query(**query)["NamedQueryId"]}
    listed = athena.list_named_queries(**workgroup)["NamedQueryIds"]
    yield Fact("ListNamedQueries of a workgroup", [made["NamedQueryId"]], listed)
    yield Fact("GetNamedQuery", query, athena.get_named_query(**made)["NamedQuery"])


def _monitoring(probe: Probe) -> Iterator[Fact]:
    cloudwatch = probe.client("cloudwatch")
    metric = {"Namespace": "AWS/Firehose", "MetricName": "DeliveryToS3.DataFreshness"}
    alarm = {
        "AlarmName": probe.name,
        "Metrics": [
            {"Id": "m", "MetricStat": {"Metric": metric, "Stat": "Maximum", "Period": 300}},
        ],
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 900.0,
        "EvaluationPeriods": 3,
        "TreatMissingData": "notBreaching",
    }
    cloudwatch.put_metric_alarm(**alarm)
    probe.afterwards(cloudwatch.delete_alarms, AlarmNames=[probe.name])
    found = cloudwatch.describe_alarms(AlarmNames=[probe.name])["MetricAlarms"]
    yield Fact("DescribeAlarms", [{"AlarmName": probe.name, "Threshold": 900.0}], found)
    cloudwatch.put_dashboard(DashboardName=probe.name, DashboardBody='{"widgets": []}')
    probe.afterwards(cloudwatch.delete_dashboards, DashboardNames=[probe.name])


REGISTRATIONS = (
    Need("IAM roles and policies", _policies),
    Need("SQS queues", _queues),
    Need("Lambda functions", _functions),
    Need("Firehose delivery streams", _delivery_streams),
    Need("EventBridge schedules", _schedules),
    Need("Step Functions state machines", _state_machines),
    Need("CloudWatch Logs", _logs),
    Need("Glue tables", _catalog),
    Need("Athena workgroups", _workgroups),
    Need("CloudWatch alarms and dashboards", _monitoring),
)
"""What a stack is made of."""
