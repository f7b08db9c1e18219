"""Choosing between two formulas row by row, for scalar or (n,) arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")


def take_rows(arguments: tuple[Any, ...], at: NDArray[np.int64], rows: int) -> tuple[Any, ...]:
    """`arguments` restricted to the rows `at`; what is the same for every row stays as it is.

    Only numpy arrays of `rows` elements vary by row: constant lists are given as tuples.
    """
    return tuple(
        value[at] if isinstance(value, np.ndarray) and value.shape == (rows,) else value
        for value in arguments
    )


def choose(
    is_first: Any, first: Callable[..., Any], second: Callable[..., Any], *arguments: Any
) -> Any:
    """`first(*arguments)` in the rows where `is_first`, `second(*arguments)` elsewhere.

    `is_first` is a bool or (n,) bools. Each formula sees only the rows that it answers for.
    """
    is_first = np.asarray(is_first)
    if is_first.all():
        return first(*arguments)
    if not is_first.any():
        return second(*arguments)
    rows = is_first.size
    result = np.empty(rows)
    at = np.flatnonzero(is_first)
    result[at] = first(*take_rows(arguments, at, rows))
    at = np.flatnonzero(~is_first)
    result[at] = second(*take_rows(arguments, at, rows))
    return result
