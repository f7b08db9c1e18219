"""Targets, frames and conditions made by hand, for tests of references."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame
from synthdsl.engine.references.compiling import reference_sampler
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.engine.streams import root_keys
from synthdsl.model.draws import RefDraw
from synthdsl.model.expressions import Constant, Expr, FieldRef, Operation, RowIndex, TargetField
from synthdsl.source import Source, Span
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import BOOL, FLOAT, INT, TEXT, Type

SPAN = Span(Source("refs", "provider.kind == kind and provider.beds > need"), 0, 46)
Numbers = NDArray[np.int64]


@dataclass
class Context:
    """What a sampler is given when it is made."""

    target: TargetRows | None = None

    def simplify(self, expression: Expr) -> Expr:
        return expression

    def targets(self, name: str) -> TargetRows:
        assert self.target is not None and self.target.name == name
        return self.target


@dataclass
class Providers:
    """A target with known columns, which counts the rows that it is asked to make."""

    rows: int
    made: int = 0
    largest: int = 0
    asked: list[frozenset[str]] = field(default_factory=list)

    def columns(self, seed: int, numbers: Numbers) -> dict[str, Column]:
        """kind: 4 texts, beds: 0 to 9, share: 1 to 7, code: the number; nick: null in places."""
        scrambled = (numbers * 2654435761 + seed * 97) >> 3
        kinds = Vocabulary(("a", "b", "c", "d"))
        return {
            "kind": Column((scrambled % 4).astype(np.int32), None, kinds),
            "beds": Column(scrambled // 4 % 10),
            "share": Column((scrambled // 40 % 7 + 1).astype(np.float64)),
            "code": Column(numbers.copy()),
            "nick": Column(scrambled // 300 % 5, scrambled // 7 % 3 > 0),
        }

    def rows_at(self, seed: int, numbers: Numbers, fields: frozenset[str]) -> Frame:
        self.made += len(numbers)
        self.largest = max(self.largest, len(numbers))
        self.asked.append(fields)
        frame = Frame("provider", seed, numbers.astype(np.uint64), numbers)
        columns = self.columns(seed, numbers)
        frame.columns.update({name: columns[name] for name in fields})
        return frame

    @property
    def target(self) -> TargetRows:
        return TargetRows("provider", self.rows, self.rows_at)

    def table(self, seed: int = 1) -> dict[str, Any]:
        """Every row, values by name; text as words."""
        columns = self.columns(seed, np.arange(self.rows))
        found = {name: column.values for name, column in columns.items()}
        found["kind"] = np.array(["a", "b", "c", "d"])[columns["kind"].values]
        found["has_nick"] = columns["nick"].valid
        return found


def rows_of(count: int, start: int = 0, seed: int = 1, **columns: Any) -> Frame:
    """Root rows with the given columns."""
    numbers = np.arange(start, start + count)
    frame = Frame("visit", seed, root_keys("visit", start, start + count), numbers)
    for name, values in columns.items():
        frame.columns[name] = values if isinstance(values, Column) else Column(np.asarray(values))
    return frame


def children(sizes: list[int], seed: int = 1, **columns: Any) -> Frame:
    """Rows under parents, with so many under each."""
    ordinals = np.concatenate([np.arange(size) for size in sizes]) if sizes else np.empty(0)
    ordinals = ordinals.astype(np.int64)
    frame = Frame("visit", seed, root_keys("visit", 0, len(ordinals)), ordinals)
    for name, values in columns.items():
        frame.columns[name] = Column(np.asarray(values))
    return frame


def draw_numbers(
    draw: RefDraw, frame: Frame, providers: Providers | None, *, slot: str = "doctor"
) -> Numbers:
    """What the sampler of `draw` gives."""
    context = Context(None if providers is None else providers.target)
    sampler = reference_sampler(draw, context)  # type: ignore[arg-type]
    column = sampler.sample(frame, frame.draws(slot))
    assert isinstance(column, Column) and column.valid is None
    return np.asarray(column.values)


# expressions


def target(name: str | None, type: Type = INT) -> TargetField:
    return TargetField(type, SPAN, name)


def own(name: str, type: Type = INT) -> FieldRef:
    return FieldRef(type, SPAN, name)


def index() -> RowIndex:
    return RowIndex(INT, SPAN)


def value(number: Any, type: Type = INT) -> Constant:
    return Constant(type, SPAN, number)


def holds(operator: str, *operands: Expr, type: Type = BOOL) -> Operation:
    return Operation(type, SPAN, operator, operands)


def same_kind() -> Operation:
    return holds("==", target("kind", TEXT), own("kind", TEXT))


def ref(condition: Expr | None = None, weight: Expr | None = None, **options: Any) -> RefDraw:
    return RefDraw(SPAN, "provider", condition, weight, **options)


def share() -> TargetField:
    return target("share", FLOAT)


def texts(*words: str) -> Column:
    """A coded text column in a vocabulary of its own."""
    vocabulary = Vocabulary(tuple(dict.fromkeys(words)))
    return Column(np.array([vocabulary.codes[w] for w in words], np.int32), None, vocabulary)
