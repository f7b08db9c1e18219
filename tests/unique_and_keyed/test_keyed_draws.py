"""`keyed(a, b, draw)`: rows that agree in `a` and `b` have one draw, of the declared law."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from shared_specs import frame, only_error, spec

import synthdsl
from synthdsl.engine import determinants
from synthdsl.engine.determinants import determinant_keys, text_words
from synthdsl.plan.explain import explain
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import INT, TEXT

ALARM = 1e-6
"""The chance by which a statistical test here fails although all is well; seeds are fixed."""

DETERMINANTS = {
    "int": "k: int ~ discrete_uniform(-20, 20)",
    "stepped int": "k: int step 5 ~ discrete_uniform(0, 200)",
    "decimal": "k: decimal(5, 2) ~ uniform(0, 0.4)",
    "stepped float": "k: float step 0.1 ~ uniform(-2, 2)",
    "bool": "k: bool ~ bernoulli(0.5)",
    "enum": "k: Ward ~ {north: 50%, south: rest}",
    "date": "k: date ~ discrete_uniform(2024-01-01, 2024-02-10)",
    "datetime": "k: datetime ~ discrete_uniform(2024-01-01, 2024-01-01T00:00:40)",
    "time": "k: time ~ discrete_uniform(08:00:00, 08:00:40)",
    "duration": "k: duration ~ discrete_uniform(0 s, 40 s)",
    "words": 'k: text ~ {"Innere": 50%, "Äußere": rest}',
    "patterns": 'k: text ~ pattern("ward #")',
    "derived": 'k: text = concat("ward ", text(mod(index, 7)))',
    "nullable": "k: int? ~ {1: 40%, 2: 40%, null: rest}",
}
TOP = "enum Ward {north, south}"


@pytest.mark.parametrize("kind", DETERMINANTS)
def test_equal_determinants_have_equal_draws(kind):
    field = "x: float? ~ keyed(k, normal(0, 1))"
    rows = frame(spec(f"{DETERMINANTS[kind]}\n{field}", rows=3000, top=TOP))
    found = rows.dropna(subset=["k"]).groupby("k").x.agg(["nunique", "first"])
    assert (found["nunique"] == 1).all() and len(found) > 1
    assert found["first"].nunique() == len(found), "different keys, different draws"
    assert rows.x[rows.k.isna()].isna().all() and not rows.x[rows.k.notna()].isna().any()


def test_slices_seeds_and_row_counts_agree():
    body = "\n".join([
        'k: text ~ pattern("??")',
        "g: int ~ discrete_uniform(1, 5)",
        "x: float ~ keyed(k, g, gamma(mean: 10 + g, cv: 0.4)) in [2, 30]",
        "y: text ~ keyed(g, pattern(\"???-##\"))",
    ])  # fmt: skip
    whole = frame(spec(body, rows=40_000))
    part = frame(spec(body, rows=900_000), "17000:17600")
    assert part.equals(whole.iloc[17_000:17_600].reset_index(drop=True))
    assert not frame(spec(body, rows=600), seed=6).x.isin(whole.x).any()
    assert whole.groupby(["k", "g"]).x.nunique().eq(1).all()


LAWS = {
    "normal(10, 3)": lambda x: stats.kstest(x, stats.norm(10, 3).cdf).pvalue,
    "gamma(mean: 2, cv: 0.5)": lambda x: stats.kstest(x, stats.gamma(4, scale=0.5).cdf).pvalue,
    "normal(10, 3) in [9, 14]": lambda x: (
        stats.kstest(x, stats.truncnorm(-1 / 3, 4 / 3, 10, 3).cdf).pvalue
    ),
    "mixture({normal(0, 1): 30%, normal(6, 1): rest})": lambda x: (
        stats.kstest(x, lambda v: 0.3 * stats.norm.cdf(v) + 0.7 * stats.norm.cdf(v, 6)).pvalue
    ),
}


def _keyed(law: str) -> str:
    draw, _, interval = law.partition(" in ")
    return f"keyed(k, {draw})" + (f" in {interval}" if interval else "")


@pytest.mark.parametrize("law", LAWS)
def test_over_keys_values_have_the_declared_law(law):
    body = f"k: int = div(index, 3)\nx: float ~ {_keyed(law)}"
    values = frame(spec(body, rows=12_000)).groupby("k").x.first()
    assert len(values) == 4000
    assert LAWS[law](values) > ALARM


def test_weights_over_keys_and_their_dependence_on_the_key():
    body = "\n".join([
        "n: int = div(index, 2)",
        "is_big: bool = mod(n, 2) == 0",
        'x: text ~ keyed(n, when {is_big: kind(70%), else: kind(20%)})',
    ])  # fmt: skip
    top = 'dist kind(p) = {"a": p, "b": rest}'
    rows = frame(spec(body, rows=16_000, top=top)).groupby("n").first()
    for is_big, p in ((True, 0.7), (False, 0.2)):
        chosen = rows.x[rows.is_big == is_big] == "a"
        assert stats.binomtest(int(chosen.sum()), len(chosen), p).pvalue > ALARM


def test_keys_that_collide_too_often_are_caught(monkeypatch):
    """A key of too few bits shares values between determinants: the law test sees it."""
    good = determinants.mix

    def weak(keys):
        keys = good(keys)
        return np.bitwise_and(keys, np.uint64(0xFF), out=keys)

    monkeypatch.setattr(determinants, "mix", weak)
    body = "k: int = div(index, 3)\nx: float ~ keyed(k, normal(10, 3))"
    values = frame(spec(body, rows=12_000)).groupby("k").x.first()
    assert LAWS["normal(10, 3)"](values) < ALARM


def test_a_when_inside_reads_as_it_does_after_the_tilde():
    inside = "when {k == 1: normal(0, 1) in [2, 3], else: when {k == 2: lvl(5), else: 7}}"
    after = f"k: int ~ discrete_uniform(1, 3)\nx: float ~ keyed(k, {inside})"
    rows = frame(spec(after, rows=200, top="dist lvl(m) = uniform(m, m + 1)"))
    values = rows.groupby("k").x.agg(["min", "max"])
    assert (values["min"] == values["max"]).all()
    assert 2 <= values["min"][1] <= 3 and 5 <= values["min"][2] <= 6 and values["min"][3] == 7


def test_a_keyed_draw_is_independent_of_the_row_and_of_other_keyed_draws():
    body = "\n".join([
        "k: int = div(index, 2)",
        "x: float ~ keyed(k, uniform(0, 1))",
        "y: float ~ keyed(k, uniform(0, 1))",
        "z: float ~ uniform(0, 1)",
    ])  # fmt: skip
    rows = frame(spec(body, rows=20_000))
    once = rows[::2]
    assert abs(stats.pearsonr(once.x, once.y).statistic) < 5 / np.sqrt(len(once))
    assert abs(stats.pearsonr(once.x, once.z).statistic) < 5 / np.sqrt(len(once))
    assert abs(stats.pearsonr(once.x[:-1], once.x[1:]).statistic) < 5 / np.sqrt(len(once))


def test_records_fixed_parts_and_chains():
    body = "\n".join([
        "clinic: int ~ discrete_uniform(1, 30)",
        "let place ~ keyed(clinic, address(locale: \"en_US\"))",
        "state: text = place.state",
        "city: text = place.city",
        "tier: int ~ keyed(clinic, {1: 50%, 2: rest})",
        "fee: float ~ keyed(clinic, normal(100 * tier, 1))",
        "note: text = concat(state, text(tier))",
        "code: text ~ keyed(state, tier, pattern(\"###\"))",
        "deep: int ~ keyed(clinic, when {note == \"x\": poisson(3), else: poisson(900 * tier)})",
    ])  # fmt: skip
    rows = frame(spec(body, rows=2000))
    for name in ("state", "city", "tier", "fee", "deep"):
        assert rows.groupby("clinic")[name].nunique().eq(1).all()
    assert rows.groupby(["state", "tier"]).code.nunique().eq(1).all()
    assert (abs(rows.fee - 100 * rows.tier) < 8).all()


def test_the_words_of_texts_follow_their_definition():
    def mix(x):
        x ^= x >> 30
        x = x * 0xBF58476D1CE4E5B9 % 2**64
        x ^= x >> 27
        x = x * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    def tag(word):
        data = word.encode()
        digest = hashlib.blake2b(len(data).to_bytes(8, "little") + data, digest_size=8)
        return int.from_bytes(digest.digest(), "little")

    golden = 0x9E3779B97F4A7C15

    def word(text):
        data = text.encode()
        hashed = mix((len(data) * golden + tag("text")) % 2**64)
        for start in range(0, len(data), 8):
            eight = int.from_bytes(data[start : start + 8], "little")
            hashed = mix(((hashed ^ eight) + golden) % 2**64)
        return hashed

    texts = ["", "a", "Äußere", "12345678", "123456789", "x" * 100, "a\0", "12345678\0"]
    expected = [word(text) for text in texts]
    assert len(set(expected)) == len(texts)
    array = pa.array(["skipped", *texts, "after"])
    assert text_words(array.slice(1, len(texts))).tolist() == expected
    assert text_words(array.cast(pa.large_string())[1:-1]).tolist() == expected
    assert text_words(pa.chunked_array([array[1:3], array[3:-1]])).tolist() == expected
    assert text_words(array[:0]).tolist() == []

    coded = Column(np.arange(len(texts), dtype=np.int32), None, Vocabulary(tuple(texts)))
    numbers = Column(np.arange(len(texts), dtype=np.int64) - 3)
    keys, valid = determinant_keys([coded, numbers], [TEXT, INT])
    first = [mix(((tag("keyed") ^ e) + golden) % 2**64) for e in expected]
    assert keys.tolist() == [
        mix(((k ^ (n - 3) % 2**64) + golden) % 2**64) for n, k in enumerate(first)
    ]
    assert valid is None


def test_explain_names_the_determinants():
    top = "dist kind(c) = keyed(c, poisson(3)) in [1, 9]"
    body = "a: int ~ poisson(3)\nb: int ~ kind(a)\nc: int ~ keyed(a, b, poisson(a))"
    loaded = synthdsl.load("s.synth", text=spec(body, top=top))
    how = {field.name: field.how for field in explain(loaded.plan()).tables[0].fields}
    assert how["b"].startswith("drawn once for each a: poisson")
    assert "truncated to [1, 9]" in how["b"]
    assert how["c"].startswith("drawn once for each a, b: poisson, parameters by row")


REFUSED = {
    "age: int ~ poisson(40)\nx: float ~ keyed(k, normal(age, 1))": (
        "bad-arguments", "`age` may differ between rows with the same `k`", "keyed(k, age, ...)"
    ),
    "x: float ~ keyed(k, normal(index, 1))": ("bad-arguments", "`index` may differ", "do not read"),
    "v: int = index + k\nx: float ~ keyed(k, normal(v, 1))": (
        "bad-arguments", "`v` may differ", "keyed(k, v, ...)"
    ),
    "age: int ~ poisson(40)\nx: float ~ keyed(k, normal(3, 1)) in [age, 100]": (
        "bad-arguments", "`age` may differ", "keyed(k, age, ...)"
    ),
    "w: float ~ normal(0, 1)\nx: float ~ keyed(w, normal(3, 1))": (
        "type-mismatch", "rows hardly ever agree", "`step`"
    ),
    "x: float ~ keyed(k + 1, normal(3, 1))": ("bad-arguments", "not by formulas", "derive it"),
    "x: float ~ keyed(normal(3, 1))": ("bad-arguments", "one or more fields", "keyed(clinic"),
    "x: float ~ keyed(k, nrmal(3, 1))": ("unknown-function", "no distribution `nrmal`", "normal"),
    "x: float ~ keyed(k, 3)": ("bad-arguments", "one or more fields", "keyed(clinic"),
    "x: float ~ keyed(k, normal(3, 1) in [0, 6])": (
        "bad-arguments", "is a condition", "`keyed(...) in [0, 6]`"
    ),
    "x: float ~ keyed(by: k, draw: normal(3, 1))": ("bad-arguments", "no named", "keyed(clinic"),
    "x: text ~ keyed(k, unique(\"##\"))": ("misplaced-draw", "`unique` draws for the rows of the whole table", "field of its own"),
    "x: int ~ keyed(k, unique(discrete_uniform(1, 9)))": (
        "misplaced-draw", "`unique` draws for the rows of the whole table", "field of its own"
    ),
    "x: float ~ mixture({keyed(k, normal(0, 1)): 50%, 3: rest})": (
        "misplaced-draw", "`keyed` draws for the rows of the whole table", "field of its own"
    ),
    "x: float ~ when {k == 1: keyed(k, normal(0, 1)), else: 3}": (
        "misplaced-draw", "`keyed` draws", "field of its own"
    ),
    "x: float ~ zero_inflated(10%, keyed(k, normal(0, 1)))": (
        "misplaced-draw", "`keyed` draws", "field of its own"
    ),
    "x: float ~ keyed(k, normal(0, 1))\ny: float ~ normal(0, 1)\ncorrelate (x, y) rank 0.5": (
        "correlate-field", "rows share the draw of `x`", "row by row"
    ),
    "x: int ~ keyed(m, poisson(3))\nm: int? ~ {1: 50%, null: rest}": (
        "nullable", "may be null", "int?"
    ),
}  # fmt: skip


@pytest.mark.parametrize("body", REFUSED)
def test_what_a_keyed_draw_may_not_be(body):
    code, message, help_ = REFUSED[body]
    error = only_error(f"k: int ~ discrete_uniform(1, 3)\n{body}")
    assert error.code == code
    assert message in error.message and help_ in error.help
