"""What must hold in every row and of every account: no test of significance but for Z."""

from __future__ import annotations

from typing import Any

import numpy as np
from differential_draws import TooRareError, Truncated
from differential_expressions import Columns
from differential_oracle import SpecPair, holding, patterns, prior
from scipy.special import bdtr, bdtrc

Z_ROWS = 20_000
Z_LEVEL = 1e-6
"""The account's Z fails if so few, or so many, of `Z_ROWS` unconditioned rows obey the rules with
a smaller chance than this."""

SEARCHED, BLOCK = 4_000_000, 250_000
"""So many unconditioned rows are searched for one that cannot be drawn."""


def violations(spec: SpecPair, columns: Columns) -> list[str]:
    """Hard rules that are false in some row."""
    return [
        f"rule `{rule.name}` is false in {int(is_false.sum())} rows"
        for rule in spec.rules
        if rule.share is None and (is_false := rule.condition.judge(columns).is_false).any()
    ]


def malformed(spec: SpecPair, columns: Columns) -> list[str]:
    """Fields with values off their grid or outside their ends, or derived ones that are wrong."""
    rows = len(next(iter(columns.values())).values)
    drawn = {f.name: columns[f.name] for f in spec.fields if f.draw is not None}
    again = prior(spec.__class__(spec.top, spec.fields), np.random.default_rng(0), rows, drawn)
    found = []
    for field in spec.fields:
        given, made = columns[field.name], again[field.name]
        values = given.values[given.valid]
        if not np.array_equal(given.valid, made.valid):
            found.append(f"`{field.name}` is null in other rows")
        elif not np.array_equal(values, made.values[made.valid]):
            found.append(f"`{field.name}` is not what its formula gives")
        if field.is_numeric and not np.array_equal(field.grid.round(values), values):
            found.append(f"`{field.name}` is off its grid")
        if isinstance(field.draw, Truncated):
            low, high = field.draw.low.of(columns), field.draw.high.of(columns)
            slack = field.grid.slack
            below = given.values < low.values - slack
            above = given.values > high.values + slack
            if ((below | above) & given.valid).any():
                found.append(f"`{field.name}` is outside its ends")
    return found


def wrong_accounts(spec: SpecPair, account: Any, seed: int) -> list[str]:
    """Components whose Z is not the share of unconditioned rows that obey their rules.

    A Z that was estimated is taken at the end of its interval that agrees best, the interval
    widened by a half.
    """
    rng = np.random.default_rng(seed)
    columns = prior(spec, rng, Z_ROWS)
    told = patterns(spec.rules, rng, Z_ROWS)
    found = []
    for component in account.components:
        chosen = [i for i, rule in enumerate(spec.rules) if rule.name in component.rules]
        rules = tuple(spec.rules[i] for i in chosen)
        hits = int(holding(rules, columns, told[:, chosen]).sum())
        z = component.z
        low = z.value if z.is_exact else max(0.0, z.value - 1.5 * (z.value - z.low))
        high = z.value if z.is_exact else min(1.0, z.value + 1.5 * (z.high - z.value))
        few = bdtr(hits, Z_ROWS, low)
        many = bdtrc(hits - 1, Z_ROWS, high) if hits else 1.0
        if min(few, many) < Z_LEVEL / 2:
            share = hits / Z_ROWS
            found.append(f"Z of {', '.join(component.rules)} is {share:.5f}, the account says {z}")
    counted = sorted(name for component in account.components for name in component.rules)
    if counted != sorted(rule.name for rule in spec.rules):
        found.append(f"the account has rules {counted}")
    return found


def has_impossible_rows(spec: SpecPair, seed: int) -> bool:
    """Whether some unconditioned row has a truncation that (next to) nothing of its draw meets.

    The reference lets generation stop at such a row. There may be one in a million.
    """
    rng = np.random.default_rng(seed)
    try:
        for _ in range(SEARCHED // BLOCK):
            prior(spec, rng, BLOCK)
    except TooRareError:
        return True
    return False
