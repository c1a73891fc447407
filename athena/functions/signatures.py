"""The forms of Athena's functions: their parameters and results, and which form a call uses.

A form is a line such as ``element_at(map(K,V), K) V`` with its DuckDB text. Capital letters
stand for types, ``p`` and ``s`` for a decimal's digits, ``...`` repeats the last parameter.
A call that fits no form is refused, because DuckDB has functions of the same name that return
something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from athena.errors import SqlError
from athena.values.coercion import Typed, as_decimal, coerce, coerces, common_type
from athena.values.trino_types import UNKNOWN, TrinoType, duckdb_type, parse_type

Bindings = dict[str, TrinoType | int]


@dataclass(frozen=True)
class Lambda:
    """An argument ``(a, b) -> …`` that is not translated yet.

    Parameters
    ----------
    arity
        The number of its parameters.
    translate
        Returns (DuckDB's parameter list, body) for parameters of these types. If texts are given
        too, they replace the parameters.
    depth
        The number of parameters of the lambdas around this one. A name that ends with this number
        differs from the names of theirs.
    """

    arity: int
    translate: Callable[[tuple[TrinoType, ...], tuple[str, ...] | None], tuple[str, Typed]]
    depth: int


Argument = Typed | Lambda


@dataclass(frozen=True)
class Call:
    """A call whose form is known.

    Parameters
    ----------
    args
        The arguments, coerced to the form's types; a lambda has the type of its body.
    result
        The type of the call.
    bound
        What the form's variables stand for.
    lambdas
        The lambdas among the arguments, by position.
    distinct, order, filters, over
        An aggregate's own clauses, as SQL text: ``DISTINCT ``, `` ORDER BY …``, the condition
        of its FILTER, `` OVER (…)``.
    """

    args: tuple[Typed, ...]
    result: TrinoType
    bound: Mapping[str, TrinoType | int]
    lambdas: Mapping[int, Lambda] = field(default_factory=dict)
    distinct: str = ""
    order: str = ""
    filters: str = ""
    over: str = ""

    def aggregate(self, name: str, *arguments: str, where: str = "") -> str:
        """Return a call of DuckDB's aggregate ``name`` with this call's clauses."""
        conditions = " AND ".join(f"({c})" for c in (self.filters, where) if c)
        filtered = f" FILTER (WHERE {conditions})" if conditions else ""
        return f"{name}({self.distinct}{', '.join(arguments)}{self.order}){filtered}{self.over}"

    def text(self, index: int) -> str:
        """Return the value of an argument that has to be a string literal."""
        text = self.args[index].text
        if text is None:
            raise SqlError(f"argument {index + 1} must be a string in quotes here")
        return text


Text = str | Callable[[Call], str]
Line = tuple[str, Text] | tuple[str, Text, Callable[[Bindings], TrinoType]]


@dataclass(frozen=True)
class Form:
    """One form of a function: its parameters, its result, and DuckDB's text for it."""

    name: str
    parameters: tuple[TrinoType, ...]
    result: TrinoType
    text: Text
    repeats: bool
    aggregate: bool
    result_of: Callable[[Bindings], TrinoType] | None = None

    def render(self, call: Call) -> str:
        """Return DuckDB's text of a call of this form."""
        if callable(self.text):
            return self.text(call)
        names = {
            name: duckdb_type(value) if isinstance(value, TrinoType) else value
            for name, value in call.bound.items()
        }
        arguments = [arg.sql for arg in call.args]
        every = ", ".join(arguments)
        if self.aggregate:
            every = f"{call.distinct}{every}{call.order}"
        filtered = f" FILTER (WHERE {call.filters})" if call.filters else ""
        return self.text.format(
            *arguments,
            args=every,
            over=filtered + call.over,
            R=duckdb_type(call.result),
            **names,
        )


def forms(lines: Iterable[Line], *, aggregate: bool = False) -> dict[str, list[Form]]:
    """Return the forms that these lines declare, by function name.

    Parameters
    ----------
    lines
        (signature, DuckDB's text). The text is a format string: ``{0}`` the first argument,
        ``{args}`` all of them, ``{R}`` the result's DuckDB type, ``{T}`` a variable's;
        aggregates end their call with ``{over}``. A callable gets the `Call`. A third member
        computes the result's type from the variables, where the signature cannot.
    aggregate
        Whether these take DISTINCT, ORDER BY, FILTER and OVER.
    """
    table: dict[str, list[Form]] = {}
    for line, text, *computed in lines:
        depth, split = 0, 0
        for position, character in enumerate(line):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == ")" and depth == 0:
                split = position
                break
        name, _, inside = line[:split].partition("(")
        repeats = inside.endswith("...")
        inside = inside.removesuffix("...")
        listed = ",".join(part for part in (inside, line[split + 1 :].strip()) if part)
        whole = parse_type(f"function({listed})")
        form = Form(
            name, whole.members[:-1], whole.members[-1], text, repeats, aggregate, *computed
        )
        table.setdefault(name, []).append(form)
    return table


def _is_variable(kind: TrinoType) -> bool:
    return len(kind.name) == 1


def _bind(parameter: TrinoType, actual: TrinoType, bound: Bindings, exact: bool) -> bool:
    """Bind a parameter's variables to an argument's type; ``exact`` forbids implicit casts."""
    if _is_variable(parameter):
        known = bound.get(parameter.name)
        both = actual if known is None else common_type(_type(known), actual)
        if both is None:
            return False
        bound[parameter.name] = both
        return True
    if actual == UNKNOWN:
        return True
    if parameter.name == "decimal" and isinstance(parameter.numbers[0], str):
        if actual.name != "decimal" and (exact or not actual.is_integer):
            return False
        digits = as_decimal(actual)
        bound |= {
            str(parameter.numbers[0]): digits.precision,
            str(parameter.numbers[1]): digits.scale,
        }
        return True
    if parameter.numbers and isinstance(parameter.numbers[0], str):
        if actual.name != parameter.name:
            return False
        bound[str(parameter.numbers[0])] = int(actual.numbers[0])
        return True
    if parameter.members:
        return (
            parameter.name == actual.name
            and len(parameter.members) == len(actual.members)
            and all(
                _bind(own, member, bound, exact)
                for own, member in zip(parameter.members, actual.members, strict=True)
            )
        )
    return coerces(actual, parameter) and (not exact or parameter.name == actual.name)


def _type(value: TrinoType | int) -> TrinoType:
    return value if isinstance(value, TrinoType) else UNKNOWN


def _filled(kind: TrinoType, bound: Bindings) -> TrinoType:
    if _is_variable(kind):
        return _type(bound.get(kind.name, UNKNOWN))
    numbers = tuple(bound.get(n, 0) if isinstance(n, str) else n for n in kind.numbers)
    return TrinoType(
        kind.name,
        tuple(n for n in numbers if isinstance(n, int)),
        tuple(_filled(member, bound) for member in kind.members),
        kind.names,
    )


def _plan(form: Form, arguments: tuple[Argument, ...], exact: bool) -> Call | None:
    """Return the call if these arguments fit the form."""
    parameters = form.parameters
    if form.repeats and len(arguments) > len(parameters):
        parameters += parameters[-1:] * (len(arguments) - len(parameters))
    if len(parameters) != len(arguments):
        return None
    pairs = list(zip(parameters, arguments, strict=True))
    bound: Bindings = {}
    for parameter, argument in pairs:
        if isinstance(argument, Typed) and (
            parameter.name == "function" or not _bind(parameter, argument.type, bound, exact)
        ):
            return None
    given: list[Typed] = []
    for parameter, argument in pairs:
        if isinstance(argument, Typed):
            given.append(coerce(argument, _filled(parameter, bound)))
            continue
        if parameter.name != "function" or argument.arity != len(parameter.members) - 1:
            return None
        kinds = tuple(_filled(member, bound) for member in parameter.members[:-1])
        names, body = argument.translate(kinds, None)
        if not _bind(parameter.members[-1], body.type, bound, False):
            return None
        body = coerce(body, _filled(parameter.members[-1], bound))
        given.append(Typed(f"lambda {names} : {body.sql}", body.type))
    lambdas = {i: a for i, a in enumerate(arguments) if isinstance(a, Lambda)}
    result = form.result_of(bound) if form.result_of else _filled(form.result, bound)
    return Call(tuple(given), result, bound, lambdas)


def choose(
    name: str, candidates: Iterable[Form], arguments: tuple[Argument, ...]
) -> tuple[Form, Call]:
    """Return the first form that fits the arguments without implicit casts, else with them.

    Raises
    ------
    SqlError
        No form fits; the message lists the forms.
    """
    listed = list(candidates)
    for exact in (True, False):
        for form in listed:
            call = _plan(form, arguments, exact)
            if call is not None:
                return form, call
    given = ", ".join(str(a.type) if isinstance(a, Typed) else "lambda" for a in arguments)
    known = "; ".join(
        f"{name}({', '.join(map(str, form.parameters))}{'...' if form.repeats else ''})"
        for form in listed
    )
    raise SqlError(f"dmd sql does not know {name}({given}); it knows {known}")
