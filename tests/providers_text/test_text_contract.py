"""What every text provider promises: examples draw, slices agree, infer needs no numpy."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from providers_text_support import argument, column, draws_of

from synthdsl.functions import FUNCTIONS
from synthdsl.providers import PROVIDERS
from synthdsl.values.types import INT, TEXT, UUID, Type

MINE = [
    "pattern", "unique", "regex", "grammar", "uuid", "npi", "mbi", "ssn", "nhs_number", "dea",
    "loinc_like", "mrn", "luhn", "verhoeff", "damm", "mod11",
]  # fmt: skip


def example_values(example: str) -> list[object]:
    """Arguments of an example such as `luhn(12)` or `pattern("??")`."""
    inside = example.partition("(")[2].removesuffix(")")
    values: list[object] = []
    for text, number in re.findall(r'"((?:[^"\\]|\\.)*)"|(\d+)', inside):
        values.append(int(number) if number else text)
    return values


@pytest.mark.parametrize("name", MINE)
def test_example_draws_and_slices_agree(name: str) -> None:
    provider = PROVIDERS.get(name)
    assert provider.example.startswith(f"{name}(")
    values = example_values(provider.example)
    whole = column(name, *values, draws=draws_of(0, 3_000))
    whole.values.validate(full=True)
    assert len(whole) == 3_000 and whole.valid is None
    everything = whole.values.to_pylist()
    for start, stop in ((5, 6), (0, 1), (2_990, 3_000), (7, 7)):
        part = column(name, *values, draws=draws_of(start, stop))
        assert part.values.to_pylist() == everything[start:stop]
    other = column(name, *values, draws=draws_of(0, 3_000, seed=2)).values.to_pylist()
    assert other != everything
    # Rows given in any order keep their values: nothing depends on a neighbour.
    shuffled = np.random.default_rng(3).permutation(3_000)
    again = column(name, *values, draws=draws_of(0, 3_000).at(shuffled)).values.to_pylist()
    assert again == [everything[row] for row in shuffled]


@pytest.mark.parametrize("name", MINE)
def test_example_has_the_declared_type_and_capacity(name: str) -> None:
    provider = PROVIDERS.get(name)
    given = [argument(v) for v in example_values(provider.example)]
    given += [argument(p.default) for p in provider.parameters[len(given) :]]
    assert provider.infer(*given) == (UUID if name == "uuid" else TEXT)
    size = provider.capacity(*given)
    assert size is None or size > 1
    assert provider.summary.endswith(".")


@pytest.mark.parametrize("name", ["template", "numbered"])
def test_function_examples(name: str) -> None:
    function = FUNCTIONS.get(name)
    values = example_values(function.example[0])
    assert isinstance(function.infer(*map(argument, values)), Type)
    assert function.constant(*values) == function.example[1]


def test_infer_imports_nothing_heavy() -> None:
    program = """
import sys
from synthdsl.functions.base import Argument
from synthdsl.providers import identifiers, patterns, unique, uuids, grammars, regular_expressions
from synthdsl.functions import numbered, templates
from synthdsl.providers.base import PROVIDERS
from synthdsl.values.types import TEXT, NULL, INT
def text(value): return Argument(TEXT, True, value)
null = Argument(NULL, True, None)
PROVIDERS._is_loaded = True
for name, given in {
    "pattern": [text("##"), null], "unique": [text("##"), text("luhn")], "uuid": [],
    "regex": [text("a{3}")], "npi": [text("valid")], "dea": [null, text("unreal")],
    "luhn": [Argument(INT, True, 5)], "grammar": [text("a -> 'b'"), text("a")] + [null] * 8,
}.items():
    result = PROVIDERS.get(name).infer(*given)
    assert type(result).__name__ == "Type", result
    if name in ("pattern", "unique", "regex"):
        assert PROVIDERS.get(name).capacity(*given)
heavy = {"numpy", "pyarrow", "scipy", "faker", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_null_and_unknown_types_do_not_break_infer() -> None:
    from synthdsl.functions.base import Argument, Misuse
    from synthdsl.values.types import UNKNOWN

    for name in MINE:
        provider = PROVIDERS.get(name)
        for one in (Argument(INT), Argument(UNKNOWN), argument(None), argument(7), Argument(TEXT)):
            result = provider.infer(*[one] * len(provider.parameters))
            assert isinstance(result, Type | Misuse)
