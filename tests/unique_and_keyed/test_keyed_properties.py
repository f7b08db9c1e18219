"""Random specs of shared draws: dependencies hold, in any slice, whatever stands beside them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from shared_specs import frame, spec

KEYS = {
    "i": "i: int ~ discrete_uniform(0, 3)",
    "b": "b: bool ~ bernoulli(0.4)",
    "e": "e: Ward ~ {north: 50%, south: rest}",
    "d": "d: date ~ discrete_uniform(2024-01-01, 2024-01-03)",
    "t": 't: text ~ pattern("?")',
    "n": "n: int? ~ {1: 40%, null: rest}",
    "m": "m: decimal(3, 1) = i / 2",
    "s": "s: text = concat(t, text(i))",
}
DRAWS = {
    "float": ("normal(3, 2)", "gamma(mean: 3, cv: 0.5)", "student_t(4)", "level(i)"),
    "int": ("poisson(4)", "{1: 30%, 5: rest}", "mixture({poisson(3): 50%, 7: rest})"),
    "text": ('pattern("??#")', '{"u": 30%, "v": rest}', "full_name()"),
    "bool": ("bernoulli(0.5)", "{true: 30%, false: rest}"),
    "date": ("discrete_uniform(2020-01-01, 2024-12-31)",),
}
TOP = "enum Ward {north, south}\ndist level(k) = when {k == 1: normal(0, 1), else: gamma(2 + k, 1)}"


@st.composite
def tables(draw):
    """Names of determinants and the field keyed by them; more fields stand around."""
    names = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=3, unique=True))
    kind = draw(st.sampled_from(sorted(DRAWS)))
    law = draw(st.sampled_from(DRAWS[kind]))
    if law == "level(i)" and "i" not in names:
        names.append("i")
    field = f"x: {kind}? ~ keyed({', '.join(names)}, {law})"
    needed = {"m": "i", "s": "it"}
    closed = set(names) | {k for n in names for k in needed.get(n, "")}
    return names, [KEYS[k] for k in sorted(closed)], field, draw(st.permutations(range(3)))


@given(tables(), st.integers(0, 2**64 - 1), st.integers(0, 350))
@settings(max_examples=40)
def test_rows_that_agree_have_one_value_everywhere(table, seed, start):
    names, keys, field, order = table
    others = "u: float ~ uniform(0, 1)\nv: int ~ unique(discrete_uniform(1, 400))"
    parts = ["\n".join(keys), field, others]
    rows = frame(spec("\n".join(parts[i] for i in order), rows=400, top=TOP), seed=seed)
    known = rows.dropna(subset=names)
    assert known.groupby(names, observed=True).x.nunique(dropna=False).le(1).all()
    assert rows.x.isna().equals(rows[names].isna().any(axis=1))
    assert rows.v.is_unique
    alone = frame(spec("\n".join([*keys, field]), rows=380, top=TOP), f"{start}:380", seed=seed)
    assert alone.x.astype(object).tolist() == rows.x[start:380].astype(object).tolist() or (
        alone.x.isna().any() and alone.x.dropna().tolist() == rows.x[start:380].dropna().tolist()
    )
