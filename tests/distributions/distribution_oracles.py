"""SciPy's counterpart of every distribution, by canonical parameters, and repeatable draws."""

import hashlib
import itertools
import math
from datetime import datetime, timedelta

import numpy as np
from scipy import stats

ALPHA = 2e-7
"""False-alarm rate of one statistical test; with fewer than 500 of them, 1e-4 for the suite."""

INFINITY = float("inf")


class FixedDraws:
    """Base draws from Philox, by purpose and attempt: row k of a block is ordinal start + k."""

    def __init__(self, rows, seed=0, start=0):
        self.rows = rows
        self.seed = seed
        self.start = start

    @property
    def ordinals(self):
        return np.arange(self.start, self.start + self.rows)

    def key(self, purpose=""):
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{purpose}".encode()).digest()[:8], "big")

    def bits(self, purpose="", *, attempt=0, at=None):
        generator = np.random.Philox(key=[self.key(purpose), attempt])
        words = generator.random_raw(self.start + self.rows)[self.start :]
        return words if at is None else words[at]

    def uniform(self, purpose="", *, attempt=0, at=None):
        words = self.bits(purpose, attempt=attempt, at=at)
        return np.maximum(words >> np.uint64(11), np.uint64(1)) * 2.0**-53


def beta_on(a, b, low, high):
    return stats.beta(a, b, low, high - low)


HISTOGRAM = ((0.0, 1.0, 3.0, 7.0), (0.2, 0.5, 0.3))

HOUR = 3.6e9
SEASONS = (
    tuple(1 + 0.5 * (k % 3) for k in range(12)),
    (3.0, 2.0, 2.0, 2.0, 1.5, 0.5, 1.0),
    tuple(0.2 + (k % 5) for k in range(24)),
)
SEASON = (27 * 24 * HOUR + 5.5 * HOUR, 38 * 24 * HOUR + 19.25 * HOUR)


def by_hours(low, high, rates):
    """Relative rates by month, weekday and hour as a histogram, told by Python's own calendar."""
    months, weekdays, hours = rates
    first, last = math.floor(low / HOUR), math.ceil(high / HOUR)
    edges = [low, *(k * HOUR for k in range(first + 1, last)), high]
    weights = []
    for left, right in itertools.pairwise(edges):
        moment = datetime(1970, 1, 1) + timedelta(hours=math.floor(left / HOUR))
        rate = months[moment.month - 1] * weekdays[moment.weekday()] * hours[moment.hour]
        weights.append(rate * (right - left))
    return stats.rv_histogram((np.array(weights), np.array(edges)), density=False)


CONTINUOUS = [
    ("uniform", (-2.0, 5.0), stats.uniform(-2, 7)),
    ("normal", (3.0, 2.0), stats.norm(3, 2)),
    ("lognormal", (0.7, 0.5), stats.lognorm(0.5, scale=math.exp(0.7))),
    ("exponential", (2.5,), stats.expon(scale=2.5)),
    ("gamma", (2.0, 0.3), stats.gamma(0.3, scale=2)),
    ("gamma", (0.5, 4.2), stats.gamma(4.2, scale=0.5)),
    ("beta", (2.0, 5.0, 0.0, 1.0), stats.beta(2, 5)),
    ("beta", (0.5, 0.7, 10.0, 30.0), beta_on(0.5, 0.7, 10, 30)),
    ("weibull", (3.0, 1.7), stats.weibull_min(1.7, scale=3)),
    ("gompertz", (11.0, 0.05), stats.gompertz(0.05, scale=11)),
    ("student_t", (1.0, 2.0, 3.5), stats.t(3.5, 1, 2)),
    ("student_t", (0.0, 1.0, 40.0), stats.t(40)),
    ("laplace", (1.0, 2.0), stats.laplace(1, 2)),
    ("logistic", (1.0, 2.0), stats.logistic(1, 2)),
    ("gumbel", (1.0, 2.0), stats.gumbel_r(1, 2)),
    ("pareto", (2.0, 3.0), stats.pareto(3, scale=2)),
    ("triangular", (1.0, 2.0, 7.0), stats.triang(1 / 6, 1, 6)),
    ("pert", (1 + 4 * 0.2, 1 + 4 * 0.8, 0.0, 10.0), beta_on(1.8, 4.2, 0, 10)),
    ("von_mises", (0.5, 1.0, 2.0), stats.vonmises(2, loc=0.5)),
    ("chi_squared", (2.0, 1.5), stats.chi2(3)),
    ("inverse_gaussian", (3.0, 2.0), stats.invgauss(0.5, scale=6)),
    ("skew_normal", (1.0, 2.0, 3.0), stats.skewnorm(3, 1, 2)),
    (
        "empirical",
        HISTOGRAM,
        stats.rv_histogram((np.array(HISTOGRAM[1]), np.array(HISTOGRAM[0])), density=False),
    ),
    ("seasonal", (*SEASON, *SEASONS), by_hours(*SEASON, SEASONS)),
]

DISCRETE = [
    ("bernoulli", (0.3,), stats.bernoulli(0.3)),
    ("binomial", (12.0, 0.3), stats.binom(12, 0.3)),
    ("binomial", (200.0, 0.7), stats.binom(200, 0.7)),
    ("poisson", (3.5,), stats.poisson(3.5)),
    ("poisson", (120.0,), stats.poisson(120)),
    ("negative_binomial", (2.0, 1.4), stats.nbinom(1.4, 1.4 / 3.4)),
    ("negative_binomial", (40.0, 0.8), stats.nbinom(0.8, 0.8 / 40.8)),
    ("geometric", (0.2,), stats.geom(0.2, loc=-1)),
    ("hypergeometric", (60.0, 14.0, 20.0), stats.hypergeom(60, 14, 20)),
    ("zipf", (1.1, 500.0), stats.zipfian(1.1, 500)),
    ("zipf", (3.5, INFINITY), stats.zipf(3.5)),
    ("discrete_uniform", (-2.0, 6.0), stats.randint(-2, 7)),
]


def label(case):
    return f"{case[0]}{case[1]}"[:80]


def per_row(params, rows):
    """The same parameters as (n,) arrays; constant lists stay as they are."""
    return tuple(p if isinstance(p, tuple) else np.full(rows, p) for p in params)


def ks_pvalue(values, cdf):
    return stats.kstest(values, cdf).pvalue


def chi_square_pvalue(values, log_mass, quantile):
    """Pearson's test over cells of at least 20 expected, cut where the quantile says."""
    count = len(values)
    edges = np.unique(quantile(np.linspace(0.01, 0.99, 60)))
    index = np.searchsorted(edges, values, side="left")
    grid = np.arange(int(values.min()) - 1, int(edges[-1]) + 1.0)
    low = min(grid[0], edges[0])
    grid = np.arange(low, edges[-1] + 1)
    mass = np.exp(log_mass(grid))
    cells = np.bincount(np.searchsorted(edges, grid, side="left"), mass, len(edges) + 1)
    # What lies below the grid belongs to the first cell, what lies above the edges to the last.
    cells[-1] += 1 - mass.sum()
    observed = np.bincount(index, minlength=len(edges) + 1).astype(float)
    keep = cells * count >= 20
    rest = np.array([observed[~keep].sum()]), np.array([cells[~keep].sum()])
    observed = np.concatenate([observed[keep], rest[0]])
    expected = count * np.concatenate([cells[keep], rest[1]])
    if expected[-1] < 5:
        observed, expected = (
            observed[:-1],
            expected[:-1] * observed[:-1].sum() / expected[:-1].sum(),
        )
    if len(observed) < 2:
        return 1.0 if np.all(np.isin(values, grid)) else 0.0
    return stats.chisquare(observed, expected).pvalue
