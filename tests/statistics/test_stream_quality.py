"""The hash behind every draw is as good as chance, and the battery that says so has teeth.

Every check gives a p-value and fails below 1e-6; there are fewer than 100 of them, so that the
whole battery raises a false alarm with probability below 1e-4 for a new hash. Weakened hashes
must fail a check with a p-value below 1e-12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from synthdsl.engine.streams import (
    GOLDEN,
    SlotDraws,
    child_keys,
    mix,
    root_keys,
    tag,
    try_keys,
    unit_interval,
)

Words = NDArray[np.uint64]
Source = Callable[[str, int, NDArray[np.uint64]], Words]
"""(slot, attempt, ordinals) -> one word a row."""

ROWS = 1 << 16
LIMIT = 1e-6


def real(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    start, stop = int(ordinals.min()), int(ordinals.max()) + 1
    keys = root_keys("t", start, stop)[(ordinals - np.uint64(start)).astype(np.int64)]
    return SlotDraws(7, f"t.{slot}", keys, ordinals.astype(np.int64)).bits(attempt=attempt)


def _keys(ordinals: NDArray[np.uint64]) -> Words:
    return ordinals * GOLDEN + np.uint64(tag("entity", "t"))


def _slot(slot: str, attempt: int) -> np.uint64:
    return np.uint64(tag("slot", 7, slot, attempt))


def unmixed(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    return _keys(ordinals) ^ _slot(slot, attempt)


def one_round(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    x = _keys(ordinals) ^ _slot(slot, attempt)
    return (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)


def slot_outside(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    return mix(_keys(ordinals)) ^ _slot(slot, attempt)


def slot_added_late(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    return mix(_keys(ordinals)) + _slot(slot, attempt)


def congruential(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    x = ordinals * np.uint64(6364136223846793005) + _slot(slot, attempt)
    return x * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)


def attempt_ignored(slot: str, attempt: int, ordinals: NDArray[np.uint64]) -> Words:
    return mix(mix(_keys(ordinals)) ^ _slot(slot, 0))


def _uniform_bytes(words: Words) -> float:
    """Chi-square over the 256 values of each of the 8 bytes; the least p, times 8."""
    table = words.view(np.uint8).reshape(-1, 8)
    counts = [np.bincount(table[:, i], minlength=256) for i in range(8)]
    return min(1.0, 8 * min(stats.chisquare(c).pvalue for c in counts))


def _independent(a: Words, b: Words, shift: int = 58) -> float:
    """Chi-square over the 64 x 64 pairs of six bits."""
    pairs = (a >> np.uint64(shift) & np.uint64(63)) * np.uint64(64) + (
        b >> np.uint64(shift) & np.uint64(63)
    )
    return float(stats.chisquare(np.bincount(pairs.astype(np.int64), minlength=4096)).pvalue)


def _balanced(words: Words) -> float:
    ones = np.array([int((words >> np.uint64(i) & np.uint64(1)).sum()) for i in range(64)])
    z = (ones - len(words) / 2) / np.sqrt(len(words) / 4)
    return float(stats.chi2.sf((z**2).sum(), 64))


def _avalanche(source: Source) -> float:
    """Flipping one bit of the row's number flips each bit of the word half the time."""
    ordinals = np.arange(4096, dtype=np.uint64) * np.uint64(37)
    before = source("a", 0, ordinals)
    total, cells = 0.0, 0
    for bit in range(18):
        changed = before ^ source("a", 0, ordinals ^ np.uint64(1 << bit))
        flips = np.unpackbits(changed.view(np.uint8).reshape(-1, 8), axis=1).sum(
            axis=0, dtype=np.int64
        )
        total += float((((flips - 2048) / 32.0) ** 2).sum())
        cells += 64
    return 2 * min(float(stats.chi2.sf(total, cells)), float(stats.chi2.cdf(total, cells)))


def _collisions(words: Words, bits: int) -> float:
    """Pairs that share their first `bits` bits: Poisson (two-sided, times two)."""
    tops = np.sort(words >> np.uint64(64 - bits))
    _, counts = np.unique(tops, return_counts=True)
    found = int((counts * (counts - 1) // 2).sum())
    mean = len(words) * (len(words) - 1) / 2 / 2.0**bits
    return min(1.0, 2 * min(stats.poisson.cdf(found, mean), stats.poisson.sf(found - 1, mean)))


def _correlation(a: Words, b: Words) -> float:
    u, v = unit_interval(a.copy()), unit_interval(b.copy())
    z = np.mean((u - 0.5) * (v - 0.5)) * 12 * np.sqrt(len(u))
    return float(2 * stats.norm.sf(abs(z)))


def battery(source: Source) -> Iterator[tuple[str, float]]:
    """Every check of a source of words: its name and its p-value."""
    rows = np.arange(ROWS, dtype=np.uint64)
    for start in (0, 1 << 40):
        words = source("a", 0, rows + np.uint64(start))
        yield f"bytes from {start}", _uniform_bytes(words)
        yield f"balance from {start}", _balanced(words)
        for lag in (1, 2, 3, 256, 16_384):
            yield f"pairs at lag {lag} from {start}", _independent(words[:-lag], words[lag:])
            yield f"low pairs at lag {lag}", _independent(words[:-lag], words[lag:], 0)
            yield f"correlation at lag {lag}", _correlation(words[:-lag], words[lag:])
            yield f"differences at lag {lag}", _uniform_bytes(words[lag:] - words[:-lag])
    first = source("a", 0, rows)
    for name, slot, attempt in (
        ("slot", "b", 0),
        ("part", "a/x", 0),
        ("attempt", "a", 1),
        ("far attempt", "a", 999),
    ):
        second = source(slot, attempt, rows)
        yield f"pairs across {name}", _independent(first, second)
        yield f"xor across {name}", _uniform_bytes(first ^ second)
        yield f"difference across {name}", _uniform_bytes(first - second)
        yield f"correlation across {name}", _correlation(first, second)
        yield f"shifted pairs across {name}", _independent(first[1:], second[:-1])
    yield "avalanche", _avalanche(source)
    for bit in (0, 3, 7, 12):
        flipped = source("a", 0, rows ^ np.uint64(1 << bit))
        yield (
            f"xor of a flipped bit {bit}",
            _uniform_bytes((first ^ flipped)[rows & np.uint64(1 << bit) == 0]),
        )
    yield "collisions", _collisions(first, 28)
    slots = np.array([source(f"f{i}", 0, rows[5:6])[0] for i in range(4096)], np.uint64)
    yield "bytes over slots", _uniform_bytes(slots)
    yield "pairs over slots", _independent(slots[:-1], slots[1:])
    triples = (source("a", 0, rows) >> np.uint64(60)) * np.uint64(256)
    triples += (source("b", 0, rows) >> np.uint64(60)) * np.uint64(16) + (
        source("c", 0, rows) >> np.uint64(60)
    )
    yield (
        "triples of slots",
        float(stats.chisquare(np.bincount(triples.astype(np.int64), minlength=4096)).pvalue),
    )


def test_the_hash_is_as_good_as_chance() -> None:
    found = dict(battery(real))
    assert 50 < len(found) < 100
    assert {name: p for name, p in found.items() if not p > LIMIT} == {}
    # p-values of a sound hash are themselves uniform: none piles up near 1 either
    assert stats.kstest([p for p in found.values() if p < 1], "uniform").pvalue > LIMIT


@pytest.mark.parametrize(
    "weak", [unmixed, one_round, slot_outside, slot_added_late, congruential, attempt_ignored]
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_weakened_hash_is_caught(weak: Source) -> None:
    assert min(p for _, p in battery(weak)) < 1e-12


def test_uniforms_stay_inside_and_are_even() -> None:
    words = real("u", 0, np.arange(1 << 18, dtype=np.uint64))
    ends = np.array([0, 2**64 - 1, 2**63], np.uint64)
    low, high, middle = unit_interval(ends.copy())
    assert (low, high, middle) == (2.0**-53, 1 - 2.0**-53, 0.5 + 2.0**-53)
    u = unit_interval(words.copy())
    assert u.min() > 0 and u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > LIMIT
    # 2**18 uniforms reach both ends as they should: the least of them is exponential
    assert LIMIT < stats.expon.cdf(u.min() * len(u)) < 1 - LIMIT
    assert LIMIT < stats.expon.cdf((1 - u.max()) * len(u)) < 1 - LIMIT


def test_entity_keys_do_not_collide() -> None:
    n = 1 << 18
    roots = root_keys("t", 0, n)
    assert len(np.unique(roots)) == n
    other = root_keys("u", 0, n)
    assert not np.intersect1d(roots, other).size
    children = child_keys("c", np.repeat(roots[: n // 8], 8), np.tile(np.arange(8), n // 8))
    everything = np.concatenate([roots, other, children])
    assert len(np.unique(everything)) == 3 * n
    for keys in (roots, children, everything):
        assert _collisions(keys, 36) > LIMIT
        assert _uniform_bytes(keys) > LIMIT
    for place in range(8):
        assert _independent(roots[: n // 8], children[place::8]) > LIMIT
    assert _uniform_bytes(np.repeat(roots[: n // 8], 8) ^ children) > LIMIT
    assert _independent(children[:-1], children[1:]) > LIMIT
    assert _uniform_bytes(children[8:] ^ children[:-8]) > LIMIT
    # the draws of parents and children, under slots of the same name, are unrelated
    ordinals = np.arange(n, dtype=np.int64)
    parents = SlotDraws(7, "p.x", roots, ordinals).bits()
    drawn = SlotDraws(7, "c.x", children, ordinals).bits()
    for place in range(8):
        assert _independent(parents[: n // 8], drawn[place::8]) > LIMIT
    assert _uniform_bytes(np.repeat(parents[: n // 8], 8) ^ drawn) > LIMIT


def test_child_keys_that_only_add_are_caught() -> None:
    roots = np.arange(1 << 16, dtype=np.uint64) * GOLDEN
    children = np.repeat(roots, 4) + np.tile(np.arange(4, dtype=np.uint64), 1 << 16) * GOLDEN
    assert _collisions(children, 36) < 1e-12


def test_tries_of_a_component_are_fresh_draws_everywhere() -> None:
    n = 1 << 16
    keys, ordinals = root_keys("t", 0, n), np.arange(n)
    first = SlotDraws(7, "t.a", keys, ordinals)
    seen = [first.bits(attempt=a) for a in range(3)]
    for number in (1, 2, 500):
        fresh = SlotDraws(7, "t.a", try_keys(keys, np.full(n, number)), ordinals)
        seen += [fresh.bits(attempt=a) for a in range(2)]
    assert len(np.unique(np.concatenate(seen))) == len(seen) * n
    for i, a in enumerate(seen):
        for b in seen[:i]:
            assert _independent(a, b) > LIMIT
            assert _uniform_bytes(a ^ b) > LIMIT
    # a row's later tries are not another row's earlier ones
    tries = [keys, *(try_keys(keys, np.full(n, number)) for number in range(1, 20))]
    assert len(np.unique(np.concatenate(tries))) == 20 * n


def test_seeds_and_fields_have_streams_of_their_own() -> None:
    keys, ordinals = root_keys("t", 0, 1000), np.arange(1000)
    streams = [
        SlotDraws(s, f, keys, ordinals).bits(p)
        for s in (7, 8)
        for f in ("t.a", "t.b")
        for p in ("", "x")
    ]
    streams += [SlotDraws(7, "t.a", keys, ordinals).named("x").bits()]
    assert len(np.unique(np.concatenate(streams))) == 9 * 1000
    assert tag("ab", "c") != tag("a", "bc") and tag("a", 1) != tag("a1")
