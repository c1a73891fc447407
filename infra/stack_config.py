"""Reads a stack's configuration from Pulumi.yaml and the stack's file, as Pulumi's engine does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from console.errors import CommandError
from infra.settings import PROJECT, Settings, parse_settings

REPOSITORY = Path(__file__).resolve().parents[1]


class StackConfigError(CommandError):
    """There is no such stack, or its configuration has an unknown key."""


def stack_config(
    stack: str, overrides: Mapping[str, str] | None = None, *, project: Path = REPOSITORY
) -> dict[str, str]:
    """Return a stack's configuration: values as text, by key with its namespace.

    The stack's values replace the project's defaults, and ``overrides`` replace both. As in the
    engine, each value is text, a list is JSON.

    Parameters
    ----------
    stack
        Name of the stack.
    overrides
        Values as text, by key without the namespace.
    project
        Folder of ``Pulumi.yaml``.

    Raises
    ------
    StackConfigError
        There is no such stack, or a key that ``Pulumi.yaml`` does not have.
    """
    declared = _load(project / "Pulumi.yaml")["config"]
    config = {
        f"{PROJECT}:{key}": _text(declaration["default"])
        for key, declaration in declared.items()
        if "default" in declaration
    }
    path = project / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.name.split(".")[1] for each in project.glob("Pulumi.*.yaml")))
        raise StackConfigError(f"there is no stack {stack!r}; the stacks are {known}")
    values = {key: _text(value) for key, value in _load(path)["config"].items()}
    values |= {f"{PROJECT}:{key}": text for key, text in (overrides or {}).items()}
    for key in values:
        namespace, _, name = key.partition(":")
        if namespace == PROJECT and name not in declared:
            raise StackConfigError(
                f"{key} of stack {stack} is not a setting: use one of {', '.join(declared)}"
            )
    return config | values


def settings_of(stack: str, config: Mapping[str, str]) -> Settings:
    """Return the settings that the program would read from ``config``.

    Raises
    ------
    infra.settings.SettingsError
        A setting is missing or wrong.
    """
    return parse_settings(stack, lambda key: config.get(f"{PROJECT}:{key}"))


def _load(path: Path) -> dict[str, Any]:
    # libyaml's loader: each command reads these files first; Python's takes seven times as long.
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not (isinstance(content, dict) and isinstance(content.get("config"), dict)):
        raise StackConfigError(f"{path.name} has no `config:` section")
    return content


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
