"""Names by locale, from Faker's pools, as weighted vocabularies with what is derived of each.

The class attributes of Faker's person providers are read once a locale, in their own order;
no Faker object is made and none of its randomness is used. Weights are kept where a pool has
them (US and British family names, US given names); elsewhere every name is equally likely,
a name listed twice counting twice. The pools belong to the installed release of Faker: a
release that changes a pool changes the names drawn.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from synthdsl.lazy import lazy
from synthdsl.providers._locales import LOCALES, Locale, fold
from synthdsl.providers._pool import GroupedPool
from synthdsl.values.arrays import strings
from synthdsl.values.columns import Vocabulary

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")

_DATA = Path(__file__).parent / "data"

_NOT_A_NAME = {"auch Schlauchin", "Dussen van", "Koch II", "Grein Groth", "Jacobi Jäckel"}
"""Entries of the German pool that are slips, or two family names where German has one."""

_JOB_MODULES = {"en_US": "job.en_US", "en_GB": "job", "fr_FR": "job.fr_FR", "es_ES": "job.es_ES"}

_COMPANY_FORMS = {
    "en_US": ((("Inc.", 4), ("LLC", 4), ("Corp.", 1), ("Group", 1)), " & "),
    "en_GB": ((("Ltd", 7), ("PLC", 1), ("LLP", 1), ("Group", 1)), " & "),
    "de_DE": ((("GmbH", 7), ("AG", 1), ("KG", 1), ("GmbH & Co. KG", 1)), " & "),
    "fr_FR": ((("SARL", 5), ("SAS", 4), ("SA", 1)), " et "),
    "es_ES": ((("S.L.", 7), ("S.A.", 2), ("S. Coop.", 1)), " y "),
}
_PARTNER_SHARE = 0.3
"""Share of companies that are named after two families."""


@dataclass(frozen=True, eq=False)
class NamePools:
    """The names of one locale. `given` and `title` have the groups FEMALE and MALE."""

    locale: Locale
    given: GroupedPool
    family: GroupedPool
    title: GroupedPool

    def _folded(self, vocabulary: Vocabulary) -> list[str]:
        return [fold(w, folds_umlauts=self.locale.folds_umlauts) for w in vocabulary.words]

    @cached_property
    def given_folded(self) -> pa.StringArray:
        """Each given name as a mail address writes it, by the given name's code."""
        return strings(self._folded(self.given.vocabulary))

    @cached_property
    def given_initial(self) -> pa.StringArray:
        """First letter of each folded given name, by the given name's code."""
        initials = [word[0] for word in self._folded(self.given.vocabulary)]
        return strings(initials)

    @cached_property
    def family_folded(self) -> pa.StringArray:
        """Each family name as a mail address writes it, by the family name's code."""
        return strings(self._folded(self.family.vocabulary))


def _weights(pool: Mapping[str, float] | Iterable[str]) -> dict[str, float]:
    entries = pool.items() if isinstance(pool, Mapping) else ((word, 1.0) for word in pool)
    weights: dict[str, float] = {}
    for word, weight in entries:
        if weight > 0 and "." not in word and word not in _NOT_A_NAME:
            weights[word] = weights.get(word, 0.0) + float(weight)
    return weights


@cache
def name_pools(name: str) -> NamePools:
    """The names of locale `name`; loads Faker on first use."""
    locale = LOCALES[name]
    source = importlib.import_module(f"faker.providers.person.{name}").Provider
    return NamePools(
        locale,
        GroupedPool.build([_weights(source.first_names_female), _weights(source.first_names_male)]),
        GroupedPool.build([_weights(source.last_names)]),
        GroupedPool.build([dict(titles) for titles in locale.titles]),
    )


@cache
def job_pool(name: str) -> GroupedPool:
    """Occupations in the language of locale `name`, equally likely."""
    if name in _JOB_MODULES:
        source = importlib.import_module(f"faker.providers.{_JOB_MODULES[name]}").Provider
        # Some entries carry stray spaces.
        return GroupedPool.build([{" ".join(job.split()): 1.0 for job in source.jobs}])
    with (_DATA / f"jobs_{name}.csv").open(encoding="utf-8", newline="") as file:
        return GroupedPool.build([{row["job"]: 1.0 for row in csv.DictReader(file)}])


@dataclass(frozen=True, eq=False)
class CompanyPools:
    """Family names, an optional second one with its link, and the legal form."""

    family: GroupedPool
    partner: GroupedPool
    form: GroupedPool


@cache
def company_pools(name: str) -> CompanyPools:
    """Pieces of company names in locale `name`."""
    family = name_pools(name).family
    forms, link = _COMPANY_FORMS[name]
    source = importlib.import_module(f"faker.providers.person.{name}").Provider
    weights = _weights(source.last_names)
    total = sum(weights.values())
    partner = {"": 1.0 - _PARTNER_SHARE}
    for word, weight in weights.items():
        partner[link + word] = _PARTNER_SHARE * weight / total
    return CompanyPools(
        family,
        GroupedPool.build([partner]),
        GroupedPool.build([{" " + form: float(weight) for form, weight in forms}]),
    )
