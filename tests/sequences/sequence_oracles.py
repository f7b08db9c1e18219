"""What tests of times and sequences share: uniforms, false-alarm rates, groups of rows."""

from datetime import date, datetime, timedelta

import numpy as np
from scipy import stats

ALPHA = 1e-6
"""False-alarm rate of one statistical test; seeds are fixed, so that none is flaky."""
EPOCH = datetime(1970, 1, 1)
DAY = 86_400_000_000


def uniforms(rows, seed=0):
    words = np.random.Philox(key=[seed, 0xC]).random_raw(rows)
    return (np.floor(words / 2.0**12) + 0.5) / 2.0**52


def days(year, month, day):
    return (date(year, month, day) - date(1970, 1, 1)).days


def micros(*moment):
    return (datetime(*moment) - EPOCH) // timedelta(microseconds=1)


def as_moments(values):
    return np.asarray(values).astype(np.int64).astype("datetime64[us]")


def ordinals_of(counts):
    return np.concatenate([np.arange(n) for n in counts]) if len(counts) else np.zeros(0, np.int64)


def uniform_pvalue(levels):
    return stats.kstest(levels, stats.uniform.cdf).pvalue


def counts_pvalue(found, shares):
    """Pearson's test of counts against shares of their total."""
    found, shares = np.asarray(found, float), np.asarray(shares, float)
    kept = shares > 0
    assert not found[~kept].any()
    return stats.chisquare(found[kept], found.sum() * shares[kept] / shares.sum()).pvalue
