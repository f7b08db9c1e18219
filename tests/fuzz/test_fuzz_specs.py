"""No text makes `check` fail, and no checked spec makes anything fail but with a `SynthError`."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_texts import SEEDS, STRAY, Writer, exchanged, mutated

from synthdsl import api
from synthdsl.diagnostics import SynthError, has_errors
from synthdsl.render.text import render_text

SECONDS = 1.0
"""Processor time that one small spec may take."""
MANY = 25
"""Texts made from one drawn seed."""


def check(text):
    start = time.process_time()
    found = api.check("x.synth", text=text)
    assert time.process_time() - start < SECONDS, text
    for finding in found:
        span = finding.span
        assert 0 <= span.start <= span.end <= len(span.source.text), (finding, text)
    return found


def check_all(texts):
    for text in texts:
        try:
            check(text)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\n{text}") from error


@given(st.binary(max_size=300))
@settings(max_examples=1000)
def test_random_bytes(raw):
    check(raw.decode("utf-8", errors="replace"))


@given(st.text(max_size=200))
@settings(max_examples=1000)
def test_random_text(text):
    check("language 1\ntable t [1] {\n x: int = " + text + "\n}\n")


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_random_tokens(seed):
    random = Random(seed)
    texts = []
    for _ in range(MANY):
        tokens = random.choices(STRAY, k=random.randrange(1, 25))
        texts.append("language 1\ntable t [1] {\n" + random.choice(("", " ")).join(tokens))
    check_all(texts)


def _mutations(seed, base):
    random = Random(seed)
    return [mutated(base, random) for _ in range(MANY)]


@given(st.integers(0, 2**32), st.sampled_from(SEEDS))
@settings(max_examples=440)
def test_mutated_specs(seed, base):
    check_all(_mutations(seed, base))


@pytest.mark.nightly
@given(st.integers(2**32, 2**48), st.sampled_from(SEEDS))
@settings(max_examples=20_000)
def test_many_mutated_specs(seed, base):
    check_all(_mutations(seed, base))


def use(text):
    """Check a spec, and make 50 rows of it where it has no errors; whether it could be made."""
    found = check(text)
    render_text(found)
    is_made = False
    if not has_errors(found):
        try:
            spec = api.load("x.synth", text=text)
            roots = [t for t in spec.tables.values() if t.parent is None and not t.is_fixed]
            tables = spec.generate({t.name: min(50, t.rows) for t in roots}).tables
            assert tables
            is_made = True
        except SynthError as error:
            assert error.diagnostics or error.message
    formatted, mistakes = api.format_text("x.synth", text)
    if not mistakes:
        assert api.format_text("x.synth", formatted)[0] == formatted
        again = [d.code for d in api.check("x.synth", text=formatted)]
        assert sorted(again) == sorted(d.code for d in found)
    return is_made


def use_written(seed):
    text = Writer(Random(seed)).spec()
    try:
        return use(text)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{text}") from error


@given(st.integers(0, 2**32))
@settings(max_examples=120)
def test_written_specs(seed):
    use_written(seed)


@pytest.mark.nightly
@given(st.integers(2**32, 2**48))
@settings(max_examples=20_000)
def test_many_written_specs(seed):
    use_written(seed)


def test_a_good_part_of_the_written_specs_can_be_made():
    """The generator is no use where nearly everything it writes is refused."""
    made = sum(use_written(seed) for seed in range(50))
    assert made >= 10


@given(st.integers(0, 2**32), st.sampled_from(SEEDS))
@settings(max_examples=120)
def test_slightly_changed_specs_can_be_made_or_are_refused(seed, base):
    text = mutated(base, Random(seed))
    try:
        use(text)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{text}") from error


def use_exchanged(seed):
    text = exchanged(SEEDS[-1], Random(seed))
    try:
        return use(text)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{text}") from error


@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_families_with_parts_exchanged_can_be_made_or_are_refused(seed):
    use_exchanged(seed)


@pytest.mark.nightly
@given(st.integers(2**32, 2**48))
@settings(max_examples=5_000)
def test_many_families_with_parts_exchanged(seed):
    use_exchanged(seed)


def test_a_good_part_of_the_families_can_be_made():
    made = sum(use_exchanged(seed) for seed in range(20))
    assert made >= 4
