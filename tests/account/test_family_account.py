"""Rules across rows: what they condition, in words, and what they cost, against closed forms."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import poisson

from synthdsl import api
from synthdsl.engine.conditioning.intervals import grouped_interval
from synthdsl.render.explanation import render_explanation
from synthdsl.render.models import ExplanationReport

HEAD = """\
language 1
spec clinic
seed 7
enum Kind {acute, planned}
"""
VISITS = (
    HEAD
    + """\
table patient [5_000] {
  id: text = numbered("P-####", index)
  cut: int ~ {2: 50%, 9: rest}
  key id
}
table visit per patient p [count ~ poisson(2)] {
  kind: Kind ~ {acute: 25%, planned: rest}
  score: int ~ discrete_uniform(1, 10)
  start: datetime ~ sorted(uniform(2024-01-01T00:00:00, 2024-12-31T00:00:00))
  key (p, index)
  RULES
}
OUTSIDE
"""
)
SEEN = "rule seen each patient p: any(v.kind == acute for v in p.visit)\n"
# the number of rows alone would be a field of the patient, which a rule of rows conditions
MANY = "count(v for v in p.visit where v.score > 0)"
FEW = f"rule few each patient p: {MANY} <= 3\n"


def account(rules="", outside="", text=VISITS, **focus):
    written = text.replace("RULES", rules).replace("OUTSIDE", outside)
    return api.load("clinic.synth", text=written).account(**focus)


def holds(probability, value):
    """With 99.9 % confidence, and the interval is worth something."""
    assert probability.low <= value <= probability.high
    assert probability.high - probability.low < 0.06


def test_one_rule_for_each_patient():
    found = account(outside=SEEN)
    (part,), (rule,) = found.components, found.rules
    assert rule.scope == part.scope == "for each patient, with visit under it"
    assert part.table == rule.table == "patient"
    assert part.fields == ("number of visit rows", "visit.kind") and part.kept == ()
    holds(rule.z, 1 - math.exp(-0.5))
    assert rule.without.is_exact and rule.without.value == 1
    # what is drawn given the rule is accepted more often than what is not
    assert part.acceptance > 1 - math.exp(-0.5) - 0.08


def test_leaving_out_each_of_two_rules():
    rules = {rule.name: rule for rule in account(outside=SEEN + FEW).rules}
    # Poisson counts of acute and planned visits are independent
    both = sum(
        poisson.pmf(a, 0.5) * poisson.pmf(b, 1.5)
        for a in range(1, 4)
        for b in range(4)
        if a + b <= 3
    )
    for rule in rules.values():
        holds(rule.z, both)
    holds(rules["seen"].without, poisson.cdf(3, 2))
    holds(rules["few"].without, 1 - math.exp(-0.5))


def test_a_soft_rule_counts_its_exceptions():
    found = account(outside=SEEN.replace("rule seen", "rule[80%] seen"))
    p = 1 - math.exp(-0.5)
    holds(found.rules[0].z, 0.8 * p + 0.2 * (1 - p))
    assert float(found.rules[0].share) == 0.8


def test_what_is_kept_is_said():
    outside = (
        "rule low each patient p keeping (p.cut, p.visit.kind): "
        "all(v.score <= p.cut for v in p.visit where v.kind == acute)\n"
    )
    (part,), (rule,) = (lambda a: (a.components, a.rules))(account(outside=outside))
    assert rule.keeping == ("cut", "visit.kind") and rule.enforcement.endswith("given what is kept")
    assert set(part.kept) == {"cut", "number of visit rows", "visit.kind"}
    assert set(part.fields) - set(part.kept) == {"visit.score"}


def test_rows_under_one_parent_are_conditioned_given_their_number():
    found = account("rule rising: prev is null or score >= prev.score")
    (part,), (rule,) = found.components, found.rules
    assert rule.scope == "for all rows of visit under one patient, given their number"
    assert part.fields == ("score",) and rule.table == part.table == "visit"
    # n independent draws from 1 to 10 are in order with probability C(9 + n, n) / 10^n
    chance = sum(poisson.pmf(n, 2) * math.comb(9 + n, n) / 10**n for n in range(40))
    holds(rule.z, chance)


def test_rows_alone_are_exact_where_cells_decide_and_grouped_where_rows_are_alike():
    (rule,) = account("rule low: score <= 4").rules
    assert rule.scope == "" and rule.z.is_exact and rule.z.value == pytest.approx(0.4)
    (rule,) = account("rule low: score <= p.cut").rules
    assert not rule.z.is_exact and rule.scope == ""
    holds(rule.z, 0.5 * 0.2 + 0.5 * 0.9)


def test_a_case_is_measured_among_what_the_other_rules_leave():
    outside = SEEN.replace("rule", "rule[90%]") + (f"case many each patient p: {MANY} >= 4\n")
    found = account(outside=outside, case="many")
    many = next(rule for rule in found.rules if rule.name == "many")
    assert many.demand == "true" and many.scope == "for each patient, with visit under it"
    p = 1 - math.exp(-0.5)
    given = sum(
        poisson.pmf(a, 0.5) * poisson.pmf(b, 1.5) * (0.9 / p if a else 0.1 / (1 - p))
        for a in range(30)
        for b in range(30)
        if a + b >= 4
    )
    holds(many.z, given)


def test_hardly_any_patient_is_a_warning():
    outside = "rule crowd each patient p: sum(v.score for v in p.visit) >= 55\n"
    text = VISITS.replace("RULES", "").replace("OUTSIDE", outside)
    (warning,) = api.load("clinic.synth", text=text).costly()
    assert warning.code == "costly-rules" and not warning.is_error
    assert "draws of a row of `patient` with what is under it" in warning.message
    assert api.load("c", text=text.replace(">= 55", ">= 30")).costly() == []


# intervals


def covered(met, groups, truth):
    found = grouped_interval(met, groups)
    return found.low <= truth <= found.high


def test_intervals_of_alike_rows_hold_the_truth_and_naive_ones_do_not():
    """300 pilots of 200 groups of about 20 alike rows. An interval of 99.9 % misses more than 4
    times with a chance below 1e-4; one that counts rows as independent misses a twelfth.
    """
    rng = np.random.default_rng(5)
    misses = np.zeros(2, int)
    for _ in range(300):
        sizes = rng.poisson(20, 200)
        groups = np.repeat(np.arange(200), sizes)
        shares = rng.beta(1.5, 3.5, 200)
        met = rng.random(len(groups)) < shares[groups]
        misses += [not covered(met, groups, 0.3), not covered(met, None, 0.3)]
    assert misses[0] <= 4
    assert misses[1] > 15


def test_intervals_at_the_ends():
    groups = np.repeat(np.arange(10), 50)
    none = grouped_interval(np.zeros(500, bool), groups)
    assert none.low == 0 and none.high == pytest.approx(1 - 0.0005 ** (1 / 10))
    every = grouped_interval(np.ones(500, bool), groups)
    assert every.high == 1 and every.low == pytest.approx(0.0005 ** (1 / 10))
    nothing = grouped_interval(np.empty(0, bool), groups[:0])
    assert (nothing.low, nothing.high) == (0, 1)


# in words

WHOLE = (
    HEAD
    + """\
table doctor [9] {
  id: text = numbered("D-#", index)
  kind: Kind ~ {acute: 50%, planned: rest}
  key id
}
table patient [100] {
  id: text = numbered("P-###", index)
  age: int<a> ~ discrete_uniform(0, 90)
  visits: int = count(v for v in visit)
  key id
}
table visit per patient p [count ~ poisson(3) in [0, 9]] where p.age > 17 a until died {
  kind: Kind ~ {acute: 25%, planned: rest}
  start: datetime ~ sorted(uniform(2024-01-01T00:00:00, 2024-12-31T00:00:00))
  let died ~ bernoulli(10%)
  weight: float = coalesce(prev.weight, 80) + gain
  let gain ~ normal(0, 1)
  by: doctor ~ ref doctor where doctor.kind == kind and doctor.index > index weight 2 distinct
  title: text = by.id
  key (p, index)
}
table lab per visit v [2] {
  old: bool = v.p.age > 64 a
  key (v, index)
}
pathway stay per visit v where v.kind == acute starts v.start {
  ward: gamma(mean: 3 d, cv: 1) -> {icu: 10%, home: rest}
  icu: gamma(mean: 2 d, cv: 1) -> {ward: 100%}
  final home
}
rule seen each patient p keeping (p.age): any(v.kind == acute for v in p.visit)
"""
)


@pytest.fixture(scope="module")
def whole():
    return api.load("clinic.synth", text=WHOLE.replace("p.age > 17 a", "p.age >= 0 a")).explain()


def table_of(whole, name):
    return next(table for table in whole.tables if table.name == name)


def test_tables_say_where_they_stand(whole):
    visit = table_of(whole, "visit")
    assert (visit.parent, visit.variable, visit.where, visit.until) == (
        "patient", "p", "p.age >= 0 a", "died",
    )  # fmt: skip
    assert visit.count.startswith("poisson, ") and "[0, 9]" in visit.count
    assert visit.children == ("lab", "stay")
    assert table_of(whole, "lab").count == "always 2"
    how = {reference.table: reference.how for reference in visit.references}
    assert how == {
        "patient": "the patient that it is under",
        "doctor": "a row of `doctor` out of the group with `doctor.kind == kind` for which "
        "`doctor.index > index`, in proportion to `2`, a different one for each row under one "
        "parent",
    }
    stay = table_of(whole, "stay")
    assert (stay.starts, stay.where) == ("v.start", "v.kind == acute")
    assert [(s.name, s.following) for s in stay.states] == [
        ("ward", "{icu: 10%, home: rest}"), ("icu", "{ward: 100%}"), ("home", ""),
    ]  # fmt: skip


def test_fields_read_what_the_spec_says(whole):
    visit = {field.name: field for field in table_of(whole, "visit").fields}
    assert set(visit) == {
        "patient_id", "index", "kind", "start", "died", "weight", "gain", "by", "title",
    }  # fmt: skip
    assert visit["patient_id"].depends_on == ("p.id",)
    assert visit["weight"].depends_on == ("gain", "prev.weight")
    assert "row by row in order of index" in visit["weight"].note
    assert visit["by"].depends_on == ("kind", "doctor.kind", "doctor.index")
    assert visit["title"].depends_on == ("by.id",)
    assert "conditioned by `seen` for each patient" in visit["kind"].note
    (old,) = (f for f in table_of(whole, "lab").fields if f.name == "old")
    assert old.depends_on == ("v.p.age",)
    patient = {field.name: field for field in table_of(whole, "patient").fields}
    assert set(patient) == {"id", "age", "visits"}
    assert patient["visits"].depends_on == ("count(v for v in visit)",)
    assert "kept as it is by `seen`" in patient["age"].note


def test_the_order_has_all_that_is_made_and_each_after_what_it_reads(whole):
    (family,) = whole.families
    assert family.root == "patient" and set(family.tables) == {"patient", "visit", "lab", "stay"}
    flat = []

    def walk(parts):
        for made in parts:
            flat.append(made)
            walk(made.parts)

    walk(family.order)
    fields = [(made.table, name) for made in flat for name in made.fields]
    assert len(fields) == len(set(fields))
    for name in family.tables:
        declared = {(name, field.name) for field in table_of(whole, name).fields}
        assert declared == {pair for pair in fields if pair[0] == name}
    kinds = {made.kind: made for made in flat}
    assert set(kinds) >= {"fields", "rows", "siblings", "sequence", "pathway", "until", "rules"}
    assert kinds["rules"].scope == "for each patient, with visit under it"
    assert kinds["rules"].kept == ("age",)
    assert kinds["sequence"].fields == ("weight",)
    at = {name: place for place, name in enumerate(fields)}
    assert at["patient", "age"] < at["visit", "kind"] < at["visit", "by"] < at["visit", "title"]


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_every_form_says_it_and_no_name_that_nobody_wrote(whole, form):
    text = render_explanation(whole, form=form, title="clinic")
    for said in ("one for each visited state", "how many rows each patient has"):
        assert said in text
    assert not any(hidden in text for hidden in ("#visit", "#stay", "#machine", "#end"))
    if form == "json":
        assert ExplanationReport.model_validate(json.loads(text)).families
