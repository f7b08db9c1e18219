"""What a provider is: a named draw of something that is not a univariate distribution.

Identifiers, patterns, people, addresses, joint distributions. A provider draws text, a list
or a *record* (several values that agree, read as `name.part`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from synthdsl.functions.base import Argument, Misuse
from synthdsl.registry import Family
from synthdsl.values.draws import Draws
from synthdsl.values.types import Type

if TYPE_CHECKING:
    from synthdsl.values.columns import Column


@dataclass(frozen=True)
class ProviderParameter:
    """One parameter. Without `default` it is required (a default of None is `null`)."""

    name: str
    summary: str
    default: Any = ...
    must_be_constant: bool = False
    is_path: Callable[[str], bool] | None = None
    """Whether a text given here names a file; such names are relative to the spec's folder."""


class Provider:
    """A named, vectorised draw. Positional arguments follow the order of `parameters`.

    Calls are never made row by row: `prepare` does the work that depends on constants only
    (compile a pattern, load a pool) once per plan, `draw` is numpy over a block of rows.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str] = ""
    example: ClassVar[str]
    """A draw as it stands after `~`, such as `pattern("??-####")`."""
    parameters: ClassVar[tuple[ProviderParameter, ...]] = ()
    is_unique: ClassVar[bool] = False
    """Whether no two rows of a table get the same value; then `capacity` is checked."""

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """Type drawn, or what is wrong with the arguments (one per parameter, defaults filled in).

        Runs in `check`: no numpy.
        """
        raise NotImplementedError

    def capacity(self, *arguments: Argument) -> int | None:
        """How many distinct values there are; None for practically unbounded."""
        return None

    def prepare(self, *arguments: Argument) -> Any:
        """Whatever `draw` needs that depends on the constant arguments only."""
        return None

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column | dict[str, Column]:
        """One value a row; for a record type, a column for every part.

        `values` holds one entry per parameter: the Python constant, or a `Column` of n rows.
        A row whose argument is null draws null.
        """
        raise NotImplementedError


PROVIDERS: Family[Provider] = Family("provider", "synthdsl.providers")
