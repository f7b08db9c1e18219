"""What a plan does, in words: order, dependencies, how each field is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synthdsl.model.draws import (
    ChooseDraw,
    FixedDraw,
    QuotaDraw,
    RefDraw,
    expressions_of,
    inner_draws,
)
from synthdsl.model.expressions import (
    Above,
    Choose,
    Constant,
    Expr,
    FieldRef,
    FileColumn,
    MachineColumn,
    Neighbour,
    Related,
    TargetField,
    walk,
)
from synthdsl.model.quotas import counts_of
from synthdsl.model.relations import count_name
from synthdsl.model.spec import Field, Reference, Table
from synthdsl.model.spelling import spell_constant
from synthdsl.plan.account import Account, ComponentAccount, RuleAccount
from synthdsl.plan.draw_words import in_words, one_line
from synthdsl.plan.families import FamilyPlan
from synthdsl.plan.lower import FieldPlan, Plan, Step, TablePlan
from synthdsl.plan.making import FamilyExplanation, family_explanation
from synthdsl.plan.scopes import nodes_in_order, scope_words
from synthdsl.plan.shown import derived_words, is_declared, key_of_parent, written
from synthdsl.plan.units import EntityUnit, SequenceUnit, StepUnit, Unit
from synthdsl.values.types import DURATION, Kind


@dataclass(frozen=True)
class FieldExplanation:
    """How one field is made. `slot` names its stream of base draws."""

    name: str
    type: str
    how: str
    depends_on: tuple[str, ...]
    slot: str | None
    note: str | None


@dataclass(frozen=True)
class StateExplanation:
    """A state of a pathway: how long a visit lasts, and what follows. Both empty where it ends."""

    name: str
    stay: str
    following: str


@dataclass(frozen=True)
class ReferenceExplanation:
    """Fields that hold the key of a row of `table`, and how that row is chosen."""

    fields: tuple[str, ...]
    table: str
    how: str


@dataclass(frozen=True)
class TableExplanation:
    """How one table is made: its fields in the order they are computed, and what rules do.

    Of a table under another: `parent`, by which name (`variable`) its row is read, how many rows
    there are under each (`count`), for which parents (`where`) and up to which row (`until`).
    `states` are those of a pathway; `is_fixed`: the rows stand in a file.
    """

    name: str
    rows: int
    fields: tuple[FieldExplanation, ...]
    rules: tuple[RuleAccount, ...] = ()
    components: tuple[ComponentAccount, ...] = ()
    parent: str = ""
    variable: str = ""
    count: str = ""
    where: str = ""
    until: str = ""
    starts: str = ""
    states: tuple[StateExplanation, ...] = ()
    references: tuple[ReferenceExplanation, ...] = ()
    children: tuple[str, ...] = ()
    is_fixed: bool = False


@dataclass(frozen=True)
class Explanation:
    """How a database is made. `families`: tables that hang together, and the order in which what
    is in them is made.
    """

    tables: tuple[TableExplanation, ...]
    families: tuple[FamilyExplanation, ...] = ()


def explain(plan: Plan, account: Account | None = None) -> Explanation:
    """The plan in words, with the account of its rules where there is one."""
    known = account or Account()
    tables: dict[str, TableExplanation] = {}
    for family in plan.families.values():
        for name in family.tables:
            tables[name] = _Table(plan, family, plan.tables[name]).explained(known)
    families = [f for f in plan.families.values() if len(f.tables) > 1]
    return Explanation(
        tuple(tables[name] for name in plan.tables),
        tuple(family_explanation(family, plan) for family in families),
    )


class _Table:
    """One table of a family."""

    def __init__(self, plan: Plan, family: FamilyPlan, table: TablePlan) -> None:
        self._plan = plan
        self._models = {name: plan.tables[name].table for name in family.tables}
        self._family = family
        self._table = table
        self._model = table.table
        self._steps: dict[str, Step] = {}
        self._entities: dict[str, list[EntityUnit]] = {}
        self._sequences: dict[str, SequenceUnit] = {}
        for unit in family.units:
            self._note(unit, [])

    def _note(self, unit: Unit, inside: list[EntityUnit]) -> None:
        if isinstance(unit, EntityUnit):
            for inner in unit.units:
                self._note(inner, [*inside, unit])
        elif unit.table == self._table.name:
            steps = unit.steps if isinstance(unit, SequenceUnit) else ()
            steps = (unit.step,) if isinstance(unit, StepUnit) else steps
            for step in steps:
                for name in step.fields:
                    self._steps[name] = step
                    self._entities[name] = inside
                    if isinstance(unit, SequenceUnit):
                        self._sequences[name] = unit

    def explained(self, account: Account) -> TableExplanation:
        """How it is made."""
        plan, model = self._table, self._model
        order = [
            name
            for unit in self._family.units
            for table, name in nodes_in_order(unit)
            if table == plan.name and is_declared(name)
        ]
        parent = model.parent
        count, where = ("", "") if parent is None else self._count(parent.table)
        machine = model.machine
        return TableExplanation(
            plan.name,
            plan.rows,
            tuple(self._field(plan.fields[name]) for name in order),
            tuple(rule for rule in account.rules if rule.table == plan.name),
            tuple(part for part in account.components if part.table == plan.name),
            "" if parent is None else parent.table,
            "" if parent is None else parent.variable,
            count,
            where,
            "" if model.stop is None else one_line(model.stop),
            "" if machine is None else one_line(machine.starts),
            tuple(_states(model)),
            tuple(self._reference(reference) for reference in model.references),
            tuple(n for n, t in self._models.items() if t.parent and t.parent.table == plan.name),
            model.is_fixed,
        )

    # rows

    def _count(self, parent: str) -> tuple[str, str]:
        """How many rows there are under each parent, and for which parents there are any."""
        field = self._models[parent].fields[count_name(self._table.name)]
        where = ""
        if isinstance(field.draw, ChooseDraw) and _is_none(field.draw.otherwise):
            (condition, draw), *_ = field.draw.branches
            where = one_line(condition)
            return in_words(draw), where
        if field.draw is not None:
            return in_words(field.draw), ""
        value = field.value
        if isinstance(value, Choose) and len(value.branches) == 1:
            is_zero = isinstance(value.otherwise, Constant) and value.otherwise.value == 0
            if is_zero and value.otherwise.span == value.span and value.branches:
                (condition, value), *_ = value.branches
                where = one_line(condition)
        if self._model.machine is not None:
            return "one for each visited state", where
        if isinstance(value, Constant):
            return f"always {value.value:,}", where
        assert value is not None
        return f"derived = {one_line(value)}", where

    def _reference(self, reference: Reference) -> ReferenceExplanation:
        parent = self._model.parent
        fields = [self._model.fields[name] for name in reference.fields]
        value = fields[0].value
        source = self._model.fields[value.field] if isinstance(value, FieldRef) else fields[0]
        if source.draw is not None and source.type.kind is Kind.REFERENCE:
            how = in_words(source.draw)
        elif parent is not None and reference.table == parent.table:
            how = f"the {parent.table} that it is under"
        else:
            how = ", ".join(derived_words(field, self._model) for field in fields)
        return ReferenceExplanation(reference.fields, reference.table, how)

    # fields

    def _field(self, field_plan: FieldPlan) -> FieldExplanation:
        field = field_plan.field
        how = derived_words(field, self._model) if field.draw is None else in_words(field.draw)
        return FieldExplanation(
            field.name,
            str(field.type),
            how,
            self._depends_on(field),
            None if field.draw is None else f"{self._table.name}.{field.name}",
            "; ".join(self._notes(field_plan)) or None,
        )

    def _depends_on(self, field: Field) -> tuple[str, ...]:
        """What the field reads, by the names that the spec has for it."""
        names = [written(name) for name in self._table.fields if name in field.depends_on]
        expressions = list(expressions_of(field.draw)) if field.draw is not None else []
        if field.value is not None:
            expressions.append(field.value)
        own = key_of_parent(field, self._model)
        if own:
            names.append(own)
        names += [name for e in expressions for name in _elsewhere(e)]
        for draw in inner_draws(field.draw) if field.draw is not None else ():
            for part in (draw.condition, draw.weight) if isinstance(draw, RefDraw) else ():
                for inner in walk(part) if part is not None else ():
                    if isinstance(inner, TargetField) and isinstance(draw, RefDraw):
                        names.append(f"{draw.table}.{inner.field or 'index'}")
        return tuple(dict.fromkeys(names))

    def _notes(self, field_plan: FieldPlan) -> list[str]:
        field = field_plan.field
        notes = []
        if field.is_let:
            notes.append("latent: not exported")
        if field.step is not None and field.type.step is not None:
            notes.append(f"rounded half-up to multiples of {_step_text(field)}")
        if field_plan.correlation is not None:
            others = [name for name in field_plan.correlation.fields if name != field.name]
            notes.append(f"correlated with {', '.join(others)}")
        notes += self._made_with(field)
        notes += self._conditioned(field)
        if isinstance(field.draw, QuotaDraw):
            counts = ", ".join(f"{n:,}" for n in counts_of(field.draw.shares, self._table.rows))
            notes.append(f"depends on the number of rows: {counts} of {self._table.rows:,}")
        if field.name in self._model.masks:
            mask = self._model.masks[field.name]
            notes.append(f"then masked: {mask.mechanism}({one_line(mask.chance)})")
        if (self._table.name, field.name) in self._family.recomputed:
            notes.append("recomputed after masking")
        return notes

    def _made_with(self, field: Field) -> Iterator[str]:
        unit = self._sequences.get(field.name)
        if unit is None:
            return
        others = [
            name
            for step in unit.steps
            for name in step.fields
            if name != field.name and is_declared(name)
        ]
        along = f", along with {', '.join(others)}" if others else ""
        yield f"made row by row in order of index{along}, for all parents at once"

    def _conditioned(self, field: Field) -> Iterator[str]:
        step = self._steps[field.name]
        if step.rules:
            rules = ", ".join(f"`{rule.name}`" for rule in step.rules)
            more = sum(map(is_declared, step.fields)) - 1
            together = f" together with {more} other field{'s' * (more > 1)}" if more else ""
            yield f"conditioned{together} by {rules}"
        if isinstance(field.value, Above | FileColumn) or not self._is_random(field):
            return
        for unit in self._entities[field.name]:
            names = ", ".join(f"`{rule.name}`" for _, rule in unit.rules)
            node = (self._table.name, field.name)
            free = {n for inner in unit.stages[-1].free for n in inner.writes}
            if node not in free:
                yield f"kept as it is by {names}"
            else:
                # the account says the whole
                yield f"conditioned by {names} {scope_words(unit, self._models).partition(',')[0]}"

    def _is_random(self, field: Field) -> bool:
        return field.draw is not None or isinstance(field.value, MachineColumn)


def _step_text(field: Field) -> str:
    """The grid of a field, in time as a duration."""
    assert field.step is not None
    if field.type.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION) and field.step.denominator == 1:
        return spell_constant(int(field.step), DURATION)
    return f"{float(field.step):g}"


def _is_none(draw: object) -> bool:
    """Whether a draw of a number of rows is that of parents for which `where` is not true."""
    if not isinstance(draw, FixedDraw) or not isinstance(draw.value, Constant):
        return False
    return draw.value.value == 0 and draw.value.span == draw.span


def _states(table: Table) -> Iterator[StateExplanation]:
    machine = table.machine
    if machine is None:
        return
    for state in machine.states:
        assert state.stay.draw is not None and state.next.draw is not None
        stay = in_words(state.stay.draw)
        yield StateExplanation(state.name, stay, state.next.text.removeprefix("~ "))
    for name in machine.finals:
        yield StateExplanation(name, "", "")


def _elsewhere(expression: Expr) -> Iterator[str]:
    """What an expression reads of rows beside or below its own."""
    for inner in walk(expression):
        if isinstance(inner, Neighbour):
            yield inner.which if inner.field is None else f"{inner.which}.{inner.field}"
        elif isinstance(inner, Related):
            yield one_line(inner)
