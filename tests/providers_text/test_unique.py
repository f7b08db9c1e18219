"""`unique` and its permutation: bijective, keyed, random-looking, capacity exact."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
from providers_text_support import (
    FALSE_ALARM,
    capacity,
    column,
    draws_of,
    is_uniform,
    refusal,
    texts,
)
from scipy import stats

from synthdsl.providers import PROVIDERS
from synthdsl.providers._permutation import LARGEST_SHUFFLE, Network, halves, permuted

SMALL = [1, 2, 3, 7, 10, 100, 101, 1_000, 4_096, 9_999]
ABOVE_THE_SHUFFLE = [LARGEST_SHUFFLE + 1, 17_576, 20_011, 65_536, 99_991, 100_000, 131_073]


@pytest.mark.parametrize("size", SMALL + ABOVE_THE_SHUFFLE)
@pytest.mark.parametrize("key", [0, 1, 2**64 - 1, 0x0123456789ABCDEF])
def test_every_number_comes_once(size: int, key: int) -> None:
    images = permuted(np.arange(size, dtype=np.uint64), size, key)
    assert np.array_equal(np.sort(images), np.arange(size, dtype=np.uint64))


@pytest.mark.parametrize("size", [2, 3, 5, 12, 64, 100, 101, 997, 1_024])
def test_the_network_is_a_bijection_of_small_domains_too(size: int) -> None:
    for key in range(20):
        network = Network(size, key)
        whole = network.left * network.right
        assert whole >= size
        images = network.once(np.arange(whole, dtype=np.uint64))
        assert np.array_equal(np.sort(images), np.arange(whole, dtype=np.uint64))


@pytest.mark.parametrize("size", [10**6 + 3, 2**31 - 1, 10**12, 26**8, 2**61 - 1, 2**62])
def test_large_domains_stay_inside_and_distinct(size: int) -> None:
    rng = np.random.default_rng(1)
    numbers = np.unique(rng.integers(0, size, 50_000, dtype=np.uint64))
    numbers = np.concatenate([numbers, np.array([size - 1], np.uint64)])
    images = permuted(np.unique(numbers), size, 99)
    assert int(images.max()) < size
    assert len(np.unique(images)) == len(images)


def test_halves_cover_and_stay_below_32_bits() -> None:
    for size in [*range(1, 2_000), 10**8, 9 * 10**8, 2**61 - 1, 2**62, 26**13]:
        left, right = halves(size)
        assert left * right >= size
        assert left * right - size < right
        assert right <= 2**32
    assert halves(10**8) == (10**4, 10**4)


@pytest.mark.parametrize("size", [1_000, 100_003])
def test_keys_give_unrelated_orders(size: int) -> None:
    numbers = np.arange(size, dtype=np.uint64)
    agreements = []
    for key in range(30):
        first = permuted(numbers, size, key)
        second = permuted(numbers, size, key + 1)
        agreements.append(int((first == second).sum()))
    # Two independent random orders agree in a Poisson(1) number of places.
    assert stats.poisson.cdf(sum(agreements), 30) > FALSE_ALARM / 2
    assert stats.poisson.sf(sum(agreements) - 1, 30) > FALSE_ALARM / 2


def test_all_orders_of_few_numbers_are_equally_likely() -> None:
    size = 4
    counts: dict[tuple[int, ...], int] = {}
    for key in range(2_400):
        order = tuple(permuted(np.arange(size, dtype=np.uint64), size, key).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == factorial(size)
    assert is_uniform(list(counts.values()))


def serial_statistics(images: np.ndarray, size: int) -> dict[str, float]:
    """p-values of tests that consecutive images look independent and uniform."""
    scaled = (images.astype(float) + 0.5) / size
    cells = np.floor(scaled * 16).astype(int)
    table = np.bincount(cells[:-1] * 16 + cells[1:], minlength=256)
    differences = np.diff(images.astype(np.int64)) % size
    low_bits = np.bincount((images % np.uint64(16)).astype(int), minlength=16)
    return {
        "uniform": stats.kstest(scaled, "uniform").pvalue,
        "correlation": stats.pearsonr(scaled[:-1], scaled[1:]).pvalue,
        "pairs": stats.chisquare(table).pvalue,
        "differences": stats.kstest((differences + 0.5) / size, "uniform").pvalue,
        "low bits": stats.chisquare(low_bits).pvalue,
    }


@pytest.mark.parametrize("size", [10**8, 10**9 + 7, 26**4, 10**14])
@pytest.mark.parametrize("start", [0, 123_456])
def test_consecutive_rows_look_random(size: int, start: int) -> None:
    numbers = np.arange(start, start + 20_000, dtype=np.uint64)
    for name, value in serial_statistics(permuted(numbers, size, 7), size).items():
        assert value > FALSE_ALARM, name


def test_an_affine_order_is_caught() -> None:
    size = 10**8
    numbers = np.arange(20_000, dtype=np.uint64)
    affine = (numbers * np.uint64(61_803_399) + np.uint64(17)) % np.uint64(size)
    assert min(serial_statistics(affine, size).values()) < FALSE_ALARM


def test_two_rounds_would_not_do() -> None:
    network = Network(10**8, 7)
    left, right = np.divmod(np.arange(20_000, dtype=np.uint64), np.uint64(10_000))
    scratch = np.empty_like(left)
    network._round(0, right, left, network.left, scratch)
    images = left * np.uint64(10_000) + right
    assert min(serial_statistics(images, 10**8).values()) < FALSE_ALARM


@pytest.mark.parametrize(
    ("pattern", "size"), [("##", 100), ("?#", 260), ("A-###", 1_000), ("####", 10**4)]
)
def test_a_full_table_uses_every_text(pattern: str, size: int) -> None:
    assert capacity("unique", pattern) == size
    drawn = texts("unique", pattern, rows=size)
    assert len(set(drawn)) == size
    assert drawn != sorted(drawn)


def test_blocks_join_without_collision() -> None:
    parts = [texts("unique", "MRN-######", rows=5_000, start=s) for s in (0, 5_000, 900_000)]
    assert len({text for part in parts for text in part}) == 15_000


def test_more_rows_than_texts_is_an_error() -> None:
    with pytest.raises(ValueError, match="row 100 needs more than 100 texts"):
        column("unique", "##", draws=draws_of(0, 101))


def test_patterns_beyond_64_bits() -> None:
    pattern = "?" * 21
    assert capacity("unique", pattern) == 26**21
    drawn = texts("unique", pattern, rows=20_000)
    assert len(set(drawn)) == 20_000
    for place in (0, 5, 8, 9, 20):
        assert is_uniform(np.bincount([ord(t[place]) - 65 for t in drawn], minlength=26))


@pytest.mark.parametrize(
    ("check", "pattern", "size"),
    [
        ("luhn", "7###", 1_000), ("verhoeff", "X###", 1_000), ("damm", "###", 1_000),
        ("mod11", "####", 9_000), ("nhs", "999######", 900_000), ("npi", "3########", 10**8),
        ("dea", "AB######", 10**6),
    ],
)  # fmt: skip
def test_capacity_with_a_check_digit(check: str, pattern: str, size: int) -> None:
    assert capacity("unique", pattern, check) == size
    drawn = texts("unique", pattern, check, rows=min(size, 9_000))
    assert len(set(drawn)) == len(drawn)
    assert {len(text) for text in drawn} == {len(pattern) + 1}


def test_refusals_and_claims() -> None:
    assert PROVIDERS.get("unique").is_unique
    assert "no blank" in refusal("unique", "MRN").message
    assert "no blank" in refusal("unique", "\\#\\?").message
    assert "empty" in refusal("unique", "").message
    assert "no check" in refusal("unique", "##", "crc").message
