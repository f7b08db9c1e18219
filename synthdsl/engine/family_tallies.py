"""What is gathered of a family's tables to tell what rules moved: fields, numbers of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.entities import way_down
from synthdsl.engine.frame import Frame
from synthdsl.engine.marginals import TRUTHS, MarginalTally
from synthdsl.model.spec import Field, Table
from synthdsl.plan.lower import TablePlan
from synthdsl.values.columns import Column
from synthdsl.values.types import Kind


@dataclass(frozen=True)
class Shown:
    """What is compared of a table: fields, and whether its rows under each parent are counted.
    `unmeasured`: fields that are not, and why.
    """

    fields: tuple[str, ...]
    is_counted: bool
    unmeasured: tuple[tuple[str, str], ...]

    def only(self, kept: tuple[str, ...], why: str, *, is_counted: bool) -> Shown:
        """The `kept` fields; the others are not compared, and why."""
        others = tuple((name, why) for name in self.fields if name not in kept)
        return Shown(kept, is_counted, (*self.unmeasured, *others))


class FamilyTally:
    """Gathers the fields of the tables of a family, how many rows stand under each parent, and the
    exceptions of `soft` rules.
    """

    def __init__(
        self,
        tables: Mapping[str, TablePlan],
        shown: Mapping[str, Shown],
        soft: Iterable[tuple[str, str]],
    ) -> None:
        self._models = {name: table.table for name, table in tables.items()}
        self._soft = tuple(soft)
        self.fields = {
            (name, field): MarginalTally(words_of(tables[name], tables[name].fields[field].field))
            for name, found in shown.items()
            for field in found.fields
        }
        self.counts = {n: MarginalTally(None) for n, found in shown.items() if found.is_counted}
        self.rows = dict.fromkeys(shown, 0)
        self.exceptions: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, root: Frame) -> None:
        """Take in root rows with all that is under them."""
        frames: dict[str, tuple[Frame, NDArray[np.int64] | None]] = {}
        for name in self.rows:
            frame, groups = frames[name] = _down(root, name, self._models)
            self.rows[name] += frame.rows
            if name in self.counts:
                self._add_count(frame, name, root)
        for (name, field), tally in self.fields.items():
            frame, groups = frames[name]
            tally.add(frame.column(field), groups)
        for table, rule in self._soft:
            frame, _ = _down(root, table, self._models)
            found, rows = self.exceptions.get((table, rule), (0, 0))
            broken = int(frame.exception(rule).sum()) if frame.rows else 0
            self.exceptions[table, rule] = found + broken, rows + frame.rows

    def _add_count(self, frame: Frame, name: str, root: Frame) -> None:
        assert frame.parents is not None and frame.owner is not None
        parent = self._models[name].parent
        assert parent is not None
        _, groups = _down(root, parent.table, self._models)
        counts = np.bincount(frame.parents, minlength=frame.owner.rows)
        self.counts[name].add(Column(counts.astype(np.int64)), groups)


def _down(
    root: Frame, table: str, models: Mapping[str, Table]
) -> tuple[Frame, NDArray[np.int64] | None]:
    """The rows of a table, and the root row that each hangs under; None at the root itself."""
    frame, at = root, None
    for name in way_down(root.table, table, models):
        frame = frame.child(name)
        assert frame.parents is not None
        at = frame.parents if at is None else at[frame.parents]
    return frame, at


def words_of(plan: TablePlan, field: Field) -> tuple[str, ...] | None:
    """The words that codes of a field stand for; None where it has none."""
    if field.type.enum is not None:
        return field.type.enum.members
    return TRUTHS if field.type.kind is Kind.BOOL else plan.fields[field.name].words
