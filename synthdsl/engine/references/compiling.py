"""From the draw of a reference to its sampler."""

from __future__ import annotations

from synthdsl.engine.references.distinct import DistinctReference, UniqueReference
from synthdsl.engine.references.reference import Reference
from synthdsl.engine.references.target_rows import TargetRows
from synthdsl.engine.samplers import Context, Sampler
from synthdsl.model.draws import RefDraw


def reference_sampler(draw: RefDraw, context: Context) -> Sampler:
    """The sampler of a reference."""
    target: TargetRows | None = None
    if not draw.is_among_siblings:
        assert context.targets is not None, "a table that refers is planned with its targets"
        target = context.targets(draw.table)
    if draw.is_unique:
        assert target is not None
        return UniqueReference(draw, target, context)
    if draw.is_distinct:
        return DistinctReference(draw, target, context)
    return Reference(draw, target, context)
