"""The JSON form of a run's report, as pydantic models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field as About

from synthdsl.render.models import ExplainedComponent, ExplainedRule, _Model


class ReportFocus(_Model):
    """A case that every row of `table` meets, or a rule that every row breaks."""

    table: str
    name: str
    condition: str


class ReportMarginal(_Model):
    """The law of one field as measured, before `missing` masks anything."""

    rows: int = About(ge=0)
    nulls: int = About(ge=0)
    counts: dict[str, int] | None = About(description="rows by value, of words and truths")
    exact_shares: dict[str, float] | None = About(
        description="of declared words: their shares, where the declaration gives constants"
    )
    mean: float | None = About(
        description="raw: dates are days since 1970-01-01, other times microseconds"
    )
    mean_standard_error: float | None
    sd: float | None
    design_effects: list[float] | None = About(
        description="of rows under others: by how much the variances of shares (one for each "
        "word, one for null), or of the mean and of the share of null, exceed those of "
        "independent rows"
    )
    quantiles: dict[str, float] | None = About(description="5 %, 50 % and 95 % quantiles, raw")


class ReportField(_Model):
    """One field that rules can move."""

    name: str
    type: str
    is_conditioned: bool = About(description="false: it follows from fields that rules condition")
    is_latent: bool = About(description="declared with `let`: not exported")
    declared: ReportMarginal = About(description="without the rules, from a pilot of fixed seed")
    realised: ReportMarginal = About(description="of the rows of this run")
    distance: float = About(
        description="total variation of the shares, or the largest difference of the "
        "distribution functions"
    )
    is_moved: bool = About(description="whether the difference is more than chance")


class SoftRule(_Model):
    """Exceptions of a soft rule: the declared share, and those found."""

    rule: str
    declared: float
    rows: int = About(ge=0)
    exceptions: int = About(ge=0)
    low: float = About(description="lower end of the exact 95 % interval")
    high: float


class ReportExpectation(_Model):
    """One `expect`, measured."""

    text: str
    is_met: bool | None
    values: dict[str, Any]
    rows: int = About(ge=0)


class ReportTable(_Model):
    """One table with fields that rules can move."""

    name: str
    first_row: int = About(ge=0)
    rows_measured: int = About(ge=0, description="the first of `rows`")
    rows: int = About(ge=0, description="of a table under others as `rows_measured`: see `roots`")
    root: str = About(description="of a table under others: the root table; else empty")
    roots_measured: int = About(ge=0, description="rows of `root`, the first of `roots`; else 0")
    roots: int = About(ge=0)
    pilot_rows: int = About(ge=0, description="rows on which the declared law was measured")
    rules: tuple[ExplainedRule, ...]
    components: tuple[ExplainedComponent, ...]
    fields: tuple[ReportField, ...]
    as_declared: tuple[str, ...] = About(description="fields that no rule reaches")
    not_compared: dict[str, str] = About(description="fields without a marginal, and why")
    soft_rules: tuple[SoftRule, ...]


class MovementReport(_Model):
    """What `synthdsl generate --report FILE.json` writes."""

    schema_: Literal["synthdsl.report/1"] = About(default="synthdsl.report/1", alias="schema")
    spec: str
    seed: int
    case: ReportFocus | None
    broken_rule: ReportFocus | None
    tables: tuple[ReportTable, ...]
    expectations: tuple[ReportExpectation, ...]
