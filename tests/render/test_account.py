"""The account of rules as text and HTML: figures that cannot mislead, lines that fit."""

from __future__ import annotations

from fractions import Fraction

import pytest

from synthdsl.plan.account import ComponentAccount, Probability, RuleAccount
from synthdsl.plan.explain import Explanation, FieldExplanation, TableExplanation
from synthdsl.render._account import changes_nothing, costs_nearly_everything, remarks
from synthdsl.render._figures import (
    bounds_text,
    chance_text,
    probability_text,
    spread_text,
    value_text,
)
from synthdsl.render.colours import Paint
from synthdsl.render.explanation import render_explanation
from synthdsl.values.types import DATE, DATETIME, DURATION, FLOAT, INT, TIME


def exact(value: float) -> Probability:
    return Probability(value, value, value, is_exact=True)


def about(value: float, low: float, high: float) -> Probability:
    return Probability(value, low, high)


def rule(name: str = "bp", **changes: object) -> RuleAccount:
    values: dict[str, object] = {
        "table": "patient",
        "name": name,
        "text": "sbp >= dbp + 15",
        "line": 4,
        "kind": "comparison",
        "enforcement": "rejection, exact",
        "z": exact(0.5),
        "without": exact(0.6),
    }
    return RuleAccount(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chance", "shown"),
    [
        (0, "0"), (1, "100 %"), (0.55, "55 %"), (0.12345, "12.3 %"), (0.0123, "1.23 %"),
        (0.01, "1 %"), (0.00999, "9.99e-3"), (5.8e-4, "5.8e-4"), (5.834e-4, "5.83e-4"),
        (1e-9, "1e-9"), (0.999, "99.9 %"), (0.9996, "99.96 %"), (0.99999, "99.999 %"),
        (1 - 1e-8, ">99.9999 %"), (2**-40, "9.09e-13"),
    ],
)  # fmt: skip
def test_chances(chance: float, shown: str) -> None:
    assert chance_text(chance) == shown


@pytest.mark.parametrize("digits", [3, 4, 5, 6])
def test_chances_never_reach_certainty_and_stay_in_order(digits: int) -> None:
    for exponent in range(1, 13):
        for factor in (1, 2.5, 9.9999999):
            small = factor * 10.0**-exponent / 10
            assert chance_text(small, digits) not in ("0", "100 %")
            assert chance_text(1 - small, digits) != "100 %"


def test_probabilities() -> None:
    assert probability_text(exact(0.25)) == "25 %" and bounds_text(exact(0.25)) == ""
    found = about(0.74, 0.7397, 0.7405)
    assert (probability_text(found), bounds_text(found)) == ("~74 %", "[73.97 %, 74.05 %]")
    found = about(0.949, 0.94907, 0.94911)
    assert bounds_text(found) == "[94.907 %, 94.911 %]"
    assert bounds_text(about(0.725, 0.7201, 0.7299)) == "[72 %, 73 %]"
    assert bounds_text(about(0.9999, 0.99985, 0.99995)) == "[99.985 %, 99.995 %]"
    assert bounds_text(about(2e-4, 1.23456e-4, 2.5e-4)) == "[1.23e-4, 2.5e-4]"
    assert bounds_text(about(0, 0, 5.2701e-5)) == "[0, 5.28e-5]"
    assert probability_text(about(0, 0, 3e-5)) == "below 3e-5"


def test_what_changes_nothing_and_what_costs_nearly_everything() -> None:
    assert changes_nothing(rule(z=exact(0.5), without=exact(0.5)))
    assert "changes nothing" in remarks(rule(z=exact(0.5), without=exact(0.5)))
    measured = rule(z=about(0.5, 0.4, 0.6), without=about(0.5, 0.4, 0.6))
    assert "changed nothing in the pilot" in remarks(measured)
    assert not changes_nothing(rule()) and not changes_nothing(rule(without=None))
    assert not costs_nearly_everything(rule(z=exact(1e-3), without=exact(0.9999)))
    costly = rule(z=exact(2e-4), without=exact(0.5))
    assert costs_nearly_everything(costly)
    assert remarks(costly)[-1] == (
        "costs nearly everything: it leaves 4e-4 of the rows that the other rules accept"
    )


def test_demands_shares_and_kept_fields_are_said() -> None:
    assert remarks(rule(demand="true"))[0] == "case: true in every row"
    assert remarks(rule(demand="false"))[0] == "to be broken: false in every row"
    patients = "for each patient, with visit under it"
    siblings = "for all rows of visit under one patient, given their number"
    assert remarks(rule(demand="true", scope=patients))[:2] == [patients, "case: true in each"]
    assert remarks(rule(demand="false", scope=siblings))[1] == (
        "to be broken: false in at least one of the rows"
    )
    soft = Fraction(98, 100)
    assert "holds in 98 % of them" in remarks(rule(share=soft, scope=patients))[1]
    assert "holds in 98 % of rows" in remarks(rule(share=soft, scope=siblings))[1]
    said = remarks(rule(share=Fraction(98, 100), keeping=("sex", "age")))
    assert said == ["soft: holds in 98 % of rows, false in the others", "keeping sex, age"]


LONG = " and ".join(f"a_rather_long_name_{i} >= {i}" for i in range(12))
EXPLANATION = Explanation(
    (
        TableExplanation(
            "patient",
            1000,
            (
                FieldExplanation(
                    "sbp", "float<mm[Hg]>?", f"derived {LONG}", ("age",), "patient.sbp", LONG
                ),
            ),
            (
                rule(z=about(0.74, 0.7397, 0.7405)),
                rule("a_rule_with_a_very_long_name_indeed", text=LONG, kind="boolean expression",
                     enforcement="cells and then rejection of what is left, exact"),
            ),
            (
                ComponentAccount(
                    "patient", tuple(f"field_{i}" for i in range(40)), ("bp", "long"), "cells",
                    LONG, about(0.74, 0.7397, 0.7405), 0.972,
                ),
            ),
        ),
    )
)  # fmt: skip


def test_text_fits_eighty_columns_and_loses_no_word() -> None:
    text = render_explanation(EXPLANATION, form="text")
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.split())
    assert flat.count(LONG) == 4
    for said in (
        "~74 % 60 %", "Z in [73.97 %, 74.05 %]", "which accepted 97.2 % of its proposals",
        "enforced by cells and then rejection of what is left, exact",
    ):  # fmt: skip
        assert said in flat, said
    assert not any(line.lstrip().startswith("%") for line in text.splitlines())


def test_short_tables_have_a_column_for_the_enforcement() -> None:
    table = TableExplanation("t", 5, (), (rule(), rule("other", without=None)), ())
    text = render_explanation(Explanation((table,)), form="text")
    assert text == (
        "table t · 5 rows\n\n"
        "  rule   kind        Z     without it  enforced by\n"
        "  bp     comparison  50 %  60 %        rejection, exact\n"
        "      sbp >= dbp + 15\n"
        "  other  comparison  50 %              rejection, exact\n"
        "      sbp >= dbp + 15\n\n"
        "  Z: the share of rows, drawn as declared, that do what every rule of the\n"
        "  component demands; ~ marks a measured one.\n"
    )


def test_html_escapes_what_users_write() -> None:
    table = TableExplanation("t", 5, (), (rule(text="<b> & 'x' < 3"),), ())
    page = render_explanation(Explanation((table,)), form="html", title="t")
    assert "&lt;b&gt; &amp; &#x27;x&#x27; &lt; 3" in page and "<b>" not in page


def test_a_table_without_rules_says_nothing_of_them() -> None:
    table = TableExplanation("t", 5, (), (), ())
    assert render_explanation(Explanation((table,)), form="text") == "table t · 5 rows\n"
    assert Paint(False)("bold", "x") == "x"


@pytest.mark.parametrize(
    ("value", "type", "shown"),
    [
        (19723.4, DATE, "2024-01-01"), (1704067200e6 + 3.7e7, DATETIME, "2024-01-01T00:00"),
        (3.6e9, TIME, "01:00"), (1.5 * 86400e6, DURATION, "1.5 d"), (47.123456, FLOAT, "47.12"),
        (None, INT, "null"),
    ],
)  # fmt: skip
def test_values(value: float | None, type: object, shown: str) -> None:
    assert value_text(value, type) == shown  # type: ignore[arg-type]


def test_spreads() -> None:
    assert spread_text(365.25, DATE) == "365.2 d"
    assert spread_text(0.044321, FLOAT, digits=2) == "0.044"
    assert spread_text(1234.5, INT, digits=2) == "1,234"
    assert spread_text(1302e6, DURATION, digits=2) == "22 min"
