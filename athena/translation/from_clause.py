# ruff: noqa: S608  (writing SQL is this module's work; values are quoted by literal)
"""FROM and its joins: tables, views, subqueries, VALUES, UNNEST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sqlglot import exp

from athena.errors import SqlError
from athena.functions.scalar import literal
from athena.tables.catalog import CATALOG_NAME, Table, View
from athena.tables.information_schema import SCHEMA, schema_table
from athena.tables.scan import PARTITIONS, PATH_COLUMN, Scan
from athena.translation.expressions import ExpressionTranslator
from athena.translation.parse import parse, place
from athena.translation.relation import Relation, Translation, as_types, derived, only, renamed
from athena.translation.scope import Field, Scope, Source
from athena.values.coercion import Typed, coerce, common_type
from athena.values.comparisons import comparison
from athena.values.trino_types import BIGINT, VARCHAR, TrinoType, duckdb_type, member_name, quoted


class Queries(Protocol):
    """What translates the queries in FROM."""

    @property
    def shared(self) -> Translation:
        """What the whole translation shares."""

    @property
    def with_tables(self) -> Mapping[str, tuple[str, Relation]]:
        """The tables of WITH that are known here, by name in lower case."""

    def query(self, node: exp.Expr, outer: Scope | None) -> Relation:
        """Return a translated query."""

    def view_query(self, node: exp.Expr) -> Relation:
        """Return a view's translated query, which knows no WITH table of the query around it."""


@dataclass(frozen=True)
class FromTranslator:
    """Translates the FROM of one SELECT, and fills its scope."""

    queries: Queries
    scope: Scope

    def translate(self, node: exp.Select) -> str:
        origin = node.args.get("from_")
        if origin is None:
            return ""
        sql, source = self._source(origin.this)
        self.scope.sources.append(source)
        text = f" FROM {sql}"
        for join in [*(origin.this.args.get("joins") or ()), *(node.args.get("joins") or ())]:
            text += self._join(join)
        return text

    def _join(self, join: exp.Join) -> str:
        only(join, frozenset({"this", "kind", "side", "on", "using"}))
        sql, source = self._source(join.this)
        side, on = (join.args.get("side") or "").upper(), join.args.get("on")
        using = [column.name for column in join.args.get("using") or ()]
        self.scope.sources.append(source)
        if using:
            return f" {side} JOIN {sql} ON {_using(using, side, self.scope)}"
        if on is not None:
            condition = ExpressionTranslator(self.scope, self.queries).condition(on)
            return f" {side} JOIN {sql} ON {condition}"
        if side:
            raise SqlError(f"{side} JOIN needs ON or USING")
        return f" CROSS JOIN {sql}"

    def _source(self, node: exp.Expr) -> tuple[str, Source]:
        """Return one relation of FROM, or a sample of it, and what its columns are called."""
        sample = node.args.get("sample")
        if sample is None:
            return self._whole(node)
        node = node.copy()
        node.set("sample", None)
        sql, source = self._whole(node)
        name = sql.rpartition(" AS ")[2]
        share = _percentage(sample)
        return f"(SELECT {name}.* FROM {sql} WHERE random() * 100 < {share}) AS {name}", source

    def _whole(self, node: exp.Expr) -> tuple[str, Source]:
        name = self.queries.shared.name("s")
        alias = node.args.get("alias")
        if isinstance(node, exp.Table):
            return self._named_table(node, name)
        if isinstance(node, exp.Unnest):
            relation = self._unnest(node)
            sql = f"LATERAL ({relation.sql})"
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            relation = self.queries.query(node.this, self.scope)
            sql = f"LATERAL ({relation.sql})"
        elif isinstance(node, (exp.Subquery, exp.Values)):
            # Only LATERAL can use the relations before it. All can use the outer query's.
            relation = self.queries.query(node, self.scope.parent)
            sql = f"({relation.sql})"
        else:
            raise SqlError(f"dmd sql cannot read from `{node.sql(dialect='trino')[:60]}`")
        columns = renamed(relation.columns, alias)
        return f"{sql} AS {name}", derived(name, alias.name if alias else None, columns)

    def _named_table(self, node: exp.Table, name: str) -> tuple[str, Source]:
        only(node, frozenset({"this", "db", "catalog", "alias", "joins"}))
        alias = node.args.get("alias")
        shown = node.alias or node.name
        if node.db.lower() == SCHEMA:
            return self._information_schema(node, name)
        if not node.db and node.name.lower() in self.queries.with_tables:
            relation_name, relation = self.queries.with_tables[node.name.lower()]
            source = derived(name, shown, renamed(relation.columns, alias))
            return f"{relation_name} AS {name}", source
        try:
            table = self._lookup(node)
            self.queries.shared.stands_in |= table.stand_in
            if table.view is not None:
                relation = self._view(table, table.view)
                source = derived(name, shown, renamed(relation.columns, alias))
                return f"({relation.sql}) AS {name}", replace(source, database=table.database)
        except SqlError as error:
            where = place(node)
            raise (error.at(*where) if where else error) from None
        if table.parameters.get("table_type", "").upper() == "ICEBERG":
            raise SqlError(f"{table.full_name} is an Iceberg table, which dmd sql cannot read")
        scan = Scan(table, self.queries.shared.name("scan"))
        scan.partitions_only = table.name.endswith(PARTITIONS)
        self.queries.shared.scans.append(scan)
        names = renamed(tuple((c.name, c.type) for c in table.columns), alias)
        fields = tuple(
            Field(shown_name, column.type, f"{name}.{quoted(column.name)}")
            for (shown_name, _), column in zip(names, table.columns, strict=True)
        )
        path = Field(PATH_COLUMN, VARCHAR, f"{name}.{quoted(PATH_COLUMN)}")
        hidden = () if scan.partitions_only else (path,)
        source = Source(shown, fields, table.database, scan, hidden)
        return f"{scan.relation} AS {name}", source

    def _lookup(self, node: exp.Table) -> Table:
        if node.catalog and node.catalog.lower() != CATALOG_NAME:
            raise SqlError(f"there is no catalog {node.catalog!r}; there is {CATALOG_NAME}")
        database = node.db.lower() or self.queries.shared.database
        if not node.name.lower().endswith(PARTITIONS):
            return self.queries.shared.catalog.table(node.name, database)
        table = self.queries.shared.catalog.table(node.name[: -len(PARTITIONS)], database)
        if not table.partition_keys:
            raise SqlError(f"{table.full_name} has no partitions")
        keys = tuple(column for column in table.columns if column.name in table.partition_keys)
        return replace(table, name=f"{table.name}{PARTITIONS}", columns=keys)

    def _information_schema(self, node: exp.Table, name: str) -> tuple[str, Source]:
        """Return a table of information_schema, with its rows in the text of the query."""
        if node.catalog and node.catalog.lower() != CATALOG_NAME:
            raise SqlError(f"there is no catalog {node.catalog!r}; there is {CATALOG_NAME}")
        table = schema_table(node.name, self.queries.shared.catalog)
        kinds = [(column.name, column.type) for column in table.columns]
        shown, alias = len(kinds) - table.hidden, node.args.get("alias")
        rows = ", ".join(
            "(" + ", ".join("NULL" if v is None else literal(str(v)) for v in row) + ")"
            for row in [*table.rows, (None,) * len(kinds)]
        )
        cast = ", ".join(
            f"CAST(c{i} AS {duckdb_type(kind)}) AS c{i}" for i, (_, kind) in enumerate(kinds)
        )
        listed = ", ".join(f"c{i}" for i in range(len(kinds)))
        sql = f"(SELECT {cast} FROM (VALUES {rows}) AS v({listed}) WHERE c0 IS NOT NULL) AS {name}"
        every = derived(
            name, node.alias or node.name, (*renamed(tuple(kinds[:shown]), alias), *kinds[shown:])
        )
        source = replace(every, fields=every.fields[:shown], hidden=every.fields[shown:])
        return sql, replace(source, database=SCHEMA)

    def _view(self, table: Table, view: View) -> Relation:
        """Return a view's query; a view is stale under the same conditions as in Athena."""
        if table.full_name in self.queries.shared.views:
            raise SqlError(f"the view {table.full_name} uses itself; define it without itself")
        outside = self.queries.shared.database, self.queries.shared.views
        self.queries.shared.database = view.database
        self.queries.shared.views = (*outside[1], table.full_name)
        try:
            relation = self.queries.view_query(parse(view.sql))
        except SqlError as error:
            raise SqlError(f"in the view {table.full_name}: {error}") from None
        finally:
            self.queries.shared.database, self.queries.shared.views = outside
        _check_fresh(table, view, relation)
        kinds = [column.type for column in view.columns]
        columns = tuple((column.name, column.type) for column in view.columns)
        return Relation(as_types(relation, kinds), columns)

    def _unnest(self, node: exp.Unnest) -> Relation:
        """Return UNNEST of arrays, maps and arrays of rows, side by side, as one SELECT."""
        expressions = ExpressionTranslator(self.scope, self.queries)
        parts: list[tuple[str, TrinoType]] = []
        lengths: list[str] = []
        columns: list[tuple[str, TrinoType]] = []
        for item in node.expressions:
            value = expressions.translate(item)
            if value.type.name == "map":
                for index, function in enumerate(("map_keys", "map_values")):
                    columns.append((f"u{len(parts)}", value.type.members[index]))
                    parts.append((f"{function}({value.sql})", value.type.members[index]))
                lengths.append(f"cardinality({value.sql})")
                continue
            if value.type.name != "array":
                raise SqlError(f"UNNEST takes arrays and maps, not {value.type}")
            element = value.type.members[0]
            own = f"u{len(parts)}"
            parts.append((value.sql, element))
            lengths.append(f"len({value.sql})")
            if element.name == "row":
                columns += [
                    (f"struct_extract({own}, {literal(member_name(element, i))})", member)
                    for i, member in enumerate(element.members)
                ]
            else:
                columns.append((own, element))
        if node.args.get("offset"):
            longest = lengths[0] if len(lengths) == 1 else f"greatest({', '.join(lengths)})"
            columns.append((f"u{len(parts)}", BIGINT))
            parts.append((f"range(1, {longest} + 1)", BIGINT))
        inner = ", ".join(f"unnest({sql}) AS u{i}" for i, (sql, _) in enumerate(parts))
        listed = ", ".join(f"{sql} AS c{i}" for i, (sql, _) in enumerate(columns))
        sql = f"SELECT {listed} FROM (SELECT {inner}) AS u"
        return Relation(sql, tuple((None, kind) for _, kind in columns))


def _percentage(sample: exp.TableSample) -> float:
    """Return how many percent of the rows ``TABLESAMPLE BERNOULLI (…)`` keeps, each by chance."""
    only(sample, frozenset({"method", "percent"}))
    share, method = sample.args.get("percent"), sample.args.get("method")
    if method is None or method.name.upper() != "BERNOULLI":
        raise SqlError(
            "write TABLESAMPLE BERNOULLI (10); SYSTEM keeps or leaves whole parts of files, and"
            " which parts these are depends on Athena's workers"
        )
    if not isinstance(share, exp.Literal) or share.is_string or not 0 <= float(share.this) <= 100:
        raise SqlError("TABLESAMPLE takes a number from 0 to 100 in parentheses")
    return float(share.this)


def _using(names: Sequence[str], side: str, scope: Scope) -> str:
    """Return the condition of USING, and merge its columns in the scope."""
    right = scope.sources[-1]
    before = Scope(sources=scope.sources[:-1], merged=scope.merged)
    after = Scope(sources=[right])
    conditions = []
    for name in names:
        a, b = before.resolve([name]), after.resolve([name])
        same = comparison("=", a, b)
        kind = common_type(a.type, b.type) or a.type
        conditions.append(same.sql)
        a, b = coerce(a, kind), coerce(b, kind)
        values = {"RIGHT": b, "FULL": Typed(f"coalesce({a.sql}, {b.sql})", kind)}
        scope.merged[name.lower()] = values.get(side, a)
    for index, source in enumerate(scope.sources):
        rest = tuple(
            f for f in source.fields if f.name is None or f.name.lower() not in scope.merged
        )
        scope.sources[index] = replace(source, fields=rest)
    return " AND ".join(conditions)


def _check_fresh(table: Table, view: View, relation: Relation) -> None:
    """Refuse a view for which Athena would report VIEW_IS_STALE."""
    stale = f"the view {table.full_name} is stale: "
    if len(view.columns) != len(relation.columns):
        raise SqlError(
            f"{stale}its query returns {len(relation.columns)} columns, its definition has"
            f" {len(view.columns)}; define the view again"
        )
    for column, (name, kind) in zip(view.columns, relation.columns, strict=True):
        if name is None or name.lower() != column.name or common_type(kind, column.type) is None:
            raise SqlError(
                f"{stale}its query returns a column {name} of type {kind}, its definition has"
                f" {column.name} {column.type}; define the view again"
            )
