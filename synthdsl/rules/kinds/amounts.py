"""Kinds of rules that compare amounts."""

from __future__ import annotations

from itertools import pairwise

from synthdsl.model.expressions import Apply, Expr, Operation
from synthdsl.rules.kinds._shapes import (
    COMPARISONS,
    ORDERS,
    comparison,
    field_count,
    is_bound_of_field,
    is_constant,
    is_field,
    is_linear,
    plain,
    terms,
)
from synthdsl.rules.kinds.base import RULE_KINDS, RuleKind, is_operation
from synthdsl.values.types import ORDERED


@RULE_KINDS.register
class Bound(RuleKind):
    """One field against a constant."""

    name = "bound"
    summary = "One field lies on one side of a constant."
    example = "a <= 12"
    rank = 10

    def recognises(self, condition: Expr) -> bool:
        """Whether it compares a field with a constant by order."""
        return is_bound_of_field(condition)


@RULE_KINDS.register
class Interval(RuleKind):
    """One field between two constants."""

    name = "range"
    summary = "One field lies between two constants."
    example = "a in [3, 12]"
    rank = 11

    def recognises(self, condition: Expr) -> bool:
        """Whether it is two bounds of one field."""
        return (
            isinstance(condition, Operation)
            and condition.operator == "and"
            and all(is_bound_of_field(item) for item in condition.operands)
            and field_count(condition) == 1
        )


@RULE_KINDS.register
class Ordering(RuleKind):
    """Two fields in order."""

    name = "ordering"
    summary = "One field comes before another, perhaps by a constant distance."
    example = "a + 2 <= b"
    rank = 12

    def recognises(self, condition: Expr) -> bool:
        """Whether it compares two fields by order, each once and as it is."""
        sides = comparison(condition, *ORDERS)
        return sides is not None and is_difference(*sides)


def is_difference(left: Expr, right: Expr) -> bool:
    """Whether two sides read two fields, each once and without a factor of its own."""
    items = [term for side in (left, right) for term in terms(side)]
    return len(items) == 2 and field_count(left, right) == 2 and not _has_factor(left, right)


def _has_factor(*sides: Expr) -> bool:
    return any(
        is_operation(plain(side), "*", "/")
        or (isinstance(plain(side), Operation) and _has_factor(*plain(side).operands))  # type: ignore[attr-defined]
        for side in sides
    )


@RULE_KINDS.register
class Chain(RuleKind):
    """Several fields in order."""

    name = "ordering chain"
    summary = "Several fields stand in order, each compared with the next."
    example = "a < b <= c"
    rank = 13

    def recognises(self, condition: Expr) -> bool:
        """Whether it joins comparisons of which each begins where the one before ends."""
        if not (isinstance(condition, Operation) and condition.operator == "and"):
            return False
        sides = [comparison(item, *ORDERS) for item in condition.operands]
        if any(side is None for side in sides) or field_count(condition) < 2:
            return False
        known = [side for side in sides if side is not None]
        return all(before[1] is after[0] for before, after in pairwise(known))


@RULE_KINDS.register
class SumOfParts(RuleKind):
    """Parts that make up a whole."""

    name = "sum of parts"
    summary = "Several fields add up to another, or to a constant."
    example = "a + b == c"
    rank = 14

    def recognises(self, condition: Expr) -> bool:
        """Whether a sum of two or more fields equals a field or a constant."""
        sides = comparison(condition, "==")
        if sides is None or not is_linear(*sides):
            return False
        wholes = [side for side in sides if is_field(side) or is_constant(side)]
        return bool(wholes) and max(len(list(terms(side))) for side in sides) >= 2


@RULE_KINDS.register
class Tolerance(RuleKind):
    """An identity up to a tolerance."""

    name = "identity with tolerance"
    summary = "Two amounts differ by no more than a tolerance."
    example = "abs(a - b * c) <= 3"
    rank = 15

    def recognises(self, condition: Expr) -> bool:
        """Whether it bounds the size of a difference from above."""
        sides = comparison(condition, "<", "<=")
        if sides is None or not is_constant(sides[1]):
            return False
        left = plain(sides[0])
        return isinstance(left, Apply) and left.function.name == "abs"


@RULE_KINDS.register
class Linear(RuleKind):
    """A linear inequality."""

    name = "linear inequality"
    summary = "A sum of fields with constant factors lies on one side of another."
    example = "2 * a + b <= c + 10"
    rank = 16

    def recognises(self, condition: Expr) -> bool:
        """Whether it compares linear sides by order."""
        sides = comparison(condition, *ORDERS)
        return sides is not None and is_linear(*sides)


@RULE_KINDS.register
class Identity(RuleKind):
    """One value that follows from others."""

    name = "identity"
    summary = "One amount equals what a formula gives."
    example = "a == b * c"
    rank = 17

    def recognises(self, condition: Expr) -> bool:
        """Whether it equates amounts."""
        sides = comparison(condition, "==")
        return sides is not None and sides[0].type.kind in ORDERED and field_count(*sides) > 1


@RULE_KINDS.register
class Comparison(RuleKind):
    """Any other comparison."""

    name = "comparison"
    summary = "Two values are compared."
    example = "a * b > c"
    rank = 30

    def recognises(self, condition: Expr) -> bool:
        """Whether it is a comparison."""
        return comparison(condition, *COMPARISONS) is not None
