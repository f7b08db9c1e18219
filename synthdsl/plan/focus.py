"""A spec narrowed to a case, or to the counter-examples of one rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from synthdsl.diagnostics import SynthError
from synthdsl.model.spec import Case, Rule, Spec, Table


def focused(spec: Spec, *, case: str | None = None, breaks: str | None = None) -> Spec:
    """`spec` whose rows all meet the case, or all break the rule and no other.

    Both are named plainly or as `table.name`. Soft rules other than the broken one hold in
    every row of counter-examples. Raises `SynthError` (exit code 2) for a name that is unknown
    or stands for several.
    """
    tables = dict(spec.tables)
    if case is not None:
        table, found = _named(case, "case", ((t, c) for t in tables.values() for c in t.cases))
        assert isinstance(found, Case)
        rule = Rule(found.name, found.condition, found.span, found.text, demand="true")
        tables[table.name] = replace(table, rules=(*table.rules, rule))
    if breaks is not None:
        table, broken = _named(breaks, "rule", ((t, r) for t in tables.values() for r in t.rules))
        tables[table.name] = replace(
            table, rules=tuple(_less(rule, broken) for rule in tables[table.name].rules)
        )
    if tables == spec.tables:
        return spec
    return replace(spec, tables=tables)


def _less(rule: Rule, broken: Rule | Case) -> Rule:
    if rule is broken:
        return replace(rule, demand="false", share=None, keeping=())
    return replace(rule, share=None)


def _named(
    wanted: str, word: str, known: Iterable[tuple[Table, Rule | Case]]
) -> tuple[Table, Rule | Case]:
    pairs = list(known)
    table, _, name = wanted.rpartition(".")
    found = [(t, x) for t, x in pairs if x.name == name and table in ("", t.name)]
    if len(found) == 1:
        return found[0]
    names = [x.name for _, x in pairs]
    if found:
        several = " or ".join(f"`{t.name}.{x.name}`" for t, x in found)
        raise SynthError(f"several tables have a {word} `{name}`: name one, {several}", exit_code=2)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        advice = f"did you mean `{close[0]}`?"
    elif names:
        advice = f"its {word}s are " + ", ".join(f"`{n}`" for n in names[:12])
    else:
        advice = f"it declares no {word}"
    raise SynthError(f"the spec has no {word} `{wanted}`; {advice}", exit_code=2)
