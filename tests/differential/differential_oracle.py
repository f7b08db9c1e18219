"""A spec as a pair, and its rows by naive rejection: the meaning of rules, and nothing else.

A row is drawn whole, from its first field on, until its rules hold. A soft rule's Bernoulli is
drawn once a row and stays while the row is redrawn. Under `keeping`, rows are drawn in stages: what
is kept stays, the rest is drawn again given it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from differential_draws import UNROUNDED, Draw, Grid, TooRareError, to_normal
from differential_expressions import Columns, Condition, Mask, Number, Values, rows_of
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr

BLOCK = 65_536


@dataclass(frozen=True)
class FieldPair:
    """A field: `draw`, or a derived `value` with its text.

    `words`: the values of a field of words as Arrow gives them. `literals`: as a spec writes them.
    """

    name: str
    type: str
    grid: Grid
    draw: Draw | None = None
    value: Callable[[Columns], Values] | None = None
    value_text: str = ""
    value_reads: frozenset[str] = frozenset()
    scale: str = "plain"
    words: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    vocabulary: str = ""
    is_bool: bool = False
    is_nullable: bool = False

    @property
    def text(self) -> str:
        """Its line in the spec."""
        body = f"~ {self.draw.text}" if self.draw is not None else f"= {self.value_text}"
        kind = f"{self.type}{'?' * self.is_nullable}"
        step = self.grid.step
        if step is not None and (("float" in self.type) or (self.type == "int" and step != 1)):
            number = f"{float(step):g}"
            kind += f" step {number}"
        return f"{self.name}: {kind} {body}"

    @property
    def reads(self) -> frozenset[str]:
        """What it depends on."""
        return self.draw.reads if self.draw is not None else self.value_reads

    @property
    def is_numeric(self) -> bool:
        """Whether it has an order."""
        return not self.words and not self.is_bool


@dataclass(frozen=True)
class CorrelatedPair:
    """`correlate (first, second)`; `ranks` by the position of the group's value, if any."""

    first: str
    second: str
    ranks: tuple[float, ...]
    group: str = ""
    group_texts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Its line in the spec."""
        if not self.group:
            return f"correlate ({self.first}, {self.second}) rank {self.ranks[0]}"
        pairs = zip(self.group_texts, self.ranks, strict=True)
        inner = ", ".join(f"{text}: {rank}" for text, rank in pairs)
        return f"correlate ({self.first}, {self.second}) rank {{{inner}}} by {self.group}"


@dataclass(frozen=True)
class RulePair:
    """A rule; `share` of a soft one."""

    name: str
    condition: Condition
    share: float | None = None
    keeping: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Its line in the spec."""
        soft = "" if self.share is None else f"[{self.share * 100:g}%]"
        kept = f" keeping ({', '.join(self.keeping)})" if self.keeping else ""
        return f"rule{soft} {self.name}{kept}: {self.condition.text}"


@dataclass(frozen=True)
class SpecPair:
    """A spec of one table, and what it means."""

    top: tuple[str, ...]
    fields: tuple[FieldPair, ...]
    rules: tuple[RulePair, ...] = ()
    correlations: tuple[CorrelatedPair, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    gauges: tuple[Number, ...] = ()

    def text(self, rows: int = 1000) -> str:
        """The spec as text."""
        members = [f.text for f in self.fields]
        members += [c.text for c in self.correlations] + [r.text for r in self.rules]
        body = "".join(f"  {line}\n" for line in members)
        top = "".join(f"{line}\n" for line in self.top)
        return f"language 1\nspec random\n{top}table t [{rows}] {{\n{body}}}\n"

    def without_rules(self) -> SpecPair:
        """The same fields, unconditioned."""
        return replace(self, rules=())

    def ancestors(self, names: frozenset[str] | set[str]) -> set[str]:
        """`names` and all that they depend on."""
        reads = {f.name: set(f.reads) for f in self.fields}
        for pair in self.correlations:
            for name in (pair.first, pair.second):
                reads[name] |= {pair.group} - {""}
        found: set[str] = set()
        stack = [n for n in names]
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(reads[name])
        return found


def prior(
    spec: SpecPair,
    rng: Generator,
    rows: int,
    given: Columns | None = None,
    *,
    is_rounded: bool = True,
) -> Columns:
    """Rows of the declared distribution without rules, given some of the fields.

    The fields given must include all that they depend on. Normals behind correlated fields are
    columns too, named `~field`.
    """
    columns: Columns = dict(given or {})
    for each in spec.fields:
        if each.name in columns:
            continue
        grid = each.grid if is_rounded or not each.is_numeric else UNROUNDED
        if each.draw is None:
            assert each.value is not None
            made = each.value(columns)
            values = np.broadcast_to(made.values, (rows,))
            if each.is_numeric and grid.step is not None:
                values = grid.round(values)
            columns[each.name] = Values(values, np.broadcast_to(made.valid, (rows,)))
            continue
        pair = next((c for c in spec.correlations if each.name in (c.first, c.second)), None)
        if pair is None:
            columns[each.name] = each.draw.sample(rng, columns, rows, grid)
        else:
            levels = _levels(pair, each.name, columns, rng, rows)
            columns[each.name] = each.draw.at_levels(levels, columns, grid)
    return columns


def _levels(
    pair: CorrelatedPair, name: str, columns: Columns, rng: Generator, rows: int
) -> NDArray[np.float64]:
    """The level of a correlated field: a normal given that of the other, if that is drawn."""
    normal = rng.standard_normal(rows)
    other = f"~{pair.second if name == pair.first else pair.first}"
    if other in columns:
        ranks = np.array([to_normal(rank) for rank in pair.ranks])
        rank = ranks[columns[pair.group].values.astype(np.int64)] if pair.group else ranks[0]
        normal = rank * columns[other].values + np.sqrt(1 - rank**2) * normal
    columns[f"~{name}"] = Values(normal, np.ones(rows, np.bool_))
    return np.clip(ndtr(normal), 2.0**-53, 1 - 2.0**-53)


def holding(rules: tuple[RulePair, ...], columns: Columns, must_hold: NDArray[np.bool_]) -> Mask:
    """Rows that obey rules: not false where one must hold, false where it must be broken.

    `must_hold`: a column for each rule.
    """
    holds = np.ones(len(must_hold), np.bool_)
    for i, rule in enumerate(rules):
        is_false = rule.condition.judge(columns).is_false
        holds &= np.where(must_hold[:, i], ~is_false, is_false)
    return holds


def patterns(rules: tuple[RulePair, ...], rng: Generator, rows: int) -> NDArray[np.bool_]:
    """Which rules must hold in each row: all hard ones, and soft ones by chance."""
    chosen = np.ones((rows, len(rules)), np.bool_)
    for i, rule in enumerate(rules):
        if rule.share is not None:
            chosen[:, i] = rng.random(rows) < rule.share
    return chosen


@dataclass(frozen=True)
class Stage:
    """One stage of conditioning: rules that count, and the fields it settles."""

    rules: tuple[int, ...]
    settles: frozenset[str]


def stages(spec: SpecPair) -> tuple[Stage, ...]:
    """The stages of a table whose rules keep fields; one where none does."""
    everything = frozenset(f.name for f in spec.fields)
    kept = {frozenset(spec.ancestors(set(r.keeping))) for r in spec.rules if r.keeping}
    order = sorted(kept, key=len)
    result = []
    for names in [*order, everything]:
        # a rule that keeps these fields does not count while they are settled
        counting = tuple(
            i
            for i, rule in enumerate(spec.rules)
            if not (rule.keeping and names <= spec.ancestors(set(rule.keeping)))
        )
        result.append(Stage(counting, names))
    return tuple(result)


@dataclass(frozen=True)
class Conditioned:
    """Rows by rejection. `must_hold`: what each row's soft rules were told."""

    columns: Columns
    must_hold: NDArray[np.bool_]


def conditioned(
    spec: SpecPair, rng: Generator, rows: int, *, most_draws: int = 4_000_000
) -> Conditioned:
    """Rows of the declared distribution given the rules. Raises `TooRareError`."""
    must_hold = patterns(spec.rules, rng, rows)
    columns: Columns = {}
    for stage in stages(spec):
        rules = tuple(spec.rules[i] for i in stage.rules)
        pattern = must_hold[:, list(stage.rules)]
        columns = redrawn(spec, rng, rules, pattern, columns, most_draws)
        kept = stage.settles | {f"~{name}" for name in stage.settles}
        columns = {name: c for name, c in columns.items() if name in kept}
    return Conditioned(columns, must_hold)


def redrawn(
    spec: SpecPair,
    rng: Generator,
    rules: tuple[RulePair, ...],
    must_hold: NDArray[np.bool_],
    given: Columns,
    most_draws: int,
) -> Columns:
    """Rows drawn again, given some columns, until each obeys its pattern of rules."""
    rows = len(must_hold)
    result: Columns = {}
    for tries, waiting, drawn, holds in attempts(spec, rng, rules, must_hold, given, most_draws):
        taken = np.flatnonzero(holds.any(axis=1))
        chosen = taken * tries + holds[taken].argmax(axis=1)
        for name, column in drawn.items():
            if name not in result:
                empty = np.zeros(rows, column.values.dtype), np.zeros(rows, np.bool_)
                result[name] = Values(*empty)
            result[name].values[waiting[taken]] = column.values[chosen]
            result[name].valid[waiting[taken]] = column.valid[chosen]
    return result


def attempts(
    spec: SpecPair,
    rng: Generator,
    rules: tuple[RulePair, ...],
    must_hold: NDArray[np.bool_],
    given: Columns,
    most_draws: int,
) -> Iterator[tuple[int, NDArray[np.int64], Columns, NDArray[np.bool_]]]:
    """Blocks of tries of the rows that still wait: (tries a row, rows, columns, which hold)."""
    waiting = np.arange(len(must_hold))
    tries = 1
    drawn = 0
    while len(waiting):
        if drawn > most_draws:
            raise TooRareError(f"{len(waiting)} of {len(must_hold)} rows wait after {drawn} draws")
        each = np.repeat(waiting, tries)
        columns = prior(spec, rng, len(each), rows_of(given, each))
        holds = holding(rules, columns, must_hold[each]).reshape(len(waiting), tries)
        yield tries, waiting, columns, holds
        drawn += len(each)
        share = max(holds.any(axis=1).mean() / tries, 1e-4)
        waiting = waiting[~holds.any(axis=1)]
        if len(waiting):
            tries = max(1, min(int(1 / share), BLOCK // len(waiting)))


def sampled(spec: SpecPair, rows: int, seed: int, **given: Any) -> Columns:
    """Rows by naive rejection, without the normals behind them."""
    columns = conditioned(spec, np.random.default_rng(seed), rows, **given).columns
    return {name: column for name, column in columns.items() if not name.startswith("~")}
