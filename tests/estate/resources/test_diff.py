"""What differs between two graphs is shown where it stands, and what differs by name is not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from estate.resources.diff import Side, diff_as_json, diff_as_text
from estate.resources.graph import Graph, Options, Resource
from estate.resources.placeholders import replaced
from estate.resources.render import as_text
from estate.resources.unfold import Document, unfold


def resource(name: str, /, **inputs: Any) -> Resource:
    return Resource(
        urn=f"urn:pulumi:s::p::aws:sqs/queue:Queue::{name}",
        type="aws:sqs/queue:Queue",
        name=name,
        custom=True,
        inputs=inputs,
        options=Options(
            parent="urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", property_dependencies={}
        ),
    )


def side(label: str, *resources: Resource) -> Side:
    return Side(label, Graph(label, resources), {label: "{environment}"})


POLICY = {"Statement": [{"Sid": "Read", "Action": ["s3:GetObject"], "Resource": ["a", "b"]}]}
WIDER = {"Statement": [{"Sid": "Read", "Action": ["s3:GetObject"], "Resource": ["a", "*"]}]}


def test_a_difference_in_a_policy_is_one_line_below_its_keys() -> None:
    text = diff_as_text(
        side("dev1", resource("q", name="x-dev1-q", policy=json.dumps(POLICY))),
        side("qa1", resource("q", name="x-qa1-q", policy=json.dumps(WIDER))),
    )
    assert text.splitlines() == [
        "--- dev1",
        "+++ qa1",
        "# {environment} is dev1 and qa1",
        "# 0 resources are the same, 1 differ",
        "",
        "aws:sqs/queue:Queue q",
        "  @@ inputs › policy",
        "          Statement:",
        "  -         - {Sid: Read, Action: ['s3:GetObject'], Resource: [a, b]}",
        "  +         - {Sid: Read, Action: ['s3:GetObject'], Resource: [a, '*']}",
    ]


def test_the_keys_around_a_difference_say_which_item_of_a_list_it_is_in() -> None:
    def policy(*last: str) -> str:
        actions = [f"athena:{'Get' * 20}{number}" for number in range(4)]
        return json.dumps({"Statement": [{"Sid": "Read", "Action": [*actions, *last]}]})

    text = diff_as_text(
        side("dev1", resource("q", policy=policy())),
        side("qa1", resource("q", policy=policy("athena:StopQueryExecution"))),
    )
    assert "  @@ inputs › policy › Statement › Sid: Read › Action\n" in text
    assert text.count("\n  +") == 1


def test_the_same_as_json_names_the_value() -> None:
    report = diff_as_json(
        side("dev1", resource("q", policy=json.dumps(POLICY), only_here=1)),
        side("qa1", resource("q", policy=json.dumps(WIDER))),
    )
    assert report["different"] == [
        {
            "resource": "aws:sqs/queue:Queue q",
            "changes": [
                {
                    "path": "inputs.policy.Statement[0].Resource[1]",
                    "values": {"dev1": "b", "qa1": "*"},
                },
                {"path": "inputs.only_here", "values": {"dev1": 1}},
            ],
        }
    ]


def test_what_one_side_alone_has_is_shown_whole() -> None:
    left, right = side("dev1", resource("a", name="a")), side("qa1", resource("b", name="b"))
    assert diff_as_json(left, right)["only"] == {
        "dev1": ["aws:sqs/queue:Queue a"],
        "qa1": ["aws:sqs/queue:Queue b"],
    }
    text = diff_as_text(left, right)
    assert "aws:sqs/queue:Queue a (only dev1)\n  -   physicalName: a\n" in text
    assert "aws:sqs/queue:Queue b (only qa1)\n  +   physicalName: b\n" in text


def test_graphs_that_differ_by_name_alone_are_the_same() -> None:
    left = side("dev1", resource("q", name="x-dev1-q", policy='{"on": "dev1"}'))
    right = side("qa1", resource("q", name="x-qa1-q", policy='{"on": "qa1"}'))
    assert diff_as_json(left, right)["different"] == []
    assert "# 1 resources are the same, 0 differ" in diff_as_text(left, right)


def test_another_stacks_name_is_a_difference() -> None:
    left = side("dev1", resource("q", name="x-dev1-q"))
    right = side("prod1", resource("q", name="x-dev1-q"))
    assert len(diff_as_json(left, right)["different"]) == 1


def test_only_whole_words_are_names() -> None:
    names = {"prod1": "{environment}", "x-prod1-y": "{naming}", "123": "{account_id}"}
    assert replaced(
        {"a": ["x-prod1-y-z", "preprod1", "prod1.b", "x_prod1"], "b": "1234 arn:123:b", "c": 1},
        names,
    ) == {
        "a": ["{naming}-z", "preprod1", "{environment}.b", "x_{environment}"],
        "b": "1234 arn:{account_id}:b",
        "c": 1,
    }


def test_documents_are_unfolded_wherever_they_are() -> None:
    inner = json.dumps({"sql": "SELECT 1\nFROM t"})
    view = f"/* Presto View: {base64.b64encode(inner.encode()).decode()} */"
    assert unfold({"a": [json.dumps({"in": inner})], "v": view, "n": 7}) == {
        "a": [Document("json", {"in": Document("json", {"sql": "SELECT 1\nFROM t"})})],
        "v": Document("view", {"sql": "SELECT 1\nFROM t"}),
        "n": 7,
    }


@pytest.mark.parametrize(
    "text", ["{naming}", "[INFO]", "{", "/* Presto View */", '"text"', "7", ""]
)
def test_a_text_that_is_no_document_stays(text: str) -> None:
    assert unfold(text) == text


def test_a_graph_as_text_shows_documents_and_lines_of_queries() -> None:
    query = "SELECT *\nFROM sale"
    text = as_text(
        Graph("dev1", (resource("q", name="q", policy=json.dumps(POLICY), query=query),))
    )
    assert text.splitlines() == [
        "# Stack dev1: 1 resources",
        "#     1  aws:sqs/queue:Queue",
        "",
        "aws:sqs/queue:Queue q:",
        "  physicalName: q",
        "  inputs:",
        "    name: q",
        "    policy: !json",
        "      Statement:",
        "        - {Sid: Read, Action: ['s3:GetObject'], Resource: [a, b]}",
        "    query: |-",
        "      SELECT *",
        "      FROM sale",
    ]
