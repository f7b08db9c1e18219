"""`missing` statements: what a mechanism may read, by its name.

mcar: a constant chance. mar: reads exported fields that are never masked, and not its own.
mnar: reads its own value, a masked field or a latent.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from synthdsl.language import tree
from synthdsl.model.arguments import bind, value_of
from synthdsl.model.coercion import coerce
from synthdsl.model.domains import draw_domain
from synthdsl.model.expressions import Constant, Expr, FieldRef, Part, ZScore, walk
from synthdsl.model.findings import Findings
from synthdsl.model.grids import snapped
from synthdsl.model.inference import infer
from synthdsl.model.scope import Scope
from synthdsl.model.spec import Field, Mask
from synthdsl.values.types import FLOAT, TEXT, Kind

MECHANISMS = ("mcar", "mar", "mnar")


def type_mask(
    node: tree.Missing,
    scope: Scope,
    fields: dict[str, Field],
    masked: Collection[str],
    findings: Findings,
) -> Mask | None:
    """The mask that `node` declares; None after a report. `masked` names every masked field.

    What is read of a row above is seen there or not.
    """
    field = _masked_field(node, scope, fields, findings)
    if field is None:
        return None
    mechanism = node.mechanism.text
    call = tree.Call(node.span, tree.Path(node.mechanism.span, (mechanism,)), node.arguments)
    bound = bind(call, ("chance",), findings)
    if bound is None or bound[0] is None:
        return None
    chance = coerce(
        value_of(bound[0], scope, findings),
        FLOAT.nullable(),
        findings,
        "the chance of being missing",
    )
    if chance.type.is_unknown:
        return None
    above = {} if scope.relations is None else scope.relations.latent_fields(scope.table)
    unseen = {name for name, is_seen in above.items() if not is_seen}
    if not _check_reads(mechanism, chance, field, fields, {*masked, *unseen}, findings):
        return None
    if not _check_chance(chance, findings):
        return None
    return Mask(field.name, mechanism, chance, _code(node, field, scope, findings), node.span)


def _masked_field(
    node: tree.Missing, scope: Scope, fields: dict[str, Field], findings: Findings
) -> Field | None:
    """The field that `node` masks by a known mechanism; None after a report."""
    name, mechanism = node.field.text, node.mechanism.text
    field = fields.get(name)
    if field is None:
        findings.report(
            "unknown-name",
            node.field.span,
            f"`{name}` is not a field of this table",
            scope.advice(name),
        )
        return None
    if mechanism not in MECHANISMS:
        close = get_close_matches(mechanism, MECHANISMS, n=1, cutoff=0.4)
        findings.report(
            "missing-mechanism",
            node.mechanism.span,
            f"there is no mechanism `{mechanism}`",
            f"did you mean `{close[0]}`?" if close else "write mcar(p), mar(p) or mnar(p)",
        )
        return None
    if not field.type.is_nullable and not field.type.is_unknown:
        findings.report(
            "missing-type-nullable",
            node.field.span,
            f"`{name}` is `{field.type}`, which is never null",
            f"declare it `{field.type}?`",
        )
        return None
    if field.is_let:
        findings.report(
            "missing-type-nullable",
            node.field.span,
            f"`{name}` is latent: there is nothing to mask",
        )
        return None
    return field


def _check_chance(chance: Expr, findings: Findings) -> bool:
    """Whether a constant chance is a share."""
    if not isinstance(chance, Constant):
        return True
    value = chance.value
    if value is not None and 0 <= value <= 1:
        return True
    help_ = (
        f"write {value:g}%"
        if value is not None and 1 < value <= 100
        else "write a share from 0 % to 100 %"
    )
    findings.report(
        "parameter-range",
        chance.span,
        "the chance of being missing " + ("has no value" if value is None else f"is {value:g}"),
        help_,
    )
    return False


def _code(node: tree.Missing, field: Field, scope: Scope, findings: Findings) -> Any:
    """The raw value that stands for a masked one in files, if one is declared.

    An enum's code is text; any other is a value of the field's type.
    """
    if node.code is None:
        return None
    type_ = TEXT if field.type.enum is not None else field.type.nullable(False)
    code = coerce(infer(node.code, scope, findings, type_), type_, findings, "the code")
    if not isinstance(code, Constant):
        return None
    value = code.value
    if field.type.enum is not None:
        known: tuple[Any, ...] | None = field.type.enum.exported or field.type.enum.members
    else:
        known = None if field.draw is None else draw_domain(field.draw, field)
        if isinstance(value, int | float) and field.step is not None:
            value = type(value)(snapped(value, field.step))
    if known is not None and value in known:
        findings.report(
            "missing-mechanism",
            code.span,
            f"`{field.name}` can be {code.span.text} itself: "
            "the code would not tell what is missing",
            "choose a value that does not occur",
        )
    return value


def _check_reads(
    mechanism: str,
    chance: Expr,
    field: Field,
    fields: dict[str, Field],
    masked: Collection[str],
    findings: Findings,
) -> bool:
    reads = [e for e in walk(chance) if isinstance(e, FieldRef | Part | ZScore)]
    if mechanism == "mcar":
        if isinstance(chance, Constant):
            return True
        findings.report(
            "missing-reads",
            chance.span,
            "`mcar` masks completely at random: its chance is constant",
            "write `mar(...)` if it depends on other fields",
        )
        return False
    if mechanism == "mar":
        return all(_may_read(e, field, fields, masked, findings) for e in reads)
    hidden = [
        e
        for e in reads
        if e.field == field.name
        or _is_latent(e.field, fields)
        or reads_masked(e.field, fields, masked)
    ]
    if not hidden:
        findings.report(
            "missing-reads",
            chance.span,
            "`mnar` depends on what is not seen, but this reads seen fields only",
            "write `mar(...)`" if reads else "write `mcar(...)`",
        )
        return False
    return True


def _is_latent(name: str, fields: dict[str, Field]) -> bool:
    return name in fields and (fields[name].is_let or fields[name].type.kind is Kind.RECORD)


def _may_read(
    read: FieldRef | Part | ZScore,
    field: Field,
    fields: dict[str, Field],
    masked: Collection[str],
    findings: Findings,
) -> bool:
    name = read.field
    if name == field.name:
        why = f"`mar` reads `{name}` itself, whose value is then missing"
    elif _is_latent(name, fields):
        why = f"`mar` reads `{name}`, which is latent"
    elif name in masked:
        why = f"`mar` reads `{name}`, which may be masked itself"
    elif reads_masked(name, fields, masked):
        why = f"`mar` reads `{name}`, which is recomputed from a masked field"
    else:
        return True
    findings.report(
        "missing-reads",
        read.span,
        why,
        "write `mnar(...)`, or read exported fields that are never masked",
    )
    return False


def reads_masked(name: str, fields: dict[str, Field], masked: Collection[str]) -> bool:
    """Whether `name` is masked, or derived from a field that is, directly or through others."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in masked:
            return True
        field = fields.get(current)
        if field is not None and field.value is not None and current not in seen:
            seen.add(current)
            waiting.extend(field.depends_on)
    return False
