"""Values as text inside other text: the slots of templates and grammars.

A slot is `{0}` (the first value), optionally with a form: `{0:date}`, `{0:datetime}`,
`{0:time}` in ISO 8601, `{0:.2}` with that many decimals. `{{` and `}}` are braces. The form
says what a number means, because raw dates are integers too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.values.arrays import booleans, numbers
from synthdsl.values.types import Kind, Type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

MOST_DECIMALS = 6
"""From seven on, Arrow writes small decimals with an exponent."""
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_TOO_LARGE = 2.0**63
_FORM_OF_KIND = {Kind.DATE: "date", Kind.DATETIME: "datetime", Kind.TIME: "time"}
_PLAIN = frozenset({Kind.TEXT, Kind.ENUM, Kind.UUID, Kind.INT, Kind.FLOAT, Kind.DECIMAL, Kind.BOOL})


class SlotError(ValueError):
    """Why a slot is refused: `position` counts characters from 1."""

    def __init__(self, message: str, position: int, help_text: str) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.help_text = help_text


@dataclass(frozen=True)
class Slot:
    """Value number `number` (from 0), written in `form` (empty: as it is)."""

    number: int
    form: str
    position: int


def split_slots(text: str) -> list[str | Slot]:
    """Literals (never empty, braces unescaped) and slots of `text` in order.

    Raises `SlotError` for a lone brace or a slot that is not `{number}` or `{number:form}`.
    """
    parts: list[str | Slot] = []
    literal = ""
    at = 0
    while at < len(text):
        character = text[at]
        if character in "{}" and text[at + 1 : at + 2] == character:
            literal += character
            at += 2
        elif character == "}":
            raise SlotError("this `}` closes no slot", at + 1, "write `}}` for a brace")
        elif character == "{":
            end = text.find("}", at)
            if end < 0:
                raise SlotError("this `{` is not closed", at + 1, "write `{{` for a brace")
            if literal:
                parts.append(literal)
            literal = ""
            parts.append(_slot(text[at + 1 : end], at + 1))
            at = end + 1
        else:
            literal += character
            at += 1
    return [*parts, literal] if literal else parts


def _slot(inside: str, position: int) -> Slot:
    number, _, form = inside.partition(":")
    is_number = number.isascii() and number.isdigit() and len(number) <= 3
    if not is_number:
        raise SlotError(
            f"`{{{inside}}}` is no slot", position, "write the number of an argument, such as {0}"
        )
    is_decimals = form[:1] == "." and form[1:] in tuple(map(str, range(MOST_DECIMALS + 1)))
    if ":" in inside and form not in _FORM_OF_KIND.values() and not is_decimals:
        raise SlotError(
            f"`{form}` is no form of a slot",
            position,
            "write date, datetime, time, or a number of decimals such as .2",
        )
    return Slot(int(number), form, position)


def slot_mistake(slot: Slot, type_: Type) -> tuple[str, str] | None:
    """What is wrong with a value of `type_` in `slot`, and what to write; None if nothing."""
    kind = type_.kind
    if kind in (Kind.UNKNOWN, Kind.NULL):
        return None
    wanted = _FORM_OF_KIND.get(kind)
    if wanted is not None:
        if slot.form == wanted:
            return None
        return f"a {kind.value} needs its form", f"write {{{slot.number}:{wanted}}}"
    if kind not in _PLAIN:
        return f"a value of type {type_} has no text", "give text, a number, a date or a time"
    if slot.form in _FORM_OF_KIND.values():
        return f"the form `{slot.form}` does not fit {type_}", f"write {{{slot.number}}}"
    if slot.form and not type_.is_number:
        return f"decimals do not fit {type_}", f"write {{{slot.number}}}"
    return None


def text_of(values: Any, form: str) -> pa.StringArray:
    """The text of each raw value: numpy numbers, or Arrow text, which stays as it is.

    Floats without a form take the fewest digits that read back the same; with decimals they
    are rounded half to even on the scaled value (from 2**63 on that scale: as without a form).
    """
    import pyarrow.compute as pc

    if not isinstance(values, np.ndarray):
        return values
    if form == "date":
        return pc.cast(_moments(values, pa.date32()), pa.string())
    if form == "time":
        return pc.cast(_moments(values // _SECOND, pa.time32("s")), pa.string())
    if form == "datetime":
        days = values // _DAY
        day = pc.cast(_moments(days, pa.date32()), pa.string())
        time = _moments((values - days * _DAY) // _SECOND, pa.time32("s"))
        return pc.binary_join_element_wise(day, pc.cast(time, pa.string()), "T")
    if form:
        return _with_decimals(values, int(form[1:]))
    return pc.cast(numbers(np.asarray(values)), pa.string())


def _moments(numbers: Any, type_: pa.DataType) -> pa.Array:
    buffer = pa.py_buffer(np.ascontiguousarray(numbers, np.int32))
    return pa.Array.from_buffers(type_, len(numbers), [None, buffer])


def _with_decimals(values: Any, decimals: int) -> pa.StringArray:
    import pyarrow.compute as pc

    scaled = np.rint(np.asarray(values, np.float64) * 10.0**decimals)
    is_large = ~(np.abs(scaled) < _TOO_LARGE)
    has_large = bool(is_large.any())
    if has_large:
        scaled[is_large] = 0
    # A 128-bit decimal of Arrow is two 64-bit halves, the low one first.
    halves = np.empty((len(scaled), 2), np.int64)
    halves[:, 0] = scaled
    np.right_shift(halves[:, 0], 63, out=halves[:, 1])
    decimal = pa.Array.from_buffers(
        pa.decimal128(38, decimals), len(scaled), [None, pa.py_buffer(halves)]
    )
    text = pc.cast(decimal, pa.string())
    if has_large:
        text = pc.if_else(
            booleans(is_large), pc.cast(numbers(np.asarray(values)), pa.string()), text
        )
    return text


def constant_text(value: Any, form: str) -> str:
    """The same text for one Python constant in raw representation, without numpy."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if form in ("date", "datetime", "time"):
        return _moment_text(value, form)
    if form:
        scaled = value * 10.0 ** int(form[1:])
        if abs(scaled) < _TOO_LARGE:
            # + 0 turns a negative zero into zero, as Arrow's decimals have none.
            return f"{Decimal(round(scaled)).scaleb(-int(form[1:])) + 0:.{form[1:]}f}"
    return _float_text(value) if isinstance(value, float) else str(value)


def _moment_text(value: int, form: str) -> str:
    from datetime import date, timedelta

    days, rest = (value, 0) if form == "date" else divmod(value, _DAY)
    day = (date(1970, 1, 1) + timedelta(days)).isoformat() if form != "time" else ""
    seconds = rest // _SECOND
    time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return {"date": day, "time": time, "datetime": f"{day}T{time}"}[form]


def _float_text(value: float) -> str:
    """Shortest digits in Arrow's notation: plain for exponents -6 to 9, else scientific."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    first = len(text) + int(exponent) - 1
    minus = "-" if sign else ""
    if value == 0:
        return f"{minus}0"
    if -6 <= first < 10:
        return f"{minus}{Decimal(repr(abs(value))).normalize():f}"
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{fraction}e{first:+d}"
