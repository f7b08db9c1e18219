"""Specs to begin with, changes to them, and a generator of specs of its own."""

from __future__ import annotations

import re
from random import Random

SEEDS = (
    """language 1
spec clinic "Outpatients"
seed 7
param n: int = 50 where n in [1, 1_000]
param as_of: date = 2026-01-01
enum Sex {female as "F", male as "M"}
dist spread(m, s) = normal(m, s) in [0, 300]
table patient [n] {
  id: text ~ unique("P####") @identifier
  sex: Sex ~ {female: 52%, male: rest} @quasi
  age: int<a> ~ normal(47 a, 22 a) in [0, 105]
  born: date = as_of - 30 d
  height: float<cm> step 0.1 ~ when {sex == female: spread(165, 7), else: spread(178, 7)}
  weight: float<kg>? step 0.1 ~ lognormal(mean: 76, sd: 15) in [2, 250]
  bmi: float<kg/m2>? = weight / height^2
  band: text = bucket(age, [0, 18, 65, 106])
  key id
  correlate (height, weight) rank 0.6 by sex
  missing weight: mar(expit(-3 + when {age < 30: 1.5, else: 0}))
  rule tall: height >= 120 -> age >= 1
}
""",
    """language 1
fields lab(m) {
  value: float ~ normal(m, 1)
  is_high: bool = value > m + 1
}
table t [20] {
  use lab(3) prefix "k_"
  let z ~ normal(0, 1)
  a: float ~ mixture({normal(0, 1): 30%, normal(5, 2): rest})
  b: int ~ zero_inflated(30%, poisson(4))
  c: text = when {b > 3 and not k_is_high: "x", b is null: "y", else: text(b)}
  d: decimal(9, 2)? ~ gamma(mean: 50, cv: 0.5) in [0, 999]
  e: datetime = 2026-01-01T10:00 + 3 h
  f: bool = a in [0, 1] or b in {1, 2} <-> z > 0
  let who ~ person()
  g: text = who.given
  missing d: mcar(5%)
}
""",
    """language 1
table t [5] {
  x: float ~ uniform(0, 1)
  y: float ~ uniform(0, x)
  n: int ~ {1: 30%, 2: 30%, 9: rest} in [0, 9]
  when_: duration ~ gamma(mean: 2 h, cv: 0.6)
  s: text ~ {"a b": 50%, "c": rest} as "S" "a sentence"
  u: uuid ~ uuid()
}
""",
    """language 1
enum Dx {healthy, diabetes, cancer}
table visit [40] {
  ward: int ~ discrete_uniform(1, 4)
  dx: Dx ~ {healthy: 60%, diabetes: 30%, cancer: rest}
  age: int<a> ~ normal(47, 22) in [0, 105]
  tested: bool ~ bernoulli(30%)
  came: date ~ discrete_uniform(2025-01-01, 2025-12-31)
  left: date ~ normal(came + 6 d, 4 d)
  died: date? ~ mixture({left: 10%, null: rest})
  beds: int ~ keyed(ward, discrete_uniform(10, 30))
  room: int ~ unique(discrete_uniform(100, 999))
  arm: int ~ quota({1: 50%, 2: rest})
  a: float step 0.1 ~ uniform(0, 60)
  b: float step 0.1 ~ uniform(0, 60)
  rule tests keeping (dx): dx == diabetes -> tested
  rule[90%] old: dx == cancer -> age >= 40 a
  rule dates: came <= left
  rule parts: a + b <= 60
  case died_at_once: died == came
}
rule adult each visit v: v.age >= 18 a or v.dx == healthy
case young each visit v: v.dx == cancer and v.age < 45 a
""",
    """language 1
enum Kind {ambulatory, emergency, inpatient}
table doctor [30] {
  id: int = index
  kind: Kind ~ {ambulatory: 50%, emergency: 30%, inpatient: rest}
  share: float ~ uniform(1, 2)
  boss: doctor? ~ when {index == 0: null, else: ref doctor where doctor.index < index}
  key id
}
table patient [12] {
  id: int = index
  age: int<a> ~ normal(47, 22) in [0, 105]
  home: doctor ~ ref doctor
  visits: int = count(v for v in visit)
  worst: float? = max(l.value for l in visit.lab where l.value > 0)
  key id
}
table visit per patient p [count ~ poisson(1 + 0.03 * p.age / 1 a)] where p.age > 9 a until is_last {
  key (p, index)
  kind: Kind ~ {ambulatory: 70%, emergency: 20%, inpatient: rest}
  is_last: bool ~ bernoulli(5%)
  seen_by: doctor ~ ref doctor where doctor.kind == kind weight doctor.share
  start: datetime ~ sorted(uniform(2025-01-01T00:00, 2026-01-01T00:00))
  stay: duration ~ gamma(mean: 2 d, cv: 0.6)
  wait: duration? = next.start - start
  level: float = coalesce(0.8 * prev.level, 0) + 0.1 * index
  others: int = count(o for o in p.visit where o.kind == kind) - 1
  rate: float step 1 ~ autoregressive(mean: 80, sd: 10, phi: 0.9)
  rule gap: prev is null or start >= prev.start + 1 h
}
table lab per visit v [2] where v.kind != ambulatory {
  key (v, index)
  value: float? step 0.1 ~ normal(0.1 * v.p.age / 1 a, 3)
  missing value: mcar(5%)
  rule[90%] low: value <= 8
}
pathway admission per visit v where v.kind == inpatient starts v.start {
  ward: gamma(mean: 1 d, cv: 0.5) -> {home: 70%, icu: 20%, died: rest}
  icu: gamma(mean: 2 d, cv: 0.5) -> {ward: 80%, died: rest}
  final home, died
}
rule seen each patient p keeping (p.age): p.age < 60 a or any(v.kind != ambulatory for v in p.visit)
rule apart each patient p: disjoint([v.start, v.start + v.stay] for v in p.visit)
case sick each patient p: any(reaches(v.admission, icu) for v in p.visit)
expect mean(v.stay for v in visit where v.kind == inpatient) in [0 d, 6 d]
""",
)
_TOKEN = re.compile(r'"[^"\n]*"|\w+|[^\w\s]|\n|[ \t]+')
STRAY = (
    *'()[]{}~=:,.@?+-*/^<>"\'#%\n\t \\|&;!$`', "<->", "->", "when", "else", "in", "not", "and", "or",
    "is", "null", "rest", "table", "enum", "param", "dist", "fields", "let", "use", "key", "rule",
    "case", "each", "keeping", "[98%]", "keyed(", "unique(", "quota({",
    "missing", "correlate", "rank", "by", "step", "as", "index", "true", "1e400", "0", "-1", "9" * 30,
    "1.5", "50%", "101%", "2026-02-30", "2026-01-01", "10:61", "3 d", "2 'kg'", "'", "\x00", "é", "“",
    "\u202e", "\U0001f600", "normal(0, 1)", "poisson(-1)", "x", "n", "age", "Sex", "{1: 50%, 2: 50%}",
    "[0, 1]", "[1, 0]", "?", "<kg>", "<[", "prefix", "mixture({", "zero_inflated(", "prev.x", "z(x)",
    "per", "per patient p", "per visit v", "[count ~ poisson(2)]", "count", "until", "where", "weight",
    "ref", "ref doctor", "distinct", "p", "p.", "v.", "v.p.age", "prev", "next", "first", "last.",
    "pathway", "starts", "final", "from", 'from "nix.csv"', "any(", "for v in p.visit", "sorted(",
    "patient", "visit", "lab", "doctor", "admission", "reaches(", "is_last", "kind", "key (p, index)",
)  # fmt: skip


EXCHANGES = (
    ("prev", "next"), ("prev.", "first."), ("prev.", "last."), ("next.", "prev."),
    ("[2]", "[0]"), ("[2]", "[count ~ poisson(v.others)]"), ("[2]", "[1 + v.index]"),
    ("poisson(1 + 0.03 * p.age / 1 a)", "poisson(p.visits)"), ("[12]", "[0]"), ("[30]", "[0]"),
    ("any(", "all("), ("any(", "none("), ("any(", "count("), ("max(", "mean("), ("count(", "any("),
    ("p.visit", "p"), ("in visit", "in lab"), ("visit.lab", "visit"), ("v.p.age", "v.p.home.share"),
    ("ref doctor", "ref doctor distinct"), ("ref doctor", "ref patient"), ("index == 0", "index < 3"),
    ("doctor.index < index", "doctor.index != index"), ("weight doctor.share", "weight doctor.index"),
    ("until is_last", ""), ("is_last", "others > 2"), ("is_last", "prev.level > 1"),
    ("where v.kind != ambulatory", "where v.index > 0"), ("p.age > 9 a", "p.visits > 0"),
    (">=", "<="), (">", "<"), ("==", "!="), ("0.1", "0"), ("5%", "100%"), ("90%", "0%"),
    ("float?", "float"), ("float", "int"), ("duration?", "duration"), ("int", "float"),
    ("each patient p", "each visit p"), ("each visit v", "each patient v"),
    ("keeping (p.age)", "keeping (p.visit.kind)"), ("keeping (p.age)", "keeping (p.worst)"),
    ("rule", "rule[50%]"), ("rule[90%]", "rule"), ("rule", "case"), ("case", "rule"),
    ("sorted(uniform(2025-01-01T00:00, ", "(uniform(prev.start, "), ("phi: 0.9", "phi: 1"),
    ("autoregressive(mean: 80, sd: 10, phi: 0.9)", "random_walk(start: 80, sd: 2)"),
    ("~ bernoulli(5%)", "= next is null"), ("index", "count(o for o in p.visit)"),
    ("p.age", "p.home.boss.share"), ("p.age", "p.worst"), ("l.value", "l.v.level"),
    ("reaches", "avoids"), ("icu)", "ward)"), ("2 d", "prev.stay"), ("final home", "final home, ward"),
    ("mcar(5%)", "mar(v.p.visits / 9)"), ("mcar(5%)", "mnar(value)"),
    ("key (v, index)", "key (v, index)\n  w: int = count(s for s in v.admission where s.state == icu)"),
    ("key (p, index)", "key (p, index)\n  deep: float? = max(l.value for l in p.visit.lab)"),
    ("key (p, index)", "key (p, index)\n  other: doctor? ~ ref doctor where doctor.id != seen_by.id"),
)  # fmt: skip
"""Parts of the last of `SEEDS`, with what fits or nearly fits in their place."""


def exchanged(text: str, random: Random) -> str:
    """`text` without some of its fields and rules, and with some parts exchanged."""
    lines = text.splitlines(keepends=True)
    for _ in range(random.randrange(3)):
        at = random.randrange(2, len(lines))
        if lines[at].startswith(("  ", "rule", "case", "expect")):
            del lines[at]
    text = "".join(lines)
    for _ in range(random.choice((1, 1, 2, 3))):
        old, new = random.choice(EXCHANGES)
        places = [found.start() for found in re.finditer(re.escape(old), text)]
        if places:
            at = random.choice(places)
            text = text[:at] + new + text[at + len(old) :]
    return text


def part_of(text: str, random: Random) -> str:
    """`text` with some of its lines left out, the first and the last kept."""
    first, *lines, last = text.splitlines(keepends=True)
    share = random.choice((0.15, 0.3, 0.5))
    keeps = [line for line in lines if random.random() < share or "{\n" in line or line == "}\n"]
    return "".join([first, *keeps, last])


def mutated(text: str, random: Random) -> str:
    """Part of `text` with tokens or characters deleted, doubled, swapped, put in or moved."""
    text = part_of(text, random)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        parts = _TOKEN.findall(text) if random.random() < 0.75 else list(text)
        if not parts:
            return random.choice(STRAY)
        at, other = random.randrange(len(parts)), random.randrange(len(parts))
        kind = random.randrange(7)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(at, parts[at])
        elif kind == 2:
            parts[at], parts[other] = parts[other], parts[at]
        elif kind == 3:
            parts.insert(at, random.choice(STRAY))
        elif kind == 4:
            parts[at] = random.choice(STRAY)
        elif kind == 5:
            parts[at] = parts[other]
        else:
            first, last = sorted((at, min(other, at + 12)))
            del parts[first:last]
        text = "".join(parts)
    return text


class Writer:
    """Writes a random spec: mostly valid, now and then with a mistake."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers: list[str] = []
        self._conditions: list[str] = []
        self._texts: list[str] = []
        self._enum = ("low", "high", "none_")

    def spec(self) -> str:
        """A whole spec."""
        pick = self._random
        lines = ["language 1", f"param n: int = {pick.randint(0, 60)}", "param p: float = 0.25"]
        lines += [
            f"enum Level {{{', '.join(self._enum)}}}",
            "dist near(m) = normal(m, 2) in [-90, 90]",
        ]
        lines += ["fields pair(m) {", "  one: float ~ normal(m, 1)", "  two: float = one * 2", "}"]
        lines += ["table t [n] {"]
        fields = [f"  {self.field(i)}" for i in range(pick.randint(1, 9))]
        members = [f"  {self.member(i)}" for i in range(pick.randint(0, 3))]
        return "\n".join([*lines, *fields, *members, "}", ""])

    def field(self, number: int) -> str:
        """One field; what it declares can be read by the next."""
        pick, name = self._random, f"f{number}"
        kind = pick.randrange(9)
        null = "?" if pick.random() < 0.2 else ""
        if kind <= 1:
            line = (
                f"{name}: float{null}{pick.choice(('', ' step 0.5', ' step 0.1'))} ~ {self.draw(2)}"
            )
            self._numbers.append(name)
        elif kind == 2:
            line = f"{name}: int{null} ~ {self.draw(1)}"
            self._numbers.append(name)
        elif kind == 3:
            line = f"{name}: float{null} = {self.number(3)}"
            self._numbers.append(name)
        elif kind == 4:
            line = f"{name}: bool{null} = {self.condition(3)}"
            self._conditions.append(name)
        elif kind == 5:
            line = f"{name}: text{null} = {self.text(2)}"
            self._texts.append(name)
        elif kind == 6:
            line = f"{name}: Level{null} ~ {self.weights(list(self._enum))}"
            self._conditions.append(f"{name} == {pick.choice(self._enum)}")
        elif kind == 7:
            line = f"let {name} ~ {self.draw(2)}"
            self._numbers.append(name)
        else:
            line = f'use pair({self.number(1)}) prefix "{name}_"'
            self._numbers += [f"{name}_one", f"{name}_two"]
        return line

    def member(self, number: int) -> str:
        """A statement about fields."""
        pick = self._random
        name = pick.choice([*self._numbers, "f0"])
        kind = pick.randrange(5)
        if kind == 0:
            return f"missing {name}: {pick.choice(('mcar', 'mar', 'mnar'))}({self.chance()})"
        if kind == 1:
            # a rule that half of the rows meet at least: the search for rows ends soon
            return f"rule r{number}: {self.condition(2)} or index * 0 == 0 and p > 0.1"
        if kind == 2:
            other = pick.choice([*self._numbers, "f1"])
            return f"correlate ({name}, {other}) rank {pick.choice(('0.5', '-0.3', '0', '0.99'))}"
        if kind == 3:
            return f"key {name}"
        return f"rule r{number}: {name} * 0 == 0"

    def chance(self) -> str:
        """A probability."""
        return self._random.choice(("5%", "0.5", "p", f"expit({self.number(1)})"))

    def draw(self, depth: int) -> str:
        """What may stand after `~`."""
        pick = self._random
        kind = pick.randrange(12 if depth else 7)
        a = self.number(depth - 1)
        calls = (
            f"normal({a}, {pick.choice(('1', '2.5', 'abs(' + a + ') + 1', '0'))})",
            f"uniform(0, {pick.choice(('1', '9', 'abs(' + a + ') + 1'))})", "poisson(3)",
            f"gamma({pick.choice(('2', 'p'))}, 1.5)", f"near({a})", "binomial(9, 30%)",
            self.weights([str(i) for i in range(pick.randint(1, 4))]), "exponential(2)",
            f"mixture({{near({a}): 30%, poisson(2): rest}})", f"zero_inflated(p, {self.draw(0)})"
            if depth else "poisson(1)",
            f"when {{{self.condition(1)}: {self.draw(depth - 1)}, else: {self.draw(depth - 1)}}}"
            if depth else "poisson(1)",
            "beta(2, 3)",
        )  # fmt: skip
        interval = pick.choice(("", "", f" in [{pick.randint(-9, 2)}, {pick.randint(3, 99)}]"))
        return calls[kind] + interval

    def weights(self, outcomes: list[str]) -> str:
        """Weights in braces."""
        share = 100 // len(outcomes)
        words = [f"{o}: {share}%" for o in outcomes[:-1]] + [f"{outcomes[-1]}: rest"]
        return "{" + ", ".join(words) + "}"

    def number(self, depth: int) -> str:
        """A number."""
        pick = self._random
        if depth <= 0 or pick.random() < 0.3:
            return pick.choice(
                [*self._numbers, str(pick.randint(-3, 12)), "p", "n", "0.5", "index"]
            )
        a, b = self.number(depth - 1), self.number(depth - 1)
        return pick.choice(
            (
                f"({a} + {b})", f"({a} - {b})", f"({a} * {b})", f"({a} / {b})", f"abs({a})", f"-{a}",
                f"exp({a})", f"log({a})", f"sqrt({a})", f"({a})^2", f"min({a}, {b})", f"round({a})",
                f"when {{{self.condition(depth - 1)}: {a}, else: {b}}}", f"coalesce({a}, {b})", f"{a}^{b}",
            )
        )  # fmt: skip

    def condition(self, depth: int) -> str:
        """Something true or false."""
        pick = self._random
        a, b = self.number(depth - 1), self.number(depth - 1)
        if depth <= 0:
            return pick.choice([*self._conditions, f"{a} > {b}", "true"])
        c, d = self.condition(depth - 1), self.condition(depth - 1)
        return pick.choice(
            (
                f"{a} < {b}", f"{a} <= {b} < 9", f"({c} and {d})", f"({c} or {d})", f"not ({c})",
                f"({c} -> {d})", f"({c} <-> {d})", f"{a} in [0, 5]", f"{a} in {{1, 2, 3}}",
                f"{a} is null", f"{a} is not null", f"{a} not in [1, 2]", f"{self.text(0)} == {self.text(0)}",
            )
        )  # fmt: skip

    def text(self, depth: int) -> str:
        """A text."""
        pick = self._random
        if depth <= 0:
            return pick.choice([*self._texts, '"a"', '"long word"', '""', '"ü\\n"'])
        a, b = self.text(depth - 1), self.text(depth - 1)
        return pick.choice(
            (
                f"concat({a}, {b})", f"upper({a})", f"text({self.number(1)})", a,
                f"when {{{self.condition(1)}: {a}, else: {b}}}",
            )
        )  # fmt: skip
