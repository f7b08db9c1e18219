"""Random small specs, with every combination of values tried as the oracle.

The oracle evaluates each rule on each row with the engine; the analysis never sees it.
"""

from __future__ import annotations

import os
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_specs import found_in, spec_of

from synthdsl.engine.evaluate import evaluate
from synthdsl.engine.frame import Frame
from synthdsl.engine.results import enum_vocabulary, is_false
from synthdsl.values.columns import Column

EXAMPLES = int(os.environ.get("SYNTHDSL_RULE_EXAMPLES", "150"))
LEAST_REFUSED = 0.9
"""Share of the impossible specs that the analysis must find."""
DOMAINS = {
    "a": ("K", ["p", "q", "r"], "{p: 40%, q: 30%, r: rest}"),
    "b": ("K", ["p", "q", "r"], "{p: 40%, q: 30%, r: rest}"),
    "f": ("bool", [True, False], "bernoulli(30%)"),
    "g": ("bool", [True, False], "bernoulli(60%)"),
    "i": ("int", [0, 1, 2, 3], "discrete_uniform(0, 3)"),
    "j": ("int", [1, 2, 3, 4, 5], "discrete_uniform(1, 5)"),
    "k": ("int?", [2, 4, 7, None], "{2: 20%, 4: 30%, 7: 30%, null: rest}"),
    "m": ("float step 0.1", [0.1, 0.2, 0.3], "{0.1: 30%, 0.2: 30%, 0.3: rest}"),
}


def number():
    return st.one_of(
        st.sampled_from(["i", "j", "k"]),
        st.integers(-1, 8).map(str),
        st.sampled_from(
            ["i + j", "j - i", "2 * i", "i + j + k", "i * j", "k / 2", "abs(i - j)", "max(i, k)",
             "when {f: i, else: j}", "coalesce(k, 0)", "10 * m", "m + i", "i ^ 2", "mod(j, 2)"]
        ),
    )  # fmt: skip


def atom():
    compared = st.tuples(
        number(), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), number()
    ).map(" ".join)
    return st.one_of(
        compared.filter(lambda text: any(c.isalpha() for c in text)),
        st.sampled_from(
            ["a == p", "a != q", "a == b", "a != b", "a in {p, r}", "b in {q}", "f", "g", "not f",
             "k is null", "k is not null", "m < 0.3", "m >= 0.2", "f == g", "m + 0.1 <= 0.3",
             "i in [1, 2]", "j not in [2, 4]", "k in {2, 7}"]
        ),
    )  # fmt: skip


def condition():
    return st.recursive(
        atom(),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or", "->", "<->"]), inner).map(
                lambda t: f"({t[0]}) {t[1]} ({t[2]})"
            ),
            inner.map(lambda t: f"not ({t})"),
        ),
        max_leaves=4,
    )


def spec_text(rules: list[str]) -> str:
    fields = "".join(f"  {n}: {t} ~ {draw}\n" for n, (t, _, draw) in DOMAINS.items())
    stated = "".join(f"  rule r{at}: {text}\n" for at, text in enumerate(rules))
    return f"enum K {{p, q, r}}\ntable t [10] {{\n{fields}{stated}}}\n"


def every_row() -> tuple[int, dict[str, list]]:
    rows = list(product(*(values for _, values, _ in DOMAINS.values())))
    return len(rows), {n: [row[at] for row in rows] for at, n in enumerate(DOMAINS)}


ROWS, VALUES = every_row()


def frame_of(spec) -> Frame:
    keys = np.arange(ROWS, dtype=np.uint64)
    frame = Frame("t", 0, keys, np.arange(ROWS, dtype=np.int64))
    for name, item in spec.tables["t"].fields.items():
        values = VALUES[name]
        valid = np.array([v is not None for v in values])
        if item.type.enum is not None:
            vocabulary = enum_vocabulary(item.type.enum)
            codes = np.array([vocabulary.codes[v] for v in values], np.int32)
            frame.columns[name] = Column(codes, None, vocabulary)
        else:
            plain = np.array([0 if v is None else v for v in values])
            frame.columns[name] = Column(plain, None if valid.all() else valid)
    return frame


def passing(spec) -> list[np.ndarray]:
    """For each rule, the rows in which it is not false."""
    frame = frame_of(spec)
    return [~is_false(evaluate(rule.condition, frame), ROWS) for rule in spec.tables["t"].rules]


COUNTS = {"impossible": 0, "refused": 0, "possible": 0}


@settings(max_examples=EXAMPLES)
@given(st.lists(condition(), min_size=1, max_size=5))
def check_rules_of(rules):
    spec = spec_of(spec_text(rules))
    stated = spec.tables["t"].rules
    if not stated:
        return
    holds = np.logical_and.reduce(passing(spec))
    found = found_in(spec_text(rules))
    refused = [d for d in found if d.code in ("rule-conflict", "unsatisfiable")]
    if holds.any():
        COUNTS["possible"] += 1
        assert not refused, (rules, [d.message for d in refused])
    else:
        COUNTS["impossible"] += 1
        COUNTS["refused"] += bool(refused)
    check_warnings(found, stated, passing(spec), holds)


def check_warnings(found, stated, passes, holds):
    """What is said to change nothing does, and what is said not to occur does not."""
    for diagnostic in found:
        if diagnostic.code == "vacuous-rule":
            at = next(
                i for i, rule in enumerate(stated) if rule.span.start == diagnostic.span.start
            )
            others = [p for i, p in enumerate(passes) if i != at]
            rest = np.logical_and.reduce(others) if others else np.ones(ROWS, bool)
            assert not (rest & ~passes[at]).any(), diagnostic.message
        if diagnostic.code == "zero-mass" and " = " in diagnostic.message:
            name, value = diagnostic.message.split(" (")[0].split(" can never")[0].split(" = ")
            wanted = {"true": True, "false": False}.get(value, value)
            rows = np.array([str(v) == str(wanted) for v in VALUES[name]])
            assert not (rows & holds).any(), diagnostic.message


def test_no_possible_spec_is_refused_and_few_impossible_ones_are_missed():
    for name in COUNTS:
        COUNTS[name] = 0
    check_rules_of()
    assert COUNTS["possible"] >= EXAMPLES // 4
    assert COUNTS["impossible"] >= EXAMPLES // 20
    assert COUNTS["refused"] >= LEAST_REFUSED * COUNTS["impossible"], COUNTS
