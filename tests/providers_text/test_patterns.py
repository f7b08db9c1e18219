"""`pattern` and `numbered`: what blanks draw, literals in any script, refusals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from providers_text_support import argument, capacity, infer, is_uniform, refusal, texts

from synthdsl.functions import FUNCTIONS
from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers._byte_text import Layout, below, ragged_text
from synthdsl.values.types import FLOAT, INT, TEXT


def matches(pattern: str, text: str) -> bool:
    """A slow reference reading of a pattern."""
    place = 0
    characters = iter(pattern)
    for character in characters:
        if place >= len(text):
            return False
        if character == "\\":
            good = text[place] == next(characters)
        elif character == "#":
            good = text[place] in "0123456789"
        elif character == "?":
            good = text[place] in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        else:
            good = text[place] == character
        if not good:
            return False
        place += 1
    return place == len(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["#", "?", "##", "????", "\\#", "\\?", "\\\\", "-"]),
            st.characters(exclude_characters="\\\0", exclude_categories=["Cs"]),
        ),
        min_size=1,
        max_size=30,
    ).map("".join)
)
def test_texts_have_the_shape_of_the_pattern(pattern: str) -> None:
    for text in texts("pattern", pattern, rows=20):
        assert matches(pattern, text), (pattern, text)


def test_literals_of_several_bytes() -> None:
    for text in texts("pattern", "É–#患者?🩺##", rows=50):
        assert matches("É–#患者?🩺##", text)


@pytest.mark.parametrize("pattern", ["##", "?#", "#-#?"])
def test_every_text_is_equally_likely(pattern: str) -> None:
    size = capacity("pattern", pattern)
    counts = Counter(texts("pattern", pattern, rows=40 * size))
    assert len(counts) == size
    assert is_uniform(list(counts.values()))


def test_each_digit_and_each_pair_of_neighbours_is_uniform() -> None:
    matrix = np.array([[ord(c) for c in t] for t in texts("pattern", "############", rows=60_000)])
    for place in range(12):
        assert is_uniform(np.bincount(matrix[:, place] - 48, minlength=10))
    for place in range(11):
        pairs = (matrix[:, place] - 48) * 10 + matrix[:, place + 1] - 48
        assert is_uniform(np.bincount(pairs, minlength=100))


def test_a_biased_sampler_is_caught() -> None:
    bits = np.random.default_rng(1).integers(0, 2**64, 1_000_000, dtype=np.uint64)
    assert is_uniform(np.bincount(below(bits, 10), minlength=10))
    # The classic mistake: a byte modulo ten.
    assert not is_uniform(np.bincount((bits & np.uint64(255)) % np.uint64(10), minlength=10))


def test_below_is_exact_at_its_ends() -> None:
    bits = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    for radix in (1, 2, 3, 10, 2**31 + 11, 2**32):
        assert below(bits, radix).tolist() == [int(b) * radix >> 64 for b in bits.tolist()]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from("0123456789abXYé患"), min_size=1, max_size=12, unique=True),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_unrank_is_mixed_radix(positions: list[list[str]], data: st.DataObject) -> None:
    layout = Layout([tuple(choices) for choices in positions])
    ranks = data.draw(st.lists(st.integers(0, layout.capacity - 1), min_size=1, max_size=5))
    expected = []
    for rank in ranks:
        text = ""
        rest = rank
        for choices in reversed(positions):
            rest, code = divmod(rest, len(choices))
            text = choices[code] + text
        expected.append(text)
    found = ragged_text(layout.unrank(np.array(ranks, np.uint64))).to_pylist()
    assert found == expected


def test_refusals() -> None:
    assert "empty" in refusal("pattern", "").message
    assert "lone" in refusal("pattern", "AB\\").message
    assert "1,000" in refusal("pattern", "#" * 1_001).message
    assert "U+0000" in refusal("pattern", "a\0b").message
    assert "U+D800" in refusal("pattern", "a\ud800b").message
    assert "text" in refusal("pattern", 5).message
    assert "constant" in refusal("pattern", Argument(TEXT)).message
    assert "no check" in refusal("pattern", "####", "lunh").message
    assert "letters" in refusal("pattern", "?###", "luhn").message
    assert "exactly 9" in refusal("pattern", "###", "npi").message
    assert "last digit" in refusal("pattern", "###7", "mod11").message
    assert infer("pattern", "no blanks") == TEXT
    assert texts("pattern", "no blanks", rows=2) == ["no blanks", "no blanks"]


def numbered(pattern: str, numbers: list[int]) -> list[str | None]:
    array = FUNCTIONS.get("numbered").apply(pattern, np.array(numbers, np.int64))
    array.validate(full=True)
    return array.to_pylist()


def test_numbered_pads_and_refuses_what_does_not_fit() -> None:
    function = FUNCTIONS.get("numbered")
    numbers = [0, 7, 12, 99_999_999, 100_000_000, -1, 2**53]
    found = numbered("P########é", numbers)
    assert found == [
        "P00000000é", "P00000007é", "P00000012é", "P99999999é", None, None, None,
    ]  # fmt: skip
    assert found == [function.constant("P########é", n) for n in numbers]
    assert numbered("##-##", [1234, 5]) == ["12-34", "00-05"]
    assert numbered("#" * 18, [10**17 + 3]) == ["100000000000000003"]
    assert numbered("A#", []) == []


@given(st.lists(st.integers(-5, 2_000_000), min_size=1, max_size=20), st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_numbered_agrees_with_formatting(numbers: list[int], digits: int) -> None:
    expected = [f"x{n:0{digits}}" if 0 <= n < 10**digits else None for n in numbers]
    assert numbered("x" + "#" * digits, numbers) == expected


def test_numbered_refusals() -> None:
    infer_numbered = FUNCTIONS.get("numbered").infer
    assert infer_numbered(argument("P##"), Argument(INT)) == TEXT.nullable()
    assert infer_numbered(argument("P##"), argument(5)) == TEXT
    for bad in (
        (argument("P"), Argument(INT)),
        (argument("P?#"), Argument(INT)),
        (argument("P##"), argument(100)),
        (argument("P##"), Argument(FLOAT)),
        (argument(""), Argument(INT)),
    ):
        result = infer_numbered(*bad)
        assert isinstance(result, Misuse) and result.help
