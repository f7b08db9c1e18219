"""Fields of a `correlate` do not depend on each other."""

from __future__ import annotations

import pytest

import synthdsl
from synthdsl.diagnostics import Diagnostic

PAIR = "a: float ~ normal(0, 1)\nb: float ~ normal(0, 1)\n"


def errors(body: str) -> list[Diagnostic]:
    text = f"language 1\nenum Sex {{female, male}}\ntable t [10] {{\n{body}\n}}\n"
    return [d for d in synthdsl.check("s.synth", text=text) if d.is_error]


def test_independent_fields_may_share_what_they_read() -> None:
    body = (
        "sex: Sex ~ {female: 50%, male: rest}\nage: float ~ uniform(20, 80)\n"
        "a: float ~ normal(age, 1)\nb: float ~ normal(2 * age, 1)\nc: float ~ normal(a + b, 1)\n"
        "correlate (a, b) rank 0.5 by sex"
    )
    assert errors(body) == []


def test_a_correlation_may_read_the_fields_of_another() -> None:
    body = (
        PAIR + "c: float ~ normal(a, 1)\nd: float ~ normal(b, 1)\n"
        "correlate (a, b) rank 0.3\ncorrelate (c, d) rank 0.1"
    )
    assert errors(body) == []


@pytest.mark.parametrize(
    "body, message",
    [
        (
            "a: float ~ normal(0, 1)\nb: float ~ normal(a, 1)\ncorrelate (a, b) rank 0.5",
            "`b` depends on `a`, with which it is correlated",
        ),
        (
            "b: float ~ normal(0, exp(a))\na: float ~ normal(0, 1)\ncorrelate (a, b) rank 0.5",
            "`b` depends on `a`, with which it is correlated",
        ),
        (
            "a: float ~ normal(0, 1)\nm: float = a + 1\nn: float ~ normal(m, 1)\n"
            "b: float ~ normal(n, 1)\ncorrelate (a, b) rank 0.5",
            "`b` depends on `a`, with which it is correlated (b -> n -> m -> a)",
        ),
        (
            PAIR + "c: float ~ normal(b, 1)\ncorrelate (a, b, c) rank 0.2",
            "`c` depends on `b`, with which it is correlated",
        ),
    ],
)
def test_a_field_is_not_correlated_with_what_it_depends_on(body: str, message: str) -> None:
    found = errors(body)
    assert [(d.code, d.message) for d in found] == [("correlate-field", message)]
    assert found[0].help == "correlate fields that do not read each other"


def test_the_group_of_another_correlation_counts_as_read() -> None:
    body = (
        PAIR + "is_high: bool = a > 0\nc: float ~ normal(0, 1)\nd: float ~ normal(b, 1)\n"
        "correlate (b, c) rank 0.3 by is_high\ncorrelate (a, d) rank 0.1"
    )
    assert [d.message for d in errors(body)] == [
        "`d` depends on `a`, with which it is correlated (d -> b -> is_high -> a)"
    ]


def test_a_long_way_is_shortened() -> None:
    chain = "\n".join(f"f{i}: float ~ normal(f{i - 1}, 1)" for i in range(1, 40))
    (found,) = errors(f"f0: float ~ normal(0, 1)\n{chain}\ncorrelate (f0, f39) rank 0.5")
    assert found.message.endswith("-> f30 -> ... -> f0)")
