"""Registers the alarms, the dashboard and the saved queries of the logs."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi_aws.cloudwatch import MetricAlarmMetricQueryArgsDict

from infra.alarms import Alarm, alarms_of
from infra.dashboard import dashboard_body
from infra.log_queries import log_queries
from infra.settings import Settings


class Monitoring(pulumi.ComponentResource):
    """The alarms, the dashboard and the saved queries of the logs of a stack.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    logging
        Have the log groups that the queries read. They are deployed first.
    """

    dashboard: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings,
        logging: Sequence[pulumi.Resource],
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:monitoring:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        alarms = [_register(alarm, settings, child) for alarm in alarms_of(settings)]
        body = dashboard_body(settings, [alarm.arn for alarm in alarms])
        dashboard = aws.cloudwatch.Dashboard(
            name,
            dashboard_name=settings.naming.dashboard,
            dashboard_body=pulumi.Output.json_dumps(body),
            opts=child,
        )
        for query in log_queries(settings):
            aws.cloudwatch.QueryDefinition(
                f"logs-{query.purpose}",
                name=settings.naming.log_query(query.purpose),
                log_group_names=query.log_groups,
                query_string=query.text,
                # AWS does not say whether a query may name a log group that does not exist.
                opts=pulumi.ResourceOptions(parent=self, depends_on=logging),
            )
        self.dashboard = dashboard.dashboard_name
        self.register_outputs({"dashboard": dashboard.dashboard_name})


def _register(
    alarm: Alarm, settings: Settings, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.MetricAlarm:
    topic = settings.alarm_topic_arn
    actions = [topic] if topic else []
    return aws.cloudwatch.MetricAlarm(
        alarm.symptom,
        name=settings.naming.alarm(alarm.symptom),
        alarm_description=alarm.description,
        metric_queries=_queries(alarm),
        comparison_operator="LessThanThreshold" if alarm.wants_more else "GreaterThanThreshold",
        threshold=alarm.threshold,
        datapoints_to_alarm=alarm.datapoints,
        evaluation_periods=alarm.periods,
        treat_missing_data="breaching" if alarm.wants_more else "notBreaching",
        alarm_actions=actions,
        ok_actions=actions,
        opts=opts,
    )


def _queries(alarm: Alarm) -> list[MetricAlarmMetricQueryArgsDict]:
    """Return the alarm's metrics and, if there are several, their sum, which it watches."""
    several = len(alarm.metrics) > 1
    queries: list[MetricAlarmMetricQueryArgsDict] = [
        {
            "id": f"m{number}",
            "return_data": not several,
            "metric": {
                "namespace": metric.namespace,
                "metric_name": metric.name,
                "dimensions": dict(metric.dimensions),
                "stat": metric.statistic,
                "period": alarm.period_seconds,
            },
        }
        for number, metric in enumerate(alarm.metrics)
    ]
    if several:
        label = " and ".join(metric.name for metric in alarm.metrics)
        queries.append(
            {"id": "total", "expression": "SUM(METRICS())", "label": label, "return_data": True}
        )
    return queries
