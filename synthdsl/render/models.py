"""The machine-readable outputs, as pydantic models. Their JSON Schemas are in the docs.

Import this module only where JSON is wanted: pydantic takes longer to load than a spec to parse.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as About


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Place(_Model):
    """Where something stands. Lines and columns count characters from 1; the end is exclusive."""

    file: str
    line: int = About(ge=1)
    column: int = About(ge=1)
    end_line: int = About(ge=1)
    end_column: int = About(ge=1)


class RelatedPlace(Place):
    """A further place that a finding speaks of."""

    text: str = About(description="a short remark; may be empty")


class Finding(Place):
    """One error or warning."""

    code: str = About(description="a code of the diagnostics reference, such as `unknown-name`")
    severity: Literal["error", "warning"]
    message: str = About(description="what is wrong, with the value")
    help: str | None = About(description="what to type instead")
    notes: tuple[str, ...] = About(description="the arithmetic behind it")
    labels: tuple[RelatedPlace, ...]


class FindingsReport(_Model):
    """Output of `synthdsl check --format json`."""

    schema_: Literal["synthdsl.diagnostics/1"] = About(
        default="synthdsl.diagnostics/1", alias="schema"
    )
    errors: int = About(ge=0)
    warnings: int = About(ge=0)
    diagnostics: tuple[Finding, ...] = About(description="in order of file and place")


class ExplainedField(_Model):
    """How one field comes about."""

    name: str
    type: str
    how: str = About(description="the draw or the derivation, in words")
    depends_on: tuple[str, ...] = About(description="names of what it reads, in order")
    slot: str = About(description="the stream of draws it uses; empty for a derived field")
    note: str = About(description="anything else worth knowing; may be empty")


class Chance(_Model):
    """A probability: exact, or measured with bounds at 99.9 % confidence."""

    value: float = About(ge=0, le=1)
    low: float = About(ge=0, le=1)
    high: float = About(ge=0, le=1)
    is_exact: bool


class ExplainedRule(_Model):
    """One rule: what it is, how it is enforced, what it costs."""

    name: str
    text: str = About(description="the condition as typed, on one line")
    kind: str
    enforcement: str = About(description="how rows come to meet it")
    demand: Literal["hold", "true", "false"] = About(
        description="`hold`: not false; `true`: a case; `false`: a rule to be broken"
    )
    share: float | None = About(description="of a soft rule: the share of rows it holds in")
    keeping: tuple[str, ...] = About(description="fields that keep the law they have without it")
    z: Chance = About(description="of meeting every rule of the component, unconditioned")
    z_without: Chance | None = About(description="the same if this rule were not there")
    changes_nothing: bool
    costs_nearly_everything: bool = About(description="z is below a thousandth of z_without")
    scope: str = About(
        description="of a rule across rows: what it conditions, and what z is the chance of; "
        "empty: a row"
    )


class ExplainedComponent(_Model):
    """Fields that rules condition together."""

    fields: tuple[str, ...] = About(description="in the order in which they are drawn")
    rules: tuple[str, ...]
    strategy: str
    detail: str = About(description="more on the strategy; may be empty")
    z: Chance
    acceptance: float = About(ge=0, le=1, description="share of the proposals that are accepted")
    scope: str = About(
        description="what rules across rows condition; then fields of other tables are "
        "`table.field`"
    )
    kept: tuple[str, ...] = About(description="of a scope: what is settled first and kept")


class ExplainedState(_Model):
    """A state of a pathway."""

    name: str
    stay: str = About(description="how long a visit lasts, in words; empty of a final state")
    following: str = About(description="what follows, as typed; empty of a final state")


class ExplainedReference(_Model):
    """Fields that hold the key of a row of another table."""

    fields: tuple[str, ...]
    table: str
    how: str = About(description="how the row is chosen, in words")


class ExplainedTable(_Model):
    """The fields of one table, in the order in which they are computed."""

    name: str
    rows: str = About(description="the number of rows, or how it is drawn")
    fields: tuple[ExplainedField, ...]
    rules: tuple[ExplainedRule, ...] = About(description="in order of declaration")
    components: tuple[ExplainedComponent, ...]
    parent: str = About(description="the table that its rows are under; empty of a root table")
    variable: str = About(description="the name that the parent's row has")
    count: str = About(description="how many rows each parent has, in words")
    where: str = About(description="the condition of parents that have any; empty: all")
    until: str = About(description="rows after the first in which it is true are left out")
    starts: str = About(description="of a pathway: when it starts")
    states: tuple[ExplainedState, ...] = About(
        description="of a pathway: the start first, the final ones last"
    )
    references: tuple[ExplainedReference, ...]
    children: tuple[str, ...] = About(description="tables under this one")
    is_fixed: bool = About(description="whether the rows stand in a file")


class ExplainedMaking(_Model):
    """Something of a family that is made at once."""

    kind: Literal[
        "fields", "conditioned", "rows", "siblings", "sequence", "pathway", "until", "rules"
    ] = About(
        description="`fields`: each row by itself; `conditioned`: the same, until `rules` hold; "
        "`rows`: how many there are; `siblings`: for all rows under one parent; `sequence`: row "
        "by row; `pathway`: a path for each parent; `until`: the end of the rows; `rules`: "
        "`parts`, for `scope`, until `rules` hold"
    )
    table: str
    fields: tuple[str, ...]
    about: str
    rules: tuple[str, ...]
    scope: str
    kept: tuple[str, ...] = About(description="what is settled first and kept")
    parts: tuple[ExplainedMaking, ...]


class ExplainedFamily(_Model):
    """A root table with those under it."""

    root: str
    tables: tuple[str, ...] = About(description="parents first")
    order: tuple[ExplainedMaking, ...]


class ExplanationReport(_Model):
    """Output of `synthdsl explain --format json`."""

    schema_: Literal["synthdsl.explanation/1"] = About(
        default="synthdsl.explanation/1", alias="schema"
    )
    tables: tuple[ExplainedTable, ...]
    families: tuple[ExplainedFamily, ...] = About(
        description="tables that hang together, and the order in which they are made"
    )
