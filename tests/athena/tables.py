"""The tables for the tests of Athena SQL: every kind of column, NULLs, old files, views."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro

BUCKET = "prd3292-dev1-dmnd"
DATABASE = "prd3292_dev1_dmnd_pipeline"
PARQUET_DATABASE = f"{DATABASE}_parquet"
FIRST_DATE, LAST_DATE = "2024-03-01", "2024-03-10"
UTC = dt.UTC


def _decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def _nullable(avro: Any) -> dict[str, Any]:
    return {"type": ["null", avro], "default": None}


TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}

DEMAND_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "demand",
    "fields": [
        {"name": "change_id", "type": "string"},
        {
            "name": "change_type",
            "type": {
                "type": "enum",
                "name": "change_kind",
                "symbols": ["INSERT", "MODIFY", "REMOVE"],
            },
        },
        {"name": "changed_at", "type": TIMESTAMP},
        {"name": "changed_at_micros", "type": "long"},
        {"name": "is_deleted", "type": "boolean"},
        {"name": "record_key", "type": "string"},
        {"name": "rescued_attributes", **_nullable("string")},
        {"name": "quantity", **_nullable("int")},
        {"name": "seats", **_nullable("long")},
        {"name": "ratio", **_nullable("float")},
        {"name": "score", **_nullable("double")},
        {"name": "price", **_nullable(_decimal(12, 2))},
        {"name": "fee", **_nullable(_decimal(8, 4))},
        {"name": "opens_on", **_nullable({"type": "int", "logicalType": "date"})},
        {"name": "tags", **_nullable({"type": "array", "items": ["null", "string"]})},
        {"name": "prices", **_nullable({"type": "array", "items": _decimal(12, 2)})},
        {"name": "labels", **_nullable({"type": "map", "values": "string"})},
        {"name": "limits", **_nullable({"type": "map", "values": _decimal(12, 2)})},
        {
            "name": "venue",
            **_nullable(
                {
                    "type": "record",
                    "name": "venue",
                    "fields": [
                        {"name": "city", **_nullable("string")},
                        {"name": "country", "type": "string", "default": "US"},
                        {"name": "capacity", **_nullable("int")},
                        {
                            "name": "geo",
                            **_nullable(
                                {
                                    "type": "record",
                                    "name": "geo",
                                    "fields": [
                                        {"name": "lat", "type": "double"},
                                        {"name": "lon", "type": "double"},
                                    ],
                                }
                            ),
                        },
                    ],
                }
            ),
        },
        {
            "name": "offers",
            **_nullable(
                {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "offer",
                        "fields": [
                            {"name": "code", "type": "string"},
                            {"name": "amount", **_nullable(_decimal(12, 2))},
                        ],
                    },
                }
            ),
        },
        {"name": "payload", **_nullable("bytes")},
        {"name": "note", **_nullable("string")},
        {"name": "channel", "type": "string", "default": "web"},
    ],
}

DEMAND_COLUMNS: list[tuple[str, str, str]] = [
    ("change_id", "string", "Identity of the change."),
    ("change_type", "string", "INSERT, MODIFY or REMOVE."),
    ("changed_at", "timestamp", "When the item changed."),
    ("changed_at_micros", "bigint", "The same, in microseconds."),
    ("is_deleted", "boolean", ""),
    ("record_key", "string", ""),
    ("rescued_attributes", "string", ""),
    ("quantity", "int", "Seats wanted."),
    ("seats", "bigint", ""),
    ("ratio", "float", ""),
    ("score", "double", ""),
    ("price", "decimal(12,2)", "Price of one seat."),
    ("fee", "decimal(8,4)", ""),
    ("opens_on", "date", ""),
    ("tags", "array<string>", ""),
    ("prices", "array<decimal(12,2)>", ""),
    ("labels", "map<string,string>", ""),
    ("limits", "map<string,decimal(12,2)>", ""),
    (
        "venue",
        "struct<city:string,country:string,capacity:int,geo:struct<lat:double,lon:double>>",
        "",
    ),
    ("offers", "array<struct<code:string,amount:decimal(12,2)>>", ""),
    ("payload", "binary", ""),
    ("note", "string", ""),
    ("channel", "string", ""),
]

SALE_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "sale",
    "fields": [
        {"name": "sale_id", "type": "string"},
        {"name": "change_id", **_nullable("string")},
        {"name": "amount", "type": _decimal(12, 2)},
        {"name": "quantity", "type": "int"},
        {"name": "sold_at", "type": TIMESTAMP},
    ],
}

SALE_COLUMNS: list[tuple[str, str, str]] = [
    ("sale_id", "string", ""),
    ("change_id", "string", "The demand it answers."),
    ("amount", "decimal(12,2)", ""),
    ("quantity", "int", ""),
    ("sold_at", "timestamp", ""),
]


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def _micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=UTC)) // dt.timedelta(microseconds=1)


def _demand(number: int, changed_at: str, **values: Any) -> dict[str, Any]:
    moment = _at(changed_at)
    return {
        "change_id": f"c{number:02}",
        "change_type": "INSERT",
        "changed_at": moment,
        "changed_at_micros": _micros(moment),
        "is_deleted": False,
        "record_key": json.dumps({"demand_id": f"d{number % 5}"}, separators=(",", ":")),
        **values,
    }


DEMAND_ROWS: dict[str, list[dict[str, Any]]] = {
    "2024-03-01": [
        _demand(
            1,
            "2024-03-01T00:00:00",
            quantity=2,
            seats=7,
            ratio=0.5,
            score=2.5,
            price=Decimal("10.10"),
            fee=Decimal("0.1250"),
            opens_on=dt.date(2024, 1, 31),
            tags=["rock", "Live", None],
            prices=[Decimal("1.10"), Decimal("2.25")],
            labels={"tier": "gold", "zone": "A"},
            limits={"max": Decimal("100.00")},
            venue={
                "city": "Berlin",
                "country": "DE",
                "capacity": 100,
                "geo": {"lat": 52.5, "lon": 13.4},
            },
            offers=[
                {"code": "EARLY", "amount": Decimal("5.00")},
                {"code": "VIP", "amount": None},
            ],
            payload=b"\x00\xff\x10",
        ),
        _demand(
            2,
            "2024-03-01T08:15:30.123",
            quantity=3,
            seats=-7,
            ratio=1.25,
            score=-2.5,
            price=Decimal("0.05"),
            fee=Decimal("-1.5000"),
            opens_on=dt.date(2024, 2, 29),
            tags=[],
            prices=[],
            labels={},
            limits={},
            venue={"city": None, "country": "US", "capacity": None, "geo": None},
            offers=[],
            payload=b"",
            rescued_attributes=(
                '{"color":{"S":"red"},"size":{"N":"1.10"},"list":{"L":[{"S":"a"},{"N":"2"}]},'
                '"flag":{"BOOL":true},"none":{"NULL":true}}'
            ),
        ),
        _demand(3, "2024-03-01T23:59:59.999", change_type="MODIFY"),
        _demand(
            4,
            "2024-03-01T12:00:00",
            quantity=0,
            seats=0,
            score=0.0,
            price=Decimal("0.00"),
            fee=Decimal("0.0000"),
            tags=["jazz"],
            labels={"tier": "silver"},
        ),
    ],
    "2024-03-02": [
        _demand(
            5,
            "2024-03-02T00:30:00",
            quantity=-5,
            seats=10_000_000_000,
            ratio=-0.75,
            score=1e10,
            price=Decimal("9999999999.99"),
            fee=Decimal("1234.5678"),
            opens_on=dt.date(1969, 12, 31),
            tags=["rock", "pop"],
            prices=[Decimal("3.33")],
            labels={"tier": "gold", "état": 'été, "x"'},
            limits={"max": Decimal("7.00"), "min": Decimal("-1.00")},
            venue={"city": "Paris", "country": "FR", "capacity": 250, "geo": None},
            offers=[{"code": "LATE", "amount": Decimal("2.50")}],
            payload=b"hello",
            note='a, "quoted" note',
            channel="app",
        ),
        _demand(
            6,
            "2024-03-02T10:00:00",
            change_type="MODIFY",
            quantity=4,
            seats=3,
            score=0.1,
            price=Decimal("33.33"),
            fee=Decimal("2.0000"),
            opens_on=dt.date(2024, 3, 31),
            tags=["Live"],
            note="first\nsecond",
            channel="app",
            venue={"city": "berlin", "country": "DE", "capacity": 5, "geo": None},
        ),
        _demand(
            7,
            "2024-03-02T10:00:00",
            change_type="REMOVE",
            is_deleted=True,
            quantity=4,
            seats=3,
            price=Decimal("-33.35"),
            note="Zoë 🎫 100%",
            channel="phone",
        ),
    ],
    "2024-03-03": [
        _demand(
            8,
            "2024-03-03T23:00:00",
            quantity=1,
            seats=5,
            ratio=0.5,
            score=3.5,
            price=Decimal("20.00"),
            fee=Decimal("0.3333"),
            opens_on=dt.date(2024, 12, 30),
            tags=["pop", "rock"],
            labels={"tier": "bronze"},
            note="",
            channel="web",
        ),
        _demand(
            9,
            "2024-03-03T01:00:00.500",
            quantity=2,
            seats=5,
            score=-1e-7,
            price=Decimal("10.10"),
            note="order-123 / order-456",
            channel="web",
            rescued_attributes="not json",
        ),
    ],
}

SALE_ROWS: dict[str, list[dict[str, Any]]] = {
    "2024-03-02": [
        {
            "sale_id": "s1",
            "change_id": "c01",
            "amount": Decimal("20.20"),
            "quantity": 2,
            "sold_at": _at("2024-03-02T09:00:00"),
        },
        {
            "sale_id": "s2",
            "change_id": "c01",
            "amount": Decimal("5.00"),
            "quantity": 1,
            "sold_at": _at("2024-03-02T09:30:00.250"),
        },
        {
            "sale_id": "s3",
            "change_id": None,
            "amount": Decimal("7.77"),
            "quantity": 7,
            "sold_at": _at("2024-03-03T00:00:00"),
        },
    ],
    "2024-03-03": [
        {
            "sale_id": "s4",
            "change_id": "c05",
            "amount": Decimal("0.01"),
            "quantity": 1,
            "sold_at": _at("2024-03-03T12:00:00"),
        },
    ],
}

LATEST_SQL = """
SELECT record_key, change_id, changed_at, price, tags, venue, partition_date
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY record_key ORDER BY changed_at_micros DESC, change_id DESC
  ) AS newest
  FROM demand
)
WHERE newest = 1 AND NOT is_deleted
""".strip()

LATEST_COLUMNS = [
    ("record_key", "varchar", "string"),
    ("change_id", "varchar", "string"),
    ("changed_at", "timestamp(3)", "timestamp"),
    ("price", "decimal(12,2)", "decimal(12,2)"),
    ("tags", "array(varchar)", "array<string>"),
    (
        "venue",
        'row("city" varchar, "country" varchar, "capacity" integer,'
        ' "geo" row("lat" double, "lon" double))',
        "struct<city:string,country:string,capacity:int,geo:struct<lat:double,lon:double>>",
    ),
    ("partition_date", "varchar", "string"),
]

CITIES_SQL = (
    "WITH named AS (SELECT upper(venue.city) AS city, price FROM demand_latest)"
    " SELECT city, count(*) AS demands, sum(price) AS total FROM named GROUP BY city"
)
CITIES_COLUMNS = [
    ("city", "varchar", "string"),
    ("demands", "bigint", "bigint"),
    ("total", "decimal(38,2)", "decimal(38,2)"),
]


def avro_table(
    name: str,
    schema: Mapping[str, Any],
    columns: Iterable[tuple[str, str, str]],
    *,
    dates: str = f"{FIRST_DATE},{LAST_DATE}",
) -> dict[str, Any]:
    """Return a partitioned table's Glue definition, as ``CreateTable`` takes it."""
    location = f"s3://{BUCKET}/data-pipeline/avro/{name}/"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "projection.enabled": "true",
            "projection.partition_date.type": "date",
            "projection.partition_date.format": "yyyy-MM-dd",
            "projection.partition_date.range": dates,
            "projection.partition_date.interval": "1",
            "projection.partition_date.interval.unit": "DAYS",
            "storage.location.template": location + "partition_date=${partition_date}/",
        },
        "PartitionKeys": [{"Name": "partition_date", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [
                {"Name": column, "Type": kind, **({"Comment": comment} if comment else {})}
                for column, kind, comment in columns
            ],
            "Location": location,
            "InputFormat": "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
            "NumberOfBuckets": 0,
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
                "Parameters": {"avro.schema.literal": json.dumps(schema)},
            },
        },
    }


def view(name: str, sql: str, columns: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """Return a view's Glue definition: ``columns`` as (name, Trino type, Glue type)."""
    listed = list(columns)
    definition = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": DATABASE,
        "columns": [{"name": column, "type": kind} for column, kind, _ in listed],
    }
    encoded = base64.b64encode(json.dumps(definition).encode()).decode()
    return {
        "Name": name,
        "Owner": "analyst",
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, _, kind in listed],
            "Location": "",
            "NumberOfBuckets": 0,
            "SerdeInfo": {},
        },
    }


def definitions() -> list[dict[str, Any]]:
    """Return every table and view, as ``CreateTable`` takes them."""
    return [
        avro_table("demand", DEMAND_SCHEMA, DEMAND_COLUMNS),
        avro_table("sale", SALE_SCHEMA, SALE_COLUMNS),
        view("demand_latest", LATEST_SQL, LATEST_COLUMNS),
        view("demand_cities", CITIES_SQL, CITIES_COLUMNS),
    ]


def catalog(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return ``catalog.json`` of these tables, as an export has it."""
    return {
        "bucket": BUCKET,
        "databases": [
            {"Name": DATABASE, "CatalogId": "123456789012"},
            {"Name": PARQUET_DATABASE, "CatalogId": "123456789012"},
        ],
        "tables": [{**table, "DatabaseName": DATABASE} for table in tables],
    }


def write_avro(
    path: Path, schema: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], codec: str = "deflate"
) -> None:
    """Write one Avro file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(copy.deepcopy(dict(schema))), rows, codec=codec)


def write_data_directory(directory: Path) -> Path:
    """Write the bucket's objects and the catalog below ``directory``; return it.

    The files of 2024-03-01 are older than the columns ``note`` and ``channel``.
    """
    old_schema = {
        **DEMAND_SCHEMA,
        "fields": [f for f in DEMAND_SCHEMA["fields"] if f["name"] not in ("note", "channel")],
    }
    avro = directory / "data-pipeline" / "avro"
    for date, rows in DEMAND_ROWS.items():
        folder = avro / "demand" / f"partition_date={date}"
        schema = old_schema if date == "2024-03-01" else DEMAND_SCHEMA
        write_avro(folder / "a.avro", schema, rows[:2])
        write_avro(folder / "b.avro", schema, rows[2:], codec="null")
    for date, rows in SALE_ROWS.items():
        write_avro(avro / "sale" / f"partition_date={date}" / "a.avro", SALE_SCHEMA, rows)
    (directory / "catalog.json").write_text(json.dumps(catalog(definitions())))
    return directory
