"""`grammar`: the law of a weighted grammar, its recursion, its slots and its refusals."""

from __future__ import annotations

import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from providers_text_support import (
    argument,
    arguments_of,
    column,
    draws_of,
    fits,
    infer,
    refusal,
    texts,
)

from synthdsl.functions.base import Argument
from synthdsl.providers import PROVIDERS, _grammar_draws
from synthdsl.providers._grammar_syntax import DEEPEST, parse_grammar
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import DATE, INT, TEXT

NOTE = """
# A short note.
note -> "Reports " sign ". " plan [70%]
      | 'No "complaints". ' plan [rest]
sign -> "cough" [50%] | "pain" [30.5%] | sign2 [rest]   # one level down
sign2 -> "fièvre" | "頭痛" ; plan -> "" [25%] | "Rest." [75%]
"""
SIGNS = {"cough": 0.5, "pain": 0.305, "fièvre": 0.0975, "頭痛": 0.0975}
PLANS = {"": 0.25, "Rest.": 0.75}


def law() -> dict[str, float]:
    """Every text of NOTE with its probability, by hand."""
    expected = {f'No "complaints". {plan}': 0.3 * p for plan, p in PLANS.items()}
    for sign, q in SIGNS.items():
        for plan, p in PLANS.items():
            expected[f"Reports {sign}. {plan}"] = 0.7 * q * p
    return expected


def test_texts_have_their_probabilities() -> None:
    expected = law()
    counts = Counter(texts("grammar", NOTE, "note", rows=20_000))
    assert set(counts) == set(expected)
    observed = [counts[text] for text in expected]
    assert fits(observed, list(expected.values()))
    # Taking every alternative equally often, which ignores the weights, is caught.
    assert not fits(observed, [1 / len(expected)] * len(expected))


def test_another_start_and_a_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\xef\xbb\xbf" + NOTE.replace("\n", "\r\n").encode())
    assert texts("grammar", str(path), "note", rows=200) == texts("grammar", NOTE, "note", rows=200)
    assert set(texts("grammar", str(path), "sign2", rows=50)) == {"fièvre", "頭痛"}
    path.write_bytes(b"note -> '\xff'")
    assert "not UTF-8 at byte 9" in refusal("grammar", str(path), "note").message
    assert "cannot be read" in refusal("grammar", str(tmp_path / "none.txt"), "note").message
    assert "cannot be read" in refusal("grammar", str(tmp_path), "note").message
    assert "cannot be read" in refusal("grammar", "a\0b", "note").message


@pytest.mark.parametrize(
    "text",
    ["list -> item [60%] | list ',' item [rest]; item -> 'x'",
     "list -> item [60%] | item ',' list [rest]; item -> 'x'"],
)  # fmt: skip
def test_left_and_right_recursion_are_geometric(text: str) -> None:
    counts = Counter(t.count("x") for t in texts("grammar", text, "list", rows=20_000))
    shares = [0.6 * 0.4**k for k in range(7)]
    observed = [counts[k + 1] for k in range(7)]
    rest = 20_000 - sum(observed)
    assert fits([*observed, rest], [*shares, 1 - sum(shares)])


def test_the_law_is_conditional_on_the_depth() -> None:
    # Length k needs depth k; a chain of 0.8 continues, so 0.8**32 = 0.0008 is cut off.
    text = "a -> 'x' [20%] | 'x' a [rest]"
    grammar = parse_grammar(text, "a")
    assert grammar.mass[DEEPEST]["a"] == pytest.approx(1 - 0.8**DEEPEST, rel=1e-12)
    lengths = np.array([len(t) for t in texts("grammar", text, "a", rows=20_000)])
    assert lengths.max() <= DEEPEST
    shares = np.array([0.2 * 0.8**k for k in range(DEEPEST)])
    shares /= shares.sum()
    observed = np.bincount(lengths - 1, minlength=DEEPEST)
    assert fits([*observed[:20], observed[20:].sum()], [*shares[:20], shares[20:].sum()])


def test_choices_within_a_text_are_independent() -> None:
    drawn = texts("grammar", "p -> d d d d; d -> '0' | '1' | '2'", "p", rows=20_000)
    table = np.zeros(81)
    for text in drawn:
        table[int(text, 3)] += 1
    assert fits(table, np.full(81, 1 / 81))


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = texts("grammar", NOTE, "note", rows=300)
    monkeypatch.setattr(_grammar_draws, "LARGEST_CHUNK", 50)
    assert texts("grammar", NOTE, "note", rows=300) == whole
    assert texts("grammar", NOTE, "note", rows=0) == []


SLOTTED = "n -> '{0} is {1}' [50%] | 'seen {2:date}, {{{0}}}' [50%]"


def test_slots_show_the_row_and_nulls_stay_null() -> None:
    given = arguments_of(
        "grammar", SLOTTED, "n", Argument(TEXT.nullable()), Argument(INT), Argument(DATE)
    )
    provider = PROVIDERS.get("grammar")
    assert provider.infer(*given) == TEXT.nullable()
    rows = 500
    valid = np.arange(rows) % 7 != 0
    names = Column(np.arange(rows) % 3, valid, Vocabulary(("Ann", "Bö", "患")))
    ages, days = Column(np.arange(rows)), Column(np.arange(rows))
    drawn = provider.draw(
        draws_of(0, rows), provider.prepare(*given), SLOTTED, "n", names, ages, days, *[None] * 5
    )
    kinds = set()
    for row, text in enumerate(drawn.text().to_pylist()):
        name = ("Ann", "Bö", "患")[row % 3]
        day = np.datetime64(row, "D")
        if row % 7 == 0:
            assert text is None
        else:
            assert text in (f"{name} is {row}", f"seen {day}, {{{name}}}")
            kinds.add(text.startswith("seen"))
    assert kinds == {True, False}
    constant = column("grammar", "n -> 'a {0}{0:.1}'", "n", 2.5, draws=draws_of(0, 3))
    assert constant.values.to_pylist() == ["a 2.52.5"] * 3
    arrow = column(
        "grammar", "n -> 'a {0}'", "n", Argument(TEXT), draws=draws_of(0, 2),
        columns={2: Column(pa.array(["x", "y"]))},
    )  # fmt: skip
    assert arrow.values.to_pylist() == ["a x", "a y"]


def test_slot_refusals() -> None:
    assert "slot {1}" in refusal("grammar", "n -> '{1}'", "n", "x").message
    assert "no slot {1}" in refusal("grammar", "n -> '{0}'", "n", "x", "y").message
    assert "a date needs its form" in refusal("grammar", "n -> '{0}'", "n", Argument(DATE)).message
    assert "`{age}` is no slot" in refusal("grammar", "n -> '{age}'", "n").message


REFUSED = {
    "a -> b; c -> 'x'": "line 1, character 6: there is no rule `b`",
    "a -> sgin\nsign -> 'x'": "there is no rule `sgin`",
    "a -> 'x' [50%] | 'y' [40%]": "total 90 %",
    "a -> 'x' [60%] | 'y' [60%]": "total 120 %",
    "a -> 'x' [60%] | 'y' [40%] | 'z' [rest]": "total 100 % and 1 times rest",
    "a -> 'x' [rest] | 'y' [rest]": "2 times rest",
    "a -> 'x' [60%] | 'y'": "with and without weight",
    "a -> 'x' [0%] | 'y' [100%]": "0 %",
    "a -> 'x' [60] | 'y'": "no weight",
    "a -> [60%] 'x' | 'y' [rest]": "must end its alternative",
    "a -> 'x' | | 'y'": "is empty",
    "a -> ": "is empty",
    "'x' a -> 'x'": "a rule must come first",
    "a -> 'x\n'": "line 1, character 6: this quote is not closed",
    "a -> 'x'\n  | ü": "line 2, character 5: `ü` means nothing",
    "a -> 'x' -> 'y'": "follows no name",
    "a -> 'x'; a -> 'y'": "line 1, character 11: rule `a` is written twice",
    "a -> 'x' a": "rule `a` never ends",
    "a -> b | 'x'; b -> c 'y'; c -> b 'z'": "rule `b` never ends",
    "a -> a": "never ends",
    "a -> a a [60%] | 'x' [rest]": "nested deeper than 32 rules with probability",
    "a -> 'x' a [90%] | 'y' [rest]": "nested deeper than 32",
    "a -> '{'": "this `{` is not closed",
    "a -> 'x\0'": "cannot be drawn",
    "# nothing ->": "no rule",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_where(text: str) -> None:
    misuse = refusal("grammar", text, "a")
    assert REFUSED[text] in misuse.message
    assert "in the grammar, line " in misuse.message
    assert misuse.argument == 0


def test_a_missing_start() -> None:
    misuse = refusal("grammar", "note -> 'x'", "nota")
    assert "no rule `nota`" in misuse.message and misuse.help == "did you mean `note`?"
    assert "constant" in refusal("grammar", Argument(TEXT), "a").message
    assert "constant" in refusal("grammar", "a -> 'x'", 5).message


def hostile() -> list[str]:
    doubling = "; ".join(f"r{k} -> r{k + 1} r{k + 1}" for k in range(30)) + "; r30 -> 'x'"
    deep = "; ".join(f"r{k} -> r{k + 1}" for k in range(3_000)) + "; r3000 -> 'x'"
    return [
        doubling,
        deep,
        "r0 -> " + "'x' | " * 15_000 + "r0",
        "r0 -> '" + "x" * 99_000 + "'",
        "r0 -> '" + "x" * 200_000 + "'",
        "r0 -> " + "'x' " * 24_000,
        "r0 -> " + "[" * 50_000,
    ]


@pytest.mark.parametrize("number", range(len(hostile())))
def test_hostile_grammars_are_refused_quickly(number: int) -> None:
    text = hostile()[number]
    started = time.process_time()
    result = infer("grammar", text, "r0")
    assert time.process_time() - started < 2
    if number != 2:  # 15,000 alternatives are many, but honest
        assert result != TEXT


def test_weights_are_exact() -> None:
    grammar = parse_grammar("a -> 'x' [33.3%] | 'y' [33.3%] | 'z' [rest]; b -> 'x'", "a")
    assert [a.weight for a in grammar.rules[0].alternatives] == [
        Fraction(333, 1000), Fraction(333, 1000), Fraction(334, 1000),
    ]  # fmt: skip
    assert [rule.name for rule in grammar.rules] == ["a"]
    third = parse_grammar("a -> 'x' | 'y' | 'z'", "a").rules[0].alternatives
    assert {a.weight for a in third} == {Fraction(1, 3)}
    assert argument("x").is_constant
