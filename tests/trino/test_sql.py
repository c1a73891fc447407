"""``dmd sql`` over a real Trino: the same answers, in the same shape, as from local files."""

from __future__ import annotations

import pytest

from athena.errors import SqlError
from athena.export import write_export
from athena.render import render
from console.progress import Progress
from sql.engines.files import FilesEngine
from sql.engines.trino import TrinoEngine
from tests.trino.conftest import BUCKET, DATABASE, Lake
from tests.trino.server import CATALOG

pytestmark = pytest.mark.trino


@pytest.fixture(scope="module")
def remote(lake: Lake) -> TrinoEngine:
    return TrinoEngine(f"http://analyst@127.0.0.1:{lake.trino.port}/{CATALOG}/{DATABASE}", None)


@pytest.fixture(scope="module")
def local(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> FilesEngine:
    folder = tmp_path_factory.mktemp("export")
    write_export(lake.endpoint.client("glue"), lake.endpoint.client("s3"), BUCKET, folder)
    return FilesEngine(folder, DATABASE, "files")


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT * FROM sale ORDER BY change_id, sequence_number", ()),
        ("SELECT * FROM demand_latest ORDER BY change_id", ()),
        (
            "SELECT change_type, count(*) FROM sale WHERE change_type <> ? GROUP BY 1 ORDER BY 1",
            ("'it''s'",),
        ),
        ("SELECT ? AS number, ? AS day, '?' AS mark", ("1.50", "DATE '2026-11-01'")),
        (
            "SELECT map(ARRAY['k'], ARRAY[ARRAY[1.5e0, NULL]]) AS m,"
            " CAST(ROW(1, ROW('x')) AS row(a integer, b row(c varchar))) AS r",
            (),
        ),
        ("SELECT from_unixtime(0) AS t, INTERVAL '-14' MONTH AS m, INTERVAL '26' HOUR AS h", ()),
        ("SELECT X'00ff' AS b, CAST(0.1 AS real) AS f, true AS t, NULL AS n", ()),
        ("SELECT 1 AS a WHERE false", ()),
    ],
)
def test_an_answer_is_that_of_the_files(
    remote: TrinoEngine, local: FilesEngine, sql: str, parameters: tuple[str, ...]
) -> None:
    with Progress() as progress:
        found, expected = (each.run(sql, parameters, progress) for each in (remote, local))
    assert [(name, str(kind)) for name, kind in found.result.columns] == [
        (name, str(kind)) for name, kind in expected.result.columns
    ]
    for form in ("table", "csv", "json"):
        assert render(found.result, form) == render(expected.result, form)


def test_the_bytes_are_those_of_all_files_or_more(remote: TrinoEngine, local: FilesEngine) -> None:
    sql = "SELECT count(unit_price) FROM sale"
    with Progress() as progress:
        found, expected = (each.run(sql, (), progress).statistics for each in (remote, local))
    # Trino reads parts of small files twice.
    assert found.bytes is not None
    assert expected.bytes is not None
    assert expected.bytes <= found.bytes <= 3 * expected.bytes
    assert found.usd is None


def test_the_tables_and_saved_queries_are_the_same(remote: TrinoEngine, local: FilesEngine) -> None:
    tables = {each.full_name: each for each in local.tables()}
    found = {each.full_name: each for each in remote.tables()}
    assert found.keys() == tables.keys()
    assert {name: each.view for name, each in found.items()} == {
        name: each.view for name, each in tables.items()
    }
    for name, each in found.items():
        names = [(column.name, column.extra) for column in each.columns]
        assert names == [(column.name, column.extra) for column in tables[name].columns]
    assert remote.saved() == local.saved()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nosuch FROM sale", "Trino refuses it: line 1:8: Column 'nosuch'"),
        ("SELECT timestamp '2026-11-01 00:00:00.000000001' AS t", "only 6 digits of a second"),
        ("SELECT ARRAY[time '12:00:00.000000001'] AS t", "only 6 digits of a second"),
    ],
)
def test_what_has_no_answer_is_an_error(remote: TrinoEngine, sql: str, said: str) -> None:
    with Progress() as progress, pytest.raises(SqlError) as caught:
        remote.run(sql, (), progress)
    assert said in str(caught.value)


def test_ctrl_c_cancels_the_query_on_the_server(
    remote: TrinoEngine, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Progress, detail: str = "", *more: object) -> None:
        if "running" in detail:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "show", interrupted)
    mark = "SELECT count(*) AS to_be_cancelled"
    many = "UNNEST(sequence(1, 10000))"
    sql = f"{mark} FROM {many} a(x), {many} b(y), {many} c(z) WHERE x + y * z = 7"
    with Progress() as progress, pytest.raises(KeyboardInterrupt):
        remote.run(sql, (), progress)
    listed = f"SELECT state, error_code FROM system.runtime.queries WHERE query LIKE '{mark}%'"
    assert lake.trino.rows(listed) == [("FAILED", "USER_CANCELED")]
