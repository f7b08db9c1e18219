"""Parse trees of Lark to the nodes of `language.tree`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from lark import Token
from lark import Tree as LarkTree

from synthdsl.diagnostics import Diagnostic
from synthdsl.language import tree
from synthdsl.source import Source, Span

DEEPEST_EXPRESSION = 100
"""How far expressions may nest."""

Branch = Any
"""A tree or token of Lark: its shape is the grammar's, and no type can say it."""

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def build_file(parsed: Branch, source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """The tree of a whole file, and what is wrong with its literals and its depth."""
    builder = Builder(source)
    statements = builder.statements(parsed.children)
    whole = Span(source, 0, len(source.text))
    return tree.File(whole, statements), builder.diagnostics


class Builder:
    """Turns parse trees of one source into nodes, collecting diagnostics on the way."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._depth = 0
        self.diagnostics: list[Diagnostic] = []

    # helpers

    def span(self, item: Branch) -> Span:
        """Where `item` stands."""
        if isinstance(item, Token):
            return Span(self._source, item.start_pos or 0, item.end_pos or 0)
        if item.meta.empty:
            return Span(self._source, 0, 0)
        return Span(self._source, item.meta.start_pos, item.meta.end_pos)

    def report(self, code: str, span: Span, message: str, help: str | None = None) -> None:
        """Add a diagnostic."""
        self.diagnostics.append(Diagnostic(code, span, message, help))

    def name(self, token: Token) -> tree.Name:
        """A declared or listed name."""
        return tree.Name(self.span(token), str(token))

    def names(self, item: Branch) -> tuple[tree.Name, ...]:
        """The names of a `names` tree."""
        if item is None:
            return ()
        found: list[tree.Name] = []
        for child in item.children:
            if isinstance(child, LarkTree):
                found.extend(self.names(child))
            elif child is not None:
                found.append(self.name(child))
        return tuple(found)

    def text(self, token: Branch) -> str | None:
        """The value of an optional string literal."""
        if token is None:
            return None
        if isinstance(token, LarkTree):
            token = token.children[0]
        return self.string_value(token)

    def string_value(self, token: Token) -> str:
        """A string literal with its escapes resolved."""
        body, result, i = str(token)[1:-1], [], 0
        while i < len(body):
            if body[i] != "\\":
                result.append(body[i])
                i += 1
                continue
            escaped = body[i + 1]
            if escaped in _ESCAPES:
                result.append(_ESCAPES[escaped])
            else:
                # patterns and regular expressions use backslashes of their own
                result.append("\\" + escaped)
            i += 2
        return "".join(result)

    # statements

    def statements(self, items: list[Any]) -> tuple[tree.Statement, ...]:
        """The nodes of a list of statements, line ends left out."""
        return tuple(
            getattr(self, f"_{item.data}")(item) for item in items if isinstance(item, LarkTree)
        )

    def _broken(self, item: Branch) -> tree.Statement:
        return tree.BrokenStatement(self.span(item))

    def _language(self, item: Branch) -> tree.Statement:
        return tree.Language(self.span(item), self.whole(item.children[0]))

    def whole(self, token: Any) -> int:
        """The value of an integer token."""
        return int(str(token).replace("_", ""))

    def _spec(self, item: Branch) -> tree.Statement:
        name, description = item.children
        return tree.SpecName(self.span(item), self.name(name), self.text(description))

    def _seed(self, item: Branch) -> tree.Statement:
        return tree.Seed(self.span(item), self.whole(item.children[0]))

    def _param(self, item: Branch) -> tree.Statement:
        name, type_, default, condition, description = item.children
        return tree.Param(
            self.span(item),
            self.name(name),
            self.type(type_),
            self.expression(default),
            None if condition is None else self.expression(condition),
            self.text(description),
        )

    def _import_(self, item: Branch) -> tree.Statement:
        path, names = item.children
        return tree.Import(
            self.span(item), self.string_value(path), self.span(path), self.names(names)
        )

    def _python(self, item: Branch) -> tree.Statement:
        module, *signatures = [child for child in item.children if child is not None]
        return tree.Python(
            self.span(item),
            self.string_value(module),
            tuple(self._signature(s) for s in signatures),
        )

    def _signature(self, item: Branch) -> tree.Signature:
        name, *types = item.children
        parameters = tuple(self.type(t) for t in types[:-1] if t is not None)
        return tree.Signature(self.span(item), self.name(name), parameters, self.type(types[-1]))

    def _enum(self, item: Branch) -> tree.Statement:
        name, *rest = item.children
        members = tuple(self._member(m) for m in rest if isinstance(m, LarkTree))
        return tree.Enumeration(self.span(item), self.name(name), members, self.text(rest[-1]))

    def _member(self, item: Branch) -> tree.Member:
        name, exported, description = item.children
        return tree.Member(
            self.span(item), self.name(name), self.text(exported), self.text(description)
        )

    def _lookup(self, item: Branch) -> tree.Statement:
        name, path, *clauses = item.children
        description = clauses[-1] if isinstance(clauses[-1], Token) else None
        found: dict[str, Any] = {}
        for clause in clauses:
            if not isinstance(clause, LarkTree):
                continue
            kind = str(clause.data)
            if kind in found or (("weight" in kind or "count" in kind) and "weight" in found):
                self.report(
                    "duplicate-clause",
                    self.span(clause),
                    f"`{self.span(clause).text}` repeats a clause of lookup `{name}`",
                    "keep one",
                )
            key = "weight" if kind in ("lookup_weight", "lookup_count") else kind
            found[key] = clause
        weight = found.get("weight")
        return tree.Lookup(
            self.span(item),
            self.name(name),
            self.string_value(path),
            self.span(path),
            self.names(found["lookup_key"]) if "lookup_key" in found else None,
            self.names(found["lookup_value"]) if "lookup_value" in found else None,
            None if weight is None else self.name(weight.children[0]),
            weight is not None and weight.data == "lookup_count",
            self.text(description),
        )

    def _dist(self, item: Branch) -> tree.Statement:
        name, parameters, draw = item.children
        return tree.Dist(self.span(item), self.name(name), self.names(parameters), self.draw(draw))

    def _fields(self, item: Branch) -> tree.Statement:
        name, parameters, description, block = item.children
        return tree.Fields(
            self.span(item),
            self.name(name),
            self.names(parameters),
            self.text(description),
            self.statements(block.children),
        )

    def _table(self, item: Branch) -> tree.Statement:
        name, per, size, where, description, block = item.children
        return tree.Table(
            self.span(item),
            self.name(name),
            None if per is None else self._per(per),
            None if size is None else self._size(size),
            None if where is None else self.expression(where.children[0]),
            self.text(description),
            self.statements(block.children),
        )

    def _per(self, item: Branch) -> tree.Per:
        parent, variable = item.children
        return tree.Per(self.span(item), self.name(parent), self.name(variable))

    def _size(self, item: Branch) -> tree.Expression | tree.Count:
        if item.data == "count":
            name, draw = item.children
            return tree.Count(self.span(item), self.name(name), self.draw(draw))
        return self.expression(item.children[0])

    def _field(self, item: Branch) -> tree.Statement:
        name, type_, step, source, *rest = item.children
        *roles, exported, description = rest
        return self._any_field(item, name, type_, step, source, roles, exported, description)

    def _let(self, item: Branch) -> tree.Statement:
        name, type_, step, source = item.children
        return self._any_field(item, name, type_, step, source, [], None, None, is_let=True)

    def _any_field(
        self,
        item: Branch,
        name: Any,
        type_: Any,
        step: Any,
        source: Any,
        roles: list[Any],
        exported: Any,
        description: Any,
        *,
        is_let: bool = False,
    ) -> tree.Field:
        is_draw = source.data == "sample"
        return tree.Field(
            self.span(item),
            self.name(name),
            None if type_ is None else self.type(type_),
            None if step is None else self.expression(step.children[0]),
            self.draw(source.children[0]) if is_draw else None,
            None if is_draw else self.expression(source.children[0]),
            tuple(self.name(role.children[0]) for role in roles if role is not None),
            self.text(exported),
            self.text(description),
            is_let,
        )

    def _use(self, item: Branch) -> tree.Statement:
        group, args, prefix = item.children
        return tree.Use(self.span(item), self.name(group), self.arguments(args), self.text(prefix))

    def _key(self, item: Branch) -> tree.Statement:
        return tree.Key(self.span(item), self.names(item.children[0]))

    def _correlate(self, item: Branch) -> tree.Statement:
        names, rank, *groups = item.children
        is_weights = isinstance(rank, LarkTree) and rank.data == "weights"
        return tree.Correlate(
            self.span(item),
            self.names(names),
            self.weights(rank) if is_weights else self.expression(rank),
            tuple(self.name(group) for group in groups if group is not None),
        )

    def _missing(self, item: Branch) -> tree.Statement:
        field, mechanism, args, code = item.children
        return tree.Missing(
            self.span(item),
            self.name(field),
            self.name(mechanism),
            self.arguments(args),
            None if code is None else self.expression(code),
        )

    def _learn(self, item: Branch) -> tree.Statement:
        name, path, backend, options, given = item.children
        return tree.Learn(
            self.span(item),
            self.name(name),
            self.string_value(path),
            self.name(backend),
            self.arguments(options),
            self.arguments(given),
        )

    def _rule(self, item: Branch) -> tree.Statement:
        share, name, each, keeping, condition = item.children
        return tree.Rule(
            self.span(item),
            self.name(name),
            None if share is None else tree.exact_number(str(share)) / 100,
            self._each(each),
            () if keeping is None else tuple(self.path(p) for p in keeping.children),
            self.expression(condition),
        )

    def _each(self, item: Branch) -> tree.Each | None:
        if item is None:
            return None
        table, variable = item.children
        return tree.Each(self.span(item), self.name(table), self.name(variable))

    def _case(self, item: Branch) -> tree.Statement:
        name, each, condition = item.children
        return tree.Case(
            self.span(item), self.name(name), self._each(each), self.expression(condition)
        )

    def _expect(self, item: Branch) -> tree.Statement:
        return tree.Expect(self.span(item), self.expression(item.children[0]))

    def _privacy(self, item: Branch) -> tree.Statement:
        members = self.members(item.children[0])
        return tree.Privacy(self.span(item), members.items)

    def _pathway(self, item: Branch) -> tree.Statement:
        name, per, where, starts, *states = item.children
        return tree.Pathway(
            self.span(item),
            self.name(name),
            self._per(per),
            None if where is None else self.expression(where.children[0]),
            None if starts is None else self.expression(starts),
            self.statements(states),
        )

    def _state(self, item: Branch) -> tree.Statement:
        name, sojourn, following = item.children
        return tree.State(
            self.span(item),
            self.name(name),
            self.draw(sojourn),
            self.weights(following) if following.data == "weights" else self._x_index(following),
        )

    def _final(self, item: Branch) -> tree.Statement:
        return tree.Final(self.span(item), tuple(self.name(token) for token in item.children))

    # types

    def type(self, item: Branch) -> tree.TypeName:
        """A type as written."""
        name, unit, args, nullable = item.children
        arguments: list[int | str | tree.TypeName] = []
        for argument in args.children if args is not None else ():
            if argument.data == "int":
                arguments.append(self.whole(argument.children[0]))
            elif argument.data == "string":
                arguments.append(self.string_value(argument.children[0]))
            else:
                arguments.append(self.type(argument))
        return tree.TypeName(
            self.span(item),
            str(name),
            None if unit is None else str(unit)[1:-1].strip(),
            None if unit is None else self.span(unit),
            tuple(arguments),
            nullable is not None,
        )

    # draws

    def draw(self, item: Branch) -> tree.Draw:
        """What stands after `~`."""
        outcome, interval = item.children
        return tree.Draw(
            self.span(item),
            self.outcome(outcome),
            None if interval is None else self.interval(interval),
        )

    def outcome(self, item: Branch) -> tree.Expression | tree.Weights | tree.WhenDraw:
        """The source of values of a draw."""
        if item.data == "weights":
            return self.weights(item)
        if item.data == "when_draw":
            return cast(tree.WhenDraw, self._nested(item, self._when_draw))
        return self.expression(item)

    def _when_draw(self, item: Branch) -> tree.WhenDraw:
        parts = [child for child in item.children if child is not None]
        branches = tuple(
            (self.expression(parts[i]), self.draw(parts[i + 1]))
            for i in range(0, len(parts) - 1, 2)
        )
        return tree.WhenDraw(self.span(item), branches, self.draw(parts[-1]))

    def weights(self, item: Branch) -> tree.Weights:
        """Weights in braces."""
        entries = []
        for entry in item.children:
            if entry is None:
                continue
            outcome, weight = entry.children
            is_rest = isinstance(weight, LarkTree) and weight.data == "rest"
            entries.append(
                tree.Weight(
                    self.span(entry),
                    self.expression(outcome),
                    None if is_rest else self.expression(weight),
                )
            )
        return tree.Weights(self.span(item), tuple(entries))

    def interval(self, item: Branch) -> tree.Interval:
        """`[low, high]`."""
        low, high = item.children
        return tree.Interval(self.span(item), self.expression(low), self.expression(high))

    def members(self, item: Branch) -> tree.Members:
        """A set in braces."""
        items = tuple(self.expression(child) for child in item.children if child is not None)
        return tree.Members(self.span(item), items)

    # expressions

    def expression(self, item: Any) -> tree.Expression:
        """An expression; one that nests too deep becomes `Broken` with a diagnostic."""
        node: tree.Expression = self._nested(item, self._expression)
        return node

    def _nested(self, item: Branch, build: Callable[[Any], Any]) -> Any:
        if self._depth >= DEEPEST_EXPRESSION:
            if not any(d.code == "too-deep" for d in self.diagnostics):
                self.report(
                    "too-deep",
                    self.span(item),
                    f"this expression nests deeper than {DEEPEST_EXPRESSION} levels",
                    "name its parts with `let` fields",
                )
            return tree.Broken(self.span(item))
        self._depth += 1
        try:
            return build(item)
        finally:
            self._depth -= 1

    def _expression(self, item: Branch) -> tree.Expression:
        node: tree.Expression = getattr(self, f"_x_{item.data}")(item)
        return node

    def path(self, item: Branch) -> tree.Path:
        """A dotted name."""
        return tree.Path(self.span(item), tuple(str(token) for token in item.children))

    _x_path = path

    def _x_group(self, item: Branch) -> tree.Expression:
        return self.expression(item.children[0])

    def _x_int(self, item: Branch) -> tree.Expression:
        return tree.Number(self.span(item), str(item.children[0]))

    _x_float = _x_int

    def _x_quantity(self, item: Branch) -> tree.Expression:
        text = str(item.children[0])
        if text.endswith("'"):
            number, _, unit = text[:-1].partition("'")
        else:
            end = max(i for i, c in enumerate(text) if c.isdigit() or c == ".") + 1
            number, unit = text[:end], text[end:]
        return tree.Quantity(
            self.span(item), tree.Number(self.span(item), number.strip()), unit.strip()
        )

    def _x_percent(self, item: Branch) -> tree.Expression:
        return tree.Percent(self.span(item), str(item.children[0]))

    def _x_string(self, item: Branch) -> tree.Expression:
        return tree.Text(self.span(item), self.string_value(item.children[0]))

    def _x_date(self, item: Branch) -> tree.Expression:
        return tree.Moment(self.span(item), str(item.children[0]))

    def _x_true(self, item: Branch) -> tree.Expression:
        return tree.Truth(self.span(item), True)

    def _x_false(self, item: Branch) -> tree.Expression:
        return tree.Truth(self.span(item), False)

    def _x_null(self, item: Branch) -> tree.Expression:
        return tree.Null(self.span(item))

    def _x_list(self, item: Branch) -> tree.Expression:
        items = tuple(self.expression(child) for child in item.children if child is not None)
        return tree.Items(self.span(item), items)

    def _x_when_expr(self, item: Branch) -> tree.Expression:
        parts = [self.expression(child) for child in item.children if child is not None]
        branches = tuple((parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2))
        return tree.When(self.span(item), branches, parts[-1])

    def _x_negative(self, item: Branch) -> tree.Expression:
        return tree.Unary(self.span(item), "-", self.expression(item.children[1]))

    def _x_negation(self, item: Branch) -> tree.Expression:
        return tree.Unary(self.span(item), "not", self.expression(item.children[0]))

    def _x_binary(self, item: Branch) -> tree.Expression:
        left, operator, right = item.children
        return tree.Binary(
            self.span(item), str(operator), self.expression(left), self.expression(right)
        )

    def _x_power(self, item: Branch) -> tree.Expression:
        left, right = item.children
        return tree.Binary(self.span(item), "^", self.expression(left), self.expression(right))

    def _x_implies(self, item: Branch) -> tree.Expression:
        left, right = item.children
        return tree.Binary(self.span(item), "->", self.expression(left), self.expression(right))

    def _x_iff(self, item: Branch) -> tree.Expression:
        left, right = item.children
        return tree.Binary(self.span(item), "<->", self.expression(left), self.expression(right))

    def _logic(self, item: Branch, operator: str) -> tree.Expression:
        items = tuple(self.expression(child) for child in item.children)
        return tree.Logic(self.span(item), operator, items)

    def _x_any_of(self, item: Branch) -> tree.Expression:
        return self._logic(item, "or")

    def _x_all_of(self, item: Branch) -> tree.Expression:
        return self._logic(item, "and")

    def _x_chain(self, item: Branch) -> tree.Expression:
        operands = tuple(self.expression(child) for child in item.children[::2])
        operators = tuple(str(token) for token in item.children[1::2])
        return tree.Chain(self.span(item), operands, operators)

    def _container(self, item: Branch) -> Any:
        if item.data == "interval":
            return self.interval(item)
        if item.data == "set":
            return self.members(item)
        return self.expression(item)

    def _x_within(self, item: Branch, *, is_negated: bool = False) -> tree.Expression:
        value, container = item.children
        return tree.Within(
            self.span(item), self.expression(value), self._container(container), is_negated
        )

    def _x_not_within(self, item: Branch) -> tree.Expression:
        return self._x_within(item, is_negated=True)

    def _x_is_null(self, item: Branch) -> tree.Expression:
        return tree.IsNull(self.span(item), self.expression(item.children[0]), False)

    def _x_is_not_null(self, item: Branch) -> tree.Expression:
        return tree.IsNull(self.span(item), self.expression(item.children[0]), True)

    def _x_call(self, item: Branch) -> tree.Expression:
        function, args = item.children
        return tree.Call(self.span(item), self.path(function), self.arguments(args))

    def arguments(self, item: Branch) -> tuple[tree.Argument, ...]:
        """The arguments of a call."""
        if item is None:
            return ()
        return tuple(self._argument(child) for child in item.children if child is not None)

    def _argument(self, item: Branch) -> tree.Argument:
        name = None
        value = item
        if item.data == "named":
            name, value = str(item.children[0]), item.children[1]
        node = self.weights(value) if value.data == "weights" else self.expression(value)
        return tree.Argument(self.span(item), name, node)

    def _x_comprehension(self, item: Branch) -> tree.Expression:
        value, variable, source, condition = item.children
        return tree.Comprehension(
            self.span(item),
            self.expression(value),
            str(variable),
            self.path(source),
            None if condition is None else self.expression(condition),
        )

    def _x_index(self, item: Branch) -> tree.Index:
        base, *items = item.children
        return tree.Index(
            self.span(item),
            self.path(base),
            tuple(self.expression(child) for child in items),
        )
