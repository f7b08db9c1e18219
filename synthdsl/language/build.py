"""Parse trees of Lark to the nodes of `language.tree`: files and their statements."""

from __future__ import annotations

from typing import Any

from lark import Token
from lark import Tree as LarkTree

from synthdsl.diagnostics import Diagnostic
from synthdsl.language import tree
from synthdsl.language.build_expressions import Branch, ExpressionBuilder
from synthdsl.source import Source, Span


def build_file(parsed: Branch, source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """The tree of a whole file, and what is wrong with its literals and its depth."""
    builder = StatementBuilder(source)
    statements = builder.statements(parsed.children)
    whole = Span(source, 0, len(source.text))
    return tree.File(whole, statements), builder.diagnostics


class StatementBuilder(ExpressionBuilder):
    """Turns the statements of one source into nodes, with the expressions in them.

    The rule `name` of the grammar is built by the method `_name`.
    """

    def statements(self, items: list[Any]) -> tuple[tree.Statement, ...]:
        """The nodes of a list of statements, line ends left out."""
        return tuple(
            getattr(self, f"_{item.data}")(item) for item in items if isinstance(item, LarkTree)
        )

    def _broken(self, item: Branch) -> tree.Statement:
        return tree.BrokenStatement(self.span(item))

    def _language(self, item: Branch) -> tree.Statement:
        return tree.Language(self.span(item), self.whole(item.children[0]))

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
        name, per, fixed, size, where, until, description, block = item.children
        return tree.Table(
            self.span(item),
            self.name(name),
            None if per is None else self._per(per),
            None if fixed is None else self._fixed(fixed),
            None if size is None else self._size(size),
            None if where is None else self.expression(where.children[0]),
            None if until is None else self.expression(until.children[0]),
            self.text(description),
            self.statements(block.children),
        )

    def _per(self, item: Branch) -> tree.Per:
        parent, variable = item.children
        return tree.Per(self.span(item), self.name(parent), self.name(variable))

    def _fixed(self, item: Branch) -> tree.FixedRows:
        return tree.FixedRows(self.span(item), self.string_value(item.children[0]))

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
        is_draw = source is not None and source.data == "sample"
        is_value = source is not None and not is_draw
        return tree.Field(
            self.span(item),
            self.name(name),
            None if type_ is None else self.type(type_),
            None if step is None else self.expression(step.children[0]),
            self.draw(source.children[0]) if is_draw else None,
            self.expression(source.children[0]) if is_value else None,
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
        name, per, where, starts, description, *states = item.children
        return tree.Pathway(
            self.span(item),
            self.name(name),
            self._per(per),
            None if where is None else self.expression(where.children[0]),
            None if starts is None else self.expression(starts),
            self.text(description),
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
