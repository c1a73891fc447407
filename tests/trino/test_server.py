"""The launcher says what a machine lacks to run Trino; needs none itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trino import server
from tests.trino.server import TrinoMissing, find_tools


def tool(folder: Path, name: str, said: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def no_other_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_JAVA_FOLDERS", ())


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(TrinoMissing) as caught:
        find_tools({"PATH": str(tmp_path)})
    assert "Maven (mvn on the PATH)" in str(caught.value)
    assert "a JDK 24 or newer (none found" in str(caught.value)


def test_an_older_java_is_named_with_its_version(tmp_path: Path) -> None:
    tool(tmp_path, "mvn")
    tool(tmp_path, "java", 'openjdk version "17.0.2" 2022-01-18')
    with pytest.raises(TrinoMissing, match=r"^a JDK 24 or newer \(the newest found is 17, .*/java"):
        find_tools({"PATH": str(tmp_path)})


def test_the_newest_java_is_taken_wherever_it_is(tmp_path: Path) -> None:
    tool(tmp_path / "bin", "mvn")
    tool(tmp_path / "bin", "java", 'openjdk version "24.0.1" 2025-04-15')
    tool(tmp_path / "home" / "bin", "java", 'openjdk version "25" 2025-09-16')
    tools = find_tools({"PATH": str(tmp_path / "bin"), "JAVA_HOME": str(tmp_path / "home")})
    assert tools.java == str(tmp_path / "home" / "bin" / "java")
    assert tools.maven == str(tmp_path / "bin" / "mvn")


def test_a_java_that_does_not_run_is_no_java(tmp_path: Path) -> None:
    tool(tmp_path, "mvn")
    (tmp_path / "java").write_text("not a program")
    (tmp_path / "java").chmod(0o755)
    with pytest.raises(TrinoMissing, match="none found"):
        find_tools({"PATH": str(tmp_path)})
