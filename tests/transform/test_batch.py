"""Records to answers: what becomes of each kind of record, good and bad.

See docs/design.md#the-transform.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from tests.support.changes import change, event_file, firehose_record, line_of
from transform.batch import _TOGETHER, Transform
from transform.firehose import Answer, end_of_data
from transform.outcome import Outcome
from transform.typed import Glanced, TypedRowMaker

TRANSFORM = Transform(schemas.table("demand"), "type")


def outcome_of(*data: Any, transform: Transform = TRANSFORM) -> Outcome:
    return transform.batch([firehose_record(d, str(n)) for n, d in enumerate(data, 1)])


def row_of(data: Any) -> dict[str, Any]:
    (answer,) = outcome_of(data).records
    return line_of(answer)


def result_of(data: Any) -> tuple[str, str]:
    outcome = outcome_of(data)
    (answer,) = outcome.records
    ((reason, count),) = outcome.counts.items()
    assert count == 1
    return answer["result"], reason


def test_an_insert_becomes_a_row_of_envelope_and_columns() -> None:
    assert row_of(change()) == {
        "change_id": "b015b5f0-0001",
        "change_type": "INSERT",
        "changed_at": 1720740233012,
        "changed_at_micros": 1720740233012995,
        "is_deleted": False,
        "is_expired": False,
        "record_key": '{"pk":"DEMAND#1","sk":7}',
        "table_name": "prd3292-dev1-us-east-1-demand-table",
        "sequence_number": "49571",
        "demand_id": "d-1",
        "customer_id": "u-1",
        "event_id": "e-1",
        "channel": "WEB",
        "status": "ACTIVE",
        "requested_seats": 2,
        "adjacent_seats": False,
        "requested_at": 1795341600250,
    }


def test_a_modify_shows_the_new_image_and_a_remove_the_old_one() -> None:
    assert row_of(change(event="MODIFY"))["status"] == "ACTIVE"
    removed = row_of(change(event="REMOVE"))
    assert (removed["is_deleted"], removed["is_expired"]) == (True, False)
    assert removed["demand_id"] == "d-1"


@pytest.mark.parametrize(
    ("identity", "event", "expired"),
    [
        ({"type": "Service", "principalId": "dynamodb.amazonaws.com"}, "REMOVE", True),
        ({"type": "Service", "principalId": "dynamodb.amazonaws.com"}, "MODIFY", False),
        ({"type": "User", "principalId": "dynamodb.amazonaws.com"}, "REMOVE", False),
        ({"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"}, "REMOVE", False),
        ({"type": "AssumedRole", "principalId": "AROA:x"}, "REMOVE", False),
        ({"type": "Service", "principalId": "dynamodb.amazonaws.com", "more": 1}, "REMOVE", True),
        # As the API of DynamoDB Streams spells it.
        ({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}, "REMOVE", True),
        ({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}, "INSERT", False),
        ({"Type": "Service", "PrincipalId": "other.amazonaws.com"}, "REMOVE", False),
        (None, "REMOVE", False),
    ],
)
def test_a_removal_by_ttl_is_told_from_others(identity: Any, event: str, expired: bool) -> None:
    assert row_of(change(event=event, userIdentity=identity))["is_expired"] is expired


@pytest.mark.parametrize(
    ("precision", "number", "millis", "micros"),
    [
        ({"ApproximateCreationDateTimePrecision": "MICROSECOND"}, 1999, 1, 1999),
        ({"ApproximateCreationDateTimePrecision": "MILLISECOND"}, 1999, 1999, 1999000),
        ({"ApproximateCreationDateTimePrecision": None}, 1615476275123, 1615476275123,
         1615476275123000),
        ({}, 1325376000000, 1325376000000, 1325376000000000),
        ({}, 1720740233012995, 1720740233012995, 0),
    ],
)  # fmt: skip
def test_the_unit_of_the_time_is_what_its_precision_says_and_never_guessed(
    precision: dict[str, Any], number: int, millis: int, micros: int
) -> None:
    record = change()
    del record["dynamodb"]["ApproximateCreationDateTimePrecision"]
    record["dynamodb"] |= {"ApproximateCreationDateTime": number, **precision}
    if millis > 253_402_300_799_999:
        assert result_of(record) == ("ProcessingFailed", "change_time_out_of_range")
    else:
        row = row_of(record)
        assert (row["changed_at"], row["changed_at_micros"]) == (millis, micros)


@pytest.mark.parametrize("number", [1325375999999, 1793520000, 0, -1])
def test_a_time_without_a_unit_that_is_before_dynamodb_is_of_another_unit(number: int) -> None:
    record = change()
    record["dynamodb"]["ApproximateCreationDateTime"] = number
    record["dynamodb"]["ApproximateCreationDateTimePrecision"] = "MILLISECOND"
    assert row_of(record)["changed_at"] == number, "where the record says its unit, it is believed"
    record["dynamodb"]["ApproximateCreationDateTimePrecision"] = None
    assert result_of(record) == ("ProcessingFailed", "change_time_out_of_range")
    del record["dynamodb"]["ApproximateCreationDateTimePrecision"]
    assert result_of(record) == ("ProcessingFailed", "change_time_out_of_range")


STREAMS = {
    "SequenceNumber": "1421584500000000017450439091",
    "StreamViewType": "NEW_AND_OLD_IMAGES",
    "eventSourceARN": "arn:aws:dynamodb:us-east-1:111122223333:table/t/stream/2026-01-01T00:00:00",
    "eventVersion": "1.1",
}


def of_streams(*marks: str, **body: Any) -> dict[str, Any]:
    """A change record with what DynamoDB Streams writes, and without what Kinesis adds."""
    record = change()
    del record["dynamodb"]["ApproximateCreationDateTimePrecision"], record["recordFormat"]
    for mark in marks:
        inner = mark in ("SequenceNumber", "StreamViewType")
        (record["dynamodb"] if inner else record)[mark] = STREAMS[mark]
    record["dynamodb"] |= body
    return record


@pytest.mark.parametrize("marks", [tuple(STREAMS), *((mark,) for mark in STREAMS)])
@pytest.mark.parametrize("time", [1793520000, 1793520000.838, 1793520000000, 1793520000000000])
def test_a_record_of_dynamodb_streams_says_so_and_fails(marks: tuple[str, ...], time: Any) -> None:
    record = of_streams(*marks, ApproximateCreationDateTime=time)
    assert result_of(record) == ("ProcessingFailed", "dynamodb_streams_record")
    del record["tableName"]
    assert result_of(record) == ("ProcessingFailed", "dynamodb_streams_record")


def test_a_record_that_says_its_unit_is_believed_whatever_else_it_has() -> None:
    precise = {
        "ApproximateCreationDateTime": 1793520000000001,
        "ApproximateCreationDateTimePrecision": "MICROSECOND",
    }
    assert row_of(of_streams(*STREAMS, **precise))["changed_at_micros"] == 1793520000000001


@pytest.mark.parametrize(
    ("unit", "reason"), [(b"1e999", "not_a_change_record"), (b'"\xff"', "not_json")]
)
def test_a_unit_that_cannot_be_decoded_makes_no_record_of_dynamodb_streams(
    unit: bytes, reason: str
) -> None:
    raw = json.dumps(change()).encode().replace(b'"MICROSECOND"', unit)
    assert result_of(raw) == ("ProcessingFailed", reason)


def test_a_record_of_dynamodb_streams_fails_alone_and_another_functions_is_dropped() -> None:
    streams = of_streams(*STREAMS, ApproximateCreationDateTime=1793520000)
    others = copy.deepcopy(streams)
    others["dynamodb"]["NewImage"]["type"] = {"S": "sale"}
    answers = outcome_of(change(), streams, others, change()).records
    assert [a["result"] for a in answers] == ["Ok", "ProcessingFailed", "Dropped", "Ok"]


@pytest.mark.parametrize(
    ("name", "key", "micros"),
    [
        ("kinesis_change_micros", '{"device":"foo"}', 1720740233012995),
        ("kinesis_change_without_precision", '{"pk":"a","sk":7}', 1615476275123000),
        ("kinesis_change_expired", '{"id":"AQID"}', 1720740299000000),
    ],
)
def test_captured_change_records_are_read(name: str, key: str, micros: int) -> None:
    record = event_file(name)
    assert result_of(record) == ("Dropped", "no_type")
    image = "OldImage" if record["eventName"] == "REMOVE" else "NewImage"
    keys = record["dynamodb"]["Keys"]
    columns = {k: v for k, v in change()["dynamodb"]["NewImage"].items() if k not in ("pk", "sk")}
    record["dynamodb"][image] |= columns
    row = row_of(record)
    assert (row["record_key"], row["changed_at_micros"]) == (key, micros)
    others = record["dynamodb"][image].keys() - columns.keys() - keys.keys() - {"ttl"}
    assert set(json.loads(row.get("rescued_attributes", "{}"))) == others


@pytest.mark.parametrize(
    "item_type", [{"S": "sale"}, {"S": ""}, {"S": "Demand"}, {"S": "demand "}, {"N": "5"}, None,
                  {"NULL": True}, {"L": [{"S": "demand"}]}, {"M": {"S": {"S": "demand"}}}],
)  # fmt: skip
def test_another_type_or_none_is_dropped(item_type: Any) -> None:
    assert result_of(change({"type": item_type}))[0] == "Dropped"


@pytest.mark.parametrize(
    ("item_type", "reason"),
    [
        ({"S": "sale"}, "other_type"),
        ({"S": "Demand"}, "unclaimed_type"),
        ({"S": "refund"}, "unclaimed_type"),
        ({"S": ""}, "unclaimed_type"),
        (None, "no_type"),
        ({"N": "5"}, "no_type"),
    ],
)
def test_one_function_tells_what_nobody_takes_from_what_others_take(
    item_type: Any, reason: str
) -> None:
    record = firehose_record(change({"type": item_type}))
    counting = Transform(schemas.table("demand"), "type", claimed=("demand", "sale"))
    assert counting.batch([record]).counts == {reason: 1}
    counts = TRANSFORM.batch([record]).counts
    assert counts == {"no_type" if reason == "no_type" else "other_type": 1}


@pytest.mark.parametrize(
    ("attributes", "without_column", "unfit", "inexact"),
    [
        ({"requestedAt": {"S": "2026-11-22T10:00:00.250999Z"}}, 0, 0, 1),
        ({"note": {"S": "x"}}, 1, 0, 0),
        # The column of a value that does not fit it is null.
        ({"latitude": {"S": "north"}}, 0, 1, 0),
        # A member without a field asks for one.
        ({"party": {"M": {"adults": {"N": "2"}, "pets": {"N": "1"}}}}, 1, 0, 0),
        ({"party": {"M": {"adults": {"S": "two"}}}}, 0, 1, 0),
        # Each attribute counts once, for the gravest of its losses.
        ({"party": {"M": {"adults": {"S": "two"}, "pets": {"N": "1"}}}}, 0, 1, 0),
        (
            {
                "requestedAt": {"S": "2026-11-22T10:00:00.250999Z"},
                "note": {"S": "x"},
                "latitude": {"S": "north"},
            },
            1,
            1,
            1,
        ),
    ],
)
def test_only_what_has_no_column_asks_for_one(
    attributes: dict[str, Any], without_column: int, unfit: int, inexact: int
) -> None:
    outcome = TRANSFORM.batch([firehose_record(change(attributes))])
    assert outcome.counts == {"ok": 1}
    rows = outcome.rows["demand"]
    assert rows.attributes_without_column == without_column
    assert rows.unfit_values == unfit
    assert rows.rescued_attributes == without_column + unfit + inexact


def test_an_attribute_of_two_columns_counts_once() -> None:
    columns = [
        {"name": "whole", "attribute": "size", "type": ["null", "long"], "default": None},
        {"name": "near", "attribute": "size", "type": ["null", "double"], "default": None},
    ]
    schema = json.dumps({"type": "record", "name": "Demand", "fields": columns})
    table = schemas.parse_table("demand", schema, "demand.json")
    item = {"size": {"N": "12345678901234567890.5"}}
    outcome = Transform(table, "type").batch([firehose_record(change(item))])
    # The other attributes of the example have no column in this table.
    rows = outcome.rows["demand"]
    others = rows.rescued_attributes - 1
    assert json.loads(line_of(outcome.records[0])["rescued_attributes"])["size"] == item["size"]
    assert (rows.attributes_without_column, rows.unfit_values) == (others, 1)


def test_records_that_nobody_takes_are_named_by_their_place_in_the_stream() -> None:
    counting = Transform(schemas.table("demand"), "type", claimed=("demand", "sale"))
    types: list[Any] = [{"S": "refund"}, {"S": "sale"}, None, {"S": "demand"}]
    records = [
        firehose_record(change({"type": each}, eventID=f"e-{number}"), str(number))
        for number, each in enumerate(types)
    ]
    del records[2]["kinesisRecordMetadata"]
    outcome = counting.batch(records)
    assert [(each.event_id, each.shard_id, each.sequence_number) for each in outcome.unclaimed] == [
        ("e-0", "shardId-000000000000", "49570"),
        ("e-2", None, None),
    ]
    many = counting.batch([firehose_record(change({"type": None}))] * 100)
    assert (many.counts["no_type"], len(many.unclaimed)) == (100, 5)
    assert TRANSFORM.batch(records).unclaimed == [], "another function names them"


def test_a_failure_names_its_change_record() -> None:
    identifiers = ["b015b5f0-0001", "x" * 64, "x" * 65]
    unfit = [change({"channel": {"S": "?"}}, eventID=each) for each in identifiers]
    records = [*unfit, b"no json"]
    failures = TRANSFORM.batch([firehose_record(each) for each in records]).failures
    assert [each.event_id for each in failures] == [*identifiers[:2], None, None]


@pytest.mark.parametrize("types", [1, 3])
def test_so_many_rows_of_each_type_are_made_together_and_no_more(
    types: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else each would still be right, and slow: nothing but a benchmark would tell.
    sizes = []
    rows = TypedRowMaker.rows

    def counted(self: TypedRowMaker, records: Sequence[Glanced]) -> Any:
        sizes.append(len(records))
        return rows(self, records)

    monkeypatch.setattr(TypedRowMaker, "rows", counted)
    tables = [schemas.table(each) for each in ("demand", "event", "sale")[:types]]
    transform = Transform(tables, "type")
    together = _TOGETHER * types
    transform.batch([firehose_record(change())] * (2 * together + 5))
    assert [size for size in sizes if size] == [together, together, 5]


def test_text_that_only_looks_like_the_type_does_not_count() -> None:
    looks = '{"type":{"S":"demand"}}'
    record = change(
        {"type": {"S": "sale"}, "note": {"S": looks}, "nested": {"M": {"type": {"S": "demand"}}}}
    )
    assert result_of(record) == ("Dropped", "other_type")
    record = change({"note": {"S": '"type":{"S":"sale"}'}})
    assert json.loads(row_of(record)["rescued_attributes"]) == {
        "note": {"S": '"type":{"S":"sale"}'}
    }


def test_the_type_of_the_image_that_counts_is_looked_at() -> None:
    record = change(event="MODIFY")
    record["dynamodb"]["OldImage"]["type"] = {"S": "sale"}
    assert result_of(record) == ("Ok", "ok")
    record["dynamodb"]["NewImage"]["type"] = {"S": "sale"}
    record["dynamodb"]["OldImage"]["type"] = {"S": "demand"}
    assert result_of(record) == ("Dropped", "other_type")


def test_the_attribute_that_names_the_type_is_a_setting() -> None:
    transform = Transform(schemas.table("demand"), "recordType")
    record = change({"recordType": {"S": "demand"}, "type": {"S": "whatever"}})
    (answer,) = outcome_of(record, transform=transform).records
    assert json.loads(line_of(answer)["rescued_attributes"]) == {"type": {"S": "whatever"}}


def test_a_type_attribute_that_is_more_than_the_type_is_rescued() -> None:
    many: list[dict[str, Any]] = [{"N": "5"}, {"NULL": None}, {"x": []}]
    for more in many:
        value = {"S": "demand", **more}
        outcome = outcome_of(change({"type": value}))
        assert json.loads(line_of(outcome.records[0])["rescued_attributes"]) == {"type": value}
        assert outcome.rows["demand"].rescued_attributes == 1


RESCUED: list[tuple[str, Any]] = [
    ("unknown", None),
    ("unknown", {}),
    ("unknown", {"S": "two markers", "N": "5"}),
    ("unknown", {"S": None}),
    ("pk", None),
    ("pk", {"S": "DEMAND#1", "N": "5"}),
    ("unknown", {"S": "kept \u2028 é \U0001f600 \x00"}),
    ("unknown", {"M": {"deep": {"L": [{"NS": ["1", "1E+3"]}, {"B": "AQ=="}, {"BOOL": False}]}}}),
    ("unknown", {"N": "1234567895171680000000000000000000000000"}),
    ("maxPrice", {"N": "12.505"}),
    ("maxPrice", {"N": "1E+11"}),
    ("maxPrice", {"S": "12.50"}),
    ("priceLevels", {"L": [{"S": "A"}, {"N": "1"}]}),
    ("party", {"M": {"children": {"N": "2"}}}),
    ("updatedAt", {"N": "1E+30"}),
    ("maxPrice", {"N": 12.50, "S": "two markers"}),
    ("maxPrice", 12.5),
    ("maxPrice", None),
    ("maxPrice", {"Q": "no such marker"}),
]


@pytest.mark.parametrize(("name", "value"), RESCUED)
def test_what_no_column_holds_is_rescued_exactly(name: str, value: Any) -> None:
    record = change()
    record["dynamodb"]["NewImage"][name] = value
    # The second time the attribute is known, though no column is for it.
    for _ in range(2):
        outcome = outcome_of(record)
        row = line_of(outcome.records[0])
        assert json.loads(row["rescued_attributes"]) == {name: value}
        rows = outcome.rows["demand"]
        assert (rows.rescued_attributes, rows.rescued_rows) == (1, 1)
        assert "max_price" not in row


def test_the_digits_of_a_malformed_number_are_rescued_as_they_stand() -> None:
    raw = json.dumps(change({"odd": {"N": 0}})).replace('{"N": 0}', '{"N": 1.10e400}')
    assert '{"N":1.10e400}' in row_of(raw.encode())["rescued_attributes"]


NARROWED: list[tuple[str, Any, str, Any]] = [
    ("requestedAt", {"S": "2026-11-22T10:00:00.2509Z"}, "requested_at", 1795341600250),
    ("latitude", {"N": "48.858370000000000000001"}, "latitude", 48.85837),
    ("party", {"M": {"adults": {"N": "2"}, "pets": {"N": "1"}}}, "party", {"adults": 2}),
    ("party", {"M": {"adults": {"N": "2"}, "children": {"S": "x"}}}, "party", {"adults": 2}),
]


@pytest.mark.parametrize(("name", "value", "column", "held"), NARROWED)
def test_a_column_that_holds_less_than_the_attribute_is_filled_and_the_attribute_kept(
    name: str, value: Any, column: str, held: Any
) -> None:
    row = row_of(change({name: value}))
    assert row[column] == held
    assert json.loads(row["rescued_attributes"]) == {name: value}


def test_an_exact_neighbour_of_a_narrowed_column_is_not_rescued() -> None:
    row = row_of(change({"latitude": {"N": "0.1000000000000000000001"}, "longitude": {"N": "0.1"}}))
    assert list(json.loads(row["rescued_attributes"])) == ["latitude"]


def test_a_misfit_that_narrowed_on_its_way_does_not_rescue_its_neighbour() -> None:
    misfit = {"M": {"adults": {"S": "two"}, "pets": {"N": "1"}}}
    outcome = outcome_of(change({"party": misfit, "latitude": {"N": "1.5"}}))
    row = line_of(outcome.records[0])
    assert json.loads(row["rescued_attributes"]) == {"party": misfit}
    assert (row["latitude"], outcome.rows["demand"].rescued_attributes) == (1.5, 1)


def test_an_explicit_null_is_a_null() -> None:
    row = row_of(change({"maxPrice": {"NULL": True}}))
    assert "max_price" not in row
    assert "rescued_attributes" not in row


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"demandId": None}, "required_attribute_missing"),
        ({"demandId": {"N": "1"}}, "required_column_does_not_fit"),
        ({"demandId": {"NULL": True}}, "required_column_does_not_fit"),
        ({"channel": {"S": "FAX"}}, "required_column_does_not_fit"),
        ({"requestedSeats": {"N": "2147483648"}}, "required_column_does_not_fit"),
        ({"requestedSeats": {"N": "1E+40"}}, "required_column_does_not_fit"),
        ({"requestedSeats": {"N": "NaN"}}, "required_column_does_not_fit"),
        ({"requestedAt": {"S": "yesterday"}}, "required_column_does_not_fit"),
        ({"adjacentSeats": {"S": "true"}}, "required_column_does_not_fit"),
    ],
)
def test_a_required_column_that_does_not_fit_fails_the_record(
    item: dict[str, Any], reason: str
) -> None:
    outcome = outcome_of(change(item))
    assert outcome.records == [{"recordId": "1", "result": "ProcessingFailed"}]
    assert outcome.counts == {reason: 1}
    (failure,) = outcome.failures
    assert failure.column in (
        "demand_id",
        "channel",
        "requested_seats",
        "requested_at",
        "adjacent_seats",
    )


ENVELOPE: dict[str, list[Any]] = {
    "eventID": [5, True, [], {}, None, ...],
    "eventName": [5, "UPSERT", "insert", "", [], {}, None, ...],
    "tableName": [5, [], {}, None, ...],
    "dynamodb": [5, "x", [], None, ...],
    "dynamodb.ApproximateCreationDateTime": ["1", 1.5, 1e15, True, [], {}, None, ...],
    "dynamodb.ApproximateCreationDateTimePrecision": ["SECOND", "millisecond", 5, [], {}],
    "dynamodb.Keys": [5, "x", [], None, {}, {"pk": {"BOOL": True}}, {"pk": {"N": "x"}}, ...],
    "dynamodb.NewImage": [5, "x", [], None, ...],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "wrong"), [(name, wrong) for name, values in ENVELOPE.items() for wrong in values]
)
def test_a_wrong_part_of_the_envelope_fails_the_record(name: str, wrong: Any) -> None:
    record = change()
    *outer, last = name.split(".")
    place = record[outer[0]] if outer else record
    if wrong is ...:
        del place[last]
    else:
        place[last] = wrong
    assert result_of(record)[0] == "ProcessingFailed"


ODD: list[Any] = [5, 200.0, "x", True, None, [], {}, {"type": 5}, {"principalId": []}, [{"a": {}}]]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize(
    "name", ["userIdentity", "awsRegion", "eventSource", "recordFormat", "dynamodb.SizeBytes"]
)
def test_what_no_column_is_made_of_may_be_anything(name: str, value: Any) -> None:
    record = change(event="REMOVE")
    expected = row_of(record)
    *outer, last = name.split(".")
    (record[outer[0]] if outer else record)[last] = value
    assert row_of(record) == expected


@pytest.mark.parametrize("image", [5, "x", [], None, {"type": 5}, {"type": []}, {"type": "demand"}])
@pytest.mark.parametrize("event", ["INSERT", "MODIFY", "REMOVE"])
def test_the_image_that_no_row_comes_from_may_be_anything(event: str, image: Any) -> None:
    record = change(event=event)
    expected = row_of(record)
    record["dynamodb"]["NewImage" if event == "REMOVE" else "OldImage"] = image
    assert row_of(record) == expected
    record["dynamodb"]["OldImage" if event == "REMOVE" else "NewImage"] = image
    assert result_of(record)[0] == "ProcessingFailed"


@pytest.mark.parametrize("missing", ["awsRegion", "eventSource", "recordFormat", "userIdentity"])
def test_what_the_row_does_not_need_may_be_absent(missing: str) -> None:
    record = change()
    del record[missing]
    assert result_of(record) == ("Ok", "ok")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"null", "not_a_change_record"),
        (b"[]", "not_a_change_record"),
        (b"42", "not_a_change_record"),
        (b"{", "not_json"),
        (b"{} {}", "not_a_change_record"),
        (b'{"eventName": NaN}', "not_json"),
        (b"\xff\xfe{}", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b"[" * 100_000, "nested_too_deeply"),
        (b'{"a":' * 100_000, "nested_too_deeply"),
        (b"{}", "not_a_change_record"),
        (b'{"eventName":"INSERT","dynamodb":{}}', "no_image"),
        (b'{"eventName":"REMOVE","dynamodb":{"NewImage":{}}}', "no_image"),
        (b'{"eventName":"MODIFY","dynamodb":{"OldImage":{}}}', "no_image"),
    ],
)
def test_what_is_no_change_record_fails(raw: bytes, reason: str) -> None:
    result, why = result_of(raw)
    assert result == "ProcessingFailed"
    assert why == reason or (reason == "nested_too_deeply" and why == "not_a_change_record")


def test_invalid_utf_8_and_lone_surrogates_fail_where_they_would_reach_a_row() -> None:
    good = json.dumps(change({"note": {"S": "NOTE"}})).encode()
    assert result_of(good) == ("Ok", "ok")
    assert result_of(good.replace(b"NOTE", b"\xff"))[0] == "ProcessingFailed"
    assert result_of(good.replace(b"NOTE", b"\xed\xa0\x80"))[0] == "ProcessingFailed"
    assert result_of(good.replace(b"NOTE", rb"\ud800"))[0] == "ProcessingFailed"
    assert json.loads(row_of(good.replace(b"NOTE", rb"\ud83d\ude00"))["rescued_attributes"]) == {
        "note": {"S": "\U0001f600"}
    }


@pytest.mark.parametrize("data", ["", "*", "a", "YQ", "YQ==\n", "Y Q==", "é", None, 5, [], ...])
def test_what_is_not_base64_fails_alone(data: Any) -> None:
    record = firehose_record(change())
    if data is ...:
        del record["data"]
    else:
        record["data"] = data
    outcome = TRANSFORM.batch([record, firehose_record(change(), "2")])
    assert outcome.records[0] == {"recordId": "1", "result": "ProcessingFailed"}
    assert outcome.records[1]["result"] == "Ok"
    assert outcome.counts["not_json" if data == "" else "not_base64"] == 1


def test_of_duplicate_keys_the_last_counts() -> None:
    text = json.dumps(change())
    twice = text.replace('"eventID":', '"eventID": "first", "eventID":')
    assert row_of(twice.encode())["change_id"] == "b015b5f0-0001"


def test_order_of_keys_and_white_space_do_not_matter() -> None:
    record = change({"unknown": {"M": {"b": {"N": "1"}, "a": {"S": ""}}}})

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return value

    spaced = json.dumps(turned(record), indent=3, separators=(" ,", " :\t")).encode()
    spaced = spaced.replace(b"DEMAND#1", b"\\u0044EMAND#1")
    assert outcome_of(record).records == outcome_of(spaced).records


def test_neighbours_of_broken_records_are_untouched_and_in_order() -> None:
    outcome = outcome_of(b"{", change(), change({"type": {"S": "sale"}}), b"\xff", change())
    assert [(a["recordId"], a["result"]) for a in outcome.records] == [
        ("1", "ProcessingFailed"),
        ("2", "Ok"),
        ("3", "Dropped"),
        ("4", "ProcessingFailed"),
        ("5", "Ok"),
    ]


def test_an_empty_batch_has_an_empty_answer() -> None:
    assert outcome_of().records == []


def answer_size(outcome: Outcome) -> int:
    # As Lambda's runtime writes it.
    return len(json.dumps({"records": outcome.records}))


def test_ten_thousand_tiny_records_are_answered() -> None:
    outcome = outcome_of(*[b"{}"] * 10_000)
    assert [a["recordId"] for a in outcome.records] == [str(n) for n in range(1, 10_001)]


def test_a_record_that_would_burst_the_answer_fails_and_the_others_do_not() -> None:
    big = change({"note": {"S": "x" * 2_000_000}})
    outcome = outcome_of(change(), big, big, big, change())
    assert [a["result"] for a in outcome.records] == [
        "Ok",
        "Ok",
        "Ok",
        "ProcessingFailed",
        "Ok",
    ]
    assert outcome.counts["answer_payload_full"] == 1
    assert answer_size(outcome) <= 6 * 1024 * 1024


def test_a_record_of_ten_mebibytes_fails_alone() -> None:
    outcome = outcome_of(change({"note": {"S": "x" * 10 * 1024 * 1024}}), change())
    assert [a["result"] for a in outcome.records] == ["ProcessingFailed", "Ok"]


def test_the_budget_of_an_answer_is_six_mebibytes_to_the_byte() -> None:
    line = b"x" * 4_700_000
    data = base64.b64encode(line).decode()
    answer = {"recordId": "", "result": "ProcessingFailed", "data": data}
    room = 6 * 1024 * 1024 - len(json.dumps({"records": [answer]})) - len(", ")
    assert Answer(["1" * room]).ok(line, end_of_data())
    assert not Answer(["1" * (room + 1)]).ok(line, end_of_data())


@given(
    st.lists(st.tuples(st.text(max_size=8), st.integers(0, 400)), max_size=12),
    st.integers(200, 4000),
)
def test_the_answer_never_passes_its_budget(records: list[tuple[str, int]], limit: int) -> None:
    transform = Transform(schemas.table("demand"), "type", limit=limit)
    batch = [
        firehose_record(change({"note": {"S": "x" * size}}), record_id)
        for record_id, size in records
    ]
    outcome = transform.batch(batch)
    assert [a["recordId"] for a in outcome.records] == [r["recordId"] for r in batch]
    least = len(
        json.dumps({"records": [{"recordId": i, "result": "ProcessingFailed"} for i, _ in records]})
    )
    assert answer_size(outcome) <= max(limit, least)


def test_a_record_nobody_thought_of_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    transform = Transform(schemas.table("demand"), "type")

    def broken(*change: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(transform._rows["demand"], "_columns", broken)
    monkeypatch.setattr(transform._rows["demand"]._general, "row", broken)
    outcome = outcome_of(change(), change({"type": {"S": "sale"}}), transform=transform)
    assert [a["result"] for a in outcome.records] == ["ProcessingFailed", "Dropped"]
    assert outcome.counts["unexpected_ZeroDivisionError"] == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.data())
def test_whatever_a_record_holds_it_is_answered_once(data: st.DataObject) -> None:
    record: Any = change()
    place = record
    path = data.draw(st.lists(st.integers(0, 9), max_size=4))
    for step in path:
        below = [key for key in place if isinstance(place[key], dict) and place[key]]
        if not below:
            break
        place = place[below[step % len(below)]]
    place[data.draw(st.sampled_from([*place]))] = data.draw(JSON)
    raw = json.dumps(record).encode()
    cut = data.draw(st.none() | st.integers(0, len(raw)))
    (answer,) = outcome_of(raw[:cut]).records
    assert answer["result"] in ("Ok", "Dropped", "ProcessingFailed")
    if answer["result"] == "Ok":
        line_of(answer)


@given(st.binary(max_size=200))
def test_no_bytes_can_make_it_raise(raw: bytes) -> None:
    (answer,) = outcome_of(raw).records
    assert answer == {"recordId": "1", "result": "ProcessingFailed"}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "core"}
    for level in range(levels):
        value = {"M": {"a": value}} if level % 2 else {"L": [value]}
    return value


def test_attributes_nested_to_32_levels_are_kept() -> None:
    row = row_of(change({"deep": nested(32)}))
    assert json.loads(row["rescued_attributes"]) == {"deep": nested(32)}


def test_rows_are_the_landed_rows_that_the_schema_allows() -> None:
    # The writer's own reader is the other side of the contract between the two functions.
    from avro_writer.rows import RowReader

    record = schemas.table("demand").record
    (answer,) = outcome_of(
        change({"maxPrice": {"N": "12.5"}, "propensityScore": {"N": "0.1"}})
    ).records
    (row,) = RowReader(record).read([base64.b64decode(answer["data"])])
    places = {column.name: f"c{n}" for n, column in enumerate(record.columns)}
    assert getattr(row, places["max_price"]) == "12.50"
    assert getattr(row, places["propensity"]) == "0.10000000000000000000"
