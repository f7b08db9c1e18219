"""Boxes of correlated fields by minimax tilting: against SciPy's normal probabilities, closed
forms and naive rejection. Each test that compares distributions falsely alarms with probability
1e-5 at most, under a fixed seed."""

from __future__ import annotations

import numpy as np
import pytest
from proposal_checks import Bench, same_law, same_z, share_fits
from scipy import stats

from synthdsl.engine.conditioning import tilting
from synthdsl.engine.conditioning.copula_boxes import box_proposal
from synthdsl.engine.conditioning.tilting import TiltedNormal, log_interval, normal_between

ALARM = 1e-5
ROWS = 60_000


def drawn(law: TiltedNormal, rows: int = ROWS, seed: int = 3):
    """Accepted normals, and the share that is."""
    generator = np.random.Generator(np.random.PCG64(seed))
    uniforms = {i: generator.uniform(size=rows) for i in range(len(law.order))}
    values, counts = law.draw(lambda i: uniforms[i], generator.uniform(size=rows))
    return values[:, counts], float(counts.mean())


def equal(size: int, rho: float):
    return np.full((size, size), rho) + (1 - rho) * np.eye(size)


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 0.5), (-np.inf, 2), (3, 4), (9, np.inf), (-50, -45)]
)
def test_normals_between_bounds(low, high):
    u = (np.arange(2000) + 0.5) / 2000
    x, log_mass = normal_between(u, low, high)
    law = stats.norm()
    expected = law.logcdf(high) if low == -np.inf else None
    if low > 0:
        expected = law.logsf(low) + np.log1p(-np.exp(law.logsf(high) - law.logsf(low)))
    elif expected is None:
        expected = law.logcdf(high) + np.log1p(-np.exp(law.logcdf(low) - law.logcdf(high)))
    assert np.allclose(log_mass, expected, rtol=1e-10)
    assert float(log_interval(low, high)) == pytest.approx(float(expected), rel=1e-10)
    assert ((x >= low) & (x <= high)).all() and (np.diff(x) > 0).all()
    levels = np.exp(log_interval(low, x) - expected)
    assert np.allclose(levels, u, atol=1e-8)


def test_the_jacobian_of_the_saddle_is_the_derivative():
    law = TiltedNormal(equal(4, 0.4), np.array([0.5, -1, 1, -np.inf]), np.array([2, 1, np.inf, 1]))
    y = np.array([0.3, -0.2, 0.1, 0.2, 0.1, -0.3])
    _, jacobian = law._slopes(y)
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-6
        slope = (law._slopes(y + step)[0] - law._slopes(y - step)[0]) / 2e-6
        assert np.allclose(jacobian[:, i], slope, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_probabilities_agree_with_scipy(seed):
    generator = np.random.Generator(np.random.PCG64(seed))
    size = 2 + seed % 3
    root = generator.normal(size=(size, size + 1))
    matrix = root @ root.T
    scale = np.sqrt(np.diag(matrix))
    matrix /= np.outer(scale, scale)
    low = generator.normal(size=size)
    high = low + generator.uniform(0.5, 3, size=size)
    low[0] = -np.inf if seed % 2 else low[0]
    law = TiltedNormal(matrix, low, high)
    _, share = drawn(law)
    expected = stats.multivariate_normal(np.zeros(size), matrix).cdf(high, lower_limit=low)
    assert share_fits(share, ROWS, float(expected) / np.exp(law.log_mass)) > 1e-4


def test_an_orthant_in_twenty_dimensions():
    law = TiltedNormal(equal(20, 0.5), np.zeros(20), np.full(20, np.inf))
    values, share = drawn(law, 20_000)
    # of 21 exchangeable normals, the common one is the least: probability 1/21
    assert share_fits(share, 20_000, 1 / 21 / np.exp(law.log_mass)) > ALARM
    assert (values >= 0).all()
    assert same_law(values[0], values[19]) > ALARM


def test_far_corners_are_still_accepted():
    law = TiltedNormal(equal(5, 0.3), np.full(5, 4.0), np.full(5, np.inf))
    values, share = drawn(law, 20_000)
    assert share > 0.3
    assert (values >= 4).all()
    # the sum of the normals is tilted most where it is least: compare with importance sampling
    generator = np.random.Generator(np.random.PCG64(8))
    inverse = np.linalg.inv(equal(5, 0.3))
    rate = float(inverse.sum(axis=1)[0] * 4)
    plain = 4 + generator.exponential(1 / rate, size=(400_000, 5))
    log_ratio = -0.5 * np.einsum("ni,ij,nj->n", plain, inverse, plain) + rate * plain.sum(axis=1)
    weights = np.exp(log_ratio - log_ratio.max())
    mean = float((weights * plain[:, 0]).sum() / weights.sum())
    assert abs(float(values[0].mean()) - mean) < 0.01


def test_leaving_out_the_acceptance_is_caught():
    matrix = equal(3, 0.9)
    matrix[0, 1] = matrix[1, 0] = matrix[0, 2] = matrix[2, 0] = -0.6
    law = TiltedNormal(matrix, np.array([0.2, 0.5, -0.5]), np.array([np.inf, np.inf, 0.8]))
    values, _ = drawn(law, 200_000)
    generator = np.random.Generator(np.random.PCG64(9))
    plain = np.linalg.cholesky(matrix) @ generator.normal(size=(3, 2_000_000))
    plain = plain[:, (plain[0] > 0.2) & (plain[1] > 0.5) & (plain[2] > -0.5) & (plain[2] < 0.8)]
    assert all(same_law(values[i], plain[i]) > ALARM for i in range(3))
    law.log_mass = -np.inf
    free, _ = drawn(law, 200_000)
    assert min(same_law(free[i], plain[i]) for i in range(3)) < 1e-12


def test_a_box_that_ignores_the_order_of_components_is_caught():
    matrix = equal(3, 0.5)
    matrix[0, 1] = matrix[1, 0] = -0.2
    low, high = np.array([-0.5, 1.0, -np.inf]), np.array([1.5, np.inf, 0.0])
    law = TiltedNormal(matrix, low, high)
    inside, _ = drawn(law)
    assert ((inside >= low[:, None]) & (inside <= high[:, None])).all()
    law.order = law.order[[1, 0, 2]]
    outside, _ = drawn(law)
    assert not ((outside >= low[:, None]) & (outside <= high[:, None])).all()


SPECS = {
    "mixed": (
        "",
        "a: float ~ normal(0, 1)\nb: int ~ poisson(5)\nc: decimal(8, 2) ~ gamma(shape: 2, scale: 10)"
        " in [0, 100]\ncorrelate (a, b, c) rank 0.6\nrule o: a >= 0.5\nrule p: b <= 3 and c > 15",
    ),
    "by group": (
        "enum S {f, m}",
        "s: S ~ {f: 40%, m: rest}\na: float ~ normal(0, 1)\nb: int ~ normal(50, 10)\n"
        "correlate (a, b) rank {f: 0.8, m: -0.5} by s\nrule o: a >= 1 and b in [60, 70]",
    ),
    "followed": (
        "",
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nc: float ~ exponential(2)\n"
        "d: float ~ normal(a, 1)\ncorrelate (a, b, c) rank 0.3\n"
        "rule o: not (a <= 1.5 or b < 1)\nrule q: d < a + 0.5",
    ),
    "coarse": (
        "",
        "a: float step 2 ~ normal(0, 3)\nb: int ~ {1: 20%, 2: 30%, 5: rest}\n"
        "correlate (a, b) rank -0.7\nrule o: a > 2 and 2 * b >= 10",
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_correlated_fields_in_boxes_match_naive_rejection(name):
    top, body = SPECS[name]
    bench = Bench(body, top=top)
    proposal = bench.proposal(box_proposal)
    values, share = bench.accepted(proposal, ROWS)
    plain, z = bench.declared(600_000)
    assert same_z(proposal.mass, share, ROWS, z, 600_000) > ALARM
    for field in bench.step.fields:
        assert same_law(values[field], plain[field]) > ALARM
    joint = [v["a"] * v["b"] for v in (values, plain)]
    assert same_law(*joint) > ALARM


@pytest.mark.parametrize(
    "body",
    [
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\ncorrelate (a, b) rank 0.5\nrule o: a < b",
        "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\nrule o: a < 0 and b < 0",
        "m: float ~ normal(0, 1)\na: float ~ normal(m, 1)\nb: float ~ normal(m, 1)\n"
        "correlate (a, b) rank 0.5\nrule o: a < 0",
        "a: int ~ poisson(3)\nb: int ~ poisson(4)\ncorrelate (a, b) rank 0.5\nrule o: a > 5 or b > 5",
    ],
)
def test_what_is_no_box_of_fixed_marginals_is_declined(body):
    assert Bench(body).proposal(box_proposal) is None


def test_slices_agree():
    bench = Bench(SPECS["by group"][1], top=SPECS["by group"][0])
    proposal = bench.proposal(box_proposal)
    whole, part = bench.frame(500), bench.frame(100, start=200)
    mask, some = proposal.fill(whole), proposal.fill(part)
    assert np.array_equal(mask[200:300], some)
    for name in bench.step.fields:
        assert np.array_equal(whole.column(name).values[200:300], part.column(name).values)


def test_a_search_that_does_not_settle_is_declined(monkeypatch):
    body = SPECS["mixed"][1]
    assert Bench(body).proposal(box_proposal) is not None

    def lost(self):
        raise tilting.NoSaddleError

    monkeypatch.setattr(TiltedNormal, "_saddle", lost)
    assert Bench(body).proposal(box_proposal) is None
