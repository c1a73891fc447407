"""Which columns of an aggregated SELECT are neither grouped nor aggregated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from athena.errors import SqlError
from athena.functions.registry import AGGREGATES
from athena.translation.calls import has_aggregate, window_parts
from athena.translation.expressions import ExpressionTranslator
from athena.translation.parse import place
from athena.translation.scope import Scope
from athena.values.coercion import Typed


def check_grouping(
    select: exp.Select,
    expressions: ExpressionTranslator,
    columns: Sequence[tuple[str | None, Typed]],
) -> None:
    """Refuse a column that has several values in a group.

    Parameters
    ----------
    select
        The SELECT, translated by ``expressions``.
    columns
        The SELECT list: name and translation.

    Raises
    ------
    SqlError
        With the name and the place of the first such column.
    """
    group, having = select.args.get("group"), select.args.get("having")
    where = select.args.get("where")
    if where is not None and has_aggregate(where.this):
        raise SqlError("WHERE cannot have an aggregate; write the condition in HAVING")
    if where is not None and any(_windows(where.this)):
        raise SqlError("WHERE cannot have a window function; use a subquery in FROM")
    items = [item.unalias() for item in select.expressions]
    checked = [*items, *([having.this] if having is not None else [])]
    if group is None and having is None and not any(map(has_aggregate, checked)):
        return
    keys = {
        columns[int(item.name) - 1][1].sql
        if isinstance(item, exp.Literal) and not item.is_string
        else expressions.translate(item).sql
        for item in (_keys(group) if group is not None else ())
    }
    outputs = {name.lower() for name, _ in columns if name is not None}
    order = select.args.get("order")
    for ordered in order.expressions if order is not None else ():
        if not (isinstance(ordered.this, exp.Column) and ordered.this.name.lower() in outputs):
            checked.append(ordered.this)
    for item in checked:
        _check(item, keys, expressions)


def _keys(group: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the expressions of a GROUP BY, also those inside ROLLUP and its siblings."""
    for item in group.expressions:
        if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            yield from _keys(item)
        else:
            yield item.unnest()


def _windows(node: exp.Expr) -> Iterator[exp.Window]:
    """Yield the window functions of an expression, without those of its subqueries."""
    if isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Window):
        yield node
    for part in node.iter_expressions():
        yield from _windows(part)


def _check(node: exp.Expr, keys: set[str], expressions: ExpressionTranslator) -> None:
    if isinstance(node, exp.Query | exp.Lambda | exp.Star | exp.Literal | exp.Interval):
        return
    if isinstance(node, exp.Window):
        for part in window_parts(node):
            _check(part, keys, expressions)
        return
    if isinstance(node, exp.WithinGroup | exp.Filter) or (
        isinstance(node, exp.Anonymous) and str(node.this).lower() in (*AGGREGATES, "grouping")
    ):
        return
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        value = expressions.translate(node).sql
        if any(key in value for key in keys) or not _is_here(node, expressions):
            return
        name = ".".join(part.name for part in node.parts)
        error = SqlError(
            f"{name} is neither in GROUP BY nor inside an aggregate; add it to GROUP BY, or use"
            f" for example any_value({name})"
        )
        where = place(node)
        raise error.at(*where) if where else error
    typed = exp.Anonymous | exp.Binary | exp.Unary | exp.Func | exp.Dot | exp.Bracket
    if isinstance(node, typed) and expressions.translate(node).sql in keys:
        return
    for part in node.iter_expressions():
        _check(part, keys, expressions)


def _is_here(node: exp.Column, expressions: ExpressionTranslator) -> bool:
    """Return whether the column is one of this SELECT, and not of a query around it."""
    scope = expressions.scope
    try:
        Scope(sources=scope.sources, merged=scope.merged).resolve(
            [part.name for part in node.parts]
        )
    except SqlError:
        return False
    return True
