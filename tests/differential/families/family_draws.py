"""Draws of the subset, each written twice: text, and numpy's generator for one row."""

from __future__ import annotations

import math
from collections.abc import Callable

from family_rows import Row, Value, rounded
from family_spec import SITES, Draw, Expression

COLOURS = ("red", "green", "blue")


def constant(value: float) -> Expression:
    return Expression(repr(value), lambda row, inner: value)


def _given(text: str, parts: list[Expression], make: Callable[[Row, list[Value]], Value]) -> Draw:
    """A draw that is null where one of its parameters is."""

    def draw(row: Row) -> Value:
        values = [p.of(row, None) for p in parts]
        return None if any(v is None for v in values) else make(row, values)

    return Draw(text, draw, tuple(parts), is_nullable=any(p.is_nullable for p in parts))


def normal(mean: Expression, sd: float, step: float = 0.0) -> Draw:
    return _given(
        f"normal({mean.text}, {sd})",
        [mean],
        lambda row, v: rounded(v[0] + sd * row.world.rng.standard_normal(), step),
    )


def exponential(mean: float, step: float = 0.0) -> Draw:
    return _given(
        f"exponential(mean: {mean})",
        [],
        lambda row, v: rounded(mean * row.world.rng.standard_exponential(), step),
    )


def uniform(low: Expression, width: float, step: float = 0.0) -> Draw:
    return _given(
        f"uniform({low.text}, {low.text} + {width})",
        [low],
        lambda row, v: rounded(v[0] + width * row.world.rng.random(), step),
    )


def whole(low: int, high: int) -> Draw:
    return _given(
        f"discrete_uniform({low}, {high})",
        [],
        lambda row, v: int(row.world.rng.integers(low, high + 1)),
    )


def poisson(mean: Expression) -> Draw:
    return _given(f"poisson({mean.text})", [mean], lambda row, v: int(row.world.rng.poisson(v[0])))


def bernoulli(chance: Expression) -> Draw:
    return _given(
        f"bernoulli({chance.text})", [chance], lambda row, v: bool(row.world.rng.random() < v[0])
    )


def logistic(level: Expression) -> Expression:
    def of(row: Row, inner: Row | None) -> Value:
        value = level.of(row, inner)
        return None if value is None else 1 / (1 + math.exp(-value))

    return level.then(f"expit({level.text})", of)


def colour(percents: tuple[int, int]) -> Draw:
    first, second = percents

    def make(row: Row) -> Value:
        at = 100 * row.world.rng.random()
        return COLOURS[0 if at < first else 1 if at < first + second else 2]

    return Draw(f"{{red: {first}%, green: {second}%, blue: rest}}", make)


def truncated(draw: Draw, low: float, high: float) -> Draw:
    """The draw, again until its rounded value lies inside."""

    def make(row: Row) -> Value:
        for _ in range(100_000):
            value = draw.make(row)
            if value is None or low <= value <= high:
                return value
        raise ValueError("an empty truncation")

    return Draw(f"{draw.text} in [{low}, {high}]", make, draw.parts, is_nullable=draw.is_nullable)


def by_condition(condition: Expression, then: Draw, otherwise: Draw) -> Draw:
    def make(row: Row) -> Value:
        return (then if condition.of(row, None) is True else otherwise).make(row)

    return Draw(
        f"when {{{condition.text}: {then.text}, else: {otherwise.text}}}",
        make,
        (condition, *then.parts, *otherwise.parts),
        is_nullable=then.is_nullable or otherwise.is_nullable,
    )


def sometimes_null(draw: Draw, percent: int) -> Draw:
    """A mixture with null."""

    def make(row: Row) -> Value:
        return None if 100 * row.world.rng.random() < percent else draw.make(row)

    return Draw(
        f"mixture({{{draw.text}: {100 - percent}%, null: rest}})",
        make,
        draw.parts,
        is_nullable=True,
    )


def in_order(name: str, draw: Draw) -> Draw:
    """Independent draws of siblings, in order."""

    def make(row: Row) -> Value:
        assert row.up is not None
        rows = row.up.kids[row.table]
        for sibling, value in zip(rows, sorted(draw.make(r) for r in rows), strict=True):
            sibling.memo[name] = value
        return row.memo[name]

    return Draw(f"sorted({draw.text})", make, draw.parts, crosses=True)


def reference(
    condition: tuple[str, Expression, Callable[[Row, Value], bool]] | None,
    *,
    is_weighted: bool = False,
) -> Draw:
    """A site whose field compares so with an expression of the row; weighted by its beds."""
    where = f" where {condition[0]} {condition[1].text}" if condition else ""
    weight = " weight site.beds" if is_weighted else ""

    def make(row: Row) -> Value:
        value = condition[1].of(row, None) if condition else None
        sites = [s for s in row.world.sites if not condition or condition[2](s, value)]
        weights = [s.get("beds") if is_weighted else 1 for s in sites]
        at = row.world.rng.random() * sum(weights)
        for site, w in zip(sites, weights, strict=True):
            at -= w
            if at < 0:
                return site
        return sites[-1]

    return Draw(f"ref site{where}{weight}", make, (condition[1],) if condition else ())


def distinct_reference(name: str) -> Draw:
    """Independent sites of siblings, given that they differ."""

    def make(row: Row) -> Value:
        assert row.up is not None
        rows = row.up.kids[row.table]
        while True:
            chosen = [row.world.sites[row.world.rng.integers(len(SITES))] for _ in rows]
            if len({s.index for s in chosen}) == len(chosen):
                break
        for sibling, site in zip(rows, chosen, strict=True):
            sibling.memo[name] = site
        return row.memo[name]

    return Draw("ref site distinct", make, crosses=True)


def stay(mean_hours: int) -> Draw:
    """A stay in seconds."""

    def make(row: Row) -> Value:
        return rounded(3600 * mean_hours * row.world.rng.standard_exponential(), 1)

    return Draw(f"exponential(mean: {mean_hours} h)", make)


def sites() -> list[Row]:
    """The rows that are referred to."""
    found = []
    for i, hue in enumerate(SITES):
        row = Row("site", i, None, None)
        row.memo |= {"no": i, "beds": 1 + 2 * i, "hue": hue}
        found.append(row)
    return found
