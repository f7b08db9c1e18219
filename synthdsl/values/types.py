"""Types of fields and expressions.

The raw representation of a value of each kind, in columns and in constants:

========= ======================= =========================================================
kind      numpy array             meaning
========= ======================= =========================================================
int       int64                   in the declared unit; magnitude at most 2**53
float     float64                 in the declared unit
decimal   float64                 the value itself, a multiple of 10**-scale
bool      bool
text      codes or Arrow strings  see `values.columns`
enum      int32 codes             position in the declared member list
date      int64                   days since 1970-01-01
datetime  int64                   microseconds since 1970-01-01T00:00:00 (of its zone's UTC)
time      int64                   microseconds since midnight
duration  int64                   microseconds
uuid      Arrow strings           36 characters, lower case
list      Arrow list
reference int64                   number of a row of another table
========= ======================= =========================================================

A Python constant of a kind is `int`, `float`, `bool`, `str` (text, enum member name) or the
raw integer of a date, datetime, time or duration; null is `None`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from synthdsl.values.units import FREE, ONE, Free, Unit

LARGEST_INT = 2**53
DAY = 86_400_000_000
"""Microseconds in a day."""


class Kind(Enum):
    """What sort of value; see the table in this module's docstring."""

    INT = "int"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOL = "bool"
    TEXT = "text"
    ENUM = "enum"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    UUID = "uuid"
    LIST = "list"
    RECORD = "record"
    REFERENCE = "reference"
    NULL = "null"
    UNKNOWN = "unknown"


NUMBERS = frozenset({Kind.INT, Kind.FLOAT, Kind.DECIMAL})
MOMENTS = frozenset({Kind.DATE, Kind.DATETIME})
ORDERED = NUMBERS | MOMENTS | {Kind.TIME, Kind.DURATION}


@dataclass(frozen=True)
class EnumType:
    """A declared enumeration: its name and its members in order.

    `exported` are the members as files show them (empty: by their names).
    """

    name: str
    members: tuple[str, ...]
    exported: tuple[str, ...] = ()


@dataclass(frozen=True)
class Type:
    """Type of a field or expression.

    `unit` is `ONE` for a plain number, `FREE` for a bare literal (or a product with one) that
    takes whatever unit fits, else a `Unit`. `step` is the declared grid in the declared unit
    (None: the kind's own grid). `zone` is set for datetimes with a zone. `element` is for
    lists, `parts` for records (joint draws): name and type of each part in order. `table` is that
    of a reference.
    """

    kind: Kind
    is_nullable: bool = False
    unit: Unit | Free = ONE
    step: Fraction | None = None
    precision: int = 0
    scale: int = 0
    zone: str | None = None
    enum: EnumType | None = None
    element: Type | None = None
    parts: tuple[tuple[str, Type], ...] = ()
    table: str = ""

    @property
    def is_number(self) -> bool:
        """Whether this is an int, float or decimal."""
        return self.kind in NUMBERS

    @property
    def is_text(self) -> bool:
        """Whether this is text (a uuid is not)."""
        return self.kind is Kind.TEXT

    @property
    def is_unknown(self) -> bool:
        """Whether an earlier error hides what this is; stay silent about it."""
        return self.kind is Kind.UNKNOWN

    @property
    def is_quantity(self) -> bool:
        """Whether arithmetic on it is arithmetic on numbers with units."""
        return self.is_number or self.kind is Kind.DURATION

    def nullable(self, is_nullable: bool = True) -> Type:
        """The type with nullability `is_nullable`."""
        return self if self.is_nullable == is_nullable else replace(self, is_nullable=is_nullable)

    def with_unit(self, unit: Unit | Free) -> Type:
        """The type with another unit."""
        return replace(self, unit=unit)

    def __str__(self) -> str:
        """The type as a user writes it."""
        name = self.kind.value
        if self.enum is not None:
            name = self.enum.name
        elif self.kind is Kind.DECIMAL:
            name = f"decimal({self.precision}, {self.scale})"
        elif self.kind is Kind.REFERENCE:
            name = self.table
        elif self.kind is Kind.LIST and self.element is not None:
            name = f"list({self.element})"
        if self.is_number and isinstance(self.unit, Unit) and self.unit != ONE:
            name += f"<{self.unit.symbol}>"
        if self.zone:
            name += f'("{self.zone}")'
        return name + ("?" if self.is_nullable and self.kind is not Kind.NULL else "")


INT = Type(Kind.INT)
FLOAT = Type(Kind.FLOAT)
BOOL = Type(Kind.BOOL)
TEXT = Type(Kind.TEXT)
DATE = Type(Kind.DATE)
DATETIME = Type(Kind.DATETIME)
TIME = Type(Kind.TIME)
DURATION = Type(Kind.DURATION)
UUID = Type(Kind.UUID)
NULL = Type(Kind.NULL, is_nullable=True)
UNKNOWN = Type(Kind.UNKNOWN, is_nullable=True)
FREE_INT = Type(Kind.INT, unit=FREE)
FREE_FLOAT = Type(Kind.FLOAT, unit=FREE)
