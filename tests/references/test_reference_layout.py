"""References as they are typed: what `fmt` makes of them, and what the tree keeps."""

from __future__ import annotations

import pytest

from synthdsl.language import tree
from synthdsl.language.format import format_source
from synthdsl.language.parse import parse
from synthdsl.source import Source

FIELD = "table t [1] {{\n  {}\n}}\n"
LAYOUTS = {
    "d: a~ref   a": "d: a ~ ref a",
    "d: a ~ ref a where a.x==x and a.y>1 weight  a.w*2   distinct @quasi": (
        "d: a ~ ref a where a.x == x and a.y > 1 weight a.w * 2 distinct @quasi"
    ),
    'd: a? ~ when {index==0: null, else: ref a where a.index<index,} as "D"': (
        'd: a? ~ when {index == 0: null, else: ref a where a.index < index,} as "D"'
    ),
    "let weight~ref a weight -a.w": "let weight ~ ref a weight -a.w",
    "where: a ~ ref a\n  distinct: int = ref": "where: a ~ ref a\n  distinct: int = ref",
}


@pytest.mark.parametrize("typed", LAYOUTS)
def test_layout(typed: str) -> None:
    text, found = format_source(Source("s", FIELD.format(typed)))
    assert not found and text == FIELD.format(LAYOUTS[typed])
    again, _ = format_source(Source("s", text))
    assert again == text


def drawn(text: str) -> tree.RefDraw:
    parsed, found = parse(Source("s", FIELD.format(text)))
    assert not found
    (table,) = parsed.file.statements
    assert isinstance(table, tree.Table) and isinstance(table.members[0], tree.Field)
    draw = table.members[0].draw
    assert draw is not None and isinstance(draw.outcome, tree.RefDraw)
    return draw.outcome


def test_the_tree_has_each_clause() -> None:
    plain = drawn("d: a ~ ref a")
    assert (plain.table.text, plain.condition, plain.weight) == ("a", None, None)
    assert not plain.is_distinct
    full = drawn("d: a ~ ref a where a.x in [1, 2] weight a.w distinct")
    assert isinstance(full.condition, tree.Within) and isinstance(full.weight, tree.Path)
    assert full.is_distinct and full.span.text == "ref a where a.x in [1, 2] weight a.w distinct"


@pytest.mark.parametrize("text", ["d: a ~ ref", "d: a ~ ref a distinct where x", "d: a ~ ref a.b"])
def test_what_is_no_reference(text: str) -> None:
    _, found = parse(Source("s", FIELD.format(text)))
    assert [d.code for d in found] == ["syntax"]
