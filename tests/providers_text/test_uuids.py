"""`uuid`: the layout of version 4, and every free bit fair."""

from __future__ import annotations

import uuid

import numpy as np
from providers_text_support import FALSE_ALARM, column, draws_of, texts
from scipy import stats

from synthdsl.providers._identifier_forms import CHECKS


def test_python_reads_every_one_as_version_four() -> None:
    drawn = texts("uuid", rows=3_000)
    for text in drawn:
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert parsed.version == 4 and parsed.variant == uuid.RFC_4122
    assert len(set(drawn)) == 3_000
    assert CHECKS["uuid"](column("uuid", draws=draws_of(0, 500)).values).all()


def test_the_free_bits_are_fair() -> None:
    rows = 20_000
    numbers = [uuid.UUID(text).int for text in texts("uuid", rows=rows)]
    bits = np.array([[number >> place & 1 for place in range(128)] for number in numbers])
    fixed = {76: 0, 77: 0, 78: 1, 79: 0, 62: 0, 63: 1}
    ones = bits.sum(axis=0)
    for place in range(128):
        if place in fixed:
            assert ones[place] == fixed[place] * rows
        else:
            # 122 tests share the false-alarm rate.
            assert stats.binomtest(int(ones[place]), rows).pvalue > FALSE_ALARM / 122


def test_the_published_order_of_hexadecimal_digits() -> None:
    draws = draws_of(0, 1)
    high, low = int(draws.bits("high")[0]), int(draws.bits("low")[0])
    high = high & ~0xF000 | 0x4000
    low = low & (2**62 - 1) | 2**63
    assert texts("uuid", rows=1) == [str(uuid.UUID(int=high << 64 | low))]
