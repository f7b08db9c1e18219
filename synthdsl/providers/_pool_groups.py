"""Arguments that choose a group of a pool: a sex, a state. Explicit words only, no guessing."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from synthdsl.diagnostics import SynthError
from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.values.arrays import strings, unpacked
from synthdsl.values.columns import Column
from synthdsl.values.types import Kind

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

IMPOSSIBLE = 3
"""Exit code of a spec that cannot be satisfied."""


def is_left_out(argument: Argument) -> bool:
    """Whether the argument is the constant `null`, which every default here is."""
    return argument.type.kind is Kind.NULL


def is_null(argument: Argument) -> bool:
    """Whether the argument is a constant of a type whose value is null: then all draws are."""
    return argument.is_constant and argument.value is None and not is_left_out(argument)


def words_misuse(
    argument: Argument, position: int, groups: Mapping[str, int], what: str, *, help: str
) -> Misuse | None:
    """What is wrong with `argument` as a word among `groups`, as far as its type tells.

    An enum must have no member outside `groups`; a constant text must be one of them. The
    words of other text are known only when they are drawn (see `group_codes`).
    """
    type_ = argument.type
    if type_.is_unknown or is_left_out(argument) or is_null(argument):
        return None
    if argument.is_constant and type_.kind in (Kind.TEXT, Kind.ENUM):
        words: tuple[str, ...] = (str(argument.value),)
    elif type_.kind is Kind.ENUM and type_.enum is not None:
        words = type_.enum.members
    elif type_.kind is Kind.TEXT:
        return None
    else:
        return Misuse(f"{what} is a text or an enum, not {type_}", position, help)
    for word in words:
        if word not in groups:
            near = get_close_matches(word, list(groups), n=1, cutoff=0.6)
            hint = f'did you mean "{near[0]}"? {help}' if near else help
            return Misuse(f'"{word}" is not {what}', position, hint)
    return None


def group_codes(
    value: Column, groups: Mapping[str, int], what: str, *, help: str
) -> NDArray[np.int32]:
    """The group of each row's word: (n,) int32, 0 under null.

    Raises `SynthError` naming the first word outside `groups` that a row holds: such a row
    has no honest value, and a guess would hide that.
    """
    if value.vocabulary is not None:
        words = value.vocabulary.words
        of_word = np.array([groups.get(word, -1) for word in words] or [0], dtype=np.int32)
        codes: NDArray[np.int32] = of_word[value.values]
    else:
        names = list(groups)
        of_name = np.array([*groups.values(), -1], dtype=np.int32)
        found = pc.index_in(value.values, value_set=strings(names))
        codes = of_name[unpacked(pc.fill_null(found, len(names)))]
    wrong = codes < 0
    if not wrong.any():
        return codes
    valid = known_rows(value, len(value), is_null=False)
    if valid is not None:
        wrong &= valid
    if wrong.any():
        word = value.take(np.flatnonzero(wrong)[:1]).text()[0].as_py()
        raise SynthError(f'"{word}" is not {what} ({help})', exit_code=IMPOSSIBLE)
    return np.maximum(codes, 0)


def known_rows(value: Any, rows: int, *, is_null: bool) -> NDArray[np.bool_] | None:
    """Rows where an argument is not null; None for all. `is_null`: see the function above."""
    if is_null:
        return np.zeros(rows, dtype=np.bool_)
    if not isinstance(value, Column):
        return None
    valid: NDArray[np.bool_] | None = value.valid
    if value.is_arrow and value.values.null_count:
        there = unpacked(pc.is_valid(value.values))
        valid = there if valid is None else there & valid
    return valid
