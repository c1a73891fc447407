"""`dmd backfill` against a stack at an emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

import schemas
from athena.engine import run_query
from athena.export import write_export
from console.errors import CommandError
from demo.feed.market import Market
from demo.feed.replication import json_attribute
from ops.backfill import action
from ops.backfill.action import BackfillOptions, run
from ops.backfill.parts import RowMakers
from ops.deployment import Deployment
from ops.options import StackOptions
from tests.support.cli import dmd
from tests.support.exports import ExportBuilder, full_line, spread

HERE = StackOptions()
NOW = datetime.now(UTC).replace(microsecond=0)
_numbers = iter(range(1, 1000))


def items(count: int) -> list[dict[str, Any]]:
    market = Market(Random(next(_numbers)))
    kinds = ("demand", "sale", "event")
    return [json_attribute({"M": market.item(kinds[n % 3], NOW)})["M"] for n in range(count)]


def built(
    deployment: Deployment, lines: list[bytes], files: int = 4, **given: Any
) -> ExportBuilder:
    """An export of the stack's table, with an identifier of its own."""
    return ExportBuilder(
        spread(lines, files),
        table_name=deployment.settings.table_name,
        export_id=f"0169535{next(_numbers):07}-a1b2c3d4",
        **{"until": NOW, **given},
    )


def sale(**change: Any) -> dict[str, Any]:
    (_, found, _) = items(3)
    return {**found, **change}


def options(source: Path | str, **given: Any) -> BackfillOptions:
    return BackfillOptions(str(source), **{"yes": True, "as_json": True, **given})


def report(capsys: pytest.CaptureFixture[str], source: Path | str, **given: Any) -> Any:
    status = run(HERE, options(source, **given))
    found = json.loads(capsys.readouterr().out)
    good = found["complete"] and found["reconciled"] and not found["failed"]
    if not given.get("dry_run") and "shard" not in given:
        assert status == (0 if good else 1)
    return found


def keys(deployment: Deployment, prefix: str) -> list[str]:
    s3 = deployment.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployment.bucket, Prefix=f"data-pipeline/{prefix}"
    )
    return [each["Key"] for page in pages for each in page.get("Contents", ())]


def in_bucket(deployment: Deployment, builder: ExportBuilder, bucket: str = "exports") -> str:
    """Put an export into a bucket of its own; return its URL."""
    s3 = deployment.client("s3")
    s3.create_bucket(Bucket=bucket)
    for key, body in builder.objects().items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{builder.folder}"


def test_an_export_in_a_bucket_becomes_rows_that_queries_see(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [full_line(each) for each in items(30)]
    url = in_bucket(deployment, built(deployment, lines))
    found = report(capsys, url)
    assert found["rows"] == {"demand": 10, "sale": 10}
    assert (found["items"], found["export_items"], found["other_types"]) == (30, 30, 10)
    assert found["complete"] and found["reconciled"]
    assert found["data_files"] == {"all": 4, "this_run": 4, "done": 4, "problems": {}}
    write_export(deployment.client("glue"), deployment.client("s3"), deployment.bucket, tmp_path)
    for kind in ("demand", "sale"):
        sql = f"SELECT change_type, count(*) FROM {kind}_latest GROUP BY 1"
        assert run_query(tmp_path, sql, deployment.naming.database).rows == [("SNAPSHOT", 10)]
    # Again, now by the URL of the manifest: nothing is left to do.
    before = keys(deployment, "")
    assert report(capsys, f"{url}manifest-summary.json")["rows"] == found["rows"]
    assert keys(deployment, "") == before


def test_several_processes_share_the_data_files(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(deployment, [full_line(each) for each in items(60)], files=7).write(tmp_path)
    damaged = sorted((folder / "data").iterdir())[0]
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1])
    first = report(capsys, folder, workers=2)
    name = damaged.name.removesuffix(".json.gz")
    assert list(first["data_files"]["problems"]) == [name]
    assert "MD5" in first["data_files"]["problems"][name]
    assert not first["complete"]
    damaged.write_bytes(content)
    second = report(capsys, folder, workers=2)
    assert second["complete"]
    assert second["rows"] == {"demand": 20, "sale": 20}


def test_shards_take_all_data_files_between_them(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(deployment, [full_line(each) for each in items(30)], files=5).write(tmp_path)
    done = []
    for shard in range(3):
        assert run(HERE, options(folder, shard=(shard, 3))) == 0
        done.append(json.loads(capsys.readouterr().out)["data_files"]["done"])
    assert done == [2, 4, 5]
    assert report(capsys, folder)["complete"]


def test_a_shard_answers_for_its_own_data_files(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = sale(quantity={"S": "two"})
    lines = [full_line(each) for each in (bad, *items(3))]
    folder = built(deployment, lines, files=3).write(tmp_path)
    statuses = [run(HERE, options(folder, shard=(shard, 3))) for shard in range(3)]
    assert statuses == [1, 0, 0]
    capsys.readouterr()
    assert report(capsys, folder)["failed"] == 1


def test_data_may_be_in_a_folder_that_exports_share(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builder = built(deployment, [full_line(each) for each in items(6)], shared_data=True)
    assert report(capsys, builder.write(tmp_path))["items"] == 6
    other = replace(builder, export_id="01695350000999-a1b2c3d4")
    assert report(capsys, in_bucket(deployment, other))["items"] == 6


def test_a_dry_run_writes_nothing(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(deployment, [full_line(each) for each in items(9)]).write(tmp_path)
    before = keys(deployment, "")
    assert run(HERE, options(folder, dry_run=True, as_json=False)) == 0
    said = capsys.readouterr().out
    assert "4 of 4 data files are to do, with 9 items, for the tables demand, sale" in said
    assert "Nothing was written" in said
    assert keys(deployment, "") == before


def test_nothing_is_written_without_a_yes(deployment: Deployment, tmp_path: Path) -> None:
    folder = built(deployment, [full_line(each) for each in items(3)]).write(tmp_path)
    before = keys(deployment, "")
    with pytest.raises(CommandError, match="nothing was changed"):
        run(HERE, options(folder, yes=False))
    assert keys(deployment, "") == before


def test_failed_items_are_reported_and_kept_and_the_status_says_so(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = sale(quantity={"S": "SECRET"})
    folder = built(deployment, [full_line(each) for each in (*items(3), bad)]).write(tmp_path)
    assert run(HERE, options(folder, as_json=False)) == 1
    said = capsys.readouterr()
    assert "required_column_does_not_fit (quantity)" in said.out
    assert f"s3://{deployment.bucket}/data-pipeline/backfill/" in said.out
    assert "SECRET" not in said.out + said.err, "no item is shown"
    found = report(capsys, folder)
    assert found["reasons"] == {"required_column_does_not_fit (quantity)": 1}
    kept = [f"s3://{deployment.bucket}/{key}" for key in keys(deployment, "backfill/")]
    assert any(each.startswith(found["failed_items"]) for each in kept)


def test_items_that_failed_are_taken_again_after_the_schema_is_mended(
    deployment: Deployment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = [sale(quantity={"S": "two"}), sale(saleId={"N": "5"}), sale(pk={"NULL": True})]
    folder = built(deployment, [full_line(each) for each in (*items(9), *bad)]).write(tmp_path)
    with pytest.raises(CommandError, match="data files are left"):
        run(HERE, options(folder, failed_again=True))
    first = report(capsys, folder)
    assert (first["rows"], first["failed"]) == ({"demand": 3, "sale": 3}, 3)
    before = keys(deployment, "avro/sale/")
    again = report(capsys, folder, failed_again=True)
    assert (again["round"], again["items"], again["failed"]) == (1, 3, 3), "nothing is mended"
    assert keys(deployment, "avro/sale/") == before

    mended = json.loads((Path(schemas.__file__).parent / "sale.json").read_text())
    (field,) = (each for each in mended["fields"] if each["name"] == "quantity")
    field.update(type=["null", "int"], default=None)
    table = schemas.parse_table("sale", json.dumps(mended), "sale.json")
    monkeypatch.setattr(schemas, "table", {"sale": table}.get)
    monkeypatch.setattr(schemas, "avro_schema", lambda _: table.avro)
    monkeypatch.setattr(action, "check_stack", lambda *_: None)
    monkeypatch.setattr(action, "RowMakers", lambda _, attribute: RowMakers(["sale"], attribute))
    last = report(capsys, folder, failed_again=True)
    assert (last["round"], last["items"], last["rows"]) == (2, 3, {"sale": 1})
    assert last["failed"] == 2
    assert last["reconciled"]
    (new,) = set(keys(deployment, "avro/sale/")) - set(before)
    assert new.endswith("-again-2.avro")
    # A run that is repeated does not begin another round before this one is complete.
    assert report(capsys, folder)["failed"] == 3, "without the option it is the first round"


def test_no_failed_item_is_nothing_to_do(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(deployment, [full_line(each) for each in items(3)]).write(tmp_path)
    report(capsys, folder)
    with pytest.raises(CommandError, match="no item of this export has failed"):
        run(HERE, options(folder, failed_again=True))


def test_one_type_alone_and_no_other_afterwards(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(deployment, [full_line(each) for each in items(6)]).write(tmp_path)
    found = report(capsys, folder, types=("sale",), margin_seconds=60)
    assert (found["rows"], found["other_types"]) == ({"sale": 2}, 4)
    with pytest.raises(CommandError, match="this backfill has begun for sale"):
        run(HERE, options(folder, types=("demand",)))
    with pytest.raises(CommandError, match="begun with --margin 60"):
        run(HERE, options(folder, margin_seconds=61))
    assert report(capsys, folder)["types"] == ["sale"], "without options it goes on as it began"


def test_an_export_that_is_too_old_for_the_stream_is_warned_of(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [full_line(each) for each in items(3)]
    folder = built(deployment, lines, until=NOW - timedelta(days=1)).write(tmp_path)
    warnings = report(capsys, folder, dry_run=True)["warnings"]
    (warning,) = warnings
    assert "the delivery streams of demand, sale were created at" in warning
    folder = built(deployment, lines, until=NOW + timedelta(hours=1)).write(tmp_path / "later")
    assert report(capsys, folder, dry_run=True)["warnings"] == []


def without(name: str) -> Callable[[ExportBuilder, dict[str, bytes]], None]:
    def change(builder: ExportBuilder, objects: dict[str, bytes]) -> None:
        del objects[f"{builder.folder}{name}"]

    return change


def changed(name: str, old: bytes, new: bytes) -> Callable[[ExportBuilder, dict[str, bytes]], None]:
    def change(builder: ExportBuilder, objects: dict[str, bytes]) -> None:
        key = f"{builder.folder}{name}"
        assert old in objects[key]
        objects[key] = objects[key].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("damage", "given", "text"),
    [
        (without("manifest-summary.json"), {}, "is not complete: it has begun"),
        (without("manifest-files.json"), {}, "has no manifest-files.json: only a part"),
        (without("manifest-files.md5"), {}, "has no checksum file of manifest-files.json"),
        (
            changed("manifest-files.json", b"itemCount", b"itemcount"),
            {},
            "not agree with its check",
        ),
        (None, {"summary": {"itemCount": 77}}, "has 77 items, and the files of .* have 9"),
        (None, {"summary": {"outputFormat": "ION"}}, "has the format ION: export the table again"),
        (None, {"table_name": "other"}, "is of the table other, and the stack dev1 has"),
        (
            None,
            {"since": NOW - timedelta(hours=1), "summary": {"outputView": "NEW_IMAGE"}},
            "has the view NEW_IMAGE",
        ),
        (None, {"since": NOW - timedelta(minutes=9)}, "shorter than two margins of 300 s"),
        (None, {"until": datetime(2019, 1, 1, tzinfo=UTC)}, "rows would be of 2018-12-31"),
        (None, {"summary": {"exportTime": "yesterday"}}, "'yesterday' as exportTime"),
        (None, {"summary": {"exportType": "NEW_TYPE"}}, "type 'NEW_TYPE', which is unknown"),
        (None, {"summary": {"exportArn": "x"}}, "names no table and export"),
    ],
)
def test_an_export_that_cannot_be_used_is_refused_before_anything_is_written(
    deployment: Deployment,
    tmp_path: Path,
    damage: Callable[[ExportBuilder, dict[str, bytes]], None] | None,
    given: dict[str, Any],
    text: str,
) -> None:
    builder = replace(built(deployment, [full_line(each) for each in items(9)]), **given)
    objects = builder.objects()
    if damage:
        damage(builder, objects)
    for key, body in objects.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(body)
    before = keys(deployment, "")
    with pytest.raises(CommandError, match=text):
        run(HERE, options(tmp_path / builder.folder))
    assert keys(deployment, "") == before


def test_a_place_without_an_export_says_what_to_name(
    deployment: Deployment, tmp_path: Path
) -> None:
    builder = built(deployment, [])
    builder.write(tmp_path)
    root = tmp_path / "exports"
    for source, text in (
        (root, "name one of the folders in AWSDynamoDB/"),
        (root / "AWSDynamoDB", f"name one of its folders .*{builder.export_id}"),
        (tmp_path / "nowhere", "there is no folder"),
        ("s3://", "is not the URL of an export"),
        (
            "s3://no-such-bucket/AWSDynamoDB/x/",
            r"S3 does not give s3://no-such-bucket/.*NoSuchBucket",
        ),
    ):
        with pytest.raises(CommandError, match=text):
            run(HERE, options(source))


def test_tables_of_another_schema_are_refused(deployment: Deployment, tmp_path: Path) -> None:
    folder = built(deployment, [full_line(each) for each in items(3)]).write(tmp_path)
    glue, database = deployment.client("glue"), deployment.naming.database
    table = glue.get_table(DatabaseName=database, Name="sale")["Table"]
    older = {
        name: table[name]
        for name in ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    }
    parameters = table["StorageDescriptor"]["SerdeInfo"]["Parameters"]
    literal = parameters["avro.schema.literal"]
    parameters["avro.schema.literal"] = literal.replace(', "SNAPSHOT"', "")
    assert parameters["avro.schema.literal"] != literal
    glue.update_table(DatabaseName=database, TableInput=older)
    try:
        with pytest.raises(CommandError, match="table sale has another schema than this checkout"):
            run(HERE, options(folder))
    finally:
        parameters["avro.schema.literal"] = literal
        glue.update_table(DatabaseName=database, TableInput=older)


def test_the_command_line(deployment: Deployment, tmp_path: Path) -> None:
    folder = built(deployment, [full_line(each) for each in items(9)]).write(tmp_path)
    state = tmp_path / "state"
    url = str(deployment.endpoint_url)
    wrong = dmd("backfill", folder, "--shard", "3/3", state=state)
    assert (wrong.returncode, b"is not I/N with I from 0 to N - 1" in wrong.stderr) == (2, True)
    done = dmd(
        *("backfill", folder, "--endpoint-url", url, "--type", "sale", "--workers", "2", "--yes"),
        state=state,
    )
    assert done.returncode == 0, done.stderr
    assert b"Everything reconciles: each item of the export is counted once." in done.stdout
    assert b"Traceback" not in done.stderr
