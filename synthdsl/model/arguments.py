"""The arguments of calls: which parameter each one fills, and its value."""

from __future__ import annotations

from collections.abc import Sequence

from synthdsl.language import tree
from synthdsl.model.expressions import Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.quantities import unknown
from synthdsl.model.scope import Scope
from synthdsl.values.types import Type


def bind(
    node: tree.Call,
    names: Sequence[str],
    findings: Findings,
    *,
    optional: int = 0,
    is_variadic: bool = False,
) -> list[tree.Argument | None] | None:
    """The arguments of a call in the order of `names`; None after a report.

    An optional argument that is left out is None. Variadic arguments follow in order.
    """
    slots = _Slots(node, names, findings, is_variadic=is_variadic)
    if not all(slots.put(position, given) for position, given in enumerate(node.arguments)):
        return None
    required = len(names) - optional
    missing = [names[i] for i in range(required) if slots.bound[i] is None]
    if missing:
        findings.report(
            "bad-arguments",
            node.span,
            f"{slots.title} lacks {', '.join(f'`{m}`' for m in missing)}",
            f"it takes {', '.join(names)}",
        )
        return None
    return slots.bound + slots.extra


class _Slots:
    """The parameters of a call being filled: `bound` by position, `extra` beyond the last."""

    def __init__(
        self, node: tree.Call, names: Sequence[str], findings: Findings, *, is_variadic: bool
    ) -> None:
        self.bound: list[tree.Argument | None] = [None] * len(names)
        self.extra: list[tree.Argument | None] = []
        self.title = f"`{node.function.text}`"
        self._count = len(node.arguments)
        self._names = names
        self._findings = findings
        self._is_variadic = is_variadic

    def put(self, position: int, argument: tree.Argument) -> bool:
        """Put an argument where it belongs; False after a report."""
        names = self._names
        if argument.name is not None:
            if argument.name not in names:
                return self._refuse(
                    argument,
                    f"{self.title} has no argument `{argument.name}`",
                    f"it takes {', '.join(names)}" if names else "it takes none",
                )
            slot = names.index(argument.name)
        elif position < len(names):
            slot = position
        elif self._is_variadic:
            self.extra.append(argument)
            return True
        else:
            return self._refuse(
                argument,
                f"{self.title} takes at most {len(names)} argument{'s' * (len(names) != 1)}, "
                f"found {self._count}",
                f"it takes {', '.join(names)}" if names else "remove it",
            )
        if self.bound[slot] is not None:
            return self._refuse(argument, f"argument `{names[slot]}` is given twice", "keep one")
        self.bound[slot] = argument
        return True

    def _refuse(self, argument: tree.Argument, message: str, help: str) -> bool:
        self._findings.report("bad-arguments", argument.span, message, help)
        return False


def value_of(
    argument: tree.Argument, scope: Scope, findings: Findings, expected: Type | None = None
) -> Expr:
    """The typed value of an argument that must be an expression."""
    if isinstance(argument.value, tree.Weights):
        findings.report(
            "misplaced-draw", argument.span, "weights are a draw; a value is needed here"
        )
        return unknown(argument.span)
    if isinstance(argument.value, tree.Comprehension):
        findings.report(
            "bad-arguments",
            argument.span,
            "rows are gone through inside an aggregate only",
            "aggregate them first: `sum(x.amount for x in ...)`",
        )
        return unknown(argument.span)
    return infer(argument.value, scope, findings, expected)
