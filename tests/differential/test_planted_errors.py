"""The comparison sees wrong conditionings: each is planted, and must be caught.

Once on a small spec where the error matters, and then on random specs of which a stated share must
be caught (on the others the error often makes no difference: a rule on one field without parents
is a truncation). Rows by naive rejection itself, with other seeds, pass everywhere.
"""

from __future__ import annotations

from fractions import Fraction

import differential_expressions as ex
import numpy as np
import pytest
from differential_comparison import disagreements, p_values
from differential_draws import Branches, Distribution, Grid, TooRareError
from differential_engine import Engine
from differential_expressions import Number
from differential_oracle import FieldPair, RulePair, SpecPair, sampled
from differential_strategies import random_spec
from differential_wrong import WRONG

ROWS = 6_000
MOST_DRAWS = 600_000


def number(name: str, text: str, family: str, *ends: Number, step: int = 0) -> FieldPair:
    """A field with a distribution."""
    grid = Grid(Fraction(step), is_whole=True) if step else Grid(None)
    return FieldPair(name, text, grid, draw=Distribution(family, ends))


def flag(name: str, chance: float) -> FieldPair:
    """A bool field."""
    draw = Distribution("bernoulli", (ex.constant(chance),))
    grid = Grid(Fraction(1), is_whole=True)
    return FieldPair(name, "bool", grid, draw=draw, is_bool=True, vocabulary="bool")


def field(name: str) -> Number:
    """A numeric field in an expression."""
    return Number(name, frozenset({name}), lambda columns: columns[name])


def is_set(name: str) -> ex.Condition:
    """A bool field in a rule."""
    return ex.is_set(name, is_nullable=False)


X, Y = field("x"), field("y")
ZERO, ONE, TWO = ex.constant(0), ex.constant(1), ex.constant(2)
UNIT = (number("x", "float", "uniform", ZERO, ONE), number("y", "float", "uniform", ZERO, ONE))
NORMAL = (number("x", "float", "normal", ZERO, ONE), number("y", "float", "normal", ZERO, ONE))


def ordered() -> SpecPair:
    """The example of the reference: x, y uniform, and y < x. The means are 2/3 and 1/3."""
    return SpecPair((), UNIT, (RulePair("order", ex.compare(Y, "<", X)),))


def with_a_parent() -> SpecPair:
    """A rule on a field whose distribution depends on another."""
    shifted = Branches(
        (is_set("b"),),
        (Distribution("normal", (ZERO, ONE)), Distribution("normal", (TWO, ONE))),
    )
    fields = (flag("b", 0.5), FieldPair("x", "float", Grid(None), draw=shifted))
    return SpecPair((), fields, (RulePair("large", ex.compare(X, ">", ONE)),))


def softly_ordered() -> SpecPair:
    """What 80 % of rows are told to be; of unconditioned rows one in six is."""
    return SpecPair((), UNIT, (RulePair("far", ex.compare(ex.times(3, Y), "<", X), share=0.8),))


def within_reach() -> SpecPair:
    """A difference in an interval."""
    gap = ex.between(ex.minus(Y, X), ZERO, ONE)
    return SpecPair((), NORMAL, (RulePair("gap", gap),))


def monitored() -> SpecPair:
    """The sick are monitored, and are no fewer for it."""
    rule = RulePair("seen", ex.implies(is_set("sick"), is_set("seen")), keeping=("sick",))
    return SpecPair((), (flag("sick", 0.3), flag("seen", 0.4)), (rule,))


def on_a_grid() -> SpecPair:
    """Whole numbers up to 5: of values drawn up to 5.5."""
    n = number("x", "int", "normal", ex.constant(4), TWO, step=1)
    return SpecPair((), (n,), (RulePair("few", ex.compare(X, "<=", ex.constant(5))),))


WHERE = {
    "sequential truncation": ordered,
    "redraw without ancestors": with_a_parent,
    "soft rule as a switch": softly_ordered,
    "clipping": within_reach,
    "keeping ignored": monitored,
    "rounding after the rule": on_a_grid,
}

SHARES = {
    "sequential truncation": 0.5,
    "redraw without ancestors": 0.4,
    "clipping": 0.2,
    "rounding after the rule": 0.35,
}
"""Least share of random specs on which an error must be seen."""


@pytest.mark.parametrize("error", WRONG)
def test_a_planted_error_is_caught_where_it_matters(error):
    spec = WHERE[error]()
    assert disagreements(spec, WRONG[error], ROWS, 1)


@pytest.mark.parametrize("error", WRONG)
def test_the_package_does_not_make_the_error(error):
    spec = WHERE[error]()
    assert disagreements(spec, Engine(spec), 4 * ROWS, 1) == []


def test_uniforms_in_order_have_means_of_two_and_one_third():
    spec = ordered()
    for sampler in (Engine(spec), sampled):
        columns = sampler(spec, 40_000, 3)
        assert abs(columns["x"].values.mean() - 2 / 3) < 0.007
        assert abs(columns["y"].values.mean() - 1 / 3) < 0.007


@pytest.mark.parametrize("error", SHARES)
def test_a_planted_error_is_caught_in_random_specs(error):
    caught = _caught(error, range(12), lambda spec: True)
    assert np.mean(caught) >= SHARES[error], caught


def test_soft_switches_and_forgotten_keeping_are_caught_in_random_specs():
    soft = _caught("soft rule as a switch", range(24), lambda s: any(r.share for r in s.rules))
    kept = _caught("keeping ignored", range(90), lambda s: any(r.keeping for r in s.rules))
    assert len(soft) >= 5 and np.mean(soft) >= 0.5, soft
    assert len(kept) >= 5 and np.mean(kept) >= 0.25, kept


def _caught(error, numbers, matters):
    found = []
    for k in numbers:
        spec = random_spec(k)
        if not matters(spec):
            continue
        try:
            sampled(spec, ROWS, 5, most_draws=MOST_DRAWS)
            found.append(bool(disagreements(spec, WRONG[error], ROWS, 7)))
        except TooRareError:
            continue
    return found


def test_naive_rejection_agrees_with_itself_and_its_p_values_are_even():
    """Tests are independent between specs, not within: the bounds allow for that."""
    found = []
    for k in range(40):
        spec = random_spec(k)
        try:
            samples = [sampled(spec, 3_000, seed, most_draws=MOST_DRAWS) for seed in (1, 2)]
        except TooRareError:
            continue
        found += list(p_values(spec, *samples).values())
    shares = [np.mean(np.array(found) < level) for level in (0.5, 0.1, 0.01)]
    assert len(found) > 1000
    assert 0.35 < shares[0] < 0.55 and 0.05 < shares[1] < 0.14 and shares[2] < 0.02, shares
    assert min(found) > 1e-6
