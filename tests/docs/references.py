"""What the texts of the repository refer to, and what of it does not exist.

Checked are, in every Markdown page, Python file and configuration file:

- links of Markdown pages to files, and to headings in them;
- paths such as ``docs/design.md#the-plan`` in prose, comments, docstrings and messages;
- paths, file names, modules and their members in backticks.

A word in backticks is taken for a path if it has a slash, and for a module if it has a dot and
begins with the name of a top-level folder or of a class. `ELSEWHERE` lists paths of other places.
"""

from __future__ import annotations

import ast
import fnmatch
import io
import itertools
import posixpath
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ELSEWHERE = (
    # Areas of the bucket, and keys in them.
    *(
        "data-pipeline",
        "landing",
        "errors",
        "compaction",
        "current",
        "quarantine",
        "avro",
        "parquet",
        "replay",
        "backfill",
        "current",
    ),
    *("athena/results", "athena/current", "test", "objects"),
    # What commands make.
    *("build", "out", ".pulumi"),
    # The system that is replaced, CI's environments, a pattern of dates.
    *("src/format", "terraform-modules", "preview", "smoke", "yyyy"),
)
"""Paths that are not of this repository begin with one of these."""

# Not json in file names without a folder: those are mostly names of data.
_SUFFIXES = "cfg|in|ini|md|mjs|py|svg|toml|txt|yaml|yml"
_FILE_NAME = re.compile(rf"[\w.<>*-]+\.(?:{_SUFFIXES})")
_PATH = re.compile(r"[\w.-]+/[\w./<>*=…-]*(?:#[\w-]+)?")
_DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)+)(?:\(\))?")
_RUN_AS_MODULE = re.compile(r"\bpython[\d.]* -m ([a-z_]\w*(?:\.\w+)*)")
_IN_BACKTICKS = re.compile(r"``([^`]+)``|`([^`\n]+)`")
_PLACEHOLDER = re.compile(r"<[^>]*>|…")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


@dataclass(frozen=True)
class Passage:
    """A piece of a file's text.

    Parameters
    ----------
    line
        Where it begins, from 1.
    text
        What it says.
    kind
        ``prose``, ``code`` (what stands in backticks, without them) or ``link`` (where to).
    """

    line: int
    text: str
    kind: str = "prose"


@dataclass(frozen=True)
class Reference:
    """A reference in a file, and what is wrong with it, if anything is."""

    file: str
    line: int
    text: str
    problem: str | None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}: {self.problem or 'it exists'}"


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading, as long as no heading before has it.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@lru_cache(maxsize=256)
def anchors(markdown: str) -> frozenset[str]:
    """Return the anchors of a page's headings."""
    used: dict[str, int] = {}
    tokens = _parsed(markdown)
    for opening, inline in itertools.pairwise(tokens):
        if opening.type != "heading_open":
            continue
        anchor = first = slug(_text(inline))
        while anchor in used:
            used[first] += 1
            anchor = f"{first}-{used[first]}"
        used[anchor] = 0
    return frozenset(used)


def _text(inline: Token) -> str:
    return "".join(each.content for each in inline.children or () if each.type != "softbreak")


def _parsed(markdown: str) -> list[Token]:
    return MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)


def passages(file: str, text: str) -> Iterator[Passage]:
    """Yield the passages of a file that may refer to something."""
    if file.endswith(".md"):
        yield from _markdown(_parsed(text), 1)
    elif file.endswith(".py"):
        yield from _python(file, text)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            yield Passage(number, line)


def _markdown(tokens: list[Token], line: int) -> Iterator[Passage]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        match token.type:
            case "inline":
                yield from _markdown(token.children or [], line)
            case "link_open":
                yield Passage(line, str(token.attrs["href"]), "link")
            case "image":
                yield Passage(line, str(token.attrs["src"]), "link")
            case "code_inline":
                yield Passage(line, token.content, "code")
            case "text" | "fence" | "code_block" | "html_block":
                yield Passage(line, token.content)


def _python(file: str, text: str) -> Iterator[Passage]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from _with_backticks(token.start[0], token.string)
    nodes = _nodes(text)
    # Every string that stands as a statement: of modules, classes, functions and values.
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node in docstrings:
            yield from _with_backticks(node.lineno, node.value)
        elif not file.startswith("tests/"):
            # Tests make up names of files; anywhere else somebody reads the text.
            yield Passage(node.lineno, node.value)


def _with_backticks(line: int, text: str) -> Iterator[Passage]:
    yield Passage(line, _IN_BACKTICKS.sub(" ", text))
    for match in _IN_BACKTICKS.finditer(text):
        yield Passage(line + text.count("\n", 0, match.start()), match[1] or match[2], "code")


@lru_cache(maxsize=1024)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


@lru_cache(maxsize=1024)
def _nodes(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(text)))


class Repository:
    """The texts of a repository.

    Parameters
    ----------
    files
        Path of each file, from the root and with slashes, to its text.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._folders = {
            file[: match.start()] for file in files for match in re.finditer("/", file)
        }
        self._names = {posixpath.basename(each) for each in files}
        self._tops = sorted(each for each in self._folders if "/" not in each)

    def references(self) -> Iterator[Reference]:
        """Yield every reference of every file."""
        for file, text in self._files.items():
            for passage in passages(file, text):
                for reference, problem in self._of_passage(file, passage):
                    yield Reference(file, passage.line, reference, problem)

    def _of_passage(self, file: str, passage: Passage) -> Iterator[tuple[str, str | None]]:
        if passage.kind == "link":
            if not _SCHEME.match(passage.text):
                yield passage.text, self._link(file, passage.text)
            return
        found = list(self._in_backticks(passage.text)) if passage.kind == "code" else []
        yield from found or self._in_prose(passage.text)

    def _link(self, file: str, target: str) -> str | None:
        path, _, anchor = unquote(target).partition("#")
        if not path:
            return self._path(file, anchor)
        return self._path(posixpath.normpath(posixpath.join(posixpath.dirname(file), path)), anchor)

    def _in_prose(self, text: str) -> Iterator[tuple[str, str | None]]:
        for match in self._paths.finditer(text):
            path, _, anchor = match[0].partition("#")
            yield match[0], self._path(path, anchor)
        for match in _RUN_AS_MODULE.finditer(text):
            first, *rest = match[1].split(".")
            if first in self._tops:
                yield match[0], self._member(first, rest)

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        """Paths from a top-level folder to a suffix: a slash alone makes no path in prose."""
        tops = "|".join(map(re.escape, self._tops))
        return re.compile(
            rf"(?<![\w/.$}}*-])(?:{tops})/[\w./<>*-]+\.(?:json|{_SUFFIXES})\b(?:#[\w-]+)?"
        )

    def _in_backticks(self, text: str) -> Iterator[tuple[str, str | None]]:
        """Yield the reference that the text in backticks is, if it is one."""
        if text.startswith(tuple(f"{each}/" for each in ELSEWHERE)) or text in ELSEWHERE:
            return
        if _FILE_NAME.fullmatch(text):
            found = fnmatch.filter(self._names, _PLACEHOLDER.sub("*", text))
            yield text, None if found else "no file has this name"
        elif dotted := _DOTTED.fullmatch(text):
            first, *rest = dotted[1].split(".")
            if first in self._tops and rest[-1] != "json":
                yield text, self._member(first, rest)
            elif first in self._classes and rest[0].islower():
                missing = rest[0] not in self._classes[first]
                yield text, f"no class {first} has a {rest[0]}" if missing else None
        elif _PATH.fullmatch(text):
            path, _, anchor = text.partition("#")
            yield text, self._path(path.rstrip("/"), anchor)

    def _path(self, path: str, anchor: str) -> str | None:
        """Return what is wrong with a path from the root, which may have placeholders."""
        if path == "." or path in self._folders or f"{path}.py" in self._files:
            return None
        if path not in self._files:
            pattern = _PLACEHOLDER.sub("*", path)
            if "*" in pattern and fnmatch.filter([*self._files, *self._folders], pattern):
                return None
            return "there is no such file; if it is of another place, see ELSEWHERE"
        if anchor and anchor not in anchors(self._files[path]):
            return "there is no such heading"
        return None

    def _member(self, module: str, names: list[str]) -> str | None:
        """Return what is wrong with names within a module, whose own name has slashes here."""
        if not names:
            return None
        below = f"{module}/{names[0]}"
        if below in self._folders or f"{below}.py" in self._files:
            return self._member(below, names[1:])
        file = f"{module}.py" if f"{module}.py" in self._files else f"{module}/__init__.py"
        for node in _tree(self._files.get(file, "")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                if names[0] in {each.asname or each.name for each in node.names}:
                    return self._member(node.module.replace(".", "/"), names)
            elif names[0] in _names(node) and (len(names) == 1 or names[1] in _members(node)):
                return None
        return f"{module.replace('/', '.')} has no {'.'.join(names)}"

    @cached_property
    def _classes(self) -> dict[str, set[str]]:
        """The members of the product's classes by name; where several have one name, of all."""
        found: dict[str, set[str]] = {}
        for file, text in self._files.items():
            if file.endswith(".py") and not file.startswith("tests/"):
                for node in _nodes(text):
                    if isinstance(node, ast.ClassDef):
                        found.setdefault(node.name, set()).update(_members(node))
        return found


def _names(node: ast.stmt) -> set[str]:
    """Return what a statement gives a name to."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return {node.name}
        case ast.Assign():
            return {each.id for each in node.targets if isinstance(each, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def _members(node: ast.stmt) -> set[str]:
    """Return the members of a class: of its body, and what its methods set."""
    found = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
    }
    for each in getattr(node, "body", ()):
        found |= _names(each)
    return found
