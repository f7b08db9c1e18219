"""Parse trees of Lark to the nodes of expressions, draws and types."""

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


class ExpressionBuilder:
    """Turns the expressions of one source into nodes, collecting diagnostics on the way.

    The rule `name` of the grammar is built by the method `_x_name`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._depth = 0
        self.diagnostics: list[Diagnostic] = []

    # names and literals

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

    def whole(self, token: Any) -> int:
        """The value of an integer token."""
        return int(str(token).replace("_", ""))

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
        outcome, interval = item.children if len(item.children) == 2 else (item.children[0], None)
        return tree.Draw(
            self.span(item),
            self.outcome(outcome),
            None if interval is None else self.interval(interval),
        )

    def outcome(
        self, item: Branch
    ) -> tree.Expression | tree.Weights | tree.WhenDraw | tree.RefDraw:
        """The source of values of a draw."""
        if item.data == "ref_draw":
            return self._ref_draw(item)
        if item.data == "weights":
            return self.weights(item)
        if item.data == "when_draw":
            return cast(tree.WhenDraw, self._nested(item, self._when_draw))
        return self.expression(item)

    def _ref_draw(self, item: Branch) -> tree.RefDraw:
        table, where, weight, distinct = item.children
        return tree.RefDraw(
            self.span(item),
            tree.Name(self.span(table), str(table)),
            None if where is None else self.expression(where.children[0]),
            None if weight is None else self.expression(weight),
            distinct is not None,
        )

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
