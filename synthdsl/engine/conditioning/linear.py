"""What rules demand of linear combinations of fields: bounds that every row in force meets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from synthdsl.model.expressions import Constant, Convert, Expr, FieldRef, Operation
from synthdsl.model.folding import INTEGER_KINDS
from synthdsl.model.nulls import may_be_null
from synthdsl.model.spec import Field, Rule

ORDER = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
"""Comparisons that bound a difference, with what they are read from right to left."""
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "!=": "==", "==": "!="}


@dataclass(frozen=True)
class Comparison:
    """`left operator right`, with an operator of `ORDER` or `!=`."""

    operator: str
    left: Expr
    right: Expr


def demanded(rules: Iterable[Rule], soft: Mapping[Rule, bool] | None = None) -> list[Comparison]:
    """Comparisons that are not false in any row that meets the rules.

    `soft` tells which soft rules hold in the rows at hand, and which are false; a soft rule that
    it does not name binds no row.
    """
    found: list[Comparison] = []
    for rule in rules:
        must_hold: bool | None = rule.demand != "false"
        if rule.share is not None:
            must_hold = None if soft is None else soft.get(rule)
        if must_hold is not None:
            found += _demanded(rule.condition, is_true=must_hold)
    return found


def _demanded(condition: Expr, *, is_true: bool) -> list[Comparison]:
    if not isinstance(condition, Operation):
        return []
    operator, operands = condition.operator, condition.operands
    if operator == "not":
        return _demanded(operands[0], is_true=not is_true)
    if operator in _OPPOSITE:
        wanted = operator if is_true else _OPPOSITE[operator]
        return [Comparison(wanted, operands[0], operands[1])]
    if operator == ("and" if is_true else "or"):
        return [c for operand in operands for c in _demanded(operand, is_true=is_true)]
    if operator == "->" and not is_true:
        return [
            *_demanded(operands[0], is_true=True),
            *_demanded(operands[1], is_true=False),
        ]
    return []


@dataclass(frozen=True)
class LinearForm:
    """Sum of coefficients times fields, plus a constant.

    The engine's value of the expression lies within `slack` of it (roundings of derived fields
    and of conversions); where it `is_whole`, fields and coefficients are whole, and the
    expression is computed without any rounding.
    """

    terms: dict[str, Fraction]
    constant: Fraction
    slack: Fraction
    is_whole: bool

    def times(self, factor: Fraction) -> LinearForm:
        """The form multiplied by a constant."""
        return LinearForm(
            {name: c * factor for name, c in self.terms.items() if factor},
            self.constant * factor,
            self.slack * abs(factor),
            self.is_whole and factor.denominator == 1,
        )

    def plus(self, other: LinearForm) -> LinearForm:
        """The sum of two forms."""
        names = dict.fromkeys([*self.terms, *other.terms])
        sums = {n: self.terms.get(n, Fraction(0)) + other.terms.get(n, Fraction(0)) for n in names}
        return LinearForm(
            {name: c for name, c in sums.items() if c},
            self.constant + other.constant,
            self.slack + other.slack,
            self.is_whole and other.is_whole,
        )

    def rounded(self, step: Fraction) -> LinearForm:
        """What bounds the form after rounding to multiples of `step`."""
        if self.is_whole and step == 1:
            return self
        return LinearForm(self.terms, self.constant, self.slack + step / 2, False)


def linear_form(expression: Expr, fields: dict[str, Field]) -> LinearForm | None:
    """`expression` as a combination of drawn fields, derived ones written out; None if it is
    not linear, or may be null.
    """
    if isinstance(expression, Constant):
        return _constant(expression)
    if isinstance(expression, FieldRef):
        return _field(fields.get(expression.field), fields)
    if isinstance(expression, Convert):
        inner = linear_form(expression.operand, fields)
        if inner is None:
            return None
        form = inner.times(expression.factor).plus(_number(expression.offset))
        return _settled(form, expression)
    if isinstance(expression, Operation):
        operation = _operation(expression, fields)
        return None if operation is None else _settled(operation, expression)
    return None


def _number(value: Fraction) -> LinearForm:
    return LinearForm({}, value, Fraction(0), value.denominator == 1)


def _constant(expression: Constant) -> LinearForm | None:
    value = expression.value
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    if not math.isfinite(value):
        return None
    # a decimal number as typed, not its nearest float
    return _number(Fraction(repr(value)) if isinstance(value, float) else Fraction(value))


def _field(field: Field | None, fields: dict[str, Field]) -> LinearForm | None:
    if field is None:
        return None
    if field.value is not None:
        inner = linear_form(field.value, fields)
        return inner if inner is None or field.step is None else inner.rounded(field.step)
    if field.draw is None or may_be_null(field.draw) is not None:
        return None
    step = field.step
    is_whole = field.type.kind in INTEGER_KINDS and step is not None and step.denominator == 1
    return LinearForm({field.name: Fraction(1)}, Fraction(0), Fraction(0), is_whole)


def _settled(form: LinearForm, expression: Expr) -> LinearForm:
    """The form of an expression whose type may round it to whole numbers."""
    return form.rounded(Fraction(1)) if expression.type.kind in INTEGER_KINDS else form


def _operation(expression: Operation, fields: dict[str, Field]) -> LinearForm | None:
    if expression.operator not in ("+", "-", "*", "/", "neg"):
        return None
    forms = [linear_form(operand, fields) for operand in expression.operands]
    known = [form for form in forms if form is not None]
    if len(known) < len(forms):
        return None
    if expression.operator == "neg":
        return known[0].times(Fraction(-1))
    left, right = known
    if expression.operator == "+":
        return left.plus(right)
    if expression.operator == "-":
        return left.plus(right.times(Fraction(-1)))
    if expression.operator == "*" and not left.terms:
        left, right = right, left
    if right.terms or right.slack or (expression.operator == "/" and not right.constant):
        return None
    return left.times(right.constant if expression.operator == "*" else 1 / right.constant)


@dataclass(frozen=True)
class Band:
    """Bounds on the sum of `terms` (coefficients by field, the first of them 1).

    None is no bound. Both ends count. Where the sum `is_whole` the bounds are exact; otherwise
    every row that meets the rules lies in the band, widened for roundings, but not every row
    of the band meets them.
    """

    terms: tuple[tuple[str, Fraction], ...]
    low: Fraction | None
    high: Fraction | None
    is_whole: bool

    def meet(self, other: Band) -> Band:
        """The bounds of both."""
        lows = [b.low for b in (self, other) if b.low is not None]
        highs = [b.high for b in (self, other) if b.high is not None]
        return Band(
            self.terms,
            max(lows, default=None),
            min(highs, default=None),
            self.is_whole and other.is_whole,
        )

    @property
    def is_empty(self) -> bool:
        """Whether no value lies in it."""
        return self.low is not None and self.high is not None and self.low > self.high


def bands(comparisons: Iterable[Comparison], fields: dict[str, Field]) -> list[Band]:
    """What the comparisons demand, one band for each direction, in order of appearance."""
    found: dict[tuple[tuple[str, Fraction], ...], Band] = {}
    for comparison in comparisons:
        band = _band(comparison, fields)
        if band is not None:
            earlier = found.get(band.terms)
            found[band.terms] = band if earlier is None else earlier.meet(band)
    return list(found.values())


def _band(comparison: Comparison, fields: dict[str, Field]) -> Band | None:
    if comparison.operator not in ORDER:
        return None
    left = linear_form(comparison.left, fields)
    right = linear_form(comparison.right, fields)
    if left is None or right is None:
        return None
    form = left.plus(right.times(Fraction(-1)))
    if not form.terms:
        return None
    terms = sorted(form.terms.items(), key=lambda term: list(fields).index(term[0]))
    lead = terms[0][1]
    operator = comparison.operator if lead > 0 else ORDER[comparison.operator]
    scaled = form.times(1 / lead)
    is_whole = form.is_whole and scaled.is_whole
    # whole sums may still meet a bound between whole numbers, which a division has made
    if form.is_whole and all((c / lead).denominator == 1 for _, c in terms):
        is_whole = True
    low, high = _ends(operator, -scaled.constant, scaled.slack, is_whole)
    return Band(tuple((name, c / lead) for name, c in terms), low, high, is_whole)


def _ends(
    operator: str, bound: Fraction, slack: Fraction, is_whole: bool
) -> tuple[Fraction | None, Fraction | None]:
    """The least and greatest value of a sum that stands in relation to `bound`."""
    low = bound if operator in (">", ">=", "==") else None
    high = bound if operator in ("<", "<=", "==") else None
    if is_whole:
        if low is not None:
            low = Fraction(math.floor(low) + 1 if operator == ">" else math.ceil(low))
        if high is not None:
            high = Fraction(math.ceil(high) - 1 if operator == "<" else math.floor(high))
        return low, high
    return (None if low is None else low - slack, None if high is None else high + slack)
