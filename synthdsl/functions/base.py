"""What a named function of the expression language is.

Operators (+, <=, and, …) belong to the model and the engine; everything that is called by
name (`log`, `year`, `upper`, `bucket`) is a class here with one shared instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from synthdsl.registry import Family
from synthdsl.values.types import Type

if TYPE_CHECKING:
    from synthdsl.values.columns import Column

NO_VALUE = -(2**63)
"""What integer arrays hold where a strict function has no value; floats hold nan."""

Range: TypeAlias = tuple[float, float]
"""Lowest and highest raw value, both included."""

EVERYTHING: Range = (float("-inf"), float("inf"))


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
    0) a strict function returns nan, `NO_VALUE` or an Arrow null, by the kind of its result,
    which the caller turns into null; `constant` returns None.

    After `infer` accepts the arguments the caller takes `bind` of them once, and calls
    `constant`, `apply`, `apply_columns`, `bounds` and `vocabulary` on what it returns.
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
    same_unit: ClassVar[bool] = False
    """Whether the caller converts all quantities to one unit before calling: microseconds
    where any is a duration, else the unit of the first argument that is not free."""
    plain_arguments: ClassVar[bool] = False
    """Whether the caller converts dimensionless quantities (`%`, `deg`) to plain numbers."""
    reads_local_time: ClassVar[bool] = False
    """Whether the caller converts datetimes with a zone to wall-clock time in that zone."""

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type of the result, nullability aside for strict functions, or what is wrong."""
        raise NotImplementedError

    def bind(self, *arguments: Argument) -> Function:
        """The function for arguments of these types and constants, which `infer` accepted."""
        return self

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

    def bounds(self, *ranges: Range) -> Range:
        """Raw values between which every result lies that is not null.

        `ranges` holds one range for each argument of the call; those of text are everything.
        """
        return EVERYTHING

    def vocabulary(self, *arguments: Argument) -> tuple[str, ...] | None:
        """The words into which `apply` returns int32 codes (-1: null); None: it does not."""
        return None

    def apply_columns(self, rows: int, *columns: Column) -> Column:
        """The result for columns with nulls. Used for functions that are not strict."""
        raise NotImplementedError


FUNCTIONS: Family[Function] = Family("function", "synthdsl.functions")
