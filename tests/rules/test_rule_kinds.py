"""Every kind of rule is recognised, from its own example and no other's."""

from __future__ import annotations

import pytest
from rules_specs import spec_of

from synthdsl.rules.kinds.base import RULE_KINDS, kind_of

KINDS = list(RULE_KINDS)


def rule_of(text: str):
    spec = spec_of(
        "enum K {x, y, w}\ntable t [5] {\n  a: int ~ poisson(9)\n  b: int ~ poisson(9)\n"
        "  c: int ~ poisson(9)\n  f: bool ~ bernoulli(50%)\n  n: int? ~ {1: 50%, null: rest}\n"
        "  k: K ~ {x: 50%, y: 20%, w: rest}\n  d: date ~ uniform(2025-01-01, 2025-12-31)\n"
        f"  e: date ~ uniform(2025-01-01, 2025-12-31)\n  rule r: {text}\n}}\n"
    )
    (rule,) = spec.tables["t"].rules
    return rule


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_example_is_of_its_kind(kind):
    assert kind_of(rule_of(kind.example)) is kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_it_is_described(kind):
    assert kind.summary.endswith(".") and kind.summary[0].isupper()
    assert kind.name == kind.name.lower()


def test_they_are_asked_in_one_order():
    ranks = [kind.rank for kind in KINDS]
    assert len(set(ranks)) == len(ranks) >= 12
    assert max(KINDS, key=lambda kind: kind.rank).name == "boolean expression"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("12 >= a", "bound"),
        ("a >= 3 and a <= 12", "range"),
        ("e - d >= 3 d", "ordering"),
        ("d <= e", "ordering"),
        ("d < e <= 2025-06-01", "ordering chain"),
        ("a == b + c", "sum of parts"),
        ("a + b + c == 30", "sum of parts"),
        ("2 * a <= b", "linear inequality"),
        ("a not in {1, 2}", "membership"),
        ("k != x", "comparison"),
        ("not (n is null)", "null pattern"),
        ("f -> n is not null", "null pattern"),
        ("f -> n > 3", "implication"),
        ("f", "boolean expression"),
        ("a > b or f", "boolean expression"),
        ("a in [1, 3] and b in [1, 3]", "boolean expression"),
    ],
)
def test_others_of_a_kind(text, name):
    assert kind_of(rule_of(text)).name == name
