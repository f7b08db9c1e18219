"""Specs after public data sets: their rules hold in the rows, and are those of the files.

DuckDB works out every condition again, over the Parquet files that the specs write and, where they
are at hand, over the files of the data sets.
"""

from __future__ import annotations

import duckdb
import pytest
from recorded_rules import FILES, RULES, Recorded
from spec_library import ROOT, loaded

GENERATED = 20_000
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A connection with two views a spec: `NAME` is what is seen, `NAME_complete` before masks."""
    folder = tmp_path_factory.mktemp("made")
    connection = duckdb.connect()
    for name in FILES:
        spec = loaded(name)
        (table,) = spec.tables
        spec.write(folder / name, rows=GENERATED, seed=3, truth=True)
        connection.sql(f"create view {name} as from '{folder / name / table}.parquet'")
        truth = folder / name / f"{table}__truth.parquet"
        if not truth.exists():
            connection.sql(f"create view {name}_complete as from {name}")
            continue
        columns = connection.sql(f"from '{truth}'").columns
        hidden = [c for c in columns if c != "row" and not c.startswith("exception:")]
        shown = ", ".join(f't."{c}" as "{c}"' for c in hidden)
        labels = "".join(f', t."{c}"' for c in columns if c.startswith("exception:"))
        replaced = f"replace ({shown})" if hidden else ""
        connection.sql(
            f"create view {name}_complete as select s.* {replaced} {labels} "
            f"from (select * from read_parquet('{folder / name / table}.parquet', "
            "file_row_number = true)) s "
            f"join '{truth}' t on s.file_row_number = t.\"row\""
        )
    return connection


def counted(
    connection: duckdb.DuckDBPyConnection, relation: str, rule: Recorded
) -> tuple[int, int]:
    """Rows that break the rule, and rows it bears on."""
    found = connection.sql(
        f"select count(*) filter ({rule.breaks}), count(*) filter ({rule.bears_on}) from {relation}"
    ).fetchall()[0]
    return found


def named(rule: Recorded) -> str:
    return f"{rule.spec}-{rule.name}"


@pytest.mark.parametrize("rule", [r for r in RULES if r.share is None], ids=named)
def test_no_row_breaks_a_hard_rule(made, rule):
    for relation in (rule.spec, f"{rule.spec}_complete"):
        broken, of = counted(made, relation, rule)
        assert broken == 0 and of > 0


@pytest.mark.parametrize("rule", [r for r in RULES if r.share is not None], ids=named)
def test_exceptions_are_as_frequent_as_declared(made, rule):
    """Binomial, five standard errors and one row: a false alarm below 1e-6 for each rule.

    The table of truth labels exceptions: they are just the rows that break the condition.
    """
    broken, of = counted(made, f"{rule.spec}_complete", rule)
    expected = (1 - rule.share) * GENERATED
    assert abs(broken - expected) <= 5 * (expected * rule.share) ** 0.5 + 1
    assert of > broken
    label = f'"exception:{rule.name}"'
    unlike = (
        f"select count(*) from {rule.spec}_complete where coalesce({rule.breaks}, false) <> {label}"
    )
    assert made.sql(unlike).fetchall() == [(0,)]


def test_the_shares_are_those_of_the_specs():
    for rule in RULES:
        if rule.share is not None:
            (table,) = loaded(rule.spec).tables.values()
            (declared,) = (r for r in table.rules if r.name == rule.name)
            assert float(declared.share) == rule.share


def test_a_condition_turned_round_is_caught(made):
    """The SQL can fail: conditions that the rows break, on the same views."""
    for spec, breaks in (
        ("census_income", "relationship = 'Wife' and sex = 'Female'"),
        ("national_survey", "DirectChol < TotChol"),
        ("heart_disease", "thalach > 200 - age"),
        ("kidney_disease", "class = 'ckd' and dm = 'yes'"),
    ):
        assert counted(made, spec, Recorded(spec, "", breaks, 0))[0] > 100


PRESENT = {spec: DATA / name for spec, name in FILES.items() if (DATA / name).exists()}
if PRESENT:

    @pytest.fixture(scope="module")
    def recorded():
        """A connection with a table for each file, `?` and nothing read as null."""
        connection = duckdb.connect()
        for spec, file in PRESENT.items():
            connection.sql(
                f"create table {spec} as "
                f"from read_csv('{file}', nullstr = ['?', ''], sample_size = -1)"
            )
        return connection

    @pytest.mark.parametrize("rule", [r for r in RULES if r.spec in PRESENT], ids=named)
    def test_the_file_breaks_it_as_often_as_recorded(recorded, rule):
        broken, of = counted(recorded, rule.spec, rule)
        assert broken == rule.broken
        assert rule.of in (0, of)
        if rule.share is not None:
            (rows,) = recorded.sql(f"select count(*) from {rule.spec}").fetchall()[0]
            whole = of if of > rows / 2 else rows
            assert abs((1 - rule.share) * whole - broken) <= max(1, 0.2 * broken)
