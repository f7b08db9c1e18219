"""Draws of dates that agree with something already drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.functions.base import Argument, Misuse
from synthdsl.lazy import lazy
from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter
from synthdsl.values import calendar
from synthdsl.values.columns import Column, both_valid
from synthdsl.values.draws import Draws
from synthdsl.values.types import DATE, Kind, Type
from synthdsl.values.units import Free

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


@PROVIDERS.register
class BirthDate(Provider):
    """A date of birth, uniform over the days on which somebody of that age may be born.

    Whoever is `age` whole years old on `on` was born after `on` minus `age` + 1 years and no
    later than `on` minus `age` years.
    """

    name = "birth_date"
    summary = "date of birth of somebody who is `age` whole years old on the date `on`"
    example = "birth_date(47, 2026-01-01)"
    parameters = (
        ProviderParameter("age", "whole years, at least 0"),
        ProviderParameter("on", "the date on which the age holds"),
    )

    def infer(self, *arguments: Argument) -> Type | Misuse:
        """A date; null where an argument is."""
        age, on = (argument.type for argument in arguments)
        is_years = age.kind is Kind.INT and (
            isinstance(age.unit, Free) or age.unit.symbol in ("1", "a")
        )
        if not is_years:
            return Misuse("`age` is a whole number of years", 0, "declare it `int<a>` or `int`")
        if on.kind is not Kind.DATE:
            return Misuse("`on` is a date", 1, "write it as 2026-01-01")
        return DATE.nullable(age.is_nullable or on.is_nullable)

    def draw(self, draws: Draws, prepared: Any, *values: Any) -> Column:
        """Days since 1970-01-01: (n,) int64."""
        age, on = (v if isinstance(v, Column) else Column(np.full(draws.rows, v)) for v in values)
        last = calendar.years_before(on.values, age.values)
        first = calendar.years_before(on.values, age.values + 1) + 1
        offset = (draws.uniform() * (last - first + 1)).astype(np.int64)
        return Column(first + offset, both_valid(age.valid, on.valid))
