"""`.gitlab-ci.yml` as GitLab understands it: jobs with what they extend merged in."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.cli import ROOT

PATH = ROOT / ".gitlab-ci.yml"
TEXT = PATH.read_text(encoding="utf-8")

_KEYWORDS = {"workflow", "stages", "variables", "default"}

Job = dict[str, Any]


def parse(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def jobs(content: dict[str, Any]) -> dict[str, Job]:
    """Return the jobs by name, each with the defaults and what it extends.

    https://docs.gitlab.com/ci/yaml/#extends
    """
    return {
        name: {**content["default"], **_extended(name, content)}
        for name in content
        if name not in _KEYWORDS and not name.startswith(".")
    }


def _extended(name: str, content: dict[str, Any]) -> Job:
    own = dict(content[name])
    bases = own.pop("extends", [])
    merged: Job = {}
    for base in [bases] if isinstance(bases, str) else bases:
        merged = _merged(merged, _extended(base, content))
    return _merged(merged, own)


def _merged(base: Job, over: Job) -> Job:
    """Return two jobs as one: mappings are merged, anything else is replaced."""
    both = {
        key: _merged(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in over.items()
    }
    return {**base, **both}


def needed(name: str, all_jobs: dict[str, Job]) -> set[str]:
    """Return every job that has to have succeeded before this one starts."""
    direct = set(all_jobs[name].get("needs", ()))
    return direct.union(*(needed(each, all_jobs) for each in direct))


def runs(job: Job, **variables: str) -> str | None:
    """Return when the job runs in a pipeline (``on_success``, ``manual``), None if it does not.

    Parameters
    ----------
    variables
        GitLab's variables; the default branch is main.
    """
    known = {"CI_DEFAULT_BRANCH": "main", **variables}
    for rule in job["rules"]:
        if "if" not in rule or _holds(rule["if"], known):
            when = str(rule.get("when", "on_success"))
            return None if when == "never" else when
    return None


def _holds(condition: str, variables: dict[str, str]) -> bool:
    left, right = (_value(side.strip(), variables) for side in condition.split("=="))
    return left == right


def _value(side: str, variables: dict[str, str]) -> str | None:
    return side.strip('"') if side.startswith('"') else variables.get(side.removeprefix("$"))
