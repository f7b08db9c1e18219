"""Rules and cases of a table: conditions over the fields of one row."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.expressions import Constant, Expr, Unknown
from synthdsl.model.findings import Findings
from synthdsl.model.inference import condition_of
from synthdsl.model.relations import Relations
from synthdsl.model.scope import Scope
from synthdsl.model.spec import Case, Rule


class Conditions:
    """The rules and cases of one table, as they are added; `table` is its name."""

    def __init__(self, table: str, relations: Relations, findings: Findings) -> None:
        self.rules: list[Rule] = []
        self.cases: list[Case] = []
        self._table = table
        self._relations = relations
        self._findings = findings
        self._names: dict[str, tree.Name] = {}

    def add(self, node: tree.Rule | tree.Case, scope: Scope) -> None:
        """Add a rule or a case that stands in `scope`, a scope of the table's rows."""
        if not self._is_new(node.name) or not self._is_of_rows(node):
            return
        if node.each is not None:
            scope = replace(scope, row_variable=node.each.variable.text)
        condition = condition_of(node.condition, scope, self._findings)
        if isinstance(node, tree.Case):
            self._add_case(node, condition)
        else:
            self._add_rule(node, condition, scope)

    def _is_new(self, name: tree.Name) -> bool:
        before = self._names.setdefault(name.text, name)
        if before is name:
            return True
        self._findings.report(
            "duplicate-name",
            name.span,
            f"`{name.text}` names two rules or cases of `{self._table}`",
            "rename one",
            labels=(Label(before.span, "first here"),),
        )
        return False

    def _is_of_rows(self, node: tree.Rule | tree.Case) -> bool:
        if node.each is None or node.each.table.text == self._table:
            return True
        self._findings.report(
            "bad-rule",
            node.each.table.span,
            f"inside `{self._table}`, `each {node.each.table.text}` names another table",
            f"move it out of the table, or write `each {self._table}`",
        )
        return False

    def _add_case(self, node: tree.Case, condition: Expr) -> None:
        if isinstance(condition, Constant) and condition.value is not True:
            self._refuse(node, "case", condition)
        elif not isinstance(condition, Unknown | Constant):
            text = _on_one_line(node.condition)
            self.cases.append(Case(node.name.text, condition, node.span, text))

    def _add_rule(self, node: tree.Rule, condition: Expr, scope: Scope) -> None:
        if node.share is not None and not 0 < node.share <= 1:
            asked = "no row" if node.share <= 0 else "more than 100 % of rows"
            self._findings.report(
                "bad-rule",
                node.span,
                f"rule `{node.name.text}` is to hold in {asked}: "
                "a share lies above 0 % and reaches 100 %",
                "write `rule[98%]`; for a rule that never holds, put `not` before its condition",
            )
            return
        keeping = self._keeping(node, scope)
        if isinstance(condition, Constant) and condition.value is False:
            self._refuse(node, "rule", condition)
        if isinstance(condition, Unknown | Constant) or keeping is None:
            return
        share = None if node.share == 1 else node.share
        own = tuple(dict.fromkeys(name for table, name in keeping if table == self._table))
        below = tuple(dict.fromkeys(kept for kept in keeping if kept[0] != self._table))
        self.rules.append(
            Rule(
                node.name.text,
                condition,
                node.span,
                _on_one_line(node.condition),
                share,
                own,
                keeping_below=below,
                is_for_each=node.each is not None,
            )
        )

    def _refuse(self, node: tree.Rule | tree.Case, word: str, condition: Constant) -> None:
        value = "null" if condition.value is None else "false"
        self._findings.report(
            "unsatisfiable",
            node.condition.span,
            f"{word} `{node.name.text}` is always {value}",
        )

    def _keeping(self, node: tree.Rule, scope: Scope) -> tuple[tuple[str, str], ...] | None:
        """The kept fields, each with its table; None after a report."""
        found: list[tuple[str, str]] = []
        for path in node.keeping:
            parts = path.names
            if scope.row_variable is not None and parts[0] == scope.row_variable:
                parts = parts[1:]
            table, names = self._table, scope.field_names
            while len(parts) > 1 and parts[0] in self._relations.tables[table].children:
                table, parts = parts[0], parts[1:]
                names = self._relations.tables[table].scope.field_names
            name = parts[0] if parts else ""
            if len(parts) != 1 or name not in names:
                close = get_close_matches(name, names, n=1, cutoff=0.6)
                self._findings.report(
                    "bad-rule",
                    path.span,
                    f"`{path.text}` is no field of `{table}` to keep",
                    f"did you mean `{close[0]}`?" if close else "keep fields that the rule reads",
                )
                return None
            found.append((table, name))
        return tuple(found)


def _on_one_line(node: tree.Expression) -> str:
    return " ".join(node.span.text.split())
