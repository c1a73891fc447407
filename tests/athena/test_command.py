"""``dmd sql`` on the command line."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from dmd.__main__ import main

from .tables import catalog, definitions, view


def _run(*arguments: str) -> int:
    return main(["sql", *arguments])


def test_a_query_is_answered(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--data", str(data_dir), "--format", "json", "SELECT 1 AS a") == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_a_query_comes_from_standard_input(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 2 AS b"))
    assert _run("--data", str(data_dir), "--format", "csv", "-") == 0
    assert capsys.readouterr().out == '"b"\n"2"\n'


def test_the_last_run_is_asked_by_default(
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DMD_STATE_DIR", str(tmp_path))
    assert _run("SELECT 1") == 1
    assert "run `dmd demo` first" in capsys.readouterr().err
    shutil.copytree(data_dir, tmp_path / "last-run")
    assert _run("SELECT count(*) FROM sale") == 0
    assert "4" in capsys.readouterr().out


def test_an_error_goes_to_standard_error(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "SELECT nosuch FROM sale") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("dmd sql: line 1:8: column 'nosuch' cannot be resolved")


def test_tables_lists_columns_types_and_comments(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "--tables") == 0
    shown = capsys.readouterr().out
    assert "prd3292_dev1_dmnd_pipeline.demand_latest (view)" in shown
    assert "Price of one seat." in shown


def test_tables_of_an_unknown_database_are_an_error(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--data", str(data_dir), "--tables", "--database", "nosuch") == 1
    assert "there is no database 'nosuch'" in capsys.readouterr().err


def test_a_views_columns_have_the_comments_that_glue_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = view(
        "prices", "SELECT price FROM demand", [("price", "decimal(12,2)", "decimal(12,2)")]
    )
    prices["StorageDescriptor"]["Columns"][0]["Comment"] = "What a seat costs."
    (tmp_path / "catalog.json").write_text(json.dumps(catalog([*definitions(), prices])))
    assert _run("--data", str(tmp_path), "--format", "json", "DESCRIBE prices") == 0
    assert json.loads(capsys.readouterr().out)["comment"] == "What a seat costs."


@pytest.mark.parametrize("arguments", [(), ("--tables", "SELECT 1")])
def test_neither_or_both_is_a_wrong_use(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        _run(*arguments)
    assert "--tables" in capsys.readouterr().err
