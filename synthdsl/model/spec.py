"""The model: a spec with names resolved and types inferred, ready to be planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from synthdsl.model.draws import DrawNode, fields_drawn_from
from synthdsl.model.expressions import Expr, fields_read
from synthdsl.model.grids import raw_step
from synthdsl.source import Span
from synthdsl.values.types import Type

if TYPE_CHECKING:
    from synthdsl.model.pathways import Machine

ROLES = ("identifier", "quasi", "sensitive")


@dataclass(frozen=True, eq=False)
class Field:
    """A field of a table. Exactly one of `draw` and `value` is set."""

    name: str
    type: Type
    draw: DrawNode | None
    value: Expr | None
    is_let: bool
    roles: tuple[str, ...]
    exported: str
    description: str
    span: Span
    name_span: Span
    text: str
    """The definition as typed, for `explain` and the data dictionary."""

    @property
    def depends_on(self) -> set[str]:
        """Names of the fields of the same row that this field is computed or drawn from."""
        if self.draw is not None:
            return fields_drawn_from(self.draw)
        return set() if self.value is None else fields_read(self.value)

    @property
    def step(self) -> Fraction | None:
        """The grid of raw values, None for a plain float or for what has no order."""
        return raw_step(self.type)


@dataclass(frozen=True, eq=False)
class Mask:
    """A `missing` statement: the chance that the field's value is masked."""

    field: str
    mechanism: str
    chance: Expr
    code: Any
    span: Span


@dataclass(frozen=True, eq=False)
class Correlation:
    """A Gaussian copula over fields: rank correlations by group.

    `matrices` maps a group's key (raw values of `groups`, `()` without groups) to the full
    matrix of rank correlations, row by row.
    """

    fields: tuple[str, ...]
    groups: tuple[str, ...]
    matrices: dict[tuple[Any, ...], tuple[tuple[float, ...], ...]]
    span: Span


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule over the fields of a row, and of rows related to it.

    `share`: of a soft rule, the chance by which a row's rule must hold; otherwise it must be
    false. `keeping`: fields that keep the law they have without the rule, and `keeping_below`
    those of tables under this one, as (table, field). `demand`: what a row must make of the
    condition: `hold` (not false), `true` (a case), `false` (a broken rule). `is_for_each`: it
    conditions the row with all that is under it, however many rows these are.
    """

    name: str
    condition: Expr
    span: Span
    text: str
    share: Fraction | None = None
    keeping: tuple[str, ...] = ()
    demand: str = "hold"
    keeping_below: tuple[tuple[str, str], ...] = ()
    is_for_each: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """A named condition that all rows of a run can be asked to meet."""

    name: str
    condition: Expr
    span: Span
    text: str


@dataclass(frozen=True, eq=False)
class Expectation:
    """An `expect`: a condition over aggregates of tables. It is measured, never enforced."""

    condition: Expr
    text: str
    span: Span


@dataclass(frozen=True, eq=False)
class Parent:
    """The table under which another hangs, and the name that its rows have there."""

    table: str
    variable: str


@dataclass(frozen=True, eq=False)
class Reference:
    """Fields of a table that hold the key of a row of another table, in the order of that key."""

    fields: tuple[str, ...]
    table: str
    to: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """A table: its size, fields in order of declaration, and what hangs on them.

    `rows`: of a table with a `parent` 0; there the parent's latent field `#name` has the number of
    rows. `stop`: rows after the first in which it is true are not there. `machine`: the pathway
    whose visited states are the rows. `is_fixed`: the rows are those of a file.
    """

    name: str
    rows: int
    fields: dict[str, Field]
    key: tuple[str, ...]
    masks: dict[str, Mask]
    correlations: tuple[Correlation, ...]
    rules: tuple[Rule, ...]
    description: str
    span: Span
    cases: tuple[Case, ...] = ()
    key_span: Span | None = None
    parent: Parent | None = None
    stop: Expr | None = None
    machine: Machine | None = None
    is_fixed: bool = False
    references: tuple[Reference, ...] = ()
    reference_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each exported field drawn with `ref` the latent fields with the key of its row."""

    @property
    def exported(self) -> tuple[Field, ...]:
        """The fields that appear in the output, in order."""
        return tuple(f for f in self.fields.values() if not f.is_let)


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file that the spec's meaning depends on, by the path as written and its SHA-256."""

    path: str
    digest: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of the spec: the value in force, as a user would type it."""

    name: str
    type: str
    value: str
    description: str


@dataclass(eq=False)
class Spec:
    """A whole spec."""

    name: str
    description: str
    seed: int
    parameters: tuple[Parameter, ...] = ()
    tables: dict[str, Table] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    files: tuple[SourceFile, ...] = ()
    allows_python: bool = False
