"""`check` loads numbers only for specs that need them, and the bounds it uses instead hold."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.distributions.truncation import interval_mass
from synthdsl.model.draws import DistributionDraw
from synthdsl.model.expressions import Constant
from synthdsl.model.masses import LEAST_MASS, keeps_enough
from synthdsl.source import Source, Span
from synthdsl.values.types import FLOAT

HEAVY = ("numpy", "scipy", "pyarrow", "pandas", "faker", "pydantic", "polars", "duckdb")
CHILD = """
import json, sys
from synthdsl import api
found = api.check("x.synth", text=sys.stdin.read())
print(json.dumps([[d.code for d in found], [m for m in sys.argv[1:] if m in sys.modules]]))
"""
FIELDS = (
    "f{i}: float ~ normal(47, 22) in [0, 105]",
    "f{i}: int ~ poisson(4) in [0, 60]",
    "f{i}: float step 0.1 ~ lognormal(mean: 76, sd: 15) in [2, 250]",
    "f{i}: decimal(9, 2) ~ lognormal(mean: 52_000, sd: 40_000) in [0, 9_999_999]",
    "f{i}: float ~ gamma(2, 3) in [0, 40]",
    "f{i}: int ~ negative_binomial(mean: 3, size: 1.4) in [0, 60]",
    "f{i}: date ~ discrete_uniform(2026-01-01, 2026-12-31)",
    'f{i}: text ~ {{"a": 30%, "b": rest}}',
    "f{i}: float = sqrt(2) * 3 + exp(1)",
    "f{i}: duration ~ gamma(mean: 2 h, cv: 0.6) in [0 h, 90 h]",
)


def check(text):
    result = subprocess.run(
        [sys.executable, "-c", CHILD, *HEAVY],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


def test_a_spec_of_a_hundred_fields_needs_no_numbers():
    lines = "".join(f"  {FIELDS[i % len(FIELDS)].format(i=i)}\n" for i in range(100))
    assert check(f"language 1\ntable t [1_000] {{\n{lines}}}\n") == [[], []]


def test_a_spec_with_mistakes_needs_no_numbers():
    found, loaded = check(
        "language 1\ntable t [9] {\n  a: flot = 1\n  b: float ~ normal(0, -1)\n}\n"
    )
    assert (found, loaded) == (["unknown-type", "parameter-range"], [])


def test_a_truncation_far_out_loads_them_and_is_found():
    found, loaded = check("language 1\ntable t [9] {\n  b: float ~ normal(0, 1) in [6, 9]\n}\n")
    assert found == ["small-mass"]
    assert "numpy" in loaded


CASES = [
    ("normal", ("mean", "sd"), [(0.0, 1.0), (50.0, 3.0)]),
    ("lognormal", ("mean", "sd"), [(76.0, 15.0), (5.0, 50.0)]),
    ("lognormal", ("mean", "cv"), [(9.0, 0.2), (9.0, 4.0)]),
    ("gamma", ("shape", "scale"), [(2.0, 3.0), (0.1, 9.0)]),
    ("gamma", ("mean", "cv"), [(2.0, 0.6), (40.0, 2.0)]),
    ("poisson", ("mean",), [(4.0,), (0.1,)]),
    ("negative_binomial", ("mean", "size"), [(3.0, 1.4)]),
    ("uniform", ("low", "high"), [(0.0, 1.0), (-5.0, 70.0)]),
]


@pytest.mark.parametrize(("name", "names", "values"), CASES)
def test_what_surely_keeps_enough_does(name, names, values):
    distribution = DISTRIBUTIONS.get(name)
    form = next(f for f in distribution.forms if f.names == names)
    span = Span(Source("x", ""), 0, 0)
    sure = 0
    ends = [-1e6, -60, -7, -1, 0, 0.3, 1, 3, 5, 9, 20, 50, 77, 150, 1e4, 1e9]
    for given in values:
        draw = DistributionDraw(
            span, distribution, form, tuple(Constant(FLOAT, span, v) for v in given)
        )
        for low in ends:
            for high in ends:
                if low < high and keeps_enough(draw, low, high):
                    sure += 1
                    mass = interval_mass(distribution, form.canonical(*given), low, high)
                    assert mass >= LEAST_MASS * (1 - 1e-9), (given, low, high)
    assert sure > 5
