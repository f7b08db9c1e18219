"""What rules do to tables under others: declared against realised, against closed forms."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from synthdsl import api
from synthdsl.engine.clusters import ClusterSums, cell_effects
from synthdsl.engine.marginals import MarginalTally, has_other_shares, has_other_values
from synthdsl.render.moves import figures, render_moves
from synthdsl.render.report import render_report
from synthdsl.render.report_models import MovementReport
from synthdsl.values.columns import Column, Vocabulary

TEXT = """\
language 1
spec clinic
seed 11
enum Kind {acute, planned}
enum Dx {healthy, ill}
table doctor [60] {
  id: text = numbered("D-##", index)
  kind: Kind ~ {acute: 50%, planned: rest}
  years: int ~ discrete_uniform(0, 40)
  key id
  rule grown: years >= 10
}
table patient [4_000] {
  id: text = numbered("P-####", index)
  dx: Dx ~ {healthy: 70%, ill: rest}
  aside: float ~ normal(0, 1)
  key id
}
table visit per patient p [count ~ poisson(2)] {
  kind: Kind ~ {acute: 25%, planned: rest}
  by: doctor ~ ref doctor
  years: int = by.years
  of: Kind = by.kind
  level: float = 10 * p.aside
  key (p, index)
}
table lab per visit v [3] {
  value: int ~ discrete_uniform(1, 10)
  is_ill: bool = v.p.dx == ill
  key (v, index)
  rule low: value <= 4
}
pathway stay per visit v where v.kind == acute starts 2024-01-01 {
  ward: gamma(mean: 3 d, cv: 1) -> {icu: 25%, home: rest}
  icu: gamma(mean: 2 d, cv: 1) -> {home: 100%}
  final home
}
rule[75%] seen each patient p: any(v.kind == acute for v in p.visit)
"""
N = 4_000
# with what chance a patient has an acute visit, and the number of acute ones
P = 1 - math.exp(-0.5)
ACUTE = 0.75 * 0.5 / P
PLANNED = 1.5


@pytest.fixture(scope="module")
def tables():
    found = api.load("clinic.synth", text=TEXT).movement(pilot_rows=20_000)
    return {table.name: table for table in found}


def field(tables, table, name):
    (found,) = [f for f in tables[table].fields if f.name == name]
    return found


def near(found, expected, *, errors=5.0):
    """Within five standard errors: a false alarm has a chance of 6e-7."""
    assert abs(found.mean - expected) < errors * found.standard_error


def test_the_number_of_rows_under_each_parent(tables):
    number = field(tables, "visit", "visit per patient")
    assert number.is_conditioned and number.is_moved
    assert (number.declared.rows, number.realised.rows) == (tables["patient"].pilot_rows, N)
    near(number.declared, 2)
    near(number.realised, ACUTE + PLANNED)
    # fixed numbers move nothing; those of visited states follow
    assert "lab per visit" not in {f.name for f in tables["lab"].fields}
    states = field(tables, "stay", "stay per visit")
    assert not states.is_conditioned
    near(states.declared, 0.25 * 2.25)
    near(states.realised, 2.25 * ACUTE / (ACUTE + PLANNED))


def test_rows_of_a_rule_across_rows(tables):
    kind = field(tables, "visit", "kind")
    assert kind.is_conditioned and kind.is_moved
    share = ACUTE / (ACUTE + PLANNED)
    found = kind.realised.counts[0] / kind.realised.rows
    error = math.sqrt(share * (1 - share) * kind.realised.effect(0) / kind.realised.rows)
    assert abs(found - share) < 5 * error
    assert kind.declared.shares[0] == pytest.approx(0.25)
    assert tables["visit"].rows == kind.realised.rows and tables["visit"].of_roots == N
    assert tables["visit"].root == "patient" and tables["patient"].root == ""


def test_rows_of_a_rule_of_rows(tables):
    value = field(tables, "lab", "value")
    assert value.is_conditioned and value.is_moved
    near(value.declared, 5.5)
    near(value.realised, 2.5)


def test_what_is_referred_to_moves_what_reads_it(tables):
    assert field(tables, "doctor", "years").is_conditioned
    years = field(tables, "visit", "years")
    assert not years.is_conditioned and years.is_moved
    assert years.declared.values.min() < 10 <= years.realised.values.min()
    # which of 60 doctors there are is no movement: half of them are of either kind, by chance
    of = field(tables, "visit", "of")
    assert not of.is_moved and of.declared.rows > 10_000
    assert ("by", "it refers to rows of another table") in tables["visit"].unmeasured


def test_no_field_that_nobody_declared_is_shown(tables):
    shown = {f.name for table in tables.values() for f in table.fields}
    shown |= {name for table in tables.values() for name in table.untouched}
    shown |= {name for table in tables.values() for name, _ in table.unmeasured}
    assert not any(name.startswith("#") or "." in name for name in shown)
    assert "aside" in tables["patient"].untouched


def test_what_only_follows_is_not_taken_for_moved(tables):
    """Rows of a patient share `level`: a comparison of independent rows would see it move."""
    level = field(tables, "visit", "level")
    assert not level.is_conditioned and not level.is_moved
    assert level.realised.effects[0] > 2


def test_exceptions_are_those_of_the_patients(tables):
    (soft,) = tables["patient"].exceptions
    assert (soft.rule, soft.rows) == ("seen", N)
    assert soft.declared == pytest.approx(0.25)
    assert abs(soft.exceptions / N - 0.25) < 5 * math.sqrt(0.25 * 0.75 / N)


def test_exceptions_among_siblings_are_those_of_rows():
    text = TEXT.replace(
        "  key (p, index)\n",
        "  key (p, index)\n  rule[80%] up: "
        "coalesce(prev.level, 0) <= level + 100 * when {kind == acute: 1, else: -1}\n",
    )
    text = text.replace("rule[75%] seen", "case seen")
    found = api.load("clinic.synth", text=text).movement(pilot_rows=2000)
    visit = next(table for table in found if table.name == "visit")
    (soft,) = visit.exceptions
    assert (soft.rule, soft.rows) == ("up", visit.rows)
    assert abs(soft.exceptions / soft.rows - 0.2) < 5 * math.sqrt(0.2 * 0.8 / soft.rows)


def test_figures_have_wider_errors_where_rows_are_alike(tables):
    level = field(tables, "visit", "level")
    mean = next(f for f in figures(level) if f.label == "mean")
    naive = 10 * math.sqrt(1 / level.declared.rows + 1 / level.realised.rows)
    assert float(mean.error.split()[0]) > 1.3 * naive


def test_only_the_first_families_are_measured():
    told = []
    found = api.load("clinic.synth", text=TEXT).movement(
        most=1000, pilot_rows=2000, progress=lambda *x: told.append(x)
    )
    tables = {table.name: table for table in found}
    patient, lab = tables["patient"], tables["lab"]
    assert (patient.of_rows, lab.roots, lab.of_roots) == (N, patient.rows, N)
    # about 1,000 rows of each table on average
    assert 200 < patient.rows < 1000 and sum(t.rows for t in found) < 6000
    assert told[-1][0] == told[-1][1] == patient.rows + 60
    generated = api.load("clinic.synth", text=TEXT).generate(rows={"patient": patient.rows})
    assert generated["lab"].num_rows == lab.rows


def test_a_row_alone_is_measured_as_before():
    text = "language 1\ntable t [9] {\n  x: int ~ poisson(4)\n  rule r: x > 1\n}\n"
    (found,) = api.load("t", text=text).movement(pilot_rows=4096)
    assert (found.root, found.roots, found.pilot_rows, found.rows) == ("", 0, 4096, 9)
    assert found.fields[0].realised.effects is None


# as text, JSON, HTML


def test_the_preview_names_the_tables(tables):
    lines = render_moves(tables.values(), width=200)
    assert [line.split(":")[0] for line in lines] == [
        "rules moved in visit", "rules moved in lab", "rules moved in stay",
    ]  # fmt: skip
    assert "visit per patient mean " in lines[0] and "kind acute 25 % → 3" in lines[0]


def test_reports_say_under_what():
    report = api.load("clinic.synth", text=TEXT).report(most=1000)
    document = json.loads(render_report(report, form="json"))
    read = MovementReport.model_validate(document)
    lab = next(table for table in read.tables if table.name == "lab")
    assert lab.root == "patient" and lab.roots == N and lab.rows == lab.rows_measured
    patient = next(table for table in read.tables if table.name == "patient")
    assert patient.rules[0].scope == "for each patient, with visit under it"
    page = render_report(report, form="html")
    assert (
        f"{lab.rows:,} rows under the first {lab.roots_measured:,} of 4,000 rows of patient" in page
    )
    assert "visit per patient" in page and "Rows under one row are alike" in page


# design effects


def groups_of(rng, number, size):
    sizes = rng.poisson(size, number)
    return np.repeat(np.arange(number), sizes)


def test_design_effects_are_those_of_the_variance():
    rng = np.random.default_rng(3)
    groups = groups_of(rng, 400, 6)
    values = rng.normal(size=400)[groups] + rng.normal(size=len(groups))
    totals = np.bincount(groups, values, minlength=400)
    sizes = np.bincount(groups, minlength=400)
    mean = values.mean()
    expected = np.square(totals - mean * sizes).sum() / len(values) ** 2 * 400 / 399
    sums = ClusterSums(1)
    for start in (0, 200):  # groups are whole in a block
        at = (groups >= start) & (groups < start + 200)
        block = groups[at] - start
        sums.add(np.zeros(at.sum(), np.int64), values[at], block, block)
    # a group without rows says nothing: 400 / 399 may count one less
    assert sums.variances()[0] == pytest.approx(expected, rel=3e-3)
    tally = MarginalTally(None)
    tally.add(Column(values), groups)
    found = tally.marginal()
    assert found.standard_error == pytest.approx(math.sqrt(expected), rel=3e-3)
    # the share of variance between groups is a half: about 1 + 6 / 2
    assert 2.5 < found.effect(0) < 5


def test_effects_of_words_and_cells_agree():
    rng = np.random.default_rng(4)
    groups = groups_of(rng, 300, 5)
    codes = (rng.random(300)[groups] * 3).astype(np.int64)
    tally = MarginalTally(("a", "b", "c"))
    tally.add(Column(codes, None, Vocabulary(("a", "b", "c"))), groups)
    found = tally.marginal()
    cells, below = cell_effects(codes, 3, groups)
    assert found.effects[:3] == pytest.approx(cells)
    # no row is null: as alike as the words are
    assert found.effects[3] == pytest.approx(cells.mean())
    assert below[0] == pytest.approx(cells[0]) and below[2] == pytest.approx(below[:2].mean())
    assert found.effects[0] > 4  # rows of a group agree


def alike(rng, number):
    """Means of groups of about eight, and words, that rows of a group share; then both."""
    groups = groups_of(rng, number, 8)
    numbers, words = MarginalTally(None), MarginalTally(("a", "b"))
    numbers.add(Column(np.round(rng.normal(size=number)[groups], 1)), groups)
    codes = (rng.random(number) < 0.4)[groups].astype(np.int64)
    words.add(Column(codes, None, Vocabulary(("a", "b"))), groups)
    return numbers.marginal(), words.marginal()


def without_groups(marginal):
    from dataclasses import replace

    return replace(marginal, groups=None, effects=None)


def test_chance_is_not_taken_for_movement_where_rows_are_alike():
    """100 pairs of the same law: five standard errors are passed with a chance of 1e-3 in all;
    rows counted as independent pass them in most.
    """
    rng = np.random.default_rng(6)
    naive = 0
    for _ in range(100):
        (x, a), (y, b) = alike(rng, 500), alike(rng, 700)
        assert not has_other_values(x, y)
        assert not has_other_shares(a, b)
        naive += has_other_values(without_groups(x), without_groups(y))
    assert naive > 20


def test_a_few_groups_are_not_taken_for_many_rows():
    """Groups of 12 equal values each, four against four hundred: most cells have no value."""
    rng = np.random.default_rng(9)
    naive = 0
    for _ in range(50):
        tallies = MarginalTally(None), MarginalTally(None)
        for tally, number in zip(tallies, (400, 4), strict=True):
            groups = np.repeat(np.arange(number), 12)
            tally.add(Column(rng.normal(size=number)[groups]), groups)
        first, second = (tally.marginal() for tally in tallies)
        assert not has_other_values(first, second)
        naive += has_other_values(without_groups(first), without_groups(second))
    assert naive > 20


def test_movement_is_seen_where_rows_are_alike():
    rng = np.random.default_rng(8)
    (x, a), (y, b) = alike(rng, 3000), alike(rng, 3000)
    groups = groups_of(rng, 3000, 8)
    shifted = MarginalTally(None)
    shifted.add(Column((rng.normal(size=3000) + 0.4)[groups]), groups)
    assert has_other_values(x, shifted.marginal())
    rarer = MarginalTally(("a", "b"))
    codes = (rng.random(3000) < 0.55)[groups].astype(np.int64)
    rarer.add(Column(codes, None, Vocabulary(("a", "b"))), groups)
    assert has_other_shares(a, rarer.marginal())
    assert not has_other_values(x, y) and not has_other_shares(a, b)
