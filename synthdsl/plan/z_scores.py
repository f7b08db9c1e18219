"""`z(field)`: replaced by the field's standardised value, from its declared distribution.

z = (x - mean) / sd with mean and sd of the draw given its parents, before rounding; for a
truncated draw with constant parameters the moments are those of the truncated distribution.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.model.draws import (
    DistributionDraw,
    DrawNode,
    KeyedDraw,
    SequenceDraw,
    Truncated,
    UniqueDraw,
)
from synthdsl.model.expressions import (
    Above,
    Constant,
    Expr,
    FieldRef,
    Operation,
    Related,
    ZScore,
)
from synthdsl.model.spec import Table
from synthdsl.source import Span
from synthdsl.values.types import FLOAT


def without_z_scores(table: Table) -> Table:
    """`table` with every `z(field)` written out."""
    return replace(
        table,
        fields={name: _replaced(field, table) for name, field in table.fields.items()},
        masks={name: _replaced(mask, table) for name, mask in table.masks.items()},
        rules=tuple(_replaced(rule, table) for rule in table.rules),
    )


def _replaced(node: Any, table: Table) -> Any:
    if isinstance(node, ZScore):
        return _written_out(node, table)
    if isinstance(node, tuple):
        items = tuple(_replaced(item, table) for item in node)
        return items if any(a is not b for a, b in zip(items, node, strict=True)) else node
    if not is_dataclass(node) or isinstance(node, type | Span | Constant | Above | Related):
        return node
    changes = {}
    for item in fields(node):
        value = getattr(node, item.name)
        if isinstance(value, tuple | Expr | DrawNode):
            changed = _replaced(value, table)
            if changed is not value:
                changes[item.name] = changed
    return replace(node, **changes) if changes else node


def _written_out(node: ZScore, table: Table) -> Expr:
    field = table.fields[node.field]
    moments = None if field.draw is None else _moments(field.draw)
    if moments is None:
        raise SynthError(
            "the spec cannot be planned",
            diagnostics=[
                Diagnostic(
                    "bad-arguments",
                    node.span,
                    f"the mean and standard deviation of `{node.field}` "
                    "are not known from its declaration",
                    f"write them out: `({node.field} - mean) / sd`",
                )
            ],
        )
    mean, sd = (Constant(FLOAT, node.span, m) for m in moments)
    value = FieldRef(field.type, node.span, node.field)
    plain = FLOAT.nullable(field.type.is_nullable)
    centred = Operation(plain, node.span, "-", (value, mean))
    return Operation(plain, node.span, "/", (centred, sd))


def _moments(draw: DrawNode) -> tuple[float, float] | None:
    """Mean and standard deviation of a draw with constant parameters; None otherwise."""
    if isinstance(draw, KeyedDraw | UniqueDraw):
        draw = draw.draw
    if isinstance(draw, SequenceDraw):
        return _stationary_moments(draw)
    inner = draw.draw if isinstance(draw, Truncated) else draw
    if not isinstance(inner, DistributionDraw):
        return None
    bounds = [draw.low, draw.high] if isinstance(draw, Truncated) else []
    expressions = [*inner.parameters, *bounds]
    if not all(isinstance(e, Constant) and e.value is not None for e in expressions):
        return None
    values = [e.value for e in expressions if isinstance(e, Constant)]
    params = inner.form.canonical(*values[: len(inner.parameters)])
    if bounds:
        return _truncated_moments(inner, params, *values[-2:])
    mean, sd = (float(m(*params)) for m in (inner.distribution.mean, inner.distribution.sd))
    return (mean, sd) if mean == mean and 0 < sd < float("inf") else None


def _stationary_moments(draw: SequenceDraw) -> tuple[float, float] | None:
    """Those of every row of a stationary process; None for a walk, or where they vary."""
    values = [p.value for p in draw.parameters if isinstance(p, Constant) and p.value is not None]
    if len(values) < len(draw.parameters) or draw.process.name == "random_walk":
        return None
    return float(values[0]), float(values[1])


def _truncated_moments(
    draw: DistributionDraw, params: tuple[Any, ...], low: float, high: float
) -> tuple[float, float]:
    """Moments by the midpoint rule over 20,000 levels of the quantile function."""
    import numpy as np

    from synthdsl.distributions.truncation import truncated_quantile

    levels = (np.arange(20_000) + 0.5) / 20_000
    values = truncated_quantile(draw.distribution, params, levels, low, high)
    return float(values.mean()), float(values.std())
