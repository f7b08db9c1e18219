"""An expression looked up in a table gives what evaluating it gives."""

from __future__ import annotations

from typing import Any

import pytest
from engine_specs import BROAD, of_fields, table, with_mix
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.engine import batches, run
from synthdsl.engine.batches import run_of
from synthdsl.plan.tabulated import Tabulated


def untabulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate every expression as it stands."""
    monkeypatch.setattr(run, "tabulate", lambda expression, *rest: expression)
    run_of.cache_clear()
    batches._checked.clear()


FIELDS = (
    "a: int ~ discrete_uniform(-3, 12)\nb: int? ~ {1: 30%, 7: 30%, null: rest}\n"
    "n: int? ~ normal(5 / max(a, 0), 1) in [0, 9]\ns: Sex ~ {female: 40%, male: rest}\n"
    'w: text ~ {"x": 50%, "yy": rest}\nt: bool ~ bernoulli(40%)\n'
    "d: date ~ discrete_uniform(2020-01-01, 2021-06-01)\ng: int step 5 = a * 3\n"
)
TOP = "enum Sex {female, male}"

numbers = st.deferred(
    lambda: (
        st.sampled_from(["a", "b", "n", "g", "2", "0", "-1.5", "length(w)", "year(d)"])
        | st.tuples(numbers, st.sampled_from("+-*/"), numbers).map(
            lambda x: f"({x[0]} {x[1]} {x[2]})"
        )
        | st.tuples(conditions, numbers, numbers).map(
            lambda x: f"when {{{x[0]}: {x[1]}, else: {x[2]}}}"
        )
        | numbers.map(lambda x: f"coalesce({x}, 4)")
        | numbers.map(lambda x: f"abs({x})")
    )
)
conditions = st.deferred(
    lambda: (
        st.sampled_from(
            ["t", "s == female", 'w == "yy"', "b is null", "n is not null", "month(d) < 4"]
        )
        | st.tuples(numbers, st.sampled_from(["<", ">=", "==", "!="]), numbers).map(" ".join)
        | st.tuples(conditions, st.sampled_from(["and", "or", "->", "<->"]), conditions).map(
            lambda x: f"({x[0]}) {x[1]} ({x[2]})"
        )
        | conditions.map(lambda x: f"not ({x})")
    )
)


@settings(max_examples=60)
@given(
    number=numbers.filter(lambda x: any(field in x for field in "abngdw")),
    condition=conditions,
    steps=st.sampled_from(["", " step 0.25"]),
)
def test_any_expression(number: str, condition: str, steps: str) -> None:
    body = FIELDS + f"x: float?{steps} = 0 + {number}\nc: bool? = ({condition}) and true\n"
    # a value read again through a derived field; its own table hangs on the first
    body += "y: int? = when {c: 3, else: when {t: 5, else: a}}\nz: text? = text(y)\n"
    text = of_fields(body, rows=200, top=TOP)
    from synthdsl.diagnostics import SynthError

    with pytest.MonkeyPatch.context() as patch:
        try:
            found = table(text)
        except SynthError as error:
            # constants that come to nothing, or comparisons that are always null
            assert all(d.code in ALLOWED for d in error.diagnostics), str(error)
            return
        untabulated(patch)
        expected = table(text)
    run_of.cache_clear()
    assert found.equals(expected)


ALLOWED = {"constant-overflow", "type-mismatch", "constant-condition", "row-value", "not-constant"}


def test_the_broad_spec(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_mix(tmp_path)
    found = table(BROAD, path=path)
    untabulated(monkeypatch)
    assert found.equals(table(BROAD, path=path))


def test_tables_are_used_at_all() -> None:
    import synthdsl

    text = of_fields(FIELDS + "y: int = when {s == female: a * 2, else: a}", top=TOP)
    spec = synthdsl.load("s.synth", text=text)
    value = run_of(spec.recipe()).tables["t"]._values["y"]
    assert isinstance(value, Tabulated) and len(value.axes) == 2
