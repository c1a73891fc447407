# ruff: noqa: S608  (writing SQL is this module's work; values are quoted by literal)
"""Queries of Athena SQL as DuckDB text: SELECT, set operations, WITH, FROM and its joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from athena.errors import SqlError
from athena.functions.registry import APPROXIMATE
from athena.tables.catalog import Catalog
from athena.tables.scan import Scan
from athena.translation.expressions import ExpressionTranslator
from athena.translation.from_clause import FromTranslator
from athena.translation.grouping import check_grouping
from athena.translation.pruning import prune
from athena.translation.relation import Relation, Translation, as_types, only, renamed
from athena.translation.scope import Scope
from athena.values.coercion import Typed, coerce, common_type
from athena.values.trino_types import CLOCK_ELSEWHERE, TrinoType

_SELECT_PARTS = frozenset(
    "expressions from_ joins where group having order limit offset distinct windows with_".split()
)
_SET_PARTS = frozenset("this expression distinct order limit offset with_".split())
_SUBQUERY_PARTS = frozenset("this alias order limit offset with_".split())


@dataclass(frozen=True)
class QueryTranslator:
    """Translates queries in which these WITH tables are known."""

    shared: Translation
    with_tables: Mapping[str, tuple[str, Relation]] = field(default_factory=dict)

    def query(self, node: exp.Expr, outer: Scope | None) -> Relation:
        """Return the translated query.

        Parameters
        ----------
        node
            A SELECT, a set operation, VALUES, or one of these in parentheses.
        outer
            The scope around it, for a correlated subquery.

        Raises
        ------
        SqlError
            Athena would refuse it, or dmd sql has no exact translation.
        """
        known, head = self._with(node.args.get("with_"), outer)
        if isinstance(node, exp.Select):
            relation = known._select(node, outer)
        elif isinstance(node, exp.SetOperation):
            relation = known._set_operation(node, outer)
        elif isinstance(node, exp.Subquery):
            only(node, _SUBQUERY_PARTS)
            relation = known._sorted(node, known.query(node.this, outer))
        elif isinstance(node, exp.Values):
            relation = known._values(node, outer)
        elif isinstance(node, exp.Table):
            relation = known.query(exp.select("*").from_(node.copy()), outer)
        else:
            raise SqlError(
                f"dmd sql answers SELECT, WITH, SHOW and DESCRIBE, not {node.key.upper()}:"
                " the tables belong to the pipeline, and only the pipeline changes them"
            )
        return replace(relation, sql=head + relation.sql)

    def view_query(self, node: exp.Expr) -> Relation:
        """Return the translated query of a view, or a whole one: it knows no WITH around it."""
        self.shared.note_calls(node)
        return QueryTranslator(self.shared).query(node, None)

    def _with(self, node: exp.Expr | None, outer: Scope | None) -> tuple[QueryTranslator, str]:
        if node is None:
            return self, ""
        if node.args.get("recursive"):
            raise SqlError("dmd sql does not translate WITH RECURSIVE")
        known, parts = self, []
        for table in node.expressions:
            if not isinstance(table, exp.CTE):
                raise SqlError("dmd sql does not translate functions in WITH")
            relation = known.query(table.this, outer)
            columns = renamed(relation.columns, table.args["alias"])
            relation = replace(relation, columns=columns)
            name = self.shared.name("with")
            parts.append(f"{name} AS ({relation.sql})")
            tables = {**known.with_tables, table.alias.lower(): (name, relation)}
            known = replace(known, with_tables=tables)
        return known, f"WITH {', '.join(parts)} "

    def _select(self, node: exp.Select, outer: Scope | None) -> Relation:
        only(node, _SELECT_PARTS)
        scope = Scope(parent=outer)
        origin = FromTranslator(self, scope).translate(node)
        windows = {w.name.lower(): w for w in node.args.get("windows") or ()}
        expressions = ExpressionTranslator(scope, self, windows=windows)
        where = node.args.get("where")
        if where is not None:
            origin += f" WHERE {expressions.condition(where.this)}"
            prune(where.this, scope)
        columns = self._select_list(node, scope, expressions)
        group = node.args.get("group")
        if group is not None:
            origin += f" GROUP BY {_grouping(group, expressions, columns)}"
        having = node.args.get("having")
        if having is not None:
            origin += f" HAVING {expressions.condition(having.this)}"
        check_grouping(node, expressions, columns)
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise SqlError("Athena has no DISTINCT ON; use row_number() OVER (…) = 1")
        listed = ", ".join(f"{value.sql} AS c{i}" for i, (_, value) in enumerate(columns))
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{listed}{origin}"
        sql += self._order(node, expressions, columns, distinct is not None)
        return Relation(sql, tuple((name, value.type) for name, value in columns))

    def _select_list(
        self, node: exp.Select, scope: Scope, expressions: ExpressionTranslator
    ) -> list[tuple[str | None, Typed]]:
        columns: list[tuple[str | None, Typed]] = []
        for item in node.expressions:
            if isinstance(item, exp.Star):
                only(item, frozenset())
                columns += _every_column(scope, None)
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                columns += _every_column(scope, item.table)
            elif isinstance(item, exp.Alias):
                columns.append((item.alias, expressions.translate(item.this)))
            else:
                columns.append((_own_name(item), expressions.translate(item)))
        return columns

    def _order(
        self,
        node: exp.Expr,
        expressions: ExpressionTranslator,
        columns: Sequence[tuple[str | None, Typed]],
        distinct: bool = False,
    ) -> str:
        """Return ORDER BY, LIMIT and OFFSET."""
        outputs = {name.lower(): value for name, value in columns if name is not None}
        named = replace(expressions, outputs=outputs)
        sql, items = "", []
        order = node.args.get("order")
        for item in order.expressions if order else ():
            place_in_list = _ordinal(item.this, len(columns))
            if place_in_list is not None:
                value = columns[place_in_list][1]
            else:
                value = named.translate(item.this)
            texts = [column.sql for _, column in columns]
            if place_in_list is None and value.sql in texts:
                place_in_list = texts.index(value.sql)
            if place_in_list is None and distinct:
                raise SqlError("with DISTINCT, ORDER BY accepts only columns of the SELECT list")
            text = value.sql if place_in_list is None else str(place_in_list + 1)
            items.append(named.direction(item, text))
        if items:
            sql += f" ORDER BY {', '.join(items)}"
        return sql + _limits(node)

    def _sorted(self, node: exp.Expr, relation: Relation) -> Relation:
        """Return a finished query with the ORDER BY, LIMIT and OFFSET that follow it."""
        if not any(node.args.get(part) for part in ("order", "limit", "offset")):
            return relation
        columns = [(name, Typed(f"c{i}", kind)) for i, (name, kind) in enumerate(relation.columns)]
        expressions = ExpressionTranslator(Scope(), self)
        tail = self._order(node, expressions, columns)
        return replace(relation, sql=f"SELECT * FROM ({relation.sql}){tail}")

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Relation:
        only(node, _SET_PARTS)
        left_node, right_node = node.this, node.expression
        if isinstance(node, exp.Intersect) and isinstance(left_node, (exp.Union, exp.Except)):
            raise SqlError("INTERSECT binds more tightly than UNION and EXCEPT: use parentheses")
        left, right = self.query(left_node, outer), self.query(right_node, outer)
        if len(left.columns) != len(right.columns):
            raise SqlError(
                f"{node.key.upper()} combines queries with {len(left.columns)} and"
                f" {len(right.columns)} columns; the numbers must be equal"
            )
        kinds = []
        for (_, a), (_, b) in zip(left.columns, right.columns, strict=True):
            kind = common_type(a, b)
            if kind is None:
                raise SqlError(f"{node.key.upper()} combines columns of {a} and {b}; cast one")
            kinds.append(kind)
        word = node.key.upper() + ("" if node.args.get("distinct") else " ALL")
        sql = f"({as_types(left, kinds)}) {word} ({as_types(right, kinds)})"
        columns = tuple((name, kind) for (name, _), kind in zip(left.columns, kinds, strict=True))
        return self._sorted(node, Relation(sql, columns))

    def _values(self, node: exp.Values, outer: Scope | None) -> Relation:
        expressions = ExpressionTranslator(Scope(parent=outer), self)
        rows = [
            [
                expressions.translate(value)
                for value in (item.expressions if isinstance(item, exp.Tuple) else [item])
            ]
            for item in node.expressions
        ]
        kinds: list[TrinoType] = [value.type for value in rows[0]]
        for values in rows:
            if len(values) != len(kinds):
                raise SqlError("the rows of VALUES must have the same number of columns")
            for i, value in enumerate(values):
                kind = common_type(kinds[i], value.type)
                if kind is None:
                    raise SqlError(f"VALUES has {kinds[i]} and {value.type} in a column; cast one")
                kinds[i] = kind
        lines = (
            "(" + ", ".join(coerce(v, k).sql for v, k in zip(values, kinds, strict=True)) + ")"
            for values in rows
        )
        names = ", ".join(f"c{i}" for i in range(len(kinds)))
        sql = f"SELECT {names} FROM (VALUES {', '.join(lines)}) AS v({names})"
        return Relation(sql, tuple((None, kind) for kind in kinds))


def _own_name(item: exp.Expr) -> str | None:
    if isinstance(item, exp.Column):
        return item.name
    if isinstance(item, exp.Dot):
        inside = item.this.unnest()
        return item.expression.name if _own_name(inside) is not None else None
    return None


def _every_column(scope: Scope, alias: str | None) -> list[tuple[str | None, Typed]]:
    wanted = [
        source
        for source in scope.sources
        if not alias or (source.alias is not None and source.alias.lower() == alias.lower())
    ]
    if not wanted:
        raise SqlError(f"there is no table {alias!r} in FROM" if alias else "* needs a FROM")
    merged: list[tuple[str | None, Typed]] = [] if alias else list(scope.merged.items())
    return merged + [(f.name, source.use(f)) for source in wanted for f in source.fields]


def _ordinal(node: exp.Expr, count: int) -> int | None:
    """Return the index in the SELECT list of the column that a whole number names, if it is one."""
    if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit():
        return None
    position = int(str(node.this))
    if not 1 <= position <= count:
        raise SqlError(f"there is no column {position} in the SELECT list; it has {count}")
    return position - 1


def _grouping(
    node: exp.Expr,
    expressions: ExpressionTranslator,
    columns: Sequence[tuple[str | None, Typed]],
) -> str:
    """Return what GROUP BY lists."""
    parts = []
    for item in node.expressions:
        if isinstance(item, (exp.Rollup, exp.Cube)):
            parts.append(f"{item.key.upper()} ({_grouping(item, expressions, columns)})")
        elif isinstance(item, exp.GroupingSets):
            parts.append(f"GROUPING SETS ({_grouping(item, expressions, columns)})")
        elif isinstance(item, exp.Tuple):
            parts.append(f"({_grouping(item, expressions, columns)})")
        else:
            position = _ordinal(item, len(columns))
            value = expressions.translate(item) if position is None else columns[position][1]
            parts.append(value.sql)
    only(node, frozenset({"expressions"}))
    return ", ".join(parts)


def _limits(node: exp.Expr) -> str:
    sql = ""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
            raise SqlError("dmd sql does not translate WITH TIES; use rank() OVER (…)")
        count = limit.args.get("count")
        sql += f" LIMIT {_count(count) if count is not None else 1}"
    elif limit is not None and limit.expression.name.upper() != "ALL":
        sql += f" LIMIT {_count(limit.expression)}"
    if offset is not None:
        sql += f" OFFSET {_count(offset.expression)}"
    return sql


def _count(node: exp.Expr) -> int:
    text = str(node.this)
    if not text.isdigit():
        raise SqlError("LIMIT and OFFSET take a whole number")
    return int(text)


@dataclass(frozen=True)
class Translated:
    """A query for DuckDB, the table readings that it needs, and what its reader should know."""

    relation: Relation
    scans: list[Scan]
    notes: tuple[str, ...]


def translate(node: exp.Expr, catalog: Catalog, database: str | None) -> Translated:
    """Return the DuckDB query for a parsed Athena query.

    Raises
    ------
    SqlError
        Athena would refuse it, or dmd sql has no exact translation.
    """
    shared = Translation(catalog, database)
    relation = QueryTranslator(shared).view_query(node)
    for i, (name, kind) in enumerate(relation.columns):
        if kind == CLOCK_ELSEWHERE:
            raise SqlError(
                f"dmd sql cannot show the zone of column {name or f'_col{i}'}, which is a timestamp"
                " AT TIME ZONE; cast it: CAST(… AT TIME ZONE '…' AS timestamp)"
            )
    return Translated(relation, shared.scans, tuple(_notes(shared)))


def _notes(shared: Translation) -> Iterator[str]:
    for name in sorted(shared.called & APPROXIMATE):
        yield f"{name} is exact here; Athena's answer is an approximation, and can differ from it"
    if shared.stands_in:
        yield (
            "the current state is worked out from all changes here; on AWS it is as of the last"
            " refresh of its tables"
        )
