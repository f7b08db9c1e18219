"""Samplers that condition wrongly, each in a way that other tools do. The comparison must see it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from differential_comparison import Sampler
from differential_draws import TooRareError
from differential_expressions import Columns, Number, Values, rows_of
from differential_oracle import (
    FieldPair,
    RulePair,
    SpecPair,
    attempts,
    conditioned,
    holding,
    patterns,
    prior,
    sampled,
)
from numpy.random import Generator
from numpy.typing import NDArray

PASSES = 60
"""Redraws after which a wrong sampler leaves a row as it is."""


def sequential_truncation(spec: SpecPair, rows: int, seed: int) -> Columns:
    """Each field is truncated given those before it, as if rules conditioned one draw at a time."""
    rng = np.random.default_rng(seed)
    must_hold = patterns(spec.rules, rng, rows)
    place = {field.name: i for i, field in enumerate(spec.fields)}
    drawn = {field.name for field in spec.fields if field.draw is not None}
    last = [
        max((place[n] for n in spec.ancestors(r.condition.reads) & drawn), default=-1)
        for r in spec.rules
    ]
    columns: Columns = {}
    for i, field in enumerate(spec.fields):
        if field.draw is None:
            continue
        known = {name for name in place if _last_drawn(spec, name, drawn, place) <= i}
        part = replace(spec, fields=tuple(f for f in spec.fields if f.name in known))
        chosen = [k for k, position in enumerate(last) if position == i]
        rules = tuple(spec.rules[k] for k in chosen)
        columns = _repaired(part, rng, rules, must_hold[:, chosen], columns)
    return _visible(columns)


def _last_drawn(spec: SpecPair, name: str, drawn: set[str], place: dict[str, int]) -> int:
    return max((place[n] for n in spec.ancestors({name}) & drawn), default=-1)


def _repaired(
    spec: SpecPair,
    rng: Generator,
    rules: tuple[RulePair, ...],
    must_hold: NDArray[np.bool_],
    given: Columns,
) -> Columns:
    """What is not given, drawn again for the rows that fail."""
    rows = len(must_hold)
    columns = prior(spec, rng, rows, given)
    columns = {n: Values(np.array(c.values), np.array(c.valid)) for n, c in columns.items()}
    waiting = np.flatnonzero(~holding(rules, columns, must_hold))
    for _ in range(PASSES):
        if not len(waiting):
            break
        again = prior(spec, rng, len(waiting), rows_of(given, waiting))
        for name in columns:
            columns[name].values[waiting] = again[name].values
            columns[name].valid[waiting] = again[name].valid
        waiting = waiting[~holding(rules, again, must_hold[waiting])]
    return columns


def redraw_without_ancestors(spec: SpecPair, rows: int, seed: int) -> Columns:
    """Only the fields that a rule reads are drawn again; what they depend on stays."""
    rng = np.random.default_rng(seed)
    must_hold = patterns(spec.rules, rng, rows)
    kind = {field.name: field for field in spec.fields}
    read = set().union(*(rule.condition.reads for rule in spec.rules))
    while any(kind[name].draw is None for name in read):
        read = set().union(*({n} if kind[n].draw is not None else kind[n].reads for n in read))
    derived = {field.name for field in spec.fields if field.draw is None}
    again = read | derived | {f"~{name}" for name in read}
    first = prior(spec, rng, rows)
    given = {name: column for name, column in first.items() if name not in again}
    ok = holding(spec.rules, first, must_hold)
    second = _repaired(spec, rng, spec.rules, must_hold, given)
    return _visible({name: _chosen(ok, first[name], second[name]) for name in first})


def _chosen(takes: NDArray[np.bool_], a: Values, b: Values) -> Values:
    return Values(np.where(takes, a.values, b.values), np.where(takes, a.valid, b.valid))


def soft_rule_as_a_switch(spec: SpecPair, rows: int, seed: int) -> Columns:
    """The Bernoulli of a soft rule is drawn again at each try, so the rules condition it too."""
    rng = np.random.default_rng(seed)
    told = np.ones((rows, len(spec.rules)), np.bool_)
    result: Columns = {}
    # hard rules are told by `told`; soft ones are judged anew below
    hard = tuple(rule for rule in spec.rules if rule.share is None)
    soft = tuple(rule for rule in spec.rules if rule.share is not None)
    waiting = np.arange(rows)
    for _ in range(20_000):
        if not len(waiting):
            return _visible(result)
        tries = max(1, 20_000 // len(waiting))
        columns = prior(spec, rng, len(waiting) * tries)
        holds = holding(hard, columns, told[:1, : len(hard)].repeat(len(waiting) * tries, axis=0))
        switch = patterns(soft, rng, len(waiting) * tries)
        holds &= holding(soft, columns, switch)
        holds = holds.reshape(len(waiting), tries)
        taken = np.flatnonzero(holds.any(axis=1))
        chosen = taken * tries + holds[taken].argmax(axis=1)
        for name, column in columns.items():
            if name not in result:
                empty = np.zeros(rows, column.values.dtype), np.zeros(rows, np.bool_)
                result[name] = Values(*empty)
            result[name].values[waiting[taken]] = column.values[chosen]
            result[name].valid[waiting[taken]] = column.valid[chosen]
        waiting = np.delete(waiting, taken)
    raise TooRareError("switches")


def clipping(spec: SpecPair, rows: int, seed: int) -> Columns:
    """Values that break a rule are moved to the end of what it allows."""
    hard = [r for r in spec.rules if r.share is None and _clipped_field(spec, r) is not None]
    others = tuple(rule for rule in spec.rules if rule not in hard)
    rng = np.random.default_rng(seed)
    columns = conditioned(replace(spec, rules=others), rng, rows).columns
    for rule in hard:
        name = _clipped_field(spec, rule)
        interval = rule.condition.interval
        assert name is not None and interval is not None
        value = interval.number.of(columns)
        moved = value.values.astype(np.float64)
        for end, function in ((interval.low, np.maximum), (interval.high, np.minimum)):
            if end is not None:
                limit = end.of(columns)
                moved = np.where(limit.valid, function(moved, limit.values), moved)
        start = interval.number.from_field
        moved = moved if start is None else moved + start.of(columns).values
        old = columns[name]
        columns[name] = Values(np.where(value.valid, moved, old.values), old.valid)
    return _visible(_derived_again(spec, columns))


def _clipped_field(spec: SpecPair, rule: RulePair) -> str | None:
    """The drawn field that clipping would move."""
    interval = rule.condition.interval
    if interval is None:
        return None
    number = interval.number
    bare = number if number.from_field is None else _minuend(number)
    drawn = {f.name for f in spec.fields if f.draw is not None}
    return bare if isinstance(bare, str) and bare in drawn else _name(number, drawn)


def _minuend(number: Number) -> str:
    return number.text[1:].split(" - ")[0]


def _name(number: Number, drawn: set[str]) -> str | None:
    return number.text if number.text in drawn else None


def keeping_ignored(spec: SpecPair, rows: int, seed: int) -> Columns:
    """Rules condition what they should keep, too."""
    rules = tuple(replace(rule, keeping=()) for rule in spec.rules)
    return sampled(replace(spec, rules=rules), rows, seed)


def rounding_after_the_rule(spec: SpecPair, rows: int, seed: int) -> Columns:
    """Rules see values as drawn; they are put on their grids afterwards."""
    rng = np.random.default_rng(seed)
    must_hold = patterns(spec.rules, rng, rows)
    bare = replace(spec, fields=tuple(_unrounded(field) for field in spec.fields))
    result: Columns = {}
    rounds = attempts(bare, rng, spec.rules, must_hold, {}, 2_000_000)
    for tries, waiting, columns, holds in rounds:
        taken = np.flatnonzero(holds.any(axis=1))
        chosen = taken * tries + holds[taken].argmax(axis=1)
        for name, column in columns.items():
            if name not in result:
                empty = np.zeros(rows, column.values.dtype), np.zeros(rows, np.bool_)
                result[name] = Values(*empty)
            result[name].values[waiting[taken]] = column.values[chosen]
            result[name].valid[waiting[taken]] = column.valid[chosen]
    for field in spec.fields:
        if field.is_numeric:
            column = result[field.name]
            if not np.isfinite(column.values[column.valid]).all():
                raise TooRareError("parameters that only make sense on their grid")
            values = np.where(column.valid, column.values, 0)
            result[field.name] = Values(field.grid.round(values), column.valid)
    return _visible(_derived_again(spec, result))


def _unrounded(field: FieldPair) -> FieldPair:
    from differential_draws import UNROUNDED

    return replace(field, grid=UNROUNDED) if field.is_numeric else field


def _derived_again(spec: SpecPair, columns: Columns) -> Columns:
    drawn = {f.name for f in spec.fields if f.draw is not None}
    given = {name: c for name, c in columns.items() if name in drawn or name.startswith("~")}
    rows = len(next(iter(columns.values())).values)
    return prior(spec, np.random.default_rng(0), rows, given)


def _visible(columns: Columns) -> Columns:
    return {name: column for name, column in columns.items() if not name.startswith("~")}


WRONG: dict[str, Sampler] = {
    "sequential truncation": sequential_truncation,
    "redraw without ancestors": redraw_without_ancestors,
    "soft rule as a switch": soft_rule_as_a_switch,
    "clipping": clipping,
    "keeping ignored": keeping_ignored,
    "rounding after the rule": rounding_after_the_rule,
}
