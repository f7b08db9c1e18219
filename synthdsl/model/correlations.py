"""`correlate` statements: rank correlations by group, checked to be possible."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from synthdsl.language import tree
from synthdsl.model.draws import (
    CategoricalDraw,
    ChooseDraw,
    DistributionDraw,
    DrawNode,
    MixtureDraw,
    SharedDraw,
    Truncated,
)
from synthdsl.model.expressions import Constant, Expr
from synthdsl.model.findings import Findings
from synthdsl.model.inference import infer
from synthdsl.model.scope import Scope
from synthdsl.model.spec import Correlation, Field
from synthdsl.values.types import ORDERED, Kind, Type

Matrix = tuple[tuple[float, ...], ...]


def type_correlation(
    node: tree.Correlate, scope: Scope, fields: dict[str, Field], findings: Findings
) -> Correlation | None:
    """The correlation that `node` declares; None after a report."""
    names = [name.text for name in node.names]
    if not all([_check_field(name, fields, scope, findings) for name in node.names]):
        return None
    if len(names) < 2 or len(set(names)) != len(names):
        findings.report(
            "correlate-field",
            node.span,
            "a correlation needs two or more different fields",
            "write `correlate (a, b) rank 0.5`",
        )
        return None
    groups = _groups(node, fields, scope, findings)
    if groups is None:
        return None
    matrices = _matrices(node, groups, len(names), scope, fields, findings)
    if matrices is None:
        return None
    return Correlation(tuple(names), groups, matrices, node.span)


def _field(
    name: tree.Name, fields: dict[str, Field], scope: Scope, findings: Findings
) -> Field | None:
    """The field called `name`; None after a report."""
    field = fields.get(name.text)
    if field is None:
        findings.report(
            "correlate-field",
            name.span,
            f"`{name.text}` is not a field of this table",
            scope.advice(name.text),
        )
    return field


def _check_field(
    name: tree.Name, fields: dict[str, Field], scope: Scope, findings: Findings
) -> bool:
    field = _field(name, fields, scope, findings)
    if field is None or field.type.is_unknown:
        return False
    if field.draw is None:
        findings.report(
            "correlate-field",
            name.span,
            f"`{name.text}` is derived: it has no draw to correlate",
            "correlate what it is derived from",
        )
        return False
    if isinstance(field.draw, SharedDraw) or field.draw.needs_siblings:
        findings.report(
            "correlate-field",
            name.span,
            f"rows share the draw of `{name.text}`: a row has no level of its own to correlate",
            "correlate fields that are drawn row by row",
        )
        return False
    if field.type.kind not in ORDERED or not has_levels(field.draw):
        findings.report(
            "correlate-field",
            name.span,
            f"`{name.text}` has no order to correlate: "
            "it is not drawn from distributions of numbers",
            "correlate fields drawn from distributions such as `normal`",
        )
        return False
    return True


def has_levels(draw: DrawNode) -> bool:
    """Whether a draw is a univariate quantile function of one uniform."""
    if isinstance(draw, Truncated):
        return has_levels(draw.draw)
    if isinstance(draw, ChooseDraw):
        return all(has_levels(d) for d in (*(d for _, d in draw.branches), draw.otherwise))
    if isinstance(draw, CategoricalDraw):
        return all(isinstance(o, int | float) for o in draw.outcomes)
    return isinstance(draw, DistributionDraw) and not isinstance(draw, MixtureDraw)


def _groups(
    node: tree.Correlate, fields: dict[str, Field], scope: Scope, findings: Findings
) -> tuple[str, ...] | None:
    for group in node.groups:
        field = _field(group, fields, scope, findings)
        if field is None:
            return None
        if field.type.kind not in (Kind.ENUM, Kind.BOOL) and not field.type.is_unknown:
            findings.report(
                "correlate-field",
                group.span,
                f"groups are enums or bools, `{group.text}` is `{field.type}`",
                "use an enum",
            )
            return None
    return tuple(group.text for group in node.groups)


def group_values(type: Type) -> tuple[Any, ...]:
    """The values of a group field."""
    if type.enum is not None:
        return type.enum.members
    return (False, True)


def _matrices(
    node: tree.Correlate,
    groups: tuple[str, ...],
    size: int,
    scope: Scope,
    fields: dict[str, Field],
    findings: Findings,
) -> dict[tuple[Any, ...], Matrix] | None:
    keys = list(product(*(group_values(fields[g].type) for g in groups)))
    if isinstance(node.rank, tree.Weights):
        return _by_group(node.rank, groups, size, scope, fields, findings)
    matrix = _matrix(node.rank, size, scope, findings)
    return None if matrix is None else dict.fromkeys(keys, matrix)


def _by_group(
    entries: tree.Weights,
    groups: tuple[str, ...],
    size: int,
    scope: Scope,
    fields: dict[str, Field],
    findings: Findings,
) -> dict[tuple[Any, ...], Matrix] | None:
    if len(groups) != 1:
        findings.report(
            "correlate-rank",
            entries.span,
            "ranks by group need one group field",
            "write `rank {female: 0.3, male: 0.4} by sex`",
        )
        return None
    type_ = fields[groups[0]].type
    result: dict[tuple[Any, ...], Matrix] = {}
    for entry in entries.entries:
        key = infer(entry.outcome, scope, findings, type_)
        if entry.weight is None or not isinstance(key, Constant):
            findings.report(
                "correlate-rank",
                entry.span,
                "a rank by group is `member: rank`",
                "write `rank {female: 0.3, male: 0.4} by sex`",
            )
            return None
        matrix = _matrix(entry.weight, size, scope, findings)
        if matrix is None:
            return None
        result[(key.value,)] = matrix
    missing = [value for value in group_values(type_) if (value,) not in result]
    if missing:
        findings.report(
            "correlate-rank",
            entries.span,
            f"no rank for {groups[0]} = {missing[0]}",
            f"add `{missing[0]}: 0`",
        )
        return None
    return result


def _matrix(node: tree.Expression, size: int, scope: Scope, findings: Findings) -> Matrix | None:
    """The full matrix from one rank (all pairs) or the list of the lower triangle, by rows."""
    value = infer(node, scope, findings)
    if value.type.is_unknown:
        return None
    ranks = _ranks(node, value, size, findings)
    if ranks is None:
        return None
    matrix = [[1.0] * size for _ in range(size)]
    position = 0
    for i in range(size):
        for j in range(i):
            matrix[i][j] = matrix[j][i] = ranks[position]
            position += 1
    full = tuple(tuple(row) for row in matrix)
    if cholesky(to_normal(full)) is None:
        findings.report(
            "correlate-rank",
            node.span,
            "no joint distribution has these rank correlations: "
            "the matrix is not positive definite",
            "bring them closer to 0",
        )
        return None
    return full


def _ranks(node: tree.Expression, value: Expr, size: int, findings: Findings) -> list[float] | None:
    """The ranks of all pairs, the lower triangle by rows; None after a report."""
    pairs = size * (size - 1) // 2
    constant = value.value if isinstance(value, Constant) else None
    if isinstance(constant, int | float) and not isinstance(constant, bool):
        ranks = [float(constant)] * pairs
    elif isinstance(constant, list) and len(constant) == pairs:
        ranks = [float(x) for x in constant]
    else:
        findings.report(
            "correlate-rank",
            node.span,
            f"{size} fields need {pairs} rank correlation{'s' * (pairs > 1)}",
            "write one number for every pair, or a list: `["
            + ", ".join(["0.3"] * pairs)
            + "]` for "
            + ", ".join(f"({j + 1},{i + 1})" for i in range(size) for j in range(i)),
        )
        return None
    wrong = next((r for r in ranks if not -1 < r < 1), None)
    if wrong is not None:
        findings.report(
            "correlate-rank",
            node.span,
            f"a rank correlation lies strictly between -1 and 1, found {wrong:g}",
            "write a number such as 0.5",
        )
        return None
    return ranks


def to_normal(ranks: Matrix) -> Matrix:
    """Pearson correlations of the normals whose copula has these Spearman correlations.

    Source: Pearson 1907; Kruskal 1958, "Ordinal measures of association", section 4:
    rho = 2 sin(pi rank / 6).
    """
    return tuple(
        tuple(1.0 if i == j else 2 * math.sin(math.pi * r / 6) for j, r in enumerate(row))
        for i, row in enumerate(ranks)
    )


def cholesky(matrix: Matrix) -> Matrix | None:
    """The lower triangular factor; None if the matrix is not positive definite."""
    size = len(matrix)
    factor = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            if i == j:
                if rest <= 1e-10:
                    return None
                factor[i][i] = math.sqrt(rest)
            else:
                factor[i][j] = rest / factor[j][j]
    return tuple(tuple(row) for row in factor)
