"""The Pulumi program of dmd-pipeline: settings, what is looked up, components, outputs."""

import pulumi

from infra.access import ContinuousIntegration
from infra.athena import QueryWorkgroup
from infra.catalog import Catalog
from infra.current import CurrentState
from infra.deliveries import deliveries_of
from infra.delivery import DeliveryStream
from infra.logs import LogForwarding
from infra.lookups import look_up
from infra.monitoring import Monitoring
from infra.operators import operate_statements
from infra.packages import find_packages
from infra.provider import make_provider
from infra.roles import ManagedPolicy
from infra.settings import read_settings
from infra.switch import check_switch, outputs_when_made
from infra.tables import check_schemas
from infra.writer import AvroWriter

settings = read_settings()
check_schemas(settings)
packages = find_packages(settings)

provider = make_provider(settings)
referenced = look_up(settings, provider)
before = check_switch(settings, provider)

opts = pulumi.ResourceOptions(providers=[provider])
logs = LogForwarding("logs", settings, referenced.log_stream, opts=opts)
catalog = Catalog("catalog", settings, referenced, opts=opts)
writer = AvroWriter(
    "avro-writer", settings, referenced, packages.avro_writer, logs, catalog, opts=opts
)
read_changes = ManagedPolicy(
    "kinesis-read",
    settings=settings,
    description="Read the change records of the demand table's Kinesis stream",
    statements=referenced.stream.read_statements(),
    opts=opts,
)
deliveries: dict[str, DeliveryStream] = {}
begin: list[DeliveryStream] = []
for delivery in deliveries_of(settings):
    deliveries[delivery.name] = DeliveryStream(
        delivery,
        settings,
        referenced,
        packages.transform,
        read_changes,
        logs,
        writer,
        after=begin if delivery.before else [],
        opts=opts,
    )
    if delivery.since:
        begin.append(deliveries[delivery.name])
current_state = (
    CurrentState("current", settings, referenced, logs, catalog, writer, opts=opts)
    if settings.current_state_tables
    else None
)
workgroup = QueryWorkgroup("workgroup", settings, referenced, opts=opts)
integration = ContinuousIntegration("ci", settings, referenced, catalog, workgroup, opts=opts)
# No role of the stack has this policy: an account gives it to the people on call.
operate = ManagedPolicy(
    "operate",
    settings=settings,
    description="See whether the pipeline is healthy, and bring records back into its tables",
    statements=operate_statements(settings, referenced),
    opts=opts,
)
monitoring = Monitoring("monitoring", settings, [writer, *deliveries.values()], opts=opts)

pulumi.export("bucket", referenced.bucket.name)
pulumi.export("change_stream", referenced.stream.name)
pulumi.export("demand_table_arn", referenced.table.arn)
pulumi.export("delivery_streams", {name: each.name for name, each in deliveries.items()})
pulumi.export(
    "transform_functions", {name: each.transform.name for name, each in deliveries.items()}
)
made = [arn for each in deliveries.values() for arn in (each.arn, each.transform.arn)]
for name, output in outputs_when_made(settings, before, made).items():
    pulumi.export(name, output)
pulumi.export("writer_function", writer.function.name)
pulumi.export("schedule_group", settings.naming.schedule_group)
pulumi.export("schedules", writer.schedules)
pulumi.export("dead_letter_queue", writer.dead_letters.url)
pulumi.export("database", catalog.database)
pulumi.export("tables", catalog.tables)
pulumi.export("refreshes", current_state.machines if current_state else {})
pulumi.export("workgroup", workgroup.name)
pulumi.export("ci_role", integration.role_arn)
pulumi.export("operate_policy", operate.arn)
pulumi.export("dashboard", monitoring.dashboard)
