"""Boxes of base uniforms, what is enclosed over them, and what the engine makes inside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import synthdsl
from synthdsl.engine.conditioning.draw_enclosures import draw_enclosure
from synthdsl.engine.conditioning.enclosures import Enclosure, enclose_derived
from synthdsl.engine.copula import LevelDraws
from synthdsl.engine.draw_compiler import compile_draw
from synthdsl.engine.evaluate import evaluate_column
from synthdsl.engine.frame import Frame
from synthdsl.engine.run import Run, coded
from synthdsl.engine.samplers import Context
from synthdsl.engine.streams import root_keys
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import Kind

LEAST = 2.0**-53
SLACK = 2.0**-40
"""Points keep this share of the nearer tail away from the ends of their box."""


class Sheet:
    """One table, whose fields are enclosed over boxes of uniforms and drawn at given ones."""

    def __init__(self, body: str, *, top: str = "", path: str = "s.synth") -> None:
        text = f"language 1\nspec s\nseed 3\n{top}\ntable t [100] {{\n{body}\n}}\n"
        plan = synthdsl.load(path, text=text).plan()
        self.run = Run(plan).tables["t"]
        self.plan = self.run.plan
        self.fields = self.plan.table.fields
        self.order = [name for step in self.plan.steps for name in step.fields]
        self.words = {
            name: Vocabulary(field.words)
            for name, field in self.plan.fields.items()
            if field.words is not None
        }
        self._samplers = {}
        for name, field in self.fields.items():
            if field.draw is not None:
                self._samplers[name] = compile_draw(field.draw, self.context(name))

    def context(self, name: str) -> Context:
        """What a sampler of the field needs that increases with its uniform."""
        return Context(
            self.fields[name],
            lambda expression: expression,
            vocabulary=self.words.get(name),
            parts=self.plan.fields[name].parts,
            by_level=True,
        )

    def enclosed(self, cells: dict[str, tuple[Any, Any]]) -> dict[str, Enclosure]:
        """Every field over boxes of levels; fields without a cell may be anything."""
        found: dict[str, Enclosure] = {}
        for name in self.order:
            field = self.fields[name]
            if field.draw is None:
                found[name] = enclose_derived(field, found, self.words)
            elif name in cells:
                enclosure = draw_enclosure(
                    field.draw, field, *cells[name], found, self.words, self.words.get(name)
                )
                if enclosure is not None:
                    found[name] = enclosure
        return found

    def drawn(self, levels: dict[str, NDArray[np.float64]]) -> Frame:
        """The rows whose uniforms are `levels`."""
        rows = len(next(iter(levels.values())))
        frame = Frame("t", 3, root_keys("t", 0, rows), np.arange(rows, dtype=np.int64))
        for name in self.order:
            field = self.fields[name]
            if field.draw is None:
                assert field.value is not None
                frame.columns[name] = self.run._derived(field, field.value, frame)
            else:
                draws = LevelDraws(frame.draws(name), levels[name])
                frame.columns[name] = self._samplers[name].sample(frame, draws)
            words = self.words.get(name)
            column = frame.columns[name]
            if words is not None and isinstance(column, Column):
                frame.columns[name] = coded(column, words)
        return frame

    def condition(self, name: str, frame: Frame) -> Column:
        """A rule's condition by row."""
        rule = next(rule for rule in self.plan.table.rules if rule.name == name)
        return evaluate_column(rule.condition, frame)


def random_cells(names: list[str], boxes: int, rng: np.random.Generator) -> dict[str, Any]:
    """Cells of every kind for each field: broad ones, narrow ones, and those at the ends."""
    cells = {}
    for name in names:
        ends = np.sort(rng.uniform(size=(boxes, 2)) ** rng.choice([1, 1, 6], size=(boxes, 1)))
        low, high = ends[:, 0], ends[:, 1]
        kind = rng.integers(0, 6, boxes)
        high = np.where(kind == 0, np.minimum(low + 1e-3, 1.0), high)
        low = np.where(kind == 1, 0.0, low)
        high = np.where(kind == 2, 1.0, high)
        swap = kind == 3
        low, high = np.where(swap, 1 - high, low), np.where(swap, 1 - low, high)
        cells[name] = (low, high)
    return cells


def points_inside(cells: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """One point of every box, often near an end."""
    levels = {}
    for name, (low, high) in cells.items():
        share = rng.uniform(size=low.shape)
        share = np.choose(rng.integers(0, 4, low.shape), [share, share, 0.0 * share, 0 * share + 1])
        level = low + (high - low) * share
        first, last = low + _slack(low), high - _slack(high)
        level = np.where(first <= last, np.clip(level, first, last), (low + high) / 2)
        levels[name] = np.clip(level, LEAST, 1 - LEAST)
    return levels


def _slack(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """A little of the nearer tail; from above levels are known to 2**-53 only."""
    return np.where(level < 0.5, SLACK * level, SLACK * (1 - level) + 2.0**-51) + 2.0**-51


def is_inside(enclosure: Enclosure, column: Column, *, is_text: bool = False) -> NDArray[np.bool_]:
    """Whether the value of each row lies in the enclosure of its box."""
    rows = len(column)
    valid = np.ones(rows, np.bool_) if column.valid is None else column.valid
    can_null, can_value = (
        np.broadcast_to(flags, rows) for flags in (enclosure.can_null, enclosure.can_value)
    )
    fits: Any = np.ones(rows, np.bool_)
    if not (is_text and enclosure.vocabulary is None):
        values: Any = column.values
        if column.vocabulary is not None:
            assert enclosure.vocabulary is not None
            codes = enclosure.vocabulary.codes
            values = np.array([codes.get(w, np.nan) for w in column.vocabulary.words])
            values = values[column.values]
        low = np.broadcast_to(np.asarray(enclosure.low, np.float64), rows)
        high = np.broadcast_to(np.asarray(enclosure.high, np.float64), rows)
        fits = (low <= values) & (values <= high)
    return np.where(valid, can_value & fits, can_null)


def outside(sheet: Sheet, seed: int, *, boxes: int = 60, rounds: int = 12) -> list[str]:
    """The fields of a sheet that leave their enclosures, with the first case of each."""
    rng = np.random.Generator(np.random.Philox(seed))
    drawn = [name for name in sheet.order if sheet.fields[name].draw is not None]
    cells = random_cells(drawn, boxes, rng)
    found = sheet.enclosed(cells)
    wrong = {}
    for _ in range(rounds):
        levels = points_inside(cells, rng)
        frame = sheet.drawn(levels)
        for name, enclosure in found.items():
            is_text = sheet.fields[name].type.kind in (Kind.TEXT, Kind.UUID)
            column = frame.column(name)
            fits = is_inside(enclosure, column, is_text=is_text)
            if not fits.all() and name not in wrong:
                at = int(np.flatnonzero(~fits)[0])
                ends = [
                    np.broadcast_to(x, boxes)[at].item() for x in (enclosure.low, enclosure.high)
                ]
                wrong[name] = f"{name}: {column.values[at]!r} not in {ends!r} (box {at})"
    return list(wrong.values())
