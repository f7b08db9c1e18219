"""Random specs: fields of mixed kinds that read each other, and one to five rules over them.

Thresholds are quantiles of a pilot sample of the unconditioned law, so that rules bite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import differential_expressions as ex
import numpy as np
from differential_draws import (
    Grid,
    TooRareError,
)
from differential_expressions import Columns, Condition, Number, Values
from differential_oracle import (
    CorrelatedPair,
    FieldPair,
    RulePair,
    SpecPair,
    holding,
    patterns,
    prior,
)
from differential_random_conditions import COMPLETIONS, ENUMS, KEPT, LEAST, PILOT, TEXTS
from differential_random_draws import DrawMaker
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider


class SeededProvider(HypothesisProvider):
    """Hypothesis's choices from the seed alone.

    Its own provider takes one integer in twenty from the constants in all modules of the project
    that are loaded by then: the same seed gave other specs after other tests.
    """

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,
        shrink_towards: int = 0,
    ) -> int:
        """All integers between the ends are equally likely, whatever their `weights`."""
        assert self._random is not None
        assert min_value is not None and max_value is not None
        return self._random.randint(min_value, max_value)


BACKEND = "seeded"
AVAILABLE_PROVIDERS[BACKEND] = SeededProvider


@dataclass(frozen=True)
class Options:
    """What random specs may have."""

    has_soft_rules: bool = True
    has_keeping: bool = True


class Maker(DrawMaker):
    """Makes one spec from Hypothesis's choices."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], options: Options) -> None:
        super().__init__(draw)
        self._options = options

    def random_field(self) -> None:
        """One more drawn field."""
        kind = self.pick(
            [
                "enum",
                "bool",
                "int",
                "int",
                "float",
                "float",
                "step",
                "date",
                "text",
                "wide",
                "decimal",
                "date",
                "step",
            ]
        )
        name = f"{kind[0]}{len(self._fields)}"
        words: tuple[str, ...] = ()
        literals: tuple[str, ...] = ()
        grid, scale, vocabulary = Grid(None), "plain", kind
        type_text = {"wide": "int", "step": "float", "decimal": "decimal(9, 2)"}.get(kind, kind)
        if kind == "enum":
            grid = Grid(Fraction(1), is_whole=True)
            vocabulary = self.pick(tuple(ENUMS))
            type_text, words = vocabulary, ENUMS[vocabulary]
            literals = words
        elif kind == "text":
            grid = Grid(Fraction(1), is_whole=True)
            words = TEXTS[: self.whole(2, 4)]
            literals = tuple(f'"{w}"' for w in words)
        elif kind in ("int", "wide"):
            step = self.pick((1, 1, 1, 5)) if kind == "wide" else self.pick((1, 1, 1, 2))
            grid = Grid(Fraction(step), is_whole=True)
        elif kind == "step":
            grid = Grid(self.pick((Fraction(1, 10), Fraction(1, 2), Fraction(1, 4), Fraction(1))))
        elif kind == "decimal":
            grid = Grid(Fraction(1, 100))
        elif kind == "date":
            grid, scale = Grid(Fraction(1), is_whole=True), "date"
        elif kind == "bool":
            grid = Grid(Fraction(1), is_whole=True)
        self._is_coarse = kind in ("int", "wide") and grid.step != 1
        draw = self.nested(kind, literals, grid, scale)
        self.add(
            FieldPair(
                name,
                type_text,
                grid,
                draw=draw,
                scale=scale,
                words=words,
                literals=literals,
                vocabulary=vocabulary,
                is_bool=kind == "bool",
                is_nullable=draw.is_nullable or self.chance(5),
            )
        )

    def derived_field(self) -> None:
        """One more derived field: a number, a truth value, a class, or a lookup."""
        how = self.whole(0, 4)
        name = f"z{len(self._fields)}"
        wordy = [f for f in self._fields if f.words and "" not in f.words]
        if how == 0 and wordy:
            self.add(self.looked_up(name, self.pick(wordy)))
        elif how == 1:
            self.add(self.judged(name, self.condition(1)))
        elif how == 2 and self.numbers():
            self.add(self.classed(name, self.pick(self.numbers())))
        elif self.numbers():
            number = self.combined()
            if number.is_whole and self.chance(50):
                self.add(_calculated(name, "int", Grid(Fraction(1), is_whole=True), number))
            else:
                step = self.pick((None, None, Fraction(1, 2), Fraction(1)))
                self.add(_calculated(name, "float", Grid(step), number))
        else:
            self.add(self.judged(name, self.simple()))

    def judged(self, name: str, condition: Condition) -> FieldPair:
        """A field that says whether a condition holds."""

        def value(columns: Columns) -> Values:
            truth = condition.judge(columns)
            return Values(truth.is_true.astype(np.int64), truth.is_true | truth.is_false)

        return FieldPair(
            name,
            "bool",
            Grid(None),
            value=value,
            value_text=condition.text,
            value_reads=condition.reads,
            vocabulary="bool",
            is_bool=True,
            is_nullable=condition.is_nullable,
        )

    def classed(self, name: str, number: Number) -> FieldPair:
        """A field with the class of a number; null beyond the last."""
        cuts = sorted({float(self.threshold(number, p).of({}).values[0]) for p in (2, 40, 70, 98)})
        if len(cuts) < 2:
            raise TooRareError("no classes")
        labels = tuple(f"c{i}" for i in range(len(cuts) - 1))

        def value(columns: Columns) -> Values:
            given = number.of(columns)
            place = np.searchsorted(cuts, given.values, side="right") - 1
            inside = (place >= 0) & (place < len(labels)) & given.valid
            return Values(np.where(inside, place, 0), inside)

        edges = ", ".join(ex.written(cut) for cut in cuts).replace("(", "").replace(")", "")
        listed = ", ".join(f'"{label}"' for label in labels)
        return FieldPair(
            name,
            "text",
            Grid(None),
            value=value,
            value_text=f"bucket({number.text}, [{edges}], labels: [{listed}])",
            value_reads=number.reads,
            words=labels,
            literals=tuple(f'"{label}"' for label in labels),
            vocabulary=name,
            is_nullable=True,
        )

    def looked_up(self, name: str, key: FieldPair) -> FieldPair:
        """A number read from a file by the words of a field; one word is not in the file."""
        table = np.array([round(self.whole(-20, 80) / 4, 2) for _ in key.words])
        listed = np.arange(len(key.words)) < len(key.words) - self.chance(30)
        rows = "".join(
            f"{word},{value}\n"
            for word, value, is_listed in zip(key.words, table, listed, strict=True)
            if is_listed
        )
        file = f"{name}.csv"
        self._files[file] = f"word,value\n{rows}"
        self._top.append(f'lookup l{name} from "{file}"')

        def value(columns: Columns) -> Values:
            given = columns[key.name]
            return Values(table[given.values], given.valid & listed[given.values])

        return FieldPair(
            name,
            "float",
            Grid(None),
            value=value,
            value_text=f"l{name}[{key.name}]",
            value_reads=frozenset({key.name}),
            is_nullable=True,
        )

    def correlation(self) -> None:
        """Perhaps correlate two fields that do not depend on each other."""
        spec = self.spec()
        able = [
            f for f in self._fields if f.is_numeric and f.draw is not None and f.draw.has_levels
        ]
        pairs = [
            (a, b)
            for i, a in enumerate(able)
            for b in able[i + 1 :]
            if a.name not in spec.ancestors({b.name}) and b.name not in spec.ancestors({a.name})
        ]
        if not pairs or not self.chance(35):
            return
        a, b = self.pick(pairs)
        rank = self.pick((0.6, -0.5, 0.85))
        before = self._fields[: self._fields.index(a)]
        groups = [f for f in before if (f.words or f.is_bool) and not f.is_nullable]
        groups = [f for f in groups if f.is_bool or f.vocabulary in ENUMS]
        if groups and self.chance(40):
            group = self.pick(groups)
            texts = ("false", "true") if group.is_bool else group.words
            ranks = (rank, -0.3, 0.2, 0.7)[: len(texts)]
            pair = CorrelatedPair(a.name, b.name, ranks, group.name, texts)
        else:
            pair = CorrelatedPair(a.name, b.name, (rank,))
        self._correlations.append(pair)
        self._pilot = prior(self.spec(), np.random.default_rng(0), PILOT)

    # rules

    def rules(self) -> tuple[RulePair, ...]:
        """One to five rules that the pilot can meet and that change something."""
        wanted = self.whole(1, 5)
        found: list[RulePair] = []
        for _ in range(wanted + 3):
            if len(found) == wanted:
                break
            rule = RulePair(f"r{len(found)}", self.condition(self.pick((0, 1, 2, 3))))
            if self._options.has_soft_rules and self.chance(15):
                rule = replace(rule, share=self.pick((0.9, 0.75, 0.98, 0.6)))
            if self.bites(rule) and self.is_affordable([*found, rule]):
                found.append(rule)
        if not found:
            reject()
        if self._options.has_keeping and self.chance(40):
            found = self.kept(found)
        return tuple(found)

    def bites(self, rule: RulePair) -> bool:
        """Whether the pilot has rows that break the rule."""
        share = rule.condition.judge(self._pilot).is_false.mean()
        return bool(share > 0.004 and (rule.share is None or share < 0.9))

    def is_affordable(self, rules: list[RulePair]) -> bool:
        """Whether enough of the pilot obeys the rules, for every pattern of the soft ones."""
        some = tuple(rules)
        told = np.unique(patterns(some, np.random.default_rng(0), 4000), axis=0)
        return all(
            holding(some, self._pilot, np.broadcast_to(row, (PILOT, len(some)))).mean() >= LEAST
            for row in told
        )

    def kept(self, rules: list[RulePair]) -> list[RulePair]:
        """Some rules made to keep a field, where each of its values can be completed."""
        spec = self.spec()
        drawn = {f.name for f in self._fields if f.draw is not None}
        first = self.whole(0, len(self._fields) - 1)
        for i in range(len(self._fields)):
            name = self._fields[(first + i) % len(self._fields)].name
            closed = spec.ancestors({name})
            if any((c.first in closed) != (c.second in closed) for c in self._correlations):
                continue
            result = []
            for rule in rules:
                free = (spec.ancestors(rule.condition.reads) & drawn) - closed
                able = free and rule.condition.reads & closed
                keeps = bool(able) and self.chance(80)
                result.append(replace(rule, keeping=(name,)) if keeps else rule)
            if any(rule.keeping for rule in result) and self.completes(closed, result):
                return result
        return rules

    def completes(self, kept: set[str], rules: list[RulePair]) -> bool:
        """Whether each of some kept values has enough completions, whatever soft rules are told."""
        rng = np.random.default_rng(0)
        some = tuple(rules)
        early = tuple(rule for rule in rules if not rule.keeping)
        obey = holding(early, self._pilot, np.ones((PILOT, len(early)), np.bool_))
        values = np.flatnonzero(obey)[:KEPT]
        given = {n: c for n, c in self._pilot.items() if n.removeprefix("~") in kept}
        each = np.repeat(values, COMPLETIONS)
        columns = prior(self.spec(), rng, len(each), ex.rows_of(given, each))
        for told in np.unique(patterns(some, rng, 4000), axis=0):
            holds = holding(some, columns, np.broadcast_to(told, (len(each), len(some))))
            if holds.reshape(-1, COMPLETIONS).sum(axis=1).min(initial=COMPLETIONS) < 3:
                return False
        return bool(len(values))


def _calculated(name: str, type_text: str, grid: Grid, number: Number) -> FieldPair:
    return FieldPair(
        name,
        type_text,
        grid,
        value=number.of,
        value_text=number.text,
        value_reads=number.reads,
        is_nullable=number.is_nullable,
    )


@st.composite
def specs(draw: Any, options: Options = Options()) -> SpecPair:
    """A random spec of one table with rules."""
    maker = Maker(draw, options)
    try:
        count = maker.whole(2, 6)
        for i in range(count):
            if i >= 2 and maker.chance(18):
                maker.derived_field()
            else:
                maker.random_field()
        maker.correlation()
        spec = maker.spec(maker.rules())
    except TooRareError:
        reject()
    return replace(spec, gauges=_gauges(spec))


def _gauges(spec: SpecPair) -> tuple[Number, ...]:
    """Numbers in rules that are no fields themselves, each once."""
    names = {f.name for f in spec.fields}
    found = {g.text: g for rule in spec.rules for g in rule.condition.gauges}
    return tuple(g for text, g in found.items() if text not in names)[:6]


def random_spec(number: int, options: Options = Options()) -> SpecPair:
    """Random spec `number`, the same in every process and after all others.

    Each is a Hypothesis run of its own, so that no spec is a variation of the one before.
    """
    found: list[SpecPair] = []

    @seed(number)
    @settings(
        max_examples=2,  # the first is the simplest there is, the same for all numbers
        backend=BACKEND,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(specs(options))
    def take(spec: SpecPair) -> None:
        found.append(spec)

    take()
    return found[-1]
