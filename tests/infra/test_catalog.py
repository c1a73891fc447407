"""The views and the named queries that the program registers, for all four stacks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
import pytest
from botocore.validate import ParamValidator

from athena.translation.parse import parse
from catalog import glue_columns
from catalog.views import current_state_view
from infra.naming import ENVIRONMENTS
from infra.queries import saved_queries
from schemas import RECORD_TYPES
from tests.infra.recorded import Recorded, Recording, record

Stacks = Callable[[str], Recording]

TABLE = "aws:glue/catalogTable:CatalogTable"
QUERY = "aws:athena/namedQuery:NamedQuery"

# In the order of the reference, and of the settings.
TYPES = ("demand", "sale", "event", "notification")


def view_of(recording: Recording, record_type: str) -> Recorded:
    return recording.one(TABLE, f"{record_type}-latest")


@pytest.mark.parametrize("stack", ENVIRONMENTS)
@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_each_table_has_a_view_of_its_current_state_beside_it(
    stack: str, record_type: str, recorded: Stacks
) -> None:
    inputs = view_of(recorded(stack), record_type).inputs
    database = f"prd3292_{stack}_dmnd_pipeline"
    assert inputs["name"] == f"{record_type}_latest"
    assert inputs["databaseName"] == database
    assert inputs["viewOriginalText"] == current_state_view(record_type).original_text(database)


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_view_is_stored_as_athena_stores_views(dev1: Recording, record_type: str) -> None:
    inputs = view_of(dev1, record_type).inputs
    storage = inputs["storageDescriptor"]
    assert inputs["tableType"] == "VIRTUAL_VIEW"
    assert inputs["viewExpandedText"] == "/* Presto View */"
    assert inputs["parameters"] == {"presto_view": "true", "comment": "Presto View"}
    assert inputs["owner"] == "prd3292-dev1-dmnd-pipeline"
    assert "description" not in inputs, "it would hide the comment that makes it a view"
    assert storage["numberOfBuckets"] == 0
    assert storage["serDeInfo"], "the provider leaves out an empty one, and Athena needs it"
    assert storage["columns"][:-1] == [
        {"name": column.name, "type": column.type, "comment": column.comment}
        for column in glue_columns(record_type)
    ]
    assert storage["columns"][-1]["name"] == "partition_date"


def test_a_view_comes_after_its_table_and_is_made_anew_after_deleting_the_old_one(
    dev1: Recording,
) -> None:
    order = [(each.type, each.name) for each in dev1.resources]
    for record_type in RECORD_TYPES:
        view = view_of(dev1, record_type)
        assert order.index((TABLE, record_type)) < order.index((TABLE, view.name))
        assert view.delete_before_replace
        assert view.replace_on_changes == ("viewOriginalText", "storageDescriptor.columns")


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_the_workgroup_offers_the_named_queries(stack: str, recorded: Stacks) -> None:
    workgroup = database = f"prd3292_{stack}_dmnd_pipeline"
    registered = {
        tuple(each.inputs[key] for key in ("workgroup", "database", "name", "description", "query"))
        for each in recorded(stack).of(QUERY)
    }
    assert registered == {
        (workgroup, database, each.name, each.description, each.sql)
        for each in saved_queries(sorted(TYPES), current=True)
    }


def test_without_tables_of_the_current_state_the_named_queries_read_the_changes(
    packages: Path,
) -> None:
    stack = record("dev1", packages, current_state_tables="false")
    assert {each.inputs["query"] for each in stack.of(QUERY)} == {
        each.sql for each in saved_queries(sorted(TYPES), current=False)
    }


def test_named_queries_keep_to_what_athena_takes() -> None:
    shape = (
        boto3.client("athena", region_name="us-east-1")
        .meta.service_model.operation_model("CreateNamedQuery")
        .input_shape
    )
    names = [each.name for each in saved_queries(TYPES, current=True)]
    assert len(set(names)) == len(names)
    for each in saved_queries(TYPES, current=True):
        report = ParamValidator().validate(
            {
                "Name": each.name,
                "Description": each.description,
                "Database": "d",
                "QueryString": each.sql,
                "ClientRequestToken": "x" * 32,
            },
            shape,
        )
        assert not report.has_errors(), report.generate_report()
        assert len(each.name) <= 128
        assert len(each.description) <= 1024
        parse(each.sql)
        assert ("?" in each.sql) == ("The ? is" in each.description)


# Names of resources that the stacks look up. They do not depend on the record types.
_OF_OTHERS = re.compile(r"us-east-1-demand-table|demand-capture")


@pytest.mark.parametrize(
    "types",
    [*((each,) for each in TYPES), *(tuple(t for t in TYPES if t != each) for each in TYPES)],
    ids=",".join,
)
def test_a_stack_of_fewer_types_is_about_these_alone(
    packages: Path, dev1: Recording, types: Sequence[str]
) -> None:
    few = record("dev1", packages, demand_data_types=json.dumps(types))
    tables = sorted(each.name for each in few.of(TABLE))
    assert tables == sorted(
        f"{each}{view}" for each in types for view in ("", "-latest", "-current")
    )
    read = {
        name for each in few.of(QUERY) for name in re.findall('FROM "(.*?)"', each.inputs["query"])
    }
    assert read == {name for each in types for name in (each, f"{each}_current")}
    absent = "|".join(set(TYPES) - set(types))
    named = re.compile(rf"""["'/-]({absent})(["'/-]|_latest|_current)""")

    def about_others(recording: Recording) -> list[str]:
        return [
            each.urn
            for each in recording.owned
            if named.search(_OF_OTHERS.sub("", json.dumps([each.name, each.inputs], default=str)))
        ]

    assert about_others(few) == []
    assert about_others(dev1), "they would be found"
