"""Whatever a page, docstring, comment or message refers to exists."""

from __future__ import annotations

import subprocess

import pytest

from tests.docs.references import Reference, Repository, anchors, passages, slug
from tests.support.cli import ROOT


def files() -> dict[str, str]:
    """The repository's files, those of the next commit too; of what is no text, an empty one."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return {
        name: (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for name in listed
        if (ROOT / name).is_file()
    }


@pytest.fixture(scope="module")
def references() -> list[Reference]:
    """Every reference of this repository."""
    return list(Repository(files()).references())


def test_every_reference_of_the_repository_resolves(references: list[Reference]) -> None:
    dangling = [str(each) for each in references if each.problem]
    assert not dangling, "\n" + "\n".join(dangling)


def test_references_of_every_kind_are_found(references: list[Reference]) -> None:
    found = {(each.file, each.text) for each in references}
    assert {
        ("README.md", "docs/exactly-once.md"),
        ("avro_writer/plan.py", "docs/design.md#the-plan"),
        ("docs/design.md", "exactly-once.md#what-it-costs"),
        ("docs/parity.md", "infra/catalog.py"),
        ("docs/parity.md", "DataBucket.table_location"),
        ("transform/row.py", "transform.typed"),
        ("infra/alarms.py", "docs/runbook.md"),
        ("emulation/gateway/requirements.py", "emulation/gateway/resources.py"),
        ("Makefile", "python -m release.package"),
        (".gitlab-ci.yml", "docs/deploying.md"),
        ("Pulumi.yaml", "schemas/<type>.json"),
    } <= found


# A repository in which everything that the samples name in the right way exists.
SMALL = {
    "README.md": "# Sample\n\n## Two commands\n",
    "docs/design.md": "# Design\n\n## The plan\n\n## Lanes\n\n## Lanes\n",
    "docs/decisions/codec.md": "# Codec\n",
    "rooms/__init__.py": "from rooms.door import Door\n",
    "rooms/door.py": (
        "WIDTH = 1\n\n\nclass Door:\n    height: int\n\n"
        "    def __init__(self):\n        self.colour = 1\n\n    def open(self):\n        pass\n"
    ),
    "schemas/sale.json": "{}",
}


def problems(file: str, text: str) -> list[str]:
    """The references of one more file that dangle."""
    found = Repository({**SMALL, file: text}).references()
    return [each.text for each in found if each.file == file and each.problem]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("[x](design.md)", "[x](desing.md)"),
        ("[x](design.md#the-plan)", "[x](design.md#the-plans)"),
        ("[x](design.md#lanes-1)", "[x](design.md#lanes-2)"),
        ("[x](../README.md#two-commands)", "[x](README.md#two-commands)"),
        ("[x](decisions/)", "[x](decision/)"),
        ("## Here\n\n[x](#here)", "## Here\n\n[x](#there)"),
        ("![x](../README.md)", "![x](../picture.svg)"),
        ("[x][y]\n\n[y]: design.md", "[x][y]\n\n[y]: desing.md"),
        ("`rooms/door.py`", "`rooms/window.py`"),
        ("`rooms/door`", "`rooms/window`"),
        ("`rooms/`", "`local/`"),
        ("`rooms/door.py`", "`local/demo/run.py`"),
        ("`schemas/<type>.json`", "`schemas/<type>.avsc`"),
        ("`docs/design.md#the-plan`", "`docs/design.md#the-planet`"),
        ("`door.py`", "`window.py`"),
        ("`rooms.door.Door`", "`rooms.door.Window`"),
        ("`rooms.Door.open()`", "`rooms.Door.close()`"),
        ("`rooms.door.WIDTH`", "`rooms.door.DEPTH`"),
        ("`Door.colour`", "`Door.color`"),
        ("`Door.height`", "`Door.weight`"),
        ("| a |\n|---|\n| `rooms/door.py` |", "| a |\n|---|\n| `rooms/window.py` |"),
        ("See docs/design.md#the-plan.", "See docs/design.md#the-planet."),
        ("```sh\npython -m rooms.door\n```", "```sh\npython -m rooms.window\n```"),
    ],
)
def test_a_page_is_told_what_dangles_and_nothing_else(good: str, bad: str) -> None:
    assert problems("docs/page.md", good) == []
    assert len(problems("docs/page.md", bad)) == 1


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"""See docs/design.md#the-plan."""', '"""See docs/design.md#the-planet."""'),
        ('"""See `rooms.door`."""', '"""See `rooms.window`."""'),
        ('"""See ``rooms/door.py``."""', '"""See ``rooms/window.py``."""'),
        ("# docs/decisions/codec.md", "# docs/decisions/codecs.md"),
        ("X = 1  # `rooms.Door`", "X = 1  # `rooms.Window`"),
        ('X = 1\n"""See docs/design.md."""', 'X = 1\n"""See docs/desing.md."""'),
        ('raise ValueError("see docs/design.md")', 'raise ValueError("see docs/desing.md")'),
        ('X = f"see docs/design.md, {1}"', 'X = f"see docs/desing.md, {1}"'),
        (
            'class A:\n    def f(self):\n        """Do as `Door.open`."""',
            'class A:\n    def f(self):\n        """Do as `Door.shut`."""',
        ),
    ],
)
def test_so_are_docstrings_comments_and_messages(good: str, bad: str) -> None:
    assert problems("rooms/new.py", good) == []
    assert len(problems("rooms/new.py", bad)) == 1


@pytest.mark.parametrize("file", ["Makefile", ".ci/run", ".gitlab-ci.yml", "pyproject.toml"])
def test_so_is_configuration(file: str) -> None:
    assert problems(file, "# see docs/design.md#the-plan\n") == []
    assert problems(file, "\n# see docs/desing.md\n") == ["docs/desing.md"]


@pytest.mark.parametrize(
    "text",
    [
        "https://docs.aws.amazon.com/firehose/latest/dev/limits.html",
        "[AWS](https://docs.aws.amazon.com/docs/none.html)",
        "`aws:sqs/queue:Queue`",
        "`s3://bucket/rooms/none.py`",
        "`~/.local/state`",
        "`landing/<type>/lanes=<N>/`",
        "`Lambda.FunctionError`",
        "`firehose.amazonaws.com`",
        "`manifest.json`",
        "input/output and rooms/none",
    ],
)
def test_what_is_of_another_place_is_no_reference(text: str) -> None:
    assert problems("docs/page.md", text) == []


def test_names_of_files_that_tests_make_up_are_no_references() -> None:
    assert problems("tests/test_x.py", 'X = "rooms/none.py"\n') == []


def test_a_problem_is_named_with_its_line() -> None:
    text = "# A\n\nSee\n\n- `rooms/window.py`\n"
    (found,) = Repository({**SMALL, "docs/a.md": text}).references()
    assert str(found).startswith("docs/a.md:5: rooms/window.py: there is no such file")
    docstring = '"""First.\n\nSee `rooms.window`.\n"""\n'
    assert [each.line for each in passages("a.py", docstring) if each.kind == "code"] == [3]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        # The examples of GitHub's own page on section links.
        ("Sample Section", "sample-section"),
        (
            "This'll be a _Helpful_ Section About the Greek Letter Θ!",
            "thisll-be-a-helpful-section-about-the-greek-letter-θ",
        ),
        ("Why `row_number()`", "why-row_number"),
        ("A -- B", "a----b"),
        ("[Linked](x.md) 2.0", "linked-20"),
    ],
)
def test_a_heading_has_the_anchor_that_github_gives_it(heading: str, anchor: str) -> None:
    assert anchors(f"# Top\n\n## {heading}\n") == {"top", anchor}


def test_a_heading_that_comes_again_has_a_number() -> None:
    assert anchors("# A\n# A\n# A-1\n# A\n") == {"a", "a-1", "a-1-1", "a-2"}
    assert slug("A") == "a"
