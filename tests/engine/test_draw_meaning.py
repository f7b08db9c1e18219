"""What draws mean: grids, bounds, nulls, mixtures. Each case is a small spec and its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_specs import codes, columns, of_fields, table
from scipy import stats

from synthdsl.diagnostics import SynthError

HALVES = "{-2.5: 20%, -1.5: 20%, -0.5: 20%, 0.5: 20%, 2.5: rest}"


@pytest.mark.parametrize("step, values", [
    ("step 1", {-2, -1, 0, 1, 3}),
    ("step 0.25", {-2.5, -1.5, -0.5, 0.5, 2.5}),
    ("step 2", {-2, 0, 2}),
])  # fmt: skip
def test_values_round_half_up_below_zero_too(step: str, values: set[float]) -> None:
    found = columns(f"a: float ~ {HALVES}\nx: float {step} = a", rows=400)
    assert set(found.x) == values
    drawn = columns(f"x: float {step} ~ {HALVES}", rows=400) if step == "step 0.25" else found
    assert set(drawn.x) == values


def test_a_value_typed_between_grid_points_rounds_as_a_computed_one_does() -> None:
    found = columns("x: float step 0.1 ~ {0.15: 50%, 1: rest}\ny: float step 0.1 = 0.15")
    assert set(found.x) == {0.2, 1.0} and set(found.y) == {0.2}


@pytest.mark.parametrize("bounds", ["[0.25, 0.3]", "[0.3, 0.3]", "[0.29, 0.31]"])
def test_a_bound_is_the_decimal_number_as_typed(bounds: str) -> None:
    assert set(columns(f"x: float step 0.1 ~ normal(0, 1) in {bounds}").x) == {0.3}


def test_bounds_by_row_stay_on_the_grid() -> None:
    found = columns("a: float ~ uniform(0.21, 0.4)\nx: float step 0.1 ~ normal(0, 1) in [a, 0.7]")
    assert set(found.x) <= {0.3, 0.4, 0.5, 0.6, 0.7}
    assert (found.x >= found.a).all()


def test_no_value_is_minus_zero() -> None:
    found = columns(
        "a: float ~ uniform(-0.04, -0.01)\nx: float step 0.1 ~ normal(0, 0.001) in [a, 0.02]\n"
        "y: float step 0.1 = -x\nz: decimal(5, 1) ~ normal(0, 0.01)"
    )
    assert not np.signbit(found[["x", "y"]].to_numpy()).any()
    assert {str(value) for value in found.z} == {"0.0"}


@pytest.mark.parametrize("field, low, high", [
    ("int ~ normal(0, 10)", -3, 7),
    ("float step 0.1 ~ normal(0, 10)", -0.3, 0.7),
    ("float ~ normal(0, 10)", 0.1, 0.3),
    ("float ~ normal(0, 1)", 8, 8.5),
    ("decimal(6, 2) ~ lognormal(mean: 5, sd: 9)", 1.25, 1.5),
    ("int ~ poisson(6)", 2, 4),
    ("int step 5 ~ poisson(20)", 10, 30),
])  # fmt: skip
def test_bounds_hold_for_the_rounded_value(field: str, low: float, high: float) -> None:
    values = columns(f"x: {field} in [{low}, {high}]", rows=20_000).x.astype(float)
    assert low <= values.min() and values.max() <= high
    if "step" in field or "int" in field or "decimal" in field:
        # the ends are rounded values like any other: both occur
        assert values.min() == low and values.max() == high


def test_ends_of_a_truncated_grid_keep_all_their_mass() -> None:
    # False alarm: chi-square at 1e-6. Truncating before rounding would halve the end values.
    found = columns("x: int ~ normal(0, 3) in [-2, 2]", rows=40_000).x
    edges = np.arange(-2.5, 3.5)
    mass = np.diff(stats.norm.cdf(edges / 3))
    counts = found.value_counts().sort_index().to_numpy()
    assert stats.chisquare(counts, 40_000 * mass / mass.sum()).pvalue > 1e-6
    naive = np.diff(stats.norm.cdf(np.clip(edges, -2, 2) / 3))
    assert stats.chisquare(counts, 40_000 * naive / naive.sum()).pvalue < 1e-6


def test_dates_and_durations_have_grids() -> None:
    found = columns(
        "week: date step 7 d ~ discrete_uniform(2020-01-01, 2020-03-01)\n"
        "quarter: duration step 15 min ~ uniform(0 h, 2 h)\n"
        "share: float<d> ~ uniform(0, 1)\nmoment: datetime = 2020-01-01 + share"
    )
    days = found.week.map(lambda day: day.toordinal() - 719_163)
    assert (days % 7 == 0).all() and found.week.nunique() == 9
    assert (found.quarter.dt.total_seconds() % 900 == 0).all()
    assert (found.moment.dt.microsecond == 0).all()


@pytest.mark.parametrize("body", [
    "a: int ~ discrete_uniform(0, 4_000_000_000)\nb: int = a * a * a",
    "b: int ~ lognormal(mu: 50, sigma: 1)",
    "b: decimal(5, 2) ~ normal(5_000, 1)",
    "b: time ~ normal(23:59:00, 1 h)",
    "n: int<d> ~ discrete_uniform(8_000_000, 9_000_000)\nb: date = 2020-01-01 + n",
    "n: int<d> ~ discrete_uniform(100_000_000, 200_000_000)\nb: datetime = 2020-01-01T00:00:00 + n",
])  # fmt: skip
def test_a_value_beyond_its_type_is_an_error_and_never_wraps(body: str) -> None:
    with pytest.raises(SynthError) as raised:
        columns(body)
    assert [d.code for d in raised.value.diagnostics] == ["row-value"]
    assert "`b`" in raised.value.diagnostics[0].message


def test_floats_without_a_value_are_null_or_refused_but_never_infinite() -> None:
    body = "a: float ~ uniform(1e200, 1e201)\nb: float? = a * a\nc: float? = b - a * a\nd: float? = a / 0"
    assert columns(body)[["b", "c", "d"]].isna().all().all()
    for wrong in (
        "a: float ~ uniform(1e200, 1e201)\nb: float = a * a",
        "b: float ~ lognormal(mu: 900, sigma: 1)",
    ):
        with pytest.raises(SynthError) as raised:
            columns(wrong)
        assert raised.value.diagnostics[0].code in ("null-value", "row-value")


def test_imported_definitions_keep_their_own_parameters(tmp_path: Path) -> None:
    (tmp_path / "lib.synth").write_text(
        "language 1\nparam width: float = 3\ndist wide(m) = normal(m, width)\n"
        "fields box(k) {\nv: float ~ wide(k)\n}\n"
    )
    top = 'import "lib.synth" (wide, box)\nparam width: float = 100'
    path = str(tmp_path / "s.synth")
    text = of_fields("use box(width)\nw: float ~ wide(width)", top=top, rows=4000)
    found = table(text, path=path, params={"width": "50"}).to_pandas()
    for name in "vw":
        # False alarm: 6 standard errors.
        assert abs(found[name].mean() - 50) < 6 * 3 / np.sqrt(4000)
        assert abs(found[name].std() - 3) < 6 * 3 / np.sqrt(8000)


def test_products_that_fit_are_exact() -> None:
    found = columns("a: int ~ discrete_uniform(1, 90_000_000)\nb: int = a * (a - 1)")
    assert all(int(b) == int(a) * (int(a) - 1) for a, b in zip(found.a, found.b, strict=True))


def test_a_branch_not_taken_cannot_overflow() -> None:
    found = columns(
        "a: int ~ discrete_uniform(0, 4_000_000_000)\n"
        "b: int = when {a < 2_000_000_000: a * 2, else: min(a * a, 7)}"
    )
    assert set(found.b[found.a >= 2_000_000_000]) == {7}


def test_a_null_parameter_gives_a_null_draw() -> None:
    found = columns(
        "p: float? ~ {null: 40%, 0.5: rest}\n"
        "a: float? ~ normal(p, 1)\nb: bool? ~ bernoulli(p)\nc: float? ~ uniform(p, p + 1)\n"
        "d: float? ~ normal(0, 1) in [p, 4]\ne: int? ~ {1: 50%, 2: rest} in [p, 2]\n"
        "f: float? ~ mixture({normal(p, 1): 50%, 5: rest}) in [0, 9]\n"
        "g: float? ~ when {p is null: normal(0, 1), else: normal(p, 1)}"
    )
    for name in "abcde":
        assert (found[name].isna() == found.p.isna()).all(), name
    # a null outcome lies in no interval
    assert found.f.notna().all() and (found.f[found.p.isna()] == 5).all()
    assert found.g.notna().all()


@pytest.mark.parametrize("rows", [1, 3])
def test_a_block_in_which_every_parameter_is_null(rows: int) -> None:
    found = columns("p: float? ~ {null: 100%}\nc: float? ~ uniform(p, p + 1)", rows=rows)
    assert found.c.isna().all()


def test_text_that_is_always_null() -> None:
    found = columns('a: text? ~ {null: 100%}\nb: text? = upper(a)\nc: bool? = a in {"x"}')
    assert found.isna().all().all()


def test_a_division_by_zero_in_a_parameter_stays_null_through_tables() -> None:
    found = columns(
        "a: int ~ discrete_uniform(0, 3)\nx: int? ~ normal(10 / a, 1) in [0, 20]\n"
        "y: int? = x + 1\nz: bool = x is null\nw: int = coalesce(x, -1)"
    )
    is_null = found.a == 0
    assert (found.x.isna() == is_null).all() and (found.y.isna() == is_null).all()
    assert (found.z == is_null).all() and ((found.w == -1) == is_null).all()


def test_mixtures_inside_mixtures_choose_independently() -> None:
    # False alarm: each share is binomial; 5 standard errors, under 1e-6 each.
    found = columns(
        "x: int ~ mixture({mixture({1: 50%, 2: rest}): 50%, zero_inflated(50%, e): rest})",
        top="dist e = mixture({3: 50%, 4: rest})", rows=8_000,
    )  # fmt: skip
    shares = found.x.value_counts(normalize=True)
    expected = {1: 0.25, 2: 0.25, 0: 0.25, 3: 0.125, 4: 0.125}
    for value, share in expected.items():
        assert abs(shares.get(value, 0) - share) < 5 * np.sqrt(share / 8_000), value


@pytest.mark.parametrize("draw, top", [
    ("mixture({normal(0, 1): 30%, d: 20%, 4: 10%, normal(3, 2): rest}) in [1, 6]", "dist d = normal(1, 1) in [0, 5]"),
    ("mixture({uniform(0, 1): 50%, uniform(0.5, 3): rest}) in [0.9, 2]", ""),
    ("mixture({w: 50%, normal(9, 1): rest}) in [2, 9]", "dist w = mixture({normal(1, 1): 50%, normal(7, 1): rest})"),
    ("zero_inflated(30%, normal(4, 2)) in [-1, 5]", ""),
])  # fmt: skip
def test_a_truncated_mixture_is_the_mixture_given_the_interval(draw: str, top: str) -> None:
    # Oracle: the same mixture without truncation, filtered. Kolmogorov-Smirnov at 1e-6.
    whole, bounds = draw.split(" in ")
    low, high = (float(x) for x in bounds.strip("[]").split(","))
    free = columns(f"x: float ~ {whole}", rows=60_000, top=top, seed=1).x
    kept = free[(free >= low) & (free <= high)]
    found = columns(f"x: float ~ {draw}", rows=20_000, top=top, seed=2).x
    assert found.min() >= low and found.max() <= high
    assert stats.ks_2samp(found, kept).pvalue > 1e-6


NULLS = (
    "a: int ~ discrete_uniform(0, 3)\nk: int? = when {a > 0: a, else: null}\n"
    "j: int? = when {a == 1: null, else: a}\n"
)


@pytest.mark.parametrize("draw, null_where", [
    ("mixture({discrete_uniform(k, k + 3): 50%, discrete_uniform(10, 13 + j): rest}) in [2, 12]", ()),
    ("mixture({discrete_uniform(k, k + 3): 50%, binomial(3, k / 5): rest}) in [2, 12]", (0,)),
    ("mixture({null: 50%, discrete_uniform(j, 3): rest}) in [2, 12]", (1,)),
    ("mixture({n: 50%, discrete_uniform(j, 3): rest}) in [1, 12]", ()),
    ("mixture({w(a): 50%, discrete_uniform(1, 3): rest}) in [j, 12]", (1,)),
])  # fmt: skip
def test_null_components_lie_in_no_interval(draw: str, null_where: tuple[int, ...]) -> None:
    # Oracle: the mixture without truncation, filtered. Each row of a table by chi-squared, at 1e-6.
    top = (
        "dist n = mixture({null: 50%, binomial(4, 0.4): rest})\n"
        "dist w(a) = when {a == 2: null, else: binomial(4, 0.5)}"
    )
    whole, bounds = draw.split(" in ")
    low, high = bounds.strip("[]").split(", ")
    free = columns(NULLS + f"x: int? ~ {whole}\nlow: int? = {low}", rows=40_000, top=top, seed=1)
    free = free[(free.x >= free.low) & (free.x <= int(high))]
    found = columns(NULLS + f"x: int? ~ {draw}", rows=10_000, top=top, seed=2)
    assert set(found.a[found.x.isna()]) == set(null_where)
    for a, rows in found[found.x.notna()].groupby("a"):
        assert a not in null_where
        expected = free.x[free.a == a].value_counts()
        counts = rows.x.value_counts().reindex(expected.index.union(rows.x.unique()), fill_value=0)
        expected = expected.reindex(counts.index, fill_value=0)
        if len(counts) > 1:
            rare = expected < 60
            pairs = np.array([counts[~rare], expected[~rare]])
            assert stats.chi2_contingency(pairs).pvalue > 1e-6, (a, counts, expected)
        assert set(rows.x) <= set(free.x[free.a == a])


def test_a_mixture_whose_known_components_lie_outside_stops_the_run() -> None:
    body = (
        "k: int? ~ {1: 50%, null: rest}\nx: int? ~ mixture({poisson(k): 50%, 20: rest}) in [0, 9]"
    )
    with pytest.raises(SynthError, match="no component falls inside"):
        columns(body)


def test_a_component_outside_the_interval_is_never_drawn() -> None:
    found = columns(
        "x: int ~ mixture({discrete_uniform(0, 1): 90%, binomial(4, 0.5): rest}) in [3, 4]"
    )
    assert set(found.x) == {3, 4}


def test_a_truncation_of_a_truncation_takes_the_narrower_bounds() -> None:
    found = columns(
        "s: bool ~ bernoulli(50%)\nage: int ~ discrete_uniform(1, 9)\n"
        "x: float ~ when {s: normal(1, 1) in [age / 10, 9], else: d} in [age / 5, 2 + age]",
        top="dist d = normal(0, 1) in [0, 3]",
    )
    low = np.maximum(found.age / 5, np.where(found.s, found.age / 10, 0))
    high = np.minimum(2 + found.age, np.where(found.s, 9, 3))
    assert ((found.x >= low) & (found.x <= high)).all()


def test_a_choice_of_draws_needs_true() -> None:
    found = columns(
        "a: int? ~ {1: 30%, 5: 30%, null: rest}\n"
        "x: int ~ when {a > 3: {1: 100%}, a <= 3: {2: 100%}, else: {3: 100%}}\n"
        'y: text = when {a > 3: "high", else: "other"}\n'
        'z: text = when {not (a > 3): "low", else: "other"}'
    )
    assert dict(found.groupby(found.a.fillna(0)).x.first()) == {0: 3, 1: 2, 5: 1}
    assert dict(found.groupby(found.a.fillna(0)).y.first()) == {0: "other", 1: "other", 5: "high"}
    assert dict(found.groupby(found.a.fillna(0)).z.first()) == {0: "other", 1: "low", 5: "other"}


def test_a_let_with_a_branch_of_fractions_is_a_float() -> None:
    found = columns(
        "s: bool ~ bernoulli(50%)\nlet w ~ when {s: 0, else: normal(0, 1)}\nx: float = w"
    )
    assert found.x.nunique() > 400


def test_derived_text_can_be_asked_about() -> None:
    found = columns(
        'age: int ~ discrete_uniform(0, 99)\ng: text = when {age < 18: "minor", else: "adult"}\n'
        'n: int = when {g == "minor": 1, else: 2}'
    )
    assert ((found.n == 1) == (found.age < 18)).all()


def test_a_stepped_derived_value_is_read_as_it_is_rounded() -> None:
    found = columns("a: int ~ discrete_uniform(0, 103)\nb: int step 5 = a + 0\nc: int = b * 2")
    assert (found.c == 2 * found.b).all() and found.b.max() == 105


def test_arguments_of_a_named_distribution_mean_the_callers_fields() -> None:
    found = columns(
        "m: float ~ normal(100, 1)\na: float ~ normal(7, 0.1)\nx: float ~ d(a, m)\ny: float ~ e(a)",
        top="dist d(m, a) = normal(m - a, 0.001)\ndist e(normal) = normal(normal, 0.001)",
    )
    assert np.allclose(found.x, found.a - found.m, atol=0.01)
    assert np.allclose(found.y, found.a, atol=0.01)
    assert codes(
        "a: float ~ normal(0, 1)\nx: float ~ d(a)", top="dist d(m) = normal(m + a, 1)"
    ) == ["unknown-name"]


def test_groups_with_prefixes_read_their_own_fields() -> None:
    found = columns(
        'use g(5) prefix "p_"\nuse g(7) prefix "q_"',
        top="fields g(k) {\nx: int ~ poisson(k)\nlet z = x * 2\ny: int = z + k\nrule r: x > k\n}",
    )
    assert (found.p_y == 2 * found.p_x + 5).all() and (found.q_y == 2 * found.q_x + 7).all()
    assert (found.p_x > 5).all() and (found.q_x > 7).all()


@pytest.mark.parametrize("word", ['a"b', "a\\nb", "日本", "  x ", "", "0123", "NO", "null"])
def test_text_passes_through_unchanged(word: str) -> None:
    quoted = word.replace('"', '\\"')
    found = columns(f'x: text ~ {{"{quoted}": 50%, "other": rest}}\ny: text = x + "|"')
    expected = word.replace("\\n", "\n")
    assert set(found.x) == {expected, "other"} and set(found.y) == {expected + "|", "other|"}
