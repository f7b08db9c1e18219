"""What rules moved, in figures: declared against realised, a few lines or a table."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthdsl.plan.movement import QUANTILES, Marginal
from synthdsl.render._figures import spread_text, value_text
from synthdsl.render._width import printable

if TYPE_CHECKING:
    from synthdsl.plan.movement import MovedField, TableMovement

MOST_WORDS = 12
"""Words of a field that are shown, those that moved most."""
TRUTHS = ("false", "true")
MOST_FIELDS = 8
"""Fields that the short form shows."""
ROUGH_ROWS = 20_000
"""Rows below which decimals of a share in percent would be noise."""


@dataclass(frozen=True)
class Figure:
    """One figure of a field: `declared` and `realised` as text, and the standard error of their
    difference (empty where it is not known). `size`: by how much they differ, a mean in such
    errors.
    """

    label: str
    declared: str
    realised: str
    error: str
    size: float = 0.0


def percent(share: float, *, decimals: int = 1) -> str:
    """`55.0 %`; never 0 or 100 for what is not quite that."""
    least = 10.0**-decimals
    shown = 100 * share
    if 0 < shown < least / 2:
        return f"<{least:g} %"
    if 100 - least / 2 < shown < 100:
        return f">{100 - least:g} %"
    return f"{shown:.{decimals}f} %"


def figures(field: MovedField, *, decimals: int = 1) -> list[Figure]:
    """The shares of a field's words, or its moments and quantiles; then its nulls.

    `decimals`: of shares in percent.
    """
    found = _word_figures(field, decimals) if field.words else _value_figures(field)
    nulls = (field.declared.nulls, field.realised.nulls)
    if any(nulls):
        shares = field.declared.shares
        exact = None if shares is None else float(shares[-1])
        found.append(_share("null", nulls, field, decimals, exact, place=-1))
    return found


def others(field: MovedField) -> int:
    """Words of the field that `figures` leaves out."""
    return max(len(field.words) - MOST_WORDS, 0)


def _word_figures(field: MovedField, decimals: int) -> list[Figure]:
    declared, realised = field.declared.counts, field.realised.counts
    assert declared is not None and realised is not None
    shown: Sequence[int] = range(len(field.words))
    if others(field):
        n, m = max(field.declared.rows, 1), max(field.realised.rows, 1)
        by_size = sorted(shown, key=lambda i: (-abs(declared[i] / n - realised[i] / m), i))
        shown = sorted(by_size[:MOST_WORDS])
    shares = field.declared.shares
    found = []
    for i in shown:
        counts = (int(declared[i]), int(realised[i]))
        exact = None if shares is None else float(shares[i])
        found.append(_share(field.words[i], counts, field, decimals, exact, place=i))
    return found


def _share(
    label: str,
    counts: tuple[int, int],
    field: MovedField,
    decimals: int,
    exact: float | None,
    *,
    place: int,
) -> Figure:
    """One share; the declared one has no error of its own if it is `exact`. `place`: that of its
    design effect.
    """
    n, m = max(field.declared.rows, 1), max(field.realised.rows, 1)
    second = counts[1] / m
    wider = field.realised.effect(place)
    if exact is None:
        first, pooled = counts[0] / n, sum(counts) / (n + m)
        spread = field.declared.effect(place) / n + wider / m
        error = math.sqrt(pooled * (1 - pooled) * spread)
    else:
        first, error = exact, math.sqrt(second * (1 - second) * wider / m)
    return Figure(
        label,
        percent(first, decimals=decimals),
        percent(second, decimals=decimals),
        f"{100 * error:.2f} %" if error else "",
        abs(second - first),
    )


def _value_figures(field: MovedField) -> list[Figure]:
    declared, realised, type = field.declared, field.realised, field.type
    errors = (declared.standard_error, realised.standard_error)
    error = math.hypot(*(e or 0.0 for e in errors))
    change = abs((realised.mean or 0.0) - (declared.mean or 0.0))
    found = [
        Figure(
            "mean",
            value_text(declared.mean, type),
            value_text(realised.mean, type),
            spread_text(error, type, digits=2) if error else "",
            change / error if error else 0.0,
        ),
        Figure("sd", spread_text(declared.sd, type), spread_text(realised.sd, type), ""),
    ]
    for i, quantile in enumerate(QUANTILES):
        label = "median" if quantile == 0.5 else f"{100 * quantile:g} % quantile"
        low, high = _quantile(declared, i), _quantile(realised, i)
        found.append(Figure(label, value_text(low, type), value_text(high, type), ""))
    return found


def _quantile(marginal: Marginal, place: int) -> float | None:
    return None if marginal.quantiles is None else marginal.quantiles[place]


def moved_fields(table: TableMovement) -> list[MovedField]:
    """The fields that moved beyond chance, those that moved most first."""
    moved = [field for field in table.fields if field.is_moved]
    return sorted(moved, key=lambda field: (-field.distance, field.name))


def render_moves(
    tables: Iterable[TableMovement], *, width: int = 100, is_ascii: bool = False
) -> list[str]:
    """`rules moved: dx healthy 55 % → 69 %; …` for each table in which they moved anything.

    Of several tables each is named.
    """
    arrow = "->" if is_ascii else "→"
    lines: list[str] = []
    tables = list(tables)
    for table in tables:
        moved = [field for field in moved_fields(table) if not field.is_latent]
        if not moved:
            continue
        parts = [_short(field, arrow) for field in moved[:MOST_FIELDS]]
        if len(moved) > MOST_FIELDS:
            parts.append(f"and {len(moved) - MOST_FIELDS} more")
        where = f" in {printable(table.name)}" if len(tables) > 1 else ""
        lines += textwrap.wrap(
            f"rules moved{where}: " + "; ".join(parts), width, subsequent_indent="  ",
            break_on_hyphens=False,
        )  # fmt: skip
    return [line.replace("\xa0", " ") for line in lines]


def _short(field: MovedField, arrow: str) -> str:
    """The figure of a field that moved most, with spaces that do not break within it."""
    every = figures(field, decimals=0 if field.realised.rows < ROUGH_ROWS else 1)
    if field.words == TRUTHS:
        every = every[1:]  # the share of false says the same
    most = max(every, key=lambda figure: figure.size)
    if not field.words and most.size < 5:  # the mean stayed: the spread says more
        most = every[1]
    text = f"{field.name} {most.label} {most.declared} {arrow} {most.realised}"
    return printable(text).replace(" ", "\xa0")
