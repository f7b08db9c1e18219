"""What people type who know SQL or Python: each mistake is found once, with what to type instead."""

from __future__ import annotations

import pytest

import synthdsl

SPEC = """language 1
table store [12] {
  id: text ~ unique("S-##")
  busy: float ~ gamma(mean: 1, cv: 0.5)
  key id
}
table customer [100] {
  id: text ~ unique("C-######")
  born: date ~ discrete_uniform(1930-01-01, 2007-12-31)
#customer
  key id
}
table order per customer c [count ~ poisson(2)] {
  key (c, index)
  day: date ~ discrete_uniform(2025-01-01, 2025-12-31)
  cost: float ~ gamma(mean: 20, cv: 0.5)
#order
}
table item per order o [2] {
  key (o, index)
  n: int ~ poisson(3)
#item
}
#end
"""
HEAD = "table order per customer c [count ~ poisson(2)] {"
PATH = "pathway care per order o starts o.day {\n%s\n  final done\n}"


def check(place: str, text: str) -> list[synthdsl.Diagnostic]:
    """What is found in the spec with `text` in place of a head or behind a mark."""
    spec = SPEC.replace(HEAD, text) if place == "head" else SPEC.replace(f"#{place}", text)
    return synthdsl.check("x.synth", text=spec)


@pytest.mark.parametrize(
    ("place", "text", "underlined", "help_"),
    [
        # heads: what stands inside of the table is read all the same
        ("head", "table order per customer [2] {", "[", "`per customer c`"),
        ("head", "table order per customer c [0, 5] {", ",", "[count ~ discrete_uniform(1, 5)]"),
        ("head", "table order per customer c [~ poisson(2)] {", "~", "[count ~ poisson(2)]"),
        ("head", "table order per customer c [poisson(2)] {", "poisson(2)", "[count ~ poisson(2)]"),
        ("head", "table order per customer c [count = 2] {", "=", "`[2]`"),
        ("head", "table order [200] per customer c {", "per", "the order is"),
        (
            "end",
            PATH.replace(" o starts o.day", " starts o.day") % "  a: 3 d -> {done: 100%}",
            "o",
            "`per order o`",
        ),
        (
            "end",
            PATH.replace(" o starts", " o [3] starts") % "  a: 3 d -> {done: 100%}",
            "[",
            "pathway name per",
        ),
        # states
        ("end", PATH % "  a: 3 d -> {b: 50%, done: rest}\n  b: 3 d -> done", "\n", "{done: 100%}"),
        ("end", PATH % "  a ~ gamma(mean: 3 d, cv: 1) -> {done: 100%}", "~", "a: ..."),
        # rules
        ("end", "rule r each customer: c.born > 1940-01-01", ":", "`each customer c`"),
        ("end", "rule r each c in customer: c.born > 1940-01-01", "in", "`each customer c`"),
        ("end", "rule r for customer c: c.born > 1940-01-01", "for", "rule r each"),
        ("end", "rule r keeping (c.born) each customer c: c.born > 1940-01-01", "each", "keeping"),
        ("end", "rule r: all(o.cost > 1 for o in customer.order)", "r", "each customer"),
        ("end", "missing customer.born: mcar(5%)", "missing", "into `table"),
        # references
        ("customer", "  home: ref store", "store", "home: store ~ ref store"),
        ("customer", "  home ~ ref store", "home", "home: store ~ ref store"),
        ("customer", "  home: store = ref store", "store", "home: store ~ ref store"),
        ("customer", "  home: store ~ store", "store", "ref store"),
        ("customer", "  home: store ~ ref(store)", "(", "ref store"),
        ("customer", "  home: store? ~ {ref store: 90%, null: rest}", "store", "when {"),
        ("customer", "  home: store ~ ref store by store.busy", "by", "weight"),
        ("customer", "  home: store ~ ref store where busy > 1", "busy", "store.busy"),
        ("customer", "  name: text = store.id", "store.id", "x: store ~ ref store"),
        # rows below
        ("customer", "  n: int = count(order)", "count(order)", "count(x for x in order)"),
        ("customer", "  n: int = count(*)", "*", "count(v for v in visit)"),
        (
            "customer",
            "  n: float = sum(order.cost)",
            "sum(order.cost)",
            "sum(x.cost for x in order)",
        ),
        (
            "customer",
            "  n: float = sum(o.cost in order)",
            "sum(o.cost in order)",
            "sum(x.cost for x in order)",
        ),
        (
            "customer",
            "  n: float? = avg(o.cost for o in order)",
            "avg(o.cost for o in order)",
            "mean(o.cost for o in order)",
        ),
        (
            "customer",
            "  b: bool = exists(o for o in order)",
            "exists(o for o in order)",
            "count(o for o in order) > 0",
        ),
        ("customer", "  n: float = sum(cost for o in order)", "cost", "o.cost"),
        ("customer", "  n: date? = order.day", "order.day", "max(x.day for x in order)"),
        ("customer", "  n: int = count(i for o in order for i in o.item)", "for", "p.visit.lab"),
        (
            "end",
            "rule r each customer c: any(c.order.cost > 3)",
            "any(c.order.cost > 3)",
            "any(x.cost > 3 for x in c.order)",
        ),
        ("end", "expect mean(order.cost) > 3", "mean(order.cost)", "mean(x.cost for x in order)"),
        # rows above and beside
        ("order", "  x: date = born", "born", "c.born"),
        ("order", "  x: date = customer.born", "customer.born", "c.born"),
        ("order", "  x: date ~ c.born", "c.born", "derive it with `=`"),
        ("order", "  x: date? = order.day", "order.day", "prev.day"),
        ("order", "  x: date? = previous.day", "previous.day", "prev.day"),
        ("order", "  x: date? = prev(day)", "prev(day)", "prev.day"),
        ("order", "  rule r: unique(day)", "unique(day)", "distinct(x.day for x in c.order)"),
        ("order", "  s: store ~ ref store where store.id == c", "c", "c.id"),
        ("item", "  x: date = c.born", "c.born", "o.c.born"),
        ("item", "  x: date = o.customer.born", "o.customer.born", "o.c.born"),
        ("end", "rule r each order o: next.day - o.day > 3 d", "next.day", "o.next.day"),
    ],
)
def test_a_mistake_is_found_once_with_what_to_type(place, text, underlined, help_):
    (found,) = check(place, text)
    assert found.span.text == underlined
    assert found.help is not None and help_ in found.help


def test_the_spec_without_mistakes_is_fine():
    assert check("end", "") == []


def test_members_of_a_table_whose_head_is_wrong_are_read():
    text = SPEC.replace(HEAD, "table order per customer [2] {").replace(
        "#item", "  x: date = o.dya"
    )
    codes = [d.code for d in synthdsl.check("x.synth", text=text)]
    assert codes == ["syntax", "unknown-name"]
