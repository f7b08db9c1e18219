"""Identifiers: published numbers, python-stdnum as oracle, no drawn value can be real."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import stdnum.damm
import stdnum.gb.nhs
import stdnum.luhn
import stdnum.us.ssn
import stdnum.verhoeff
from providers_text_support import (
    argument,
    capacity,
    column,
    draws_of,
    infer,
    is_uniform,
    refusal,
    texts,
)

from synthdsl.functions.base import Argument
from synthdsl.providers import PROVIDERS
from synthdsl.providers._check_digits import NO_DIGIT, SCHEMES, mod11, mod11_bad_last
from synthdsl.providers._identifier_forms import CHECKS
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import TEXT

PUBLISHED = {
    "npi": ["1234567893"],
    "mbi": ["1EG4TE5MK73"],
    "nhs_number": ["9434765919"],
    "dea": ["AP5836727"],
    "verhoeff": ["22298006"],
    "luhn": ["79927398713"],
    "damm": ["5724"],
    "loinc": ["4548-4", "718-7", "85354-9", "8480-6", "8462-4"],
    "ssn": ["123-45-6789"],
}
WRONG = {
    "npi": ["1234567890", "3234567893", "123456789", "12345678933"],
    "mbi": ["1SG4TE5MK73", "0EG4TE5MK73", "1EG4TE5MK7"],
    "nhs_number": ["9434765918"],
    "dea": ["AP5836726", "IP5836727"],
    "verhoeff": ["22298007", "10939881000119104"],
    "luhn": ["79927398710", "7992739871x"],
    "damm": ["5725"],
    "loinc": ["4548-5", "11491-6", "45484"],
    "ssn": ["000-45-6789", "666-45-6789", "987-65-4320", "123-00-6789", "123-45-0000"],
}


def verdicts(check: str, values: list[str | None]) -> list[bool]:
    return CHECKS[check](pa.array(values, pa.string())).tolist()


@pytest.mark.parametrize("check", PUBLISHED)
def test_published_numbers(check: str) -> None:
    assert all(verdicts(check, PUBLISHED[check]))
    assert not any(verdicts(check, WRONG[check]))


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_nulls_pass_and_odd_texts_do_not(check: str) -> None:
    odd = ["", "é", "é" * 5, "患者患者", "x" * 100, "1" * 70, "\x00" * 10, " 1234567893"]
    assert verdicts(check, [None, *odd, None]) == [True, *[False] * len(odd), True]
    assert verdicts(check, []) == []
    assert verdicts(check, [None]) == [True]


def test_checks_read_slices_chunks_and_dictionaries() -> None:
    values = ["1234567893", None, "bad", "1245319599", "1234567890"]
    array = pa.array(values)
    expected = verdicts("npi", values)
    assert CHECKS["npi"](array.slice(2)).tolist() == expected[2:]
    assert CHECKS["npi"](pa.chunked_array([array, array])).tolist() == expected * 2
    assert CHECKS["npi"](array.dictionary_encode()).tolist() == expected
    assert CHECKS["npi"](array.cast(pa.large_string())).tolist() == expected


@pytest.mark.parametrize(
    ("scheme", "oracle"),
    [("luhn", stdnum.luhn), ("verhoeff", stdnum.verhoeff), ("damm", stdnum.damm)],
)
def test_check_digits_against_stdnum(scheme: str, oracle) -> None:
    rng = np.random.default_rng(1)
    for length in (1, 2, 7, 8, 16, 31):
        digits = rng.integers(0, 10, (60, length), dtype=np.uint8)
        found = SCHEMES[scheme].digit(digits)
        for row, digit in zip(digits, found, strict=True):
            assert str(digit) == oracle.calc_check_digit("".join(map(str, row)))


def test_nhs_against_stdnum() -> None:
    rng = np.random.default_rng(2)
    digits = rng.integers(0, 10, (300, 9), dtype=np.uint8)
    found, bad = mod11(digits), mod11_bad_last(digits)
    assert (found == NO_DIGIT).any()
    for row, digit, avoid in zip(digits, found, bad, strict=True):
        text = "".join(map(str, row))
        assert (row[-1] == avoid) == (digit == NO_DIGIT)
        assert stdnum.gb.nhs.is_valid(f"{text}{digit}" if digit < 10 else f"{text}0") == (
            digit < 10
        )


def test_npi_is_luhn_over_its_prefix() -> None:
    for text in texts("npi", "valid", rows=200) + texts("npi", rows=200):
        assert stdnum.luhn.is_valid("80840" + text)


def test_every_single_error_is_caught() -> None:
    for scheme in ("luhn", "verhoeff", "damm", "mod11"):
        for text in texts(scheme, 8, rows=5):
            wrong = [
                text[:place] + digit + text[place + 1 :]
                for place in range(8)
                for digit in "0123456789"
                if digit != text[place]
            ]
            assert not any(verdicts(scheme, wrong))


@pytest.mark.parametrize("style", ["unreal", "valid"])
@pytest.mark.parametrize("name", ["npi", "mbi", "ssn", "nhs_number", "dea"])
def test_what_is_drawn_verifies(name: str, style: str) -> None:
    given = (None, style) if name == "dea" else (style,)
    drawn = column(name, *given, draws=draws_of(0, 5_000)).values
    check = name if style == "valid" else f"{name}_unreal"
    assert CHECKS[check](drawn).all()


@pytest.mark.parametrize("name", ["luhn", "verhoeff", "damm", "mod11"])
@pytest.mark.parametrize("length", [2, 3, 10])
def test_drawn_digits_verify(name: str, length: int) -> None:
    drawn = column(name, length, draws=draws_of(0, 2_000)).values
    assert CHECKS[name](drawn).all()
    assert {len(text) for text in drawn.to_pylist()} == {length}


def test_loinc_like_and_mrn_verify() -> None:
    for style in ("unreal", "valid"):
        assert CHECKS["loinc"](column("loinc_like", style, draws=draws_of(0, 2_000)).values).all()
    for text in texts("mrn", 6, rows=200):
        assert re.fullmatch(r"M\d{6}", text) and stdnum.luhn.is_valid(text[1:])


def test_unreal_values_are_refused_by_those_who_know() -> None:
    # Real NPIs begin with 1 or 2, real MBIs have no S, real SSNs no area from 900 on.
    assert not CHECKS["npi"](column("npi", draws=draws_of(0, 5_000)).values).any()
    assert not CHECKS["mbi"](column("mbi", draws=draws_of(0, 5_000)).values).any()
    assert not CHECKS["dea"](column("dea", draws=draws_of(0, 5_000)).values).any()
    for text in texts("ssn", rows=2_000):
        assert not stdnum.us.ssn.is_valid(text)
        assert 1 <= int(text[4:6]) <= 49, "other groups look like taxpayer numbers"
    assert all(text.startswith("999") for text in texts("nhs_number", rows=500))


def test_valid_ssns_are_valid() -> None:
    # stdnum also knows a few numbers that were withdrawn after appearing in advertisements.
    drawn = texts("ssn", "valid", rows=3_000)
    assert sum(stdnum.us.ssn.is_valid(text) for text in drawn) >= 2_999


def test_all_numbers_of_a_small_space_are_equally_likely() -> None:
    counts = Counter(texts("mod11", 3, rows=9_000))
    assert len(counts) == capacity("mod11", 3) == 90
    assert is_uniform(list(counts.values()))
    assert capacity("ssn") == 100 * 49 * 9_999
    assert capacity("ssn", "valid") == 898 * 99 * 9_999
    assert capacity("mbi") == 9 * 1 * 30 * 10 * 20 * 30 * 10 * 20 * 20 * 10 * 10
    serials = Counter(text[-4:-1] for text in texts("ssn", rows=50_000))
    assert "000" in serials and all(text[-4:] != "0000" for text in texts("ssn", rows=50_000))


NAMES = ["Évora", "smith", "O'Neil", "3M", "", "Ødegaard", "王", "ångström", None]
INITIALS = ["E", "S", "O", "9", "9", "9", "9", "A", None]


def dea_column(name: Column) -> Column:
    given = [Argument(TEXT.nullable()), argument("valid")]
    provider = PROVIDERS.get("dea")
    assert provider.infer(*given) == TEXT.nullable()
    return provider.draw(draws_of(0, len(name)), provider.prepare(*given), name, "valid")


def test_dea_takes_the_initial_of_the_name() -> None:
    valid = np.array([name is not None for name in NAMES])
    coded = Vocabulary(tuple(name or "x" for name in NAMES))
    for name in (
        Column(pa.array([n or "x" for n in NAMES]), valid),
        Column(np.arange(len(NAMES), dtype=np.int32), valid, coded),
    ):
        # The empty name stands as "x" in these columns.
        wanted = ["X" if n == "" else i for n, i in zip(NAMES, INITIALS, strict=True)]
        drawn = dea_column(name)
        assert [t and t[1] for t in drawn.text().to_pylist()] == wanted
        assert CHECKS["dea"](drawn.text()).all()
    empty = dea_column(Column(pa.array(["", "a"])))
    assert [t[1] for t in empty.text().to_pylist()] == ["9", "A"]
    assert {text[1] for text in texts("dea", "jones", "valid", rows=50)} == {"J"}


def test_refusals() -> None:
    assert "style" in refusal("npi", "real").message
    assert "style" in refusal("mbi", Argument(TEXT)).message
    assert "[2, 64]" in refusal("luhn", 1).message
    assert "[2, 10]" in refusal("mod11", 11).message
    assert "whole number" in refusal("verhoeff", "5").message
    assert "name must be text" in refusal("dea", 5).message
    assert "[2, 18]" in refusal("mrn", 40).message
    assert infer("npi", "valid") == TEXT
