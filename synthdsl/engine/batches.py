"""Frames to Arrow record batches, and the recipe by which any process can make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthdsl.diagnostics import SynthError
from synthdsl.engine.frame import Frame
from synthdsl.engine.run import Run
from synthdsl.io.schema import ColumnInfo, Reference, TableInfo, arrow_schema, record_batch
from synthdsl.model.build import build_spec
from synthdsl.model.spec import Field, Rule, Spec
from synthdsl.plan.lower import Plan, TablePlan, lower
from synthdsl.source import Source
from synthdsl.values.arrays import booleans
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import BOOL, INT, EnumType, Kind

TRUTH = "__truth"
"""What the name of a table of masked values ends in."""
EXCEPTION = "exception:"
"""What the name of a column of exceptions starts with; no field's name has a colon."""


@dataclass(frozen=True)
class Recipe:
    """All that the rows of a database follow from, as plain values: any process can use it."""

    name: str
    text: str
    folder: str
    params: tuple[tuple[str, str], ...] = ()
    seed: int | None = None
    allows_python: bool = False
    digests: tuple[str, ...] = ()
    """SHA-256 of every file that the meaning depends on: a changed one is another recipe."""
    case: str | None = None
    breaks: str | None = None
    """The case that all rows meet, and the rule that all break."""
    sizes: tuple[tuple[str, int], ...] = ()
    """Rows of tables that others refer to, where they are not as declared."""
    sampling: str = "random"
    design_rows: tuple[tuple[str, int], ...] = ()
    """The design of root rows, and of how many rows it is where that matters."""

    def plain(self) -> dict[str, Any]:
        """The recipe as values that JSON can say."""
        return {
            **vars(self),
            "params": [list(item) for item in self.params],
            "sizes": [list(item) for item in self.sizes],
            "design_rows": [list(item) for item in self.design_rows],
        }

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Recipe:
        """The recipe that `plain` made."""
        params = tuple((name, value) for name, value in plain["params"])
        sizes = tuple((name, rows) for name, rows in plain["sizes"])
        given = {
            "params": params,
            "digests": tuple(plain["digests"]),
            "sizes": sizes,
            "design_rows": tuple((name, rows) for name, rows in plain["design_rows"]),
        }
        return cls(**{**plain, **given})


_checked: dict[Recipe, Spec] = {}
"""Models that this process has built already, by their recipe."""


def remember(recipe: Recipe, model: Spec) -> None:
    """Keep the model of a recipe, so that making rows need not build it again."""
    if len(_checked) > 16:
        _checked.clear()
    _checked[_whole(recipe)] = model


def _whole(recipe: Recipe) -> Recipe:
    """The recipe of the same model, whatever rows are made of it."""
    return replace(
        recipe, seed=None, case=None, breaks=None, sizes=(), sampling="random", design_rows=()
    )


@lru_cache(maxsize=8)
def run_of(recipe: Recipe) -> Run:
    """The plan of a recipe, ready to run. The recipe must have been checked."""
    return _prepared(replace(recipe, seed=None)).seeded(recipe.seed)


@lru_cache(maxsize=4)
def _prepared(recipe: Recipe) -> Run:
    """The same for the spec's own seed: what is made ready serves every seed."""
    model = _checked.get(_whole(recipe))
    if model is None:
        source = Source(recipe.name, recipe.text)
        model, diagnostics = build_spec(
            source,
            folder=recipe.folder,
            params=dict(recipe.params),
            allows_python=recipe.allows_python,
        )
        if model is None:
            raise SynthError("the spec has errors", diagnostics=diagnostics)
    return Run(
        lower(model, case=recipe.case, breaks=recipe.breaks, sizes=dict(recipe.sizes)),
        sampling=recipe.sampling,
        design_rows=dict(recipe.design_rows),
    )


class TableOutput:
    """How a table's frames become record batches."""

    def __init__(self, plan: TablePlan, plans: Mapping[str, TablePlan]) -> None:
        self._fields = exported_fields(plan)
        self._codes = {m.field: m.code for m in plan.masks if m.code is not None}
        key = set(exported_names(plan, plan.table.key))
        references = tuple(
            Reference(
                tuple(column_names(plan, r.fields)),
                r.table,
                tuple(column_names(plans[r.table], r.to)),
            )
            for r in plan.table.references
        )
        self._exports = {f.name: _exported_words(f, plan, self._codes) for f in self._fields}
        columns = tuple(
            ColumnInfo(
                f.exported,
                _exported_type(f, self._codes),
                f.description,
                f.roles,
                None if f.type.enum is not None or e is None else e.words,
                f.name in key,
            )
            for f, e in ((f, self._exports[f.name]) for f in self._fields)
        )
        self.info = TableInfo(plan.name, columns, plan.table.description, references)
        self.schema = arrow_schema(self.info)

    def batch(self, frame: Frame) -> pa.RecordBatch:
        """The exported columns of a frame."""
        columns = [self._column(f, frame) for f in self._fields]
        return record_batch(columns, self.info, self.schema)

    def _column(self, field: Field, frame: Frame) -> Column:
        column = frame.column(field.name)
        words = self._exports[field.name]
        if words is not None:
            column = Column(column.values, column.valid, words)
        if field.name in self._codes and field.name in frame.hidden:
            column = _with_code(column, frame.hidden[field.name], self._codes[field.name])
        if words is not None:
            return column
        if (
            column.vocabulary is not None
            and self.info.columns[self._fields.index(field)].vocabulary is None
        ):
            return Column(column.text(), column.valid)
        return column


def exported_fields(plan: TablePlan) -> list[Field]:
    """The fields that become columns; for a reference those that hold the key of its row."""
    found: list[Field] = []
    for field in plan.table.exported:
        if field.type.kind is Kind.REFERENCE:
            found += reference_keys(field, plan)
        elif field.type.kind is not Kind.RECORD:
            found.append(field)
    return found


def reference_keys(field: Field, plan: TablePlan) -> list[Field]:
    """The latent fields that hold the key of what `field` refers to, as they are exported."""
    names = [n for n in plan.table.fields if n.startswith(f"{field.name}.")]
    keys = [plan.table.fields[n] for n in names if n in plan.table.reference_keys[field.name]]
    return [
        replace(
            key,
            exported=field.exported
            if len(keys) == 1
            else f"{field.exported}_{key.name.removeprefix(field.name + '.')}",
            roles=field.roles,
            description=field.description,
        )
        for key in keys
    ]


def exported_names(plan: TablePlan, names: Iterable[str]) -> list[str]:
    """The fields that stand in files for the given ones."""
    found: list[str] = []
    for name in names:
        field = plan.table.fields[name]
        is_reference = field.type.kind is Kind.REFERENCE
        found += [k.name for k in reference_keys(field, plan)] if is_reference else [name]
    return found


def column_names(plan: TablePlan, names: Iterable[str]) -> list[str]:
    """The names of the columns that stand in files for the given fields."""
    columns = {f.name: f.exported for f in exported_fields(plan)}
    return [columns[name] for name in exported_names(plan, names)]


def _with_code(column: Column, hidden: NDArray[np.bool_], code: Any) -> Column:
    """`column` with the masked rows holding the code for missing values."""
    valid = None if column.valid is None else column.valid | hidden
    if column.is_arrow:
        return Column(pc.if_else(booleans(hidden), code, column.values), valid)
    raw = code if column.vocabulary is None else column.vocabulary.codes[code]
    values = np.where(hidden, column.values.dtype.type(raw), column.values)
    return Column(values, valid, column.vocabulary)


def _exported_type(field: Field, codes: dict[str, Any]) -> Any:
    """The type with an enum's members as they are exported, a code for missing among them."""
    enum = field.type.enum
    if enum is None or not (enum.exported or field.name in codes):
        return field.type
    members = enum.exported or enum.members
    if field.name in codes:
        members = (*members, codes[field.name])
    return replace(field.type, enum=EnumType(enum.name, members))


def _exported_words(field: Field, plan: TablePlan, codes: dict[str, Any]) -> Vocabulary | None:
    enum = field.type.enum
    words = plan.fields[field.name].words if enum is None else enum.exported or enum.members
    if words is None:
        return None
    return Vocabulary((*words, codes[field.name]) if field.name in codes else words)


class TruthOutput:
    """The complete values of masked fields and the exceptions of soft rules, by row number."""

    def __init__(self, plan: TablePlan, plans: Mapping[str, TablePlan]) -> None:
        self._output = TableOutput(plan, plans)
        masked = [f for f in plan.table.exported if f.name in plan.table.masks]
        self._fields = masked
        self._soft_rules = soft_rules(plan)
        infos = {i.name: i for i in self._output.info.columns}
        columns = (
            ColumnInfo("row", INT, "Position of the row, from 0"),
            *(infos[f.exported] for f in masked),
            *(
                ColumnInfo(EXCEPTION + rule.name, BOOL, f"Whether the row breaks {rule.name}")
                for rule in self._soft_rules
            ),
        )
        self.info = TableInfo(
            plan.name + TRUTH,
            columns,
            f"What `missing` has masked in {plan.name}, and exceptions of soft rules",
        )
        self.schema = arrow_schema(self.info)

    def batch(self, frame: Frame) -> pa.RecordBatch:
        """The complete values of a frame before masks, and which rows are exceptions."""
        columns = [
            Column(frame.ordinals),
            *(self._output._column(f, frame) for f in self._fields),
            *(Column(frame.exception(rule.name)) for rule in self._soft_rules),
        ]
        return record_batch(columns, self.info, self.schema)


def soft_rules(plan: TablePlan) -> tuple[Rule, ...]:
    """The rules of a table that have exceptions."""
    return tuple(rule for rule in plan.table.rules if rule.share is not None)


def outputs(plan: Plan, *, truth: bool = False) -> dict[str, TableOutput | TruthOutput]:
    """What is written, by table name; with `truth` also what was masked, and exceptions."""
    result: dict[str, TableOutput | TruthOutput] = {}
    for name, table in plan.tables.items():
        result[name] = TableOutput(table, plan.tables)
        if truth and (table.masks or soft_rules(table)):
            result[name + TRUTH] = TruthOutput(table, plan.tables)
    return result


@lru_cache(maxsize=4)
def outputs_of(recipe: Recipe) -> dict[str, TableOutput | TruthOutput]:
    """What a recipe can write, by table name, tables of masked values included."""
    return outputs(run_of(recipe).plan, truth=True)


def output_schema(recipe: Recipe, table: str) -> pa.Schema:
    """The Arrow schema of a table."""
    return outputs_of(recipe)[table].schema


def root_of(recipe: Recipe, table: str) -> str:
    """The root table with whose rows those of a table are made."""
    return run_of(recipe).root_of[table.removesuffix(TRUTH)]


def roots_per_part(recipe: Recipe, table: str, rows: int) -> int:
    """Root rows of a part of files, so that it has about `rows` rows in all."""
    family = run_of(recipe).families[table]
    if len(family.plan.tables) == 1:
        return rows
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        blocks = max(1, round(rows / (family.roots_per_block * family.rows_per_root)))
    return blocks * family.roots_per_block


def roots_within(recipe: Recipe, root: str, most: int) -> int:
    """Root rows of a family whose tables have about `most` rows each on average."""
    family = run_of(recipe).families[root]
    tables = len(family.plan.tables)
    if tables == 1:
        return most
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return max(1, int(most * tables / family.rows_per_root))


def roots_of_sample(recipe: Recipe, rows: int) -> dict[str, int]:
    """Root rows of each family that has about `rows` rows of its largest table."""
    run = run_of(recipe)
    found = {}
    for root, family in run.families.items():
        most = run.plan.tables[root].rows
        if len(family.plan.tables) > 1:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                most = min(most, max(10, int(2 * rows / family.rows_per_root)))
        found[root] = min(rows, most)
    return found


def batches(recipe: Recipe, table: str, start: int, stop: int) -> Iterator[pa.RecordBatch]:
    """Record batches of a table, block by block: root rows `start` to `stop`, or what is under
    these.
    """
    run = run_of(recipe)
    output = outputs_of(recipe)[table]
    name = table.removesuffix(TRUTH)
    is_complete = isinstance(output, TruthOutput)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for frame in run.blocks(name, start, stop, is_complete=is_complete):
            yield output.batch(frame)


def family_batches(
    recipe: Recipe, root: str, start: int, stop: int, *, truth: bool = False
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Batches of a root table and of all under it, each with its table's name.

    `truth`: those of complete values, too, where there are any.
    """
    run = run_of(recipe)
    family = run.families[root]
    written = outputs_of(recipe)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for frame in run.families_of(root, start, stop, is_complete=True):
            if truth:
                for name, part in family.frames(frame).items():
                    if name + TRUTH in written:
                        yield name + TRUTH, written[name + TRUTH].batch(part)
            for name, part in family.frames(family.masked(frame)).items():
                yield name, written[name].batch(part)


def group_batches_of_plain(
    plain: dict[str, Any], group: str, start: int, stop: int
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Like `family_batches`, from a recipe as plain values and, under `truth`, that option."""
    recipe = Recipe.read({name: value for name, value in plain.items() if name != "truth"})
    return family_batches(recipe, group, start, stop, truth=plain["truth"])
