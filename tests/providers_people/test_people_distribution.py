"""Names and cities follow the weights of their pools.

Each chi-square test has a false-alarm rate of 1e-6; there are 21, so the file as a whole
raises one false alarm in about 50,000 seeds (and the seed is fixed).
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_facts import LEFT_OUT, LOCALES, block, text
from scipy import stats

from synthdsl.providers._address_places import places_of
from synthdsl.providers._people_pools import name_pools
from synthdsl.providers._pool import GroupedPool, Ragged, alias_tables, digits
from synthdsl.providers.addresses import Address
from synthdsl.providers.people import Person

ROWS = 100_000
FALSE_ALARM = 1e-6


def p_value(words: list[str], weights: Mapping[str, float]) -> float:
    """Chi-square of the counts against the weights; rare words share one cell."""
    counts, total = Counter(words), sum(weights.values())
    assert set(counts) <= set(weights)
    expected = {word: len(words) * weight / total for word, weight in weights.items()}
    common = [word for word in weights if expected[word] >= 10]
    observed = np.array([counts[word] for word in common], dtype=float)
    theory = np.array([expected[word] for word in common])
    rest = len(words) - theory.sum()
    if rest >= 10:
        observed = np.append(observed, len(words) - observed.sum())
        theory = np.append(theory, rest)
    return float(stats.chisquare(observed, theory * (observed.sum() / theory.sum())).pvalue)


def pool_weights(pool: Mapping[str, float] | tuple[str, ...], kept: set[str]) -> dict[str, float]:
    """Weights straight from Faker, without the few words that are left out on purpose."""
    weights: Counter[str] = Counter()
    for word in pool:
        weights[word] += pool[word] if isinstance(pool, Mapping) else 1
    dropped = set(weights) - kept
    assert len(dropped) <= 25 and sum(weights[word] for word in dropped) < 0.03 * sum(
        weights.values()
    )
    return {word: weight for word, weight in weights.items() if word in kept}


def drawn(locale: str, part: str, sex: str | None = None) -> list[str]:
    person = Person()
    argument = LEFT_OUT if sex is None else text(sex)
    prepared = person.prepare(argument, text(locale))
    columns = person.draw(block(0, ROWS), prepared, sex, locale, parts=frozenset({part}))
    return columns[part].text().to_pylist()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("sex", ["female", "male"])
def test_given_names_follow_the_pool_of_the_sex(locale, sex):
    source = importlib.import_module(f"faker.providers.person.{locale}").Provider
    kept = set(name_pools(locale).given.vocabulary.words)
    weights = pool_weights(getattr(source, f"first_names_{sex}"), kept)
    assert p_value(drawn(locale, "given", sex), weights) > FALSE_ALARM


@pytest.mark.parametrize("locale", LOCALES)
def test_family_names_follow_the_pool(locale):
    source = importlib.import_module(f"faker.providers.person.{locale}").Provider
    weights = pool_weights(source.last_names, set(name_pools(locale).family.vocabulary.words))
    names = drawn(locale, "family")
    if locale == "es_ES":
        names = [word for both in names for word in both.split(" ")]
    assert p_value(names, weights) > FALSE_ALARM


@pytest.mark.parametrize("locale", LOCALES)
def test_cities_follow_their_population(locale):
    address = Address()
    arguments = (text(locale), LEFT_OUT)
    columns = address.draw(
        block(0, ROWS), address.prepare(*arguments), locale, None, parts=frozenset({"city"})
    )
    weights: Counter[str] = Counter()
    for place in places_of(locale):
        weights[place.city] += place.population
    assert p_value(columns["city"].text().to_pylist(), weights) > FALSE_ALARM


def test_either_sex_is_drawn_half_the_time():
    assert p_value(drawn("en_US", "sex"), {"female": 1, "male": 1}) > FALSE_ALARM


def test_a_pool_that_ignores_its_weights_is_caught():
    pool = name_pools("en_US").family
    flat = replace(pool, accept=np.ones_like(pool.accept))
    words = np.array(pool.vocabulary.words)[flat.pick(block(0, ROWS).uniform("family"))].tolist()
    source = importlib.import_module("faker.providers.person.en_US").Provider
    assert p_value(words, source.last_names) < FALSE_ALARM


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40))
def test_alias_tables_give_back_the_weights(weights):
    accept, alias = alias_tables(weights)
    mass = [0.0] * len(weights)
    for entry, (share, other) in enumerate(zip(accept, alias, strict=True)):
        mass[entry] += share / len(weights)
        mass[other] += (1 - share) / len(weights)
    np.testing.assert_allclose(mass, np.array(weights) / sum(weights), rtol=1e-9, atol=1e-12)


def test_the_ends_of_the_unit_interval_stay_in_range():
    ends = np.array([2.0**-53, 1 - 2.0**-53])
    for size in (1, 2, 3, 7, 400, 997, 1000, 1024, 4096, 9999):
        pool = GroupedPool.build([{str(n): 1.0 for n in range(size)}])
        assert pool.pick(ends).tolist() == [0, size - 1]
        ragged = Ragged.build([list(range(size))])
        assert ragged.pick(ends, np.zeros(2, dtype=np.int64)).tolist() == [0, size - 1]


def test_digits_are_padded():
    numbers = np.array([0, 7, 12345, 99999])
    assert digits(numbers, 5).to_pylist() == ["00000", "00007", "12345", "99999"]
    assert digits(numbers[:0], 5).to_pylist() == []
