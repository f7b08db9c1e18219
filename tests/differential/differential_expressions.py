"""Expressions as pairs: how a spec writes them, and what they mean in plain numpy.

The meaning is written down a second time here, from the reference, and shares no code with the
package: values with a mask of nulls, conditions in three-valued logic.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """A column: numbers (days since 1970 for dates, positions in a vocabulary for words)."""

    values: NDArray[Any]
    valid: Mask

    def at(self, rows: Any) -> Values:
        """Some of the rows."""
        return Values(self.values[rows], self.valid[rows])


Columns = dict[str, Values]


def rows_of(columns: Columns, rows: Any) -> Columns:
    """Some of the rows of every column."""
    return {name: column.at(rows) for name, column in columns.items()}


@dataclass(frozen=True)
class Truth:
    """A column of truth values; null where neither holds."""

    is_true: Mask
    is_false: Mask


@dataclass(frozen=True)
class Number:
    """A numeric expression. `scale`: `plain`, `days` (a length of time) or `date`.

    `is_decimal`: a sum of multiples of grid values, which compares as the decimals that it is.
    """

    text: str
    reads: frozenset[str]
    of: Callable[[Columns], Values] = field(repr=False)
    scale: str = "plain"
    is_whole: bool = False
    is_nullable: bool = False
    is_decimal: bool = False
    from_field: Number | None = None
    """Of a difference of two fields, what is taken away."""


@dataclass(frozen=True)
class Interval:
    """`low <= number <= high`, where an end may be missing."""

    number: Number
    low: Number | None
    high: Number | None


@dataclass(frozen=True)
class Condition:
    """A condition; `gauges`: numbers on which it depends, worth comparing themselves.

    `interval`: what a sampler that clips would clip.
    """

    text: str
    reads: frozenset[str]
    judge: Callable[[Columns], Truth] = field(repr=False)
    gauges: tuple[Number, ...] = ()
    is_nullable: bool = False
    interval: Interval | None = None


# numbers


def written(value: float, scale: str = "plain") -> str:
    """A constant as a spec writes it."""
    if scale == "date":
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=int(value))).isoformat()
    number = f"{value:.10f}".rstrip("0").rstrip(".") if value != int(value) else f"{int(value)}"
    number = f"({number})" if number.startswith("-") else number
    return f"{number} d" if scale == "days" else number


def constant(value: float, scale: str = "plain") -> Number:
    """A literal."""
    is_whole = float(value).is_integer()
    kept = np.int64(value) if is_whole else np.float64(value)
    text = written(value, scale)
    if scale == "days" and value < 0:
        text = f"(-{written(-value, scale)})"

    def of(columns: Columns) -> Values:
        rows = len(next(iter(columns.values())).values) if columns else 1
        return Values(np.full(rows, kept), np.ones(rows, np.bool_))

    return Number(text, frozenset(), of, scale, is_whole, is_decimal=True)


def _calculated(
    text: str,
    parts: tuple[Number, ...],
    apply: Callable[..., NDArray[Any]],
    *,
    scale: str = "plain",
    is_whole: bool | None = None,
    is_sum: bool = False,
) -> Number:
    def of(columns: Columns) -> Values:
        operands = [part.of(columns) for part in parts]
        valid = np.logical_and.reduce([o.valid for o in operands])
        return Values(apply(*(o.values for o in operands)), valid)

    return Number(
        text,
        frozenset().union(*(part.reads for part in parts)),
        of,
        scale,
        all(part.is_whole for part in parts) if is_whole is None else is_whole,
        any(part.is_nullable for part in parts),
        is_sum and all(part.is_decimal for part in parts),
    )


def plus(a: Number, b: Number) -> Number:
    """A sum; a date and a length of time give a date."""
    scale = "date" if "date" in (a.scale, b.scale) else a.scale
    return _calculated(f"({a.text} + {b.text})", (a, b), np.add, scale=scale, is_sum=True)


def minus(a: Number, b: Number) -> Number:
    """A difference; of two dates a length of time."""
    scale = "days" if a.scale == b.scale == "date" else a.scale
    made = _calculated(f"({a.text} - {b.text})", (a, b), np.subtract, scale=scale, is_sum=True)
    is_of_fields = {a.text} == a.reads and {b.text} == b.reads
    return replace(made, from_field=b) if is_of_fields else made


def times(factor: float, a: Number) -> Number:
    """A multiple."""
    return _calculated(
        f"({written(factor)} * {a.text})", (constant(factor), a), np.multiply, is_sum=True
    )


def absolute(a: Number) -> Number:
    """The size."""
    return _calculated(f"abs({a.text})", (a,), np.abs, scale=a.scale)


def extreme(name: str, a: Number, b: Number) -> Number:
    """`max` or `min` of two numbers."""
    function = np.maximum if name == "max" else np.minimum
    return _calculated(f"{name}({a.text}, {b.text})", (a, b), function, scale=a.scale)


def remainder(a: Number, divisor: int) -> Number:
    """What is left of a whole number; not below zero."""
    return _calculated(f"mod({a.text}, {divisor})", (a,), lambda x: np.mod(x, divisor))


def filled(a: Number, value: float) -> Number:
    """`coalesce` with a constant."""
    other = constant(value, a.scale)

    def of(columns: Columns) -> Values:
        given, instead = a.of(columns), other.of(columns)
        values = np.where(given.valid, given.values, instead.values)
        return Values(values, np.ones(len(values), np.bool_))

    text = f"coalesce({a.text}, {other.text})"
    return Number(text, a.reads, of, a.scale, a.is_whole and other.is_whole)


def chosen(condition: Condition, a: Number, b: Number) -> Number:
    """`when`: the first number where the condition is true, else the second."""

    def of(columns: Columns) -> Values:
        takes = condition.judge(columns).is_true
        first, second = a.of(columns), b.of(columns)
        values = np.where(takes, first.values, second.values)
        return Values(values, np.where(takes, first.valid, second.valid))

    return Number(
        f"when {{{condition.text}: {a.text}, else: {b.text}}}",
        condition.reads | a.reads | b.reads,
        of,
        a.scale,
        a.is_whole and b.is_whole,
        a.is_nullable or b.is_nullable,
    )


def expit(a: Number) -> Number:
    """1 / (1 + exp(-a)), a probability."""
    return _calculated(
        f"expit({a.text})", (a,), lambda x: 1 / (1 + np.exp(-np.asarray(x, float))), is_whole=False
    )


# conditions

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def _compared(a: Number, left: Any, b: Number, right: Any) -> tuple[Any, Any]:
    """Both sides, equal where they differ by the rounding of sums of decimals only."""
    if (a.is_whole and b.is_whole) or not (a.is_decimal and b.is_decimal):
        return left, right
    return np.where(np.abs(left - right) < 1e-9, right, left), right


def known(holds: Mask, valid: Mask) -> Truth:
    """Truth values that are null where they are not valid."""
    return Truth(holds & valid, ~holds & valid)


def compare(a: Number, operator: str, b: Number) -> Condition:
    """`a < b` and the like."""

    def judge(columns: Columns) -> Truth:
        left, right = a.of(columns), b.of(columns)
        holds = _COMPARISONS[operator](*_compared(a, left.values, b, right.values))
        return known(holds, left.valid & right.valid)

    gauges = (minus(a, b),) if a.reads and b.reads else (a,) if a.reads else (b,)
    low, high = (b, None) if operator in (">", ">=") else (None, b)
    return Condition(
        f"{a.text} {operator} {b.text}",
        a.reads | b.reads,
        judge,
        gauges,
        a.is_nullable or b.is_nullable,
        Interval(a, low, high) if operator not in ("==", "!=") else None,
    )


def chain(numbers: tuple[Number, ...], operators: tuple[str, ...]) -> Condition:
    """`a <= b < c`: all of its comparisons."""
    links = [compare(a, o, b) for a, o, b in zip(numbers, operators, numbers[1:], strict=False)]
    text = numbers[0].text
    for operator, number in zip(operators, numbers[1:], strict=True):
        text += f" {operator} {number.text}"
    whole = links[0]
    for link in links[1:]:
        whole = both(whole, link)
    return Condition(text, whole.reads, whole.judge, whole.gauges, whole.is_nullable)


def between(a: Number, low: Number, high: Number) -> Condition:
    """`a in [low, high]`, both ends included."""

    def judge(columns: Columns) -> Truth:
        value, bottom, top = a.of(columns), low.of(columns), high.of(columns)
        holds = np.less_equal(*_compared(low, bottom.values, a, value.values))
        holds &= np.less_equal(*_compared(a, value.values, high, top.values))
        return known(holds, value.valid & bottom.valid & top.valid)

    return Condition(
        f"{a.text} in [{low.text}, {high.text}]",
        a.reads | low.reads | high.reads,
        judge,
        (a,),
        a.is_nullable or low.is_nullable or high.is_nullable,
        Interval(a, low, high),
    )


def among(a: Number, constants: Iterable[float], *, is_negated: bool = False) -> Condition:
    """`a in {1, 2}` of whole numbers."""
    members = sorted(set(constants))

    def judge(columns: Columns) -> Truth:
        value = a.of(columns)
        return known(np.isin(value.values, members) ^ is_negated, value.valid)

    listed = ", ".join(written(m, a.scale) for m in members)
    word = "not in" if is_negated else "in"
    return Condition(f"{a.text} {word} {{{listed}}}", a.reads, judge, (a,), a.is_nullable)


def one_of(
    name: str, words: dict[str, int], *, is_nullable: bool, is_negated: bool = False
) -> Condition:
    """A field of words is one of those given, as they are written with their positions."""
    codes = sorted(words.values())

    def judge(columns: Columns) -> Truth:
        column = columns[name]
        return known(np.isin(column.values, codes) ^ is_negated, column.valid)

    if len(words) == 1:
        text = f"{name} {'!=' if is_negated else '=='} {next(iter(words))}"
    else:
        text = f"{name} {'not in' if is_negated else 'in'} {{{', '.join(words)}}}"
    return Condition(text, frozenset({name}), judge, is_nullable=is_nullable)


def same(a: str, b: str, *, is_nullable: bool, is_negated: bool = False) -> Condition:
    """Two fields of the same words, or of truth values, are equal."""

    def judge(columns: Columns) -> Truth:
        left, right = columns[a], columns[b]
        return known((left.values == right.values) ^ is_negated, left.valid & right.valid)

    text = f"{a} {'!=' if is_negated else '=='} {b}"
    return Condition(text, frozenset({a, b}), judge, is_nullable=is_nullable)


def is_set(name: str, *, is_nullable: bool) -> Condition:
    """A field of type bool by itself."""

    def judge(columns: Columns) -> Truth:
        return known(columns[name].values.astype(np.bool_), columns[name].valid)

    return Condition(name, frozenset({name}), judge, is_nullable=is_nullable)


def is_null(name: str, *, is_negated: bool = False) -> Condition:
    """`name is null`: never null itself."""

    def judge(columns: Columns) -> Truth:
        valid = columns[name].valid
        return Truth(valid, ~valid) if is_negated else Truth(~valid, valid)

    return Condition(f"{name} is {'not ' * is_negated}null", frozenset({name}), judge)


def both(a: Condition, b: Condition) -> Condition:
    """`and`."""
    return _joined("and", a, b, lambda p, q: Truth(p.is_true & q.is_true, p.is_false | q.is_false))


def either(a: Condition, b: Condition) -> Condition:
    """`or`."""
    return _joined("or", a, b, lambda p, q: Truth(p.is_true | q.is_true, p.is_false & q.is_false))


def implies(a: Condition, b: Condition) -> Condition:
    """`->`: not a, or b."""
    return _joined("->", a, b, lambda p, q: Truth(p.is_false | q.is_true, p.is_true & q.is_false))


def equivalent(a: Condition, b: Condition) -> Condition:
    """`<->`: null where either is null."""

    def judge(p: Truth, q: Truth) -> Truth:
        return Truth(
            (p.is_true & q.is_true) | (p.is_false & q.is_false),
            (p.is_true & q.is_false) | (p.is_false & q.is_true),
        )

    return _joined("<->", a, b, judge)


def contrary(a: Condition) -> Condition:
    """`not`."""

    def judge(columns: Columns) -> Truth:
        truth = a.judge(columns)
        return Truth(truth.is_false, truth.is_true)

    return Condition(f"not ({a.text})", a.reads, judge, a.gauges, a.is_nullable)


def _joined(
    operator: str, a: Condition, b: Condition, join: Callable[[Truth, Truth], Truth]
) -> Condition:
    return Condition(
        f"({a.text}) {operator} ({b.text})",
        a.reads | b.reads,
        lambda columns: join(a.judge(columns), b.judge(columns)),
        (*a.gauges, *b.gauges),
        a.is_nullable or b.is_nullable,
    )
