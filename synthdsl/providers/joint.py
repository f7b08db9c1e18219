"""Joint draws, as lists: multivariate_normal, dirichlet, multinomial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from synthdsl.distributions import DISTRIBUTIONS
from synthdsl.distributions._count_samplers import PartOf
from synthdsl.distributions._rejection import log_standard_gamma
from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.types import FLOAT, INT, Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import scipy.special as special
    from numpy.typing import NDArray

    from synthdsl.values.draws import Draws
else:
    np = lazy("numpy")
    special = lazy("scipy.special")

TOLERANCE = 1e-9


def _matrix(value: Any) -> NDArray[np.float64]:
    """A constant list as (1, k), a column of lists as (n, k)."""
    values = value.values if isinstance(value, Column) else value
    matrix: NDArray[np.float64] = np.atleast_2d(np.asarray(values, dtype=float))
    return matrix


def _usable(matrix: NDArray[np.float64], *values: Any) -> NDArray[np.float64]:
    """`matrix`, with its first usable row in place of rows that are null in any of `values`."""
    valid = _validity(*values)
    if valid is None or len(matrix) == 1 or valid.all():
        return matrix
    return np.where(valid[:, None], matrix, 1.0)


def _validity(*values: Any) -> NDArray[np.bool_] | None:
    """Rows where no argument is null."""
    valid: NDArray[np.bool_] | None = None
    for value in values:
        if isinstance(value, Column):
            valid = both_valid(valid, value.valid)
    return valid


def _not_a_list(argument: Argument, position: int, name: str) -> Misuse | None:
    kind = argument.type.kind
    if kind in (Kind.LIST, Kind.UNKNOWN):
        return None
    return Misuse(f"`{name}` is {argument.type}, not a list", position, f"write {name}: [1, 2]")


def _bad_number(values: Any, low: float, *, is_open: bool) -> Any:
    """The first entry that is not a finite number of at least (or above) `low`, else None."""
    for value in values:
        is_number = isinstance(value, (int, float)) and math.isfinite(value)
        if not is_number or value < low or (is_open and value == low):
            return value if value is not None else "null"
    return None


def lower_triangle(correlation: Any, size: int) -> list[list[float]] | str:
    """Full matrix of `size` rows from a full one or from rows below the diagonal, or what is wrong.

    The triangle has the rows of the matrix up to the diagonal, with the ones ([[1], [r, 1]])
    or without ([[r21], [r31, r32]]).
    """
    rows = [list(row) if isinstance(row, (list, tuple)) else [row] for row in correlation]
    lengths = [len(row) for row in rows]
    if lengths == [size] * size:
        full = [[float(entry) for entry in row] for row in rows]
        for i in range(size):
            for j in range(i):
                if abs(full[i][j] - full[j][i]) > TOLERANCE:
                    return (
                        f"the correlation is not symmetric: row {i + 1}, column {j + 1} is "
                        f"{full[i][j]:g}, row {j + 1}, column {i + 1} is {full[j][i]:g}"
                    )
    elif lengths == list(range(1, size + 1)) or lengths == list(range(1, size)):
        if len(rows) < size:
            rows = [[1.0], *[[*row, 1.0] for row in rows]]
        full = [[float(rows[max(i, j)][min(i, j)]) for j in range(size)] for i in range(size)]
    else:
        return f"the correlation has rows of {lengths} entries; {size} variables need {size} each"
    for i in range(size):
        if abs(full[i][i] - 1) > TOLERANCE:
            return f"the correlation of variable {i + 1} with itself is {full[i][i]:g}, not 1"
        for j in range(i):
            if not -1 <= full[i][j] <= 1:
                return f"a correlation of {full[i][j]:g} is outside [-1, 1]"
    return full


def cholesky(matrix: list[list[float]]) -> list[list[float]] | None:
    """Lower triangular root of a symmetric matrix, None unless it is positive definite."""
    size = len(matrix)
    root = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - math.fsum(root[i][k] * root[j][k] for k in range(j))
            if i == j:
                if rest <= 1e-12:
                    return None
                root[i][i] = math.sqrt(rest)
            else:
                root[i][j] = rest / root[j][j]
    return root


@PROVIDERS.register
class MultivariateNormal(Provider):
    """Normal variables with given means, standard deviations and correlations: a list."""

    name = "multivariate_normal"
    summary = (
        "correlated normals, as a list; the correlation as a full matrix or its lower triangle"
    )
    source = "Kotz, Balakrishnan, Johnson, Continuous Multivariate Distributions 1 (2000), ch. 45"
    example = "multivariate_normal(mean: [170, 70], sd: [9, 12], correlation: [[1, 0.5], [0.5, 1]])"
    parameters = (
        ProviderParameter("mean", "average of each variable"),
        ProviderParameter("sd", "standard deviation of each, above 0"),
        ProviderParameter(
            "correlation", "matrix, or the rows below its diagonal", must_be_constant=True
        ),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """A list of floats; lengths, symmetry and positive definiteness are checked here."""
        mean, sd, correlation = arguments
        for position, (name, argument) in enumerate(
            zip(("mean", "sd", "correlation"), arguments, strict=True)
        ):
            wrong = _not_a_list(argument, position, name)
            if wrong is not None:
                return wrong
        if mean.is_constant and (bad := _bad_number(mean.value, -math.inf, is_open=False)):
            return Misuse(f"`mean` has {bad}, which is not a number", 0)
        if sd.is_constant:
            bad = _bad_number(sd.value, 0.0, is_open=True)
            if bad is not None:
                return Misuse(f"`sd` has {bad}; every sd must be above 0", 1)
        if mean.is_constant and sd.is_constant and len(mean.value) != len(sd.value):
            return Misuse(f"`mean` has {len(mean.value)} entries, `sd` has {len(sd.value)}", 1)
        if not correlation.is_constant:
            return Misuse("`correlation` must be constant", 2)
        size = self._size(mean, sd, correlation.value)
        full = lower_triangle(correlation.value, size)
        if isinstance(full, str):
            return Misuse(full, 2)
        if cholesky(full) is None:
            return Misuse(
                "the correlation is not positive definite: no variables have these correlations "
                "all at once",
                2,
                "make the correlations smaller in size, or agree with each other",
            )
        return Type(Kind.LIST, element=FLOAT)

    def _size(self, mean: Argument, sd: Argument, correlation: Any) -> int:
        for argument in (mean, sd):
            if argument.is_constant:
                return len(argument.value)
        last = correlation[-1] if correlation else []
        width = len(last) if isinstance(last, (list, tuple)) else 1
        is_strict = len(correlation) == width and (
            len(correlation) < 2 or len(correlation[0]) < width
        )
        has_ones = is_strict and last[-1] == 1
        return len(correlation) + 1 if is_strict and not has_ones else len(correlation)

    def prepare(self, *arguments: Argument) -> Any:
        """The lower triangular root of the correlation, (k, k)."""
        mean, sd, correlation = arguments
        full = lower_triangle(correlation.value, self._size(mean, sd, correlation.value))
        root = None if isinstance(full, str) else cholesky(full)
        if root is None:
            raise ValueError("the correlation is not positive definite")
        return np.array(root)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """(n, k) floats: mean + sd * (root of the correlation @ independent normals)."""
        mean, sd, _ = values
        size = len(prepared)
        normals = np.stack(
            [special.ndtri(draws.uniform(f"normal{i}")) for i in range(size)], axis=1
        )
        # Term by term rather than by a matrix product, whose sums depend on the block's size.
        mixed = np.zeros(normals.shape)
        for i in range(size):
            for j in range(i + 1):
                mixed[:, i] += prepared[i, j] * normals[:, j]
        result = _matrix(mean) + _matrix(sd) * mixed
        return Column(result, _validity(mean, sd))


@PROVIDERS.register
class Dirichlet(Provider):
    """Shares that total 1: a list."""

    name = "dirichlet"
    summary = "shares that total 1, as a list; the mean share is in proportion to concentration"
    source = "Devroye, Non-Uniform Random Variate Generation (1986), XI.4"
    example = "dirichlet(concentration: [8, 2, 1])"
    parameters = (ProviderParameter("concentration", "weight of each share, above 0"),)

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """A list of floats; constant concentrations are checked here."""
        (concentration,) = arguments
        wrong = _not_a_list(concentration, 0, "concentration")
        if wrong is not None:
            return wrong
        if concentration.is_constant:
            if len(concentration.value) < 2:
                return Misuse("`concentration` needs at least 2 entries", 0)
            bad = _bad_number(concentration.value, 0.0, is_open=True)
            if bad is not None:
                return Misuse(f"`concentration` has {bad}; every entry must be above 0", 0)
        return Type(Kind.LIST, element=FLOAT)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """(n, k) floats: independent gammas over their total, formed from their logs."""
        shapes = _usable(_matrix(values[0]), *values)
        size = shapes.shape[1]
        logs = np.empty((draws.rows, size))
        for i in range(size):
            column = shapes[:, i]
            shape = column if len(column) > 1 or draws.rows == 1 else float(column[0])
            logs[:, i] = log_standard_gamma(draws, shape, purpose=f"share{i}.")
        top = logs[:, 0].copy()
        for i in range(1, size):
            np.maximum(top, logs[:, i], out=top)
        shares = np.exp(logs - top[:, None])
        total = shares[:, 0].copy()
        for i in range(1, size):
            total += shares[:, i]
        return Column(shares / total[:, None], _validity(*values))


@PROVIDERS.register
class Multinomial(Provider):
    """Counts that total the trials: a list."""

    name = "multinomial"
    summary = "how many of the trials fall to each outcome, as a list of counts"
    source = "Devroye, Non-Uniform Random Variate Generation (1986), XI.1.2"
    example = "multinomial(trials: 20, p: [50%, 30%, 20%])"
    parameters = (
        ProviderParameter("trials", "number of trials, a whole number of at least 0"),
        ProviderParameter("p", "probability of each outcome, in all 100 %"),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """A list of ints; constant trials and probabilities are checked here."""
        trials, p = arguments
        if trials.type.kind not in (Kind.INT, Kind.UNKNOWN):
            return Misuse(f"`trials` is {trials.type}, not a whole number", 0)
        if trials.is_constant and trials.value is not None and trials.value < 0:
            return Misuse(f"`trials` is {trials.value}; it must be at least 0", 0)
        wrong = _not_a_list(p, 1, "p")
        if wrong is not None:
            return wrong
        if p.is_constant:
            bad = _bad_number(p.value, 0.0, is_open=False)
            if bad is not None:
                return Misuse(f"`p` has {bad}; a probability is in [0, 1]", 1)
            total = math.fsum(p.value)
            if not p.value or abs(total - 1) > TOLERANCE:
                return Misuse(
                    f"the probabilities total {100 * total:.6g} %, not 100 %",
                    1,
                    "change them so that they total 100 %",
                )
        return Type(Kind.LIST, element=INT)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """(n, k) int64: one outcome after the other, binomial in what is left.

        Probabilities that vary by row must total 1 within 1e-9 in every row that is not null.
        """
        trials, p = values
        shares = _matrix(p)
        valid = _validity(trials, p)
        is_off = np.abs(shares.sum(axis=1) - 1) > TOLERANCE
        if valid is not None:
            is_off = is_off & valid
        if is_off.any():
            raise ValueError("the probabilities of a multinomial draw do not total 100 %")
        left: Any = np.broadcast_to(
            trials.values if isinstance(trials, Column) else trials, draws.rows
        ).astype(float)
        if valid is not None:
            left = np.where(valid, left, 0.0)
            shares = np.where(valid[:, None], shares, 1 / shares.shape[1])
        binomial = DISTRIBUTIONS.get("binomial")
        assert binomial is not None
        size = shares.shape[1]
        counts = np.empty((draws.rows, size), dtype=np.int64)
        rest = np.cumsum(shares[:, ::-1], axis=1)[:, ::-1]
        for i in range(size - 1):
            share = shares[:, i] / np.where(rest[:, i] > 0, rest[:, i], 1.0)
            share = np.clip(share, 0.0, 1.0)
            share = np.asarray(share if len(share) > 1 else float(share[0]), dtype=float)
            taken = binomial.sample(PartOf(draws, f"outcome{i}."), left, share)
            counts[:, i] = taken
            left = left - np.asarray(taken, dtype=float)
        counts[:, -1] = left
        return Column(counts, valid)
