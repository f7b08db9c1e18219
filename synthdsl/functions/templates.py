"""Text with slots that arguments fill."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers._value_text import (
    Slot,
    SlotError,
    constant_text,
    slot_mistake,
    split_slots,
    text_of,
)
from synthdsl.values.types import TEXT, Kind, Type

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")

LONGEST_TEMPLATE = 10_000


@lru_cache(maxsize=256)
def _parts(text: str) -> tuple[str | Slot, ...]:
    return tuple(split_slots(text))


@FUNCTIONS.register
class Template(Function):
    """The template with each slot replaced by its argument."""

    name = "template"
    summary = (
        "Text with slots: `{0}` is the first value after the template, `{1}` the next; "
        "`{0:date}`, `{0:datetime}` and `{0:time}` write ISO 8601, `{0:.2}` two decimals."
    )
    signature = "template(text: text, values: any, ...) -> text"
    example = ('template("{1}, {0} ({2})", "Ann", "Doe", 1980)', "Doe, Ann (1980)")
    parameter_names = ("text", "values")
    is_variadic = True

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Text, or which slot or argument is wrong."""
        first, values = arguments[0], arguments[1:]
        if first.type.kind is not Kind.TEXT or not first.is_constant or first.value is None:
            return Misuse("the template must be constant text", 0, 'write "Dear {0} {1}"')
        if len(first.value) > LONGEST_TEMPLATE:
            return Misuse(
                f"the template has {len(first.value):,} characters, at most "
                f"{LONGEST_TEMPLATE:,} are allowed",
                0,
                "shorten it",
            )
        try:
            slots = [part for part in _parts(first.value) if isinstance(part, Slot)]
        except SlotError as error:
            message = f"in the template, character {error.position}: {error.message}"
            return Misuse(message, 0, error.help_text)
        return _slot_misuse(slots, values) or TEXT

    def constant(self, *values: Any) -> Any:
        """The text for constant values."""
        return "".join(
            part if isinstance(part, str) else constant_text(values[1 + part.number], part.form)
            for part in _parts(values[0])
        )

    def apply(self, *values: Any) -> Any:
        """An Arrow string array: (n,). Enum and uuid values must come as Arrow strings."""
        import pyarrow.compute as pc

        pieces: list[Any] = []
        for part in _parts(values[0]):
            value = part if isinstance(part, str) else values[1 + part.number]
            if isinstance(part, Slot) and hasattr(value, "__len__") and not isinstance(value, str):
                pieces.append(text_of(value, part.form))
                continue
            text = part if isinstance(part, str) else constant_text(value, part.form)
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += text
            else:
                pieces.append(text)
        if len(pieces) == 1 and not isinstance(pieces[0], str):
            return pieces[0]
        return pc.binary_join_element_wise(*pieces, "")


def _slot_misuse(slots: list[Slot], values: tuple[Argument, ...]) -> Misuse | None:
    for slot in slots:
        if slot.number >= len(values):
            given = "1 value is" if len(values) == 1 else f"{len(values)} values are"
            return Misuse(
                f"slot {{{slot.number}}} at character {slot.position} has no value: {given} given "
                "after the template, counted from {0}",
                0,
                "give it, or change the number",
            )
        mistake = slot_mistake(slot, values[slot.number].type)
        if mistake is not None:
            return Misuse(f"slot {{{slot.number}}}: {mistake[0]}", 1 + slot.number, mistake[1])
    used = {slot.number for slot in slots}
    for number in range(len(values)):
        if number not in used:
            return Misuse(
                f"the template has no slot {{{number}}} for this value",
                1 + number,
                f"write {{{number}}} in the template, or leave the value out",
            )
    return None
