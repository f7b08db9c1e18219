"""`quota({a: 30%, b: rest})`: exact numbers of rows, dealt at random."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from shared_specs import frame, only_error, spec

import synthdsl
from synthdsl.diagnostics import SynthError
from synthdsl.model.quotas import counts_of
from synthdsl.plan.explain import explain

ALARM = 1e-6


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9).filter(any), st.integers(0, 10**12))
def test_counts_are_shares_rounded_and_total_the_rows(weights, rows):
    shares = tuple(Fraction(w, sum(weights)) for w in weights)
    counts = counts_of(shares, rows)
    assert sum(counts) == rows
    assert all(abs(n - share * rows) < 1 for n, share in zip(counts, shares, strict=True))
    order = sorted(range(len(shares)), key=lambda i: (counts[i] - shares[i] * rows, -i))
    rounded_up = [i for i in order if counts[i] > shares[i] * rows]
    down = [shares[i] * rows % 1 for i in order if i not in rounded_up]
    assert all(shares[i] * rows % 1 >= d for i in rounded_up for d in down)


BODIES = {
    'x: text ~ quota({"a": 30%, "b": 70%})': {"a": 300, "b": 700},
    'x: text ~ quota({"a": 1/3, "b": 1/3, "c": rest})': {"a": 334, "b": 333, "c": 333},
    "x: int ~ quota({7: 12.5%, 8: 12.5%, 9: rest})": {7: 125, 8: 125, 9: 750},
    "x: bool ~ quota({true: p, false: rest})": {True: 251, False: 749},
    'x: text ~ quota({"never": 0%, "a": 99.96%, "b": rest})': {"a": 1000},
}


@pytest.mark.parametrize("body", BODIES)
def test_numbers_are_exact_in_every_draw(body):
    text = spec(body, rows=1000, top="param p: float = 25.1%")
    first, second = frame(text), frame(text, seed=2)
    for rows in (first, second):
        counts = rows.x.astype(object).value_counts()
        assert counts[counts > 0].to_dict() == BODIES[body]
    assert not first.x.equals(second.x) or len(BODIES[body]) == 1
    assert frame(text, "100:300").x.equals(first.x[100:300].reset_index(drop=True))


def test_null_may_have_a_quota():
    rows = frame(spec('x: text? ~ quota({"a": 90%, null: rest})', rows=50))
    assert rows.x.isna().sum() == 5


def test_rows_are_dealt_at_random():
    """Any row has the law of the shares, and neighbours no more than the exact count implies."""
    loaded = synthdsl.load("s.synth", text=spec("x: int ~ quota({1: 30%, 0: rest})", rows=20))
    draws = np.array([loaded.generate(seed=s)["t"]["x"].to_numpy() for s in range(800)])
    assert (draws.sum(axis=1) == 6).all()
    by_row = draws.sum(axis=0)
    # a count over 800 draws has variance 800 * 0.3 * 0.7; rows of one draw total 6
    statistic = ((by_row - 240) ** 2 / (800 * 0.21)).sum() * 19 / 20
    assert stats.chi2(19).sf(statistic) > ALARM
    unshuffled = np.array([800] * 6 + [0] * 14)
    assert stats.chi2(19).sf(((unshuffled - 240) ** 2 / (800 * 0.21)).sum() * 19 / 20) < ALARM
    together = (draws[:, :-1] * draws[:, 1:]).sum()
    assert stats.binomtest(int(together), 800 * 19, 6 * 5 / (20 * 19)).pvalue > ALARM


def test_another_number_of_rows_is_another_deal_and_more_rows_are_refused():
    body = 'x: text ~ quota({"a": 30%, "b": rest})\ny: float ~ uniform(0, 1)'
    few, many = frame(spec(body, rows=1000)), frame(spec(body, rows=2000))
    assert few.y.equals(many.y[:1000]) and not few.x.equals(many.x[:1000])
    with pytest.raises(SynthError) as caught:
        synthdsl.load("s.synth", text=spec(body, rows=1000)).generate(1001)
    assert "for 1,000 rows, not for 1,001" in caught.value.diagnostics[0].message


def test_explain_says_that_the_number_of_rows_matters():
    loaded = synthdsl.load("s.synth", text=spec("x: int ~ quota({1: 30%, 0: rest})", rows=2000))
    field = explain(loaded.plan()).tables[0].fields[0]
    assert "keyed permutation" in field.how
    assert field.note == "depends on the number of rows: 600, 1,400 of 2,000"


REFUSED = {
    "p: float ~ uniform(0, 1)\nx: int ~ quota({1: p, 2: rest})": ("not-constant", "whole table"),
    "x: int ~ quota(poisson(3))": ("bad-arguments", "weighted values"),
    "x: int ~ quota({1: 30%, 2: 30%})": ("weights-total", "60 %"),
    "x: int ~ quota({1: 30%, 2: rest}) in [1, 2]": ("bad-interval", "only a distribution"),
    "x: int ~ mixture({quota({1: 30%, 2: rest}): 50%, 7: rest})": ("misplaced-draw", "`quota`"),
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_no_quota(body):
    code, message = REFUSED[body]
    error = only_error(body)
    assert error.code == code and message in error.message and error.help
