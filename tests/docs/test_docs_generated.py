"""The generated reference pages are what the program says now, and leave nothing out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from synthdsl.distributions.base import DISTRIBUTIONS
from synthdsl.functions.base import FUNCTIONS
from synthdsl.io.base import FORMATS
from synthdsl.providers.base import PROVIDERS

DOCS = Path(__file__).parents[2] / "docs"
_SPEC = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
assert _SPEC is not None and _SPEC.loader is not None
build = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(build)
PAGES = build.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name):
    path = DOCS / "reference" / name
    assert path.read_text() == PAGES[name], "run `python docs/build.py`"


@pytest.mark.parametrize(
    ("page", "family", "mark"),
    [
        ("distributions.md", DISTRIBUTIONS, "## {}\n"),
        ("providers.md", PROVIDERS, "## {}\n"),
        ("formats.md", FORMATS, "## {}\n"),
        ("functions.md", FUNCTIONS, "| `{}("),
    ],
)
def test_every_member_has_its_place(page, family, mark):
    missing = [name for name in family.names() if mark.format(name) not in PAGES[page]]
    assert not missing and len(family.names()) >= 5


def test_every_rule_of_the_grammar_is_in_the_appendix():
    text = re.sub(r"//.*", "", build.GRAMMAR.read_text())
    names = re.findall(r"^[?_]*(\w+):", text, re.MULTILINE)
    rules = re.findall(r"^(\w+) ::= ", PAGES["grammar.md"], re.MULTILINE)
    assert len(rules) == len(set(rules)) == len(names) - 1 > 60
    assert {name.removesuffix("_line") for name in rules} == set(names) - {"broken"}


def test_every_name_in_the_grammar_is_explained():
    body = re.search(r"```ebnf\n(.*?)```", PAGES["grammar.md"], re.DOTALL)
    assert body is not None
    plain = re.sub(r'"[^"]*"', "", body[1])
    rules = set(re.findall(r"^(\w+) ::=", plain, re.MULTILINE))
    tokens = set(re.findall(r"^\| `([A-Z]+)`", PAGES["grammar.md"], re.MULTILINE))
    assert set(re.findall(r"\b[A-Za-z_]\w*\b", plain)) <= rules | tokens
