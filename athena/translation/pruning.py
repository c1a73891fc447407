"""Which partitions a query needs, by its conditions on the text of a partition key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp

from athena.tables.scan import Scan
from athena.translation.scope import Scope
from athena.values.trino_types import quoted

Test = Callable[[str], bool]
_COMPARE: Mapping[type, Callable[[str, str], bool]] = {
    exp.EQ: lambda a, b: a == b,
    exp.GT: lambda a, b: a > b,
    exp.GTE: lambda a, b: a >= b,
    exp.LT: lambda a, b: a < b,
    exp.LTE: lambda a, b: a <= b,
}


def prune(condition: exp.Expr, scope: Scope) -> None:
    """Add to the scans the conditions of a WHERE on partition keys.

    This is also correct for the inner side of an outer join. A row whose match is in a partition
    that is not read gets NULLs, which do not meet these conditions.
    """
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    for part in parts:
        found = _date_test(part)
        if found is None:
            continue
        column, test = found
        named = [identifier.name for identifier in column.parts]
        owners = list(_owners(scope, named))
        if len(owners) == 1:
            scan, key = owners[0]
            scan.date_tests.append((key, test))


def _owners(scope: Scope, named: list[str]) -> Iterator[tuple[Scan, str]]:
    """Yield the scan and the partition key that a name of one or two parts can mean."""
    for source in scope.sources:
        if source.scan is None or len(named) > 2:
            continue
        if len(named) == 2 and (source.alias or "").lower() != named[0].lower():
            continue
        for own in source.named(named[-1]):
            for key in source.scan.table.partition_keys:
                if own.sql.endswith(f".{quoted(key)}"):
                    yield source.scan, key


def _date_test(node: exp.Expr) -> tuple[exp.Column, Test] | None:
    """Return the column and the test of a simple condition, or None for any other.

    A simple condition compares a column with string literals by ``= < <= > >= IN BETWEEN``, or
    by LIKE with a fixed beginning. For other conditions, every partition is read.
    """
    column, test = node.this, None
    if type(node) in _COMPARE:
        compare, other = _COMPARE[type(node)], _text(node.expression)
        if other is not None:
            test = _bound(compare, other)
    elif isinstance(node, exp.In) and node.expressions:
        values = {_text(item) for item in node.expressions}
        if None not in values:
            test = values.__contains__
    elif isinstance(node, exp.Between):
        low, high = _text(node.args["low"]), _text(node.args["high"])
        if low is not None and high is not None and not node.args.get("symmetric"):
            test = _between(low, high)
    elif isinstance(node, exp.Like) and not node.args.get("negate"):
        pattern = _text(node.expression)
        if pattern is not None:
            test = _beginning(re.split("[%_]", pattern)[0])
    if test is None or not isinstance(column, exp.Column):
        return None
    return column, test


def _bound(compare: Callable[[str, str], bool], other: str) -> Test:
    return lambda value: compare(value, other)


def _between(low: str, high: str) -> Test:
    return lambda value: low <= value <= high


def _beginning(prefix: str) -> Test:
    return lambda value: value.startswith(prefix)


def _text(node: exp.Expr) -> str | None:
    return str(node.this) if isinstance(node, exp.Literal) and node.is_string else None
