"""`regex`: what it draws matches, uniformly; what it cannot draw is refused at once."""

from __future__ import annotations

import re
import time
from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from providers_text_support import argument, capacity, fits, infer, is_uniform, refusal, texts

from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers._regular_syntax import (
    Branch,
    Choice,
    Node,
    Repeat,
    Sequence,
    parse_expression,
)
from synthdsl.values.types import TEXT


def derivations(node: Node) -> list[str]:
    """Every derivation of a small tree, listed from the definition."""
    if isinstance(node, Choice):
        return list(node.characters)
    if isinstance(node, Sequence):
        return ["".join(parts) for parts in product(*map(derivations, node.parts))]
    if isinstance(node, Branch):
        return [text for option in node.options for text in derivations(option)]
    assert isinstance(node, Repeat)
    inner = derivations(node.part)
    return [
        "".join(parts)
        for times in range(node.low, node.high + 1)
        for parts in product(inner, repeat=times)
    ]


atoms = st.one_of(
    st.sampled_from("abzé7 -/患🩺"),
    st.sampled_from([r"\d", r"\w", r"\s", r"\D", r"\.", r"\\", r"\[", r"\x41", r"\u00e9", "."]),
    st.sampled_from(["[a-f]", "[^a-y]", "[]x]", "[a-]", r"[\d_]", r"[\]\-^]", "[é-ü]", "[0-9A-F]"]),
)
repeats = st.sampled_from(["", "", "?", "*", "+", "{2}", "{0,2}", "{1,}", "{,2}", "??", "+?"])
# Few repeats of groups: the backtracking matcher used as oracle is exponential on nested ones.
group_repeats = st.sampled_from(["", "", "?", "{2}"])
expressions = st.recursive(
    st.builds(lambda a, r: a + r, atoms, repeats),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.builds(lambda a, b, r: f"({a}|{b}){r}", inner, inner, group_repeats),
        st.builds(lambda a: f"(?:{a})", inner),
        st.builds(lambda a: f"(?P<n>{a})" if "P<n>" not in a else f"({a})", inner),
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(expressions, st.booleans())
def test_what_is_drawn_matches(expression: str, is_anchored: bool) -> None:
    expression = f"^{expression}$" if is_anchored else expression
    if isinstance(infer("regex", expression), Misuse):
        assert len(expression) > 20, "only large expressions may be refused"
        return
    try:
        compiled = re.compile(expression)
    except re.error:  # two groups may get one name; the tree is the same without
        compiled = re.compile(expression.replace("?P<n>", ""))
    for text in texts("regex", expression, rows=30):
        assert compiled.fullmatch(text), (expression, text)


SMALL = [
    "[ab]{1,3}", "(a|bc|d{2})e?", "a|a|b", "(x|y[0-4])*?z".replace("*?", "{0,2}"), "(a?b?){2}",
    "[é患]{0,2}(ü|)", "(a|b(c|d(e|f)))", "((a|b){2}|c)[01]?", r"\s?[^\x20-\x7c]",
]  # fmt: skip


@pytest.mark.parametrize("expression", SMALL)
def test_derivations_are_equally_likely(expression: str) -> None:
    listed = derivations(parse_expression(expression))
    assert capacity("regex", expression) == len(listed)
    expected = Counter(listed)
    counts = Counter(texts("regex", expression, rows=60 * len(listed)))
    assert set(counts) <= set(expected)
    ordered = sorted(expected)
    shares = [expected[text] / len(listed) for text in ordered]
    if len(ordered) > 1:
        assert fits([counts[text] for text in ordered], shares)


def test_picking_branches_evenly_would_be_caught() -> None:
    # A naive sampler takes each option half of the time; (a|[b-j]) has ten derivations.
    counts = Counter(texts("regex", "a|[b-j]", rows=3_000))
    assert is_uniform(list(counts.values()))
    naive = [1_500] + [166] * 9
    assert not is_uniform(naive)


def test_parts_are_independent() -> None:
    counts = Counter((t[0], t[-1]) for t in texts("regex", "[abc](x|yy){1,2}[abc]", rows=9_000))
    assert len(counts) == 9
    assert is_uniform(list(counts.values()))


def test_counts_are_exact_beyond_machine_words() -> None:
    assert capacity("regex", "[ab]{500}") == 2**500
    assert capacity("regex", "a{0,7}|b+") == 8 + 9
    assert capacity("regex", "[0-9]*") == sum(10**k for k in range(9))
    assert texts("regex", "[ab]{500}", rows=3)[0].strip("ab") == ""
    lengths = Counter(map(len, texts("regex", "[ab]{0,300}", rows=2_000)))
    assert lengths[300] > 900


REFUSED = {
    "": "empty", "(": "not closed", "a)": "closes nothing", "[": "not closed", "[]": "not closed",
    "[z-a]": "no range", "a**": "follows a repeat", "a*+": "possessive", "*a": "repeats nothing",
    "a{3,2}": "above the most", "a{": "starts no repeat", "a{x}": "starts no repeat",
    r"(a)\1": "back-ref", "(?P<n>a)(?P=n)": "back-ref", "(?=a)": "look-around",
    "(?!a)": "look-around", "(?<=a)b": "look-around", "(?<!a)b": "look-around",
    "(?i)a": "plain groups", r"\ba": "not supported", r"\p{L}": "not supported", "a^b": "start",
    "a$b": "end", "\\": "lone", "a\\": "lone", r"\x4": "hexadecimal", r"\u00g0": "hexadecimal",
    "[^ -~]": "no printable", "a\0": "U+0000", "[\u0000-z]": "U+0000", r"\ud800": "U+D800",
    "(?>a)": "plain groups", r"[\d-z]": "no range",
}  # fmt: skip


@pytest.mark.parametrize("expression", REFUSED)
def test_refusals_say_where(expression: str) -> None:
    misuse = refusal("regex", expression)
    assert REFUSED[expression] in misuse.message
    assert re.search(r"character \d+: ", misuse.message)


def test_the_place_is_the_character() -> None:
    assert "character 3:" in refusal("regex", "ab(cd").message
    assert "character 6:" in refusal("regex", "é患ab*{2}").message


HOSTILE = [
    "((a{1000}){1000}){1000}",
    "(((((a{99}){99}){99}){99}){99}){99}",
    "a" * 1_000_000,
    "(" * 1_000_000,
    "(" * 1_000,
    "[" * 1_000,
    "(a|" * 300 + "a" + ")" * 300,
    "(" * 39 + "a" + "){9}" * 39,
    "((){9999}){9999}",
    "(a?){99999}",
    "a{999999999999999999999}",
    "[\u4e00-\u9fff]{300}",
    "[\u0001-\U0010ffff]",
    "." * 999 + "*",
    "(a*)*" * 200,
    "((a+)+)+$" * 50,
    "x{0,900}" * 100,
    "\\" * 999,
]


@pytest.mark.parametrize("expression", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_expressions_are_refused_quickly(expression: str) -> None:
    started = time.process_time()
    refusal("regex", expression)
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(
    "expression", ["." * 1_000, "(a|b)" * 190, "[ab]{1000}", "((a|b)?){400}", "(.{2}){0,400}"]
)
def test_the_largest_allowed_expressions_are_bearable(expression: str) -> None:
    started = time.process_time()
    assert capacity("regex", expression) > 1
    drawn = texts("regex", expression, rows=50)
    # No matching here: the oracle would need exponential time for some of these.
    assert max(map(len, drawn)) > 180
    assert time.process_time() - started < 5


def test_other_arguments() -> None:
    assert "constant" in refusal("regex", Argument(TEXT)).message
    assert "text" in refusal("regex", 5).message
    assert infer("regex", argument("a")) == TEXT
