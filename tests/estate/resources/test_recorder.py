"""What a program registers is told whole, or it is said what cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from estate.errors import ResourceGraphError
from estate.resources.graph import Graph, Resource
from estate.resources.recorder import record
from estate.resources.render import as_json
from infra.stack_config import stack_config

Program = Callable[[str], Graph]
ROOT = "urn:pulumi:dev1::dmd-pipeline::pulumi:pulumi:Stack::dmd-pipeline-dev1"


@pytest.fixture
def graph_of(tmp_path: Path) -> Program:
    """Give the graph of a program's text."""

    def run(text: str) -> Graph:
        path = tmp_path / "program.py"
        path.write_text(f"import pulumi, pulumi_aws as aws\n{dedent(text)}", encoding="utf-8")
        return record("dev1", stack_config("dev1"), program=path)

    return run


def one(graph: Graph, name: str) -> Resource:
    (found,) = (each for each in graph.resources if each.name == name)
    return found


def test_what_aws_computes_is_filled_in_and_said_where_it_comes_from(graph_of: Program) -> None:
    graph = graph_of(
        """
        role = aws.iam.Role("reader", name="a-reader", assume_role_policy="{}")
        aws.iam.RolePolicyAttachment("reads", role=role.id, policy_arn=role.arn)
        """
    )
    reads, reader = one(graph, "reads"), one(graph, "reader")
    assert reads.inputs == {
        "role": "a-reader",
        "policyArn": "arn:aws:iam::111122223333:role/a-reader",
    }
    assert reads.options.depends_on == (reader.urn,)
    assert reads.options.property_dependencies == {
        "role": (reader.urn,),
        "policyArn": (reader.urn,),
    }


def test_options_are_told(graph_of: Program) -> None:
    graph = graph_of(
        """
        class Letters(pulumi.ComponentResource):
            def __init__(self):
                super().__init__("post:index:Letters", "letters")
                child = pulumi.ResourceOptions(parent=self)
                first = aws.sqs.Queue("first", name="first", opts=child)
                aws.sqs.Queue("second", name="second", opts=pulumi.ResourceOptions(
                    parent=self, depends_on=[first], protect=True, retain_on_delete=True,
                    delete_before_replace=True, replace_on_changes=["name"],
                    ignore_changes=["tags"], aliases=["urn:pulumi:dev1::old::t::n"]))
        Letters()
        """
    )
    assert [each.name for each in graph.resources] == ["letters", "first", "second"]
    letters, first, second = as_json(graph)
    urn = "urn:pulumi:dev1::dmd-pipeline::post:index:Letters"
    assert letters["options"]["parent"] == ROOT
    assert letters["physicalName"] is None
    assert second == {
        "type": "aws:sqs/queue:Queue",
        "name": "second",
        "physicalName": "second",
        "urn": f"{urn}$aws:sqs/queue:Queue::second",
        "inputs": {"name": "second"},
        "options": {
            "parent": f"{urn}::letters",
            "provider": "",
            "dependsOn": [first["urn"]],
            "propertyDependencies": {},
            "protect": True,
            "retainOnDelete": True,
            "deleteBeforeReplace": True,
            "replaceOnChanges": ["name"],
            "ignoreChanges": ["tags"],
            "aliases": ["urn:pulumi:dev1::old::t::n"],
        },
    }


def test_values_are_as_people_write_them(graph_of: Program) -> None:
    graph = graph_of(
        """
        aws.lambda_.Function("f", name="f", role="r", timeout=60,
            code=pulumi.FileArchive("f.zip"), environment={"variables": {"Z": "1", "A": "2"}})
        """
    )
    inputs = one(graph, "f").inputs
    assert inputs["code"] == {"path": "f.zip"}
    assert type(inputs["timeout"]) is int
    assert list(inputs["environment"]["variables"]) == ["A", "Z"]


def test_secrets_are_never_shown(graph_of: Program) -> None:
    graph = graph_of("aws.sqs.Queue('q', name='q', policy=pulumi.Output.secret('hush'))")
    assert one(graph, "q").inputs["policy"] == "[secret]"
    assert "hush" not in str(as_json(graph))


def test_names_of_other_inputs_are_found(graph_of: Program) -> None:
    graph = graph_of("aws.cloudwatch.Dashboard('d', dashboard_name='wall', dashboard_body='{}')")
    assert one(graph, "d").physical_name == "wall"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            """
            topic = aws.sns.Topic("bell", name="bell")
            aws.sqs.Queue("q", name="q", policy=pulumi.Output.json_dumps({"on": topic.arn}))
            """,
            "aws:sqs/queue:Queue 'q': policy needs an output of aws:sns/topic:Topic bell that has "
            "no rule in estate/resources/computed.py",
        ),
        (
            """
            queue = aws.sqs.Queue("q", name="q")
            aws.sqs.Queue("r", name=f"after-{queue.name}")
            """,
            "aws:sqs/queue:Queue 'r': name has an Output as text",
        ),
        (
            "aws.sqs.Queue('q', name='q', tags={'a': pulumi.Output.from_input(None)})",
            "aws:sqs/queue:Queue 'q': tags has a null in it",
        ),
        (
            """
            for name in ("one", "two"):
                aws.sqs.Queue("q", name=name)
            """,
            "urn:pulumi:dev1::dmd-pipeline::aws:sqs/queue:Queue::q is registered twice",
        ),
        (
            "aws.sqs.get_queue(name='q')",
            "the program looks up aws:sqs/getQueue:getQueue, which cannot be answered without AWS",
        ),
    ],
)
def test_what_cannot_be_told_is_named(graph_of: Program, program: str, message: str) -> None:
    with pytest.raises(ResourceGraphError) as caught:
        graph_of(program)
    assert message in str(caught.value)
