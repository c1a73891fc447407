"""Creates CloudWatch alarms and dashboards; existing ones are overwritten."""

from __future__ import annotations

from estate.provision.resource import Clients, Created, Kind, Registration, Shape

_ALARM: Shape = {
    "name": "AlarmName",
    "alarmDescription": "AlarmDescription",
    "metricQueries": (
        "Metrics",
        {
            "id": "Id",
            "expression": "Expression",
            "label": "Label",
            "returnData": "ReturnData",
            "metric": (
                "MetricStat",
                {
                    "namespace": "Namespace",
                    "metricName": "MetricName",
                    "dimensions": "Dimensions",
                    "stat": "Stat",
                    "period": "Period",
                },
            ),
        },
    ),
    "comparisonOperator": "ComparisonOperator",
    "threshold": "Threshold",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluationPeriods": "EvaluationPeriods",
    "treatMissingData": "TreatMissingData",
    "alarmActions": "AlarmActions",
    "okActions": "OKActions",
}


def _alarm(clients: Clients, alarm: Registration) -> Created:
    cloudwatch = clients("cloudwatch")
    parameters = alarm.parameters(_ALARM)
    name = parameters["AlarmName"]
    for query in parameters["Metrics"]:
        if statistic := query.get("MetricStat"):
            # The API has the metric and how it is read in separate parameters.
            metric = {key: statistic.pop(key) for key in ("Namespace", "MetricName")}
            dimensions = statistic.pop("Dimensions")
            metric["Dimensions"] = [{"Name": k, "Value": v} for k, v in dimensions.items()]
            statistic["Metric"] = metric
    cloudwatch.put_metric_alarm(**parameters, Tags=alarm.tag_list())
    arn = f"arn:aws:cloudwatch:{clients.endpoint.region}:{clients.account_id}:alarm:{name}"
    return Created(name, {"arn": arn})


def _dashboard(clients: Clients, dashboard: Registration) -> Created:
    parameters = dashboard.parameters(
        {"dashboardName": "DashboardName", "dashboardBody": "DashboardBody"}
    )
    clients("cloudwatch").put_dashboard(**parameters)
    name = parameters["DashboardName"]
    return Created(
        name, {"dashboardArn": f"arn:aws:cloudwatch::{clients.account_id}:dashboard/{name}"}
    )


KINDS: dict[str, Kind] = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind(_alarm, ("name",)),
    "aws:cloudwatch/dashboard:Dashboard": Kind(_dashboard, ("dashboardName",)),
}
