"""The saved queries of the logs reach every count that is no metric, and only what is logged."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.log_queries import OF_TRANSFORM, OF_WRITER
from infra.stack_config import REPOSITORY
from tests.infra.count_lines import count_lines_of
from tests.infra.recorded import RECORDED, Recorded, Recording, record

Stacks = Callable[[str], Recording]

QUERY = "aws:cloudwatch/queryDefinition:QueryDefinition"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
FIELD = re.compile(r"\b(?:sum|avg|max|pct|ispresent)\((\w+)")


def fields(query: Recorded) -> set[str]:
    return set(FIELD.findall(query.inputs["queryString"]))


def of(recording: Recording, function: str) -> list[Recorded]:
    """Return the queries that read the logs of a function, or of all functions of its name."""
    found = []
    for query in recording.of(QUERY):
        groups = [re.search(r"(transform|avro-writer)", g) for g in query.inputs["logGroupNames"]]
        if {each and each.group() for each in groups} == {function}:
            found.append(query)
    return found


@pytest.mark.parametrize(
    ("function", "module", "unpublished"),
    [
        ("transform", "transform/counts.py", OF_TRANSFORM),
        ("avro-writer", "avro_writer/handler.py", OF_WRITER),
    ],
)
def test_every_count_that_is_no_metric_is_in_a_query_and_each_query_finds_its_fields(
    dev1: Recording, function: str, module: str, unpublished: tuple[str, ...]
) -> None:
    queries = of(dev1, function)
    asked = {field for query in queries for field in fields(query)}
    code = (REPOSITORY / module).read_text(encoding="utf-8")
    logged = set(re.findall(r'"([A-Z][a-zA-Z]+)"(?:,|:)', code))
    assert set(unpublished) <= asked <= logged


def test_each_query_reads_one_functions_logs_and_says_what_it_answers(dev1: Recording) -> None:
    assert len(of(dev1, "transform")) + len(of(dev1, "avro-writer")) == len(dev1.of(QUERY))
    for query in dev1.of(QUERY):
        text = query.inputs["queryString"]
        assert re.match(r"# [A-Z][^\n]+\nfilter ", text), text


@pytest.mark.parametrize("name", ["dev1", "dev1-shared"])
def test_a_query_of_the_transforms_takes_every_line_that_has_its_counts(
    name: str, recorded: Stacks
) -> None:
    recording = recorded(name)
    lines = list(count_lines_of(recording))
    for query in of(recording, "transform"):
        present = re.findall(r"ispresent\((\w+)\)", query.inputs["queryString"])
        counting = [line for line in lines if fields(query) & line.keys()]
        assert counting
        for line in counting:
            assert set(present) & line.keys(), (query.name, line)


@pytest.mark.parametrize("stack", RECORDED)
def test_the_log_groups_of_the_queries_are_the_stacks(stack: str, recorded: Stacks) -> None:
    found = recorded(stack)
    groups = {each.inputs["name"] for each in found.of(GROUP)}
    for query in found.of(QUERY):
        assert set(query.inputs["logGroupNames"]) <= groups


def test_the_order_of_the_types_changes_no_query(dev1: Recording, packages: Path) -> None:
    other = record("dev1", packages, demand_data_types='["sale","notification","event","demand"]')
    texts = [[each.inputs for each in found.of(QUERY)] for found in (dev1, other)]
    assert texts[0] == texts[1]
