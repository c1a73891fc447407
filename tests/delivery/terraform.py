"""A stack's resources as configuration of Terraform, whose AWS provider Pulumi's is made of.

https://developer.hashicorp.com/terraform/language/syntax/json
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from estate.resources.graph import Graph, Resource
from infra.stack_config import REPOSITORY

Lookup: TypeAlias = tuple[str, Mapping[str, Any]]

# Pulumi has another name for these arguments, or a plural.
_RENAMED = {
    ("aws_cloudwatch_metric_alarm", "name"): "alarm_name",
    ("aws_cloudwatch_metric_alarm", "metric_queries"): "metric_query",
    ("aws_cloudwatch_log_subscription_filter", "log_group"): "log_group_name",
    ("aws_lambda_function", "name"): "function_name",
}
# The names in these are the user's.
_MAPS = {"parameters", "variables", "dimensions", "tags"}
_SERVICES = (
    *("athena", "cloudwatch", "cloudwatchlogs", "dynamodb", "firehose", "glue", "iam", "kinesis"),
    *("kms", "lambda", "s3", "scheduler", "sfn", "sns", "sqs", "sts"),
)


def configuration(
    graph: Graph, lookups: Sequence[Lookup], endpoint: str, tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return a configuration with the same resources and lookups, and no component.

    Parameters
    ----------
    graph
        The stack's resources.
    lookups
        Token and arguments of each.
    endpoint
        URL that requests go to.
    tags
        Default tags of all resources.
    """
    owned = {each.urn: each for each in graph.resources if each.type.startswith("aws:")}
    resources: dict[str, dict[str, Any]] = {}
    for each in owned.values():
        needed = {
            *each.options.depends_on,
            *(urn for urns in each.options.property_dependencies.values() for urn in urns),
        }
        resources.setdefault(type_name(each.type), {})[each.name] = {
            **_arguments(each),
            "depends_on": sorted(_address(owned[urn]) for urn in needed & owned.keys()),
        }
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {
            "aws": {
                "region": "us-east-1",
                "access_key": "key",
                "secret_key": "secret",
                "skip_metadata_api_check": True,
                "s3_use_path_style": True,
                "default_tags": {"tags": tags},
                "endpoints": dict.fromkeys(_SERVICES, endpoint),
            }
        },
        "resource": resources,
        "data": _data(lookups, owned.values()),
    }


def type_name(pulumi: str) -> str:
    """Return Terraform's name of a type: ``aws_sqs_queue`` for ``aws:sqs/queue:Queue``."""
    module, _, name = pulumi.removeprefix("aws:").partition(":")[0].partition("/")
    return f"aws_{module}_{_snake(name)}"


def _data(lookups: Sequence[Lookup], owned: Collection[Resource]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for token, arguments in lookups:
        module, _, name = token.removeprefix("aws:").partition(":")[0].partition("/get")
        kind = f"aws_{'' if module == 'index' else f'{module}_'}{_snake(name)}"
        of_kind = found.setdefault(kind, {})
        # What the stack itself has is looked up when it is there.
        needed = [
            _address(each)
            for each in owned
            if type_name(each.type) == kind and each.physical_name in arguments.values()
        ]
        of_kind[f"lookup{len(of_kind)}"] = {
            **{_snake(key): value for key, value in arguments.items()},
            "depends_on": needed,
        }
    return found


def _address(resource: Resource) -> str:
    return f"{type_name(resource.type)}.{resource.name}"


def _arguments(resource: Resource) -> dict[str, Any]:
    kind = type_name(resource.type)
    inputs = dict(resource.inputs)
    if kind == "aws_lambda_function":
        inputs["filename"] = str(REPOSITORY / inputs.pop("code")["path"])
    return {
        _RENAMED.get((kind, _snake(name)), _snake(name)): _value(value, _snake(name))
        for name, value in inputs.items()
    }


def _value(value: Any, name: str = "") -> Any:
    match value:
        case str():
            # Otherwise a template's.
            return value.replace("${", "$${").replace("%{", "%%{")
        case dict():
            return {
                key if name in _MAPS else _snake(key): _value(
                    item, "" if name in _MAPS else _snake(key)
                )
                for key, item in value.items()
            }
        case list():
            return [_value(item) for item in value]
        case _:
            return value


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
