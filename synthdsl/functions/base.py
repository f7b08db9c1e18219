"""What a named function of the expression language is.

Operators (+, <=, and, …) belong to the model and the engine; everything that is called by
name (`log`, `year`, `upper`, `bucket`) is a class here with one shared instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.registry import Family
from synthdsl.values.types import Type

if TYPE_CHECKING:
    from synthdsl.values.columns import Column


@dataclass(frozen=True)
class Misuse:
    """Why a call cannot be typed: `argument` is the position to blame (None: the whole call)."""

    message: str
    argument: int | None = None
    help: str | None = None


@dataclass(frozen=True)
class Argument:
    """Type of one argument and, where it is constant, its value in raw representation.

    `is_constant` False leaves `value` None.
    """

    type: Type
    is_constant: bool = False
    value: Any = None


class Function:
    """A pure, vectorised function.

    A *strict* function gets only non-null values: the caller removes nulls and the result is
    null wherever an argument is. Where the mathematics has no value (log of 0, division by
    0) a strict function returns nan, which the caller turns into null.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    signature: ClassVar[str]
    """How the reference prints it, such as `years_between(from: date, to: date) -> int`."""
    example: ClassVar[tuple[str, str]]
    """A constant call and the text of its value: `("year(2024-02-29)", "2024")`."""
    parameter_names: ClassVar[tuple[str, ...]]
    """Names by which arguments may be given; also their order."""
    optional: ClassVar[int] = 0
    """How many of the last parameters may be left out."""
    is_variadic: ClassVar[bool] = False
    """Whether the last parameter may be repeated."""
    is_strict: ClassVar[bool] = True

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, nullability aside for strict functions, or what is wrong."""
        raise NotImplementedError

    def constant(self, *values: Any) -> Any:
        """The result for Python constants in raw representation, without numpy; None is null.

        Strict functions are never given None.
        """
        raise NotImplementedError

    def apply(self, *values: Any) -> Any:
        """The result for raw arrays: numpy arrays or scalars, Arrow string arrays for text.

        Arguments that were constant arrive as Python constants. Returns an array in the raw
        representation of the result's type. Used for strict functions.
        """
        raise NotImplementedError

    def apply_columns(self, rows: int, *columns: Column) -> Column:
        """The result for columns with nulls. Used for functions that are not strict."""
        raise NotImplementedError


FUNCTIONS: Family[Function] = Family("function", "synthdsl.functions")
