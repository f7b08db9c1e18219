"""Draws, arguments and statistics shared by the tests of text providers."""

from __future__ import annotations

import numpy as np
from scipy import stats

from synthdsl.engine.streams import SlotDraws, root_keys
from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers import PROVIDERS
from synthdsl.values.types import FLOAT, INT, NULL, TEXT

FALSE_ALARM = 1e-4
"""Probability that one statistical test of this folder fails on a correct sampler.

Seeds are fixed, so a test that passes once passes always.
"""


def draws_of(start: int, stop: int, *, seed: int = 1, slot: str = "patient.field") -> SlotDraws:
    return SlotDraws(seed, slot, root_keys("patient", start, stop), np.arange(start, stop))


def argument(value: object) -> Argument:
    if isinstance(value, Argument):
        return value
    types = {str: TEXT, int: INT, float: FLOAT, type(None): NULL}
    return Argument(types[type(value)], True, value)


def arguments_of(name: str, *values: object) -> list[Argument]:
    provider = PROVIDERS.get(name)
    given = [argument(value) for value in values]
    return given + [argument(p.default) for p in provider.parameters[len(given) :]]


def infer(name: str, *values: object):
    return PROVIDERS.get(name).infer(*arguments_of(name, *values))


def refusal(name: str, *values: object) -> Misuse:
    result = infer(name, *values)
    assert isinstance(result, Misuse), result
    assert result.message and result.help
    return result


def capacity(name: str, *values: object):
    return PROVIDERS.get(name).capacity(*arguments_of(name, *values))


def column(name: str, *values: object, draws: SlotDraws, columns: dict[int, object] | None = None):
    provider = PROVIDERS.get(name)
    given = arguments_of(name, *values)
    assert not isinstance(provider.infer(*given), Misuse), provider.infer(*given)
    prepared = provider.prepare(*given)
    passed = [a.value for a in given]
    for place, replacement in (columns or {}).items():
        passed[place] = replacement
    return provider.draw(draws, prepared, *passed)


def texts(name: str, *values: object, rows: int = 1_000, start: int = 0, seed: int = 1):
    drawn = column(name, *values, draws=draws_of(start, start + rows, seed=seed))
    drawn.values.validate(full=True)
    return drawn.values.to_pylist()


def is_uniform(counts) -> bool:
    """Chi-square test that `counts` are equally likely, at level FALSE_ALARM."""
    return stats.chisquare(np.asarray(counts)).pvalue > FALSE_ALARM


def fits(counts, probabilities) -> bool:
    """Chi-square test of `counts` against `probabilities`, at level FALSE_ALARM."""
    counts = np.asarray(counts, float)
    expected = np.asarray(probabilities, float) * counts.sum()
    return stats.chisquare(counts, expected).pvalue > FALSE_ALARM
