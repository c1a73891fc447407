"""Does what continuous integration does to a deployed stack, with the CI role's session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from athena.engine import run_query
from emulation.endpoint import Credentials, Endpoint
from tests.end_to_end.provisioned import Stack

ITEM = {"pk": {"S": "ci"}, "sk": {"S": "1"}}
TEST_KEY = "data-pipeline/test/smoke/1.json"


def assume(sts: Any, role_arn: str) -> Credentials:
    """Assume a role, as the client's principal."""
    made = sts.assume_role(RoleArn=role_arn, RoleSessionName="ci")["Credentials"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def use_the_demand_table(ci: Endpoint, stack: Stack) -> None:
    dynamodb, table = ci.client("dynamodb"), stack.provisioned.settings.table_name
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    dynamodb.put_item(TableName=table, Item={**ITEM, "type": {"S": "demand"}})
    dynamodb.update_item(
        TableName=table,
        Key=ITEM,
        UpdateExpression="SET channel = :c",
        ExpressionAttributeValues={":c": {"S": "WEB"}},
    )
    assert dynamodb.get_item(TableName=table, Key=ITEM)["Item"]["channel"] == {"S": "WEB"}
    found = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": ITEM["pk"]},
    )
    assert found["Count"] == 1
    (index,) = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
    found = dynamodb.query(
        TableName=table,
        IndexName=index["IndexName"],
        KeyConditionExpression="#t = :t",
        ExpressionAttributeNames={"#t": "type"},
        ExpressionAttributeValues={":t": {"S": "demand"}},
    )
    assert ITEM["pk"] in [each["pk"] for each in found["Items"]]
    dynamodb.delete_item(TableName=table, Key=ITEM)


def keep_test_objects(ci: Endpoint, stack: Stack) -> None:
    s3 = ci.client("s3")
    s3.put_object(Bucket=stack.bucket, Key=TEST_KEY, Body=b"{}")
    assert s3.get_object(Bucket=stack.bucket, Key=TEST_KEY)["Body"].read() == b"{}"
    listed = s3.list_objects_v2(Bucket=stack.bucket, Prefix="data-pipeline/test/smoke/")
    assert [each["Key"] for each in listed["Contents"]] == [TEST_KEY]
    s3.delete_object(Bucket=stack.bucket, Key=TEST_KEY)


def see_what_comes(ci: Endpoint, stack: Stack) -> None:
    """Look where the smoke test looks; `tests/end_to_end/test_smoke.py` runs the whole of it."""
    s3, firehose = ci.client("s3"), ci.client("firehose")
    for record_type, name in stack.provisioned.outputs["delivery_streams"].items():
        firehose.describe_delivery_stream(DeliveryStreamName=name)
        for area in ("landing", "errors", "quarantine"):
            s3.list_objects_v2(Bucket=stack.bucket, Prefix=f"data-pipeline/{area}/{record_type}/")


def query_with_athena(ci: Endpoint, stack: Stack) -> None:
    """Run a query. The emulator does not answer queries, so this tests only the permissions."""
    athena, workgroup = ci.client("athena"), stack.provisioned.outputs["workgroup"]
    assert athena.get_work_group(WorkGroup=workgroup)["WorkGroup"]["Name"] == workgroup
    names = athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]
    query = athena.get_named_query(NamedQueryId=names[0])["NamedQuery"]["QueryString"]
    execution = athena.start_query_execution(QueryString=query, WorkGroup=workgroup)
    running = {"QueryExecutionId": execution["QueryExecutionId"]}
    status = athena.get_query_execution(**running)["QueryExecution"]["WorkGroup"]
    assert status == workgroup
    athena.get_query_results(**running)
    athena.stop_query_execution(**running)


def read_the_tables(ci: Endpoint, stack: Stack, folder: Path) -> int:
    """Count the rows of demand with what the role reads from Glue and S3; return the number."""
    glue, s3 = ci.client("glue"), ci.client("s3")
    name = stack.provisioned.outputs["database"]
    database = glue.get_database(Name=name)["Database"]
    tables = glue.get_tables(DatabaseName=name)["TableList"]
    one = glue.get_table(DatabaseName=name, Name="demand")["Table"]
    assert one["Name"] in {each["Name"] for each in tables}
    catalog = {"bucket": stack.bucket, "databases": [database], "tables": tables}
    (folder / "catalog.json").write_text(json.dumps(catalog, default=str))
    prefix = one["StorageDescriptor"]["Location"].removeprefix(f"s3://{stack.bucket}/")
    listed = s3.list_objects_v2(Bucket=stack.bucket, Prefix=prefix)
    for each in listed["Contents"]:
        path = folder / each["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=stack.bucket, Key=each["Key"])["Body"].read())
    ((count,),) = run_query(folder, "SELECT count(*) FROM demand").rows
    return int(count)
