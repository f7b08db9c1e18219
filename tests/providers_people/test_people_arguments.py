"""What `person` and `address` accept, refuse, echo and leave undone."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
from people_facts import LEFT_OUT, LOCALES, block, text, varying

from synthdsl.diagnostics import SynthError
from synthdsl.functions.base import Argument, Misuse
from synthdsl.providers._people_pools import name_pools
from synthdsl.providers.addresses import Address
from synthdsl.providers.base import PROVIDERS
from synthdsl.providers.people import PERSON_PARTS, Company, Job, Person
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import INT, TEXT, UNKNOWN, EnumType, Kind, Type

SEX = Type(Kind.ENUM, enum=EnumType("Sex", ("male", "female")))
PERSON, ADDRESS = Person(), Address()


def enum(*members: str) -> Type:
    return Type(Kind.ENUM, enum=EnumType("E", members))


def female_names() -> set[str]:
    pool = name_pools("en_US").given
    start, stop = 0, int(pool.size[0])
    return {pool.vocabulary.words[code] for code in pool.words[start:stop]}


def draw_people(sex, argument, locale="en_US", *, draws=None, parts=None):
    prepared = PERSON.prepare(argument, text(locale))
    return PERSON.draw(draws or block(0, 1_000), prepared, sex, locale, parts=parts)


def test_a_person_is_a_record_whose_sex_keeps_its_type():
    made = PERSON.infer(LEFT_OUT, text("en_US"))
    assert [name for name, _ in made.parts] == list(PERSON_PARTS)
    assert {type_ for _, type_ in made.parts} == {TEXT}
    given = dict(PERSON.infer(varying(SEX.nullable()), text("en_US")).parts)
    assert given["sex"] == SEX.nullable()
    assert all(type_.is_nullable for type_ in given.values())
    assert dict(PERSON.infer(varying(SEX), text("en_US")).parts)["sex"] == SEX
    assert not isinstance(PERSON.infer(varying(UNKNOWN), varying(UNKNOWN)), Misuse)


@pytest.mark.parametrize("words", [("female", "male"), ("M", "F"), ("f", "m"), ("F",)])
def test_vocabularies_that_say_a_sex_are_accepted(words):
    assert not isinstance(PERSON.infer(varying(enum(*words)), text("en_US")), Misuse)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (varying(enum("female", "male", "other")), '"other" is not a sex'),
        (varying(enum("Female", "Male")), '"Female" is not a sex'),
        (text("woman"), '"woman" is not a sex'),
        (varying(INT), "a sex is a text or an enum, not int"),
    ],
)
def test_other_vocabularies_are_refused_before_drawing(argument, message):
    wrong = PERSON.infer(argument, text("en_US"))
    assert isinstance(wrong, Misuse)
    assert wrong.message == message
    assert wrong.argument == 0
    assert "the words are female, F, f and male, M, m" in wrong.help


@pytest.mark.parametrize(
    ("argument", "help_"),
    [
        (text("en_UK"), 'did you mean "en_GB"?'),
        (text("xx"), "one of en_US, en_GB, de_DE, fr_FR, es_ES"),
        (varying(TEXT), "one of en_US, en_GB, de_DE, fr_FR, es_ES"),
    ],
)
def test_an_unknown_locale_is_refused(argument, help_):
    for wrong in (
        PERSON.infer(LEFT_OUT, argument),
        ADDRESS.infer(argument, LEFT_OUT),
        Company().infer(argument),
        Job().infer(argument),
    ):
        assert isinstance(wrong, Misuse)
    wrong = PERSON.infer(LEFT_OUT, argument)
    assert wrong.argument == 1
    assert wrong.help in (help_, 'did you mean "en_US"?')


def test_an_unknown_state_is_refused():
    wrong = ADDRESS.infer(text("en_US"), text("Texsa"))
    assert wrong.message == '"Texsa" is not a state of en_US'
    assert wrong.help.startswith('did you mean "Texas"?')
    assert isinstance(ADDRESS.infer(text("de_DE"), varying(enum("BY", "TX"))), Misuse)
    assert not isinstance(ADDRESS.infer(text("de_DE"), varying(enum("BY", "Hamburg"))), Misuse)


def test_an_enum_column_decides_the_names_and_is_echoed_with_its_nulls():
    codes = np.tile(np.array([0, 1], dtype=np.int32), 500)
    valid = np.ones(1_000, dtype=bool)
    valid[::7] = False
    sex = Column(codes, valid, Vocabulary(("male", "female")))
    people = draw_people(sex, varying(SEX.nullable()))
    assert people["sex"] is sex
    for column in people.values():
        assert [value is None for value in column.text().to_pylist()] == (~valid).tolist()
    female = female_names()
    both = name_pools("en_US").given
    male = {both.vocabulary.words[code] for code in both.words[int(both.size[0]) :]}
    for row, name in enumerate(people["given"].text().to_pylist()):
        assert name is None or name in (female if codes[row] else male)


def test_arrow_text_decides_the_names_too():
    words = ["F", "m", None, "female"] * 250
    people = draw_people(Column(pa.array(words)), varying(TEXT.nullable()))
    coded = draw_people(
        Column(
            np.array([{"F": 0, "m": 1, None: 1, "female": 2}[word] for word in words]),
            np.array([word is not None for word in words]),
            Vocabulary(("F", "m", "female")),
        ),
        varying(TEXT.nullable()),
    )
    for part in PERSON_PARTS:
        assert people[part].text().equals(coded[part].text()), part
    assert people["name"].text().null_count == 250


def test_a_word_that_says_no_sex_is_refused_while_drawing_and_only_if_a_row_holds_it():
    words = Vocabulary(("female", "unknown"))
    fine = Column(np.array([0, 0, 1], dtype=np.int32), np.array([True, True, False]), words)
    draws = block(0, 3)
    assert draw_people(fine, varying(TEXT.nullable()), draws=draws)["name"].text().null_count == 1
    for bad in (
        Column(np.array([0, 1, 0], dtype=np.int32), None, words),
        Column(pa.array(["F", "unknown", None])),
    ):
        with pytest.raises(SynthError, match='"unknown" is not a sex') as error:
            draw_people(bad, varying(TEXT), draws=draws)
        assert error.value.exit_code == 3


def test_a_constant_sex_draws_as_the_column_of_it_does():
    everyone = Column(np.ones(1_000, dtype=np.int32), None, Vocabulary(("male", "female")))
    constant = Argument(SEX, is_constant=True, value="female")
    one, other = draw_people("female", constant), draw_people(everyone, varying(SEX))
    for part in PERSON_PARTS:
        assert one[part].text().equals(other[part].text()), part
    assert one["sex"].vocabulary.words == ("male", "female")
    assert set(draw_people("f", text("f"))["sex"].text().to_pylist()) == {"f"}


def test_a_null_constant_draws_null():
    nothing = Argument(SEX.nullable(), is_constant=True, value=None)
    people = draw_people(None, nothing)
    assert all(column.text().null_count == 1_000 for column in people.values())
    prepared = ADDRESS.prepare(text("en_US"), Argument(TEXT.nullable(), True, None))
    assert ADDRESS.draw(block(0, 9), prepared, "en_US", None)["city"].text().null_count == 9


def test_a_column_of_states_places_each_row():
    words = ("TX", "California", "nowhere")
    states = Column(np.arange(900, dtype=np.int32) % 2, None, Vocabulary(words))
    prepared = ADDRESS.prepare(text("en_US"), varying(TEXT))
    drawn = ADDRESS.draw(block(0, 900), prepared, "en_US", states)
    assert drawn["state"].text().to_pylist() == ["Texas", "California"] * 450
    bad = Column(np.full(9, 2, dtype=np.int32), None, Vocabulary(words))
    with pytest.raises(SynthError, match='"nowhere" is not a state of en_US'):
        ADDRESS.draw(block(0, 9), prepared, "en_US", bad)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_row_alone_has_the_values_it_has_within_a_block(locale):
    whole = draw_people(None, LEFT_OUT, locale, draws=block(0, 300))
    for start, stop in [(0, 0), (5, 6), (100, 250)]:
        some = draw_people(None, LEFT_OUT, locale, draws=block(start, stop))
        for part in PERSON_PARTS:
            assert len(some[part]) == stop - start
            assert some[part].text().equals(whole[part].text()[start:stop]), part


@pytest.mark.parametrize("locale", LOCALES)
def test_a_part_alone_has_the_values_it_has_among_all(locale):
    whole = draw_people(None, LEFT_OUT, locale)
    for part in PERSON_PARTS:
        alone = draw_people(None, LEFT_OUT, locale, parts=frozenset({part}))
        assert list(alone) == [part]
        assert alone[part].text().equals(whole[part].text()), part


class CountingDraws:
    """Draws that remember which purposes were asked for."""

    def __init__(self, draws):
        self._draws, self.rows, self.asked = draws, draws.rows, []

    def uniform(self, purpose=""):
        self.asked.append(purpose)
        return self._draws.uniform(purpose)


def test_only_what_the_wanted_parts_need_is_drawn():
    draws = CountingDraws(block(0, 50))
    draw_people(None, LEFT_OUT, draws=draws, parts=frozenset({"state", "city"}))
    assert draws.asked == ["place"]
    draws = CountingDraws(block(0, 50))
    draw_people(None, LEFT_OUT, draws=draws)
    assert len(draws.asked) == len(set(draws.asked)), "a uniform was drawn twice"


def test_checking_loads_nothing_heavy():
    script = """
import sys
from synthdsl.functions.base import Argument
from synthdsl.providers.addresses import Address
from synthdsl.providers.people import Company, Job, Person
from synthdsl.values.types import NULL, TEXT
out, us = Argument(NULL, True, None), Argument(TEXT, True, "en_US")
assert Person().infer(out, us).parts and Company().infer(us) == Job().infer(us) == TEXT
assert Address().infer(us, Argument(TEXT, True, "TX")).parts
print([name for name in ("numpy", "pyarrow", "faker", "pandas", "scipy") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_members_are_registered_with_all_that_a_reference_prints():
    for name in ("person", "address", "company", "job"):
        member = PROVIDERS.get(name)
        assert member is not None and member.name == name
        assert member.summary and member.example.startswith(name) and member.__doc__
        assert member.capacity() is None


def test_speed_is_printed(capsys):
    """No limit is asserted: the figure depends on the machine."""
    for locale in LOCALES:
        prepared = PERSON.prepare(LEFT_OUT, text(locale))
        best = float("inf")
        for _ in range(5):
            started = time.perf_counter()
            columns = PERSON.draw(block(0, 16_384), prepared, None, locale)
            best = min(best, time.perf_counter() - started)
        assert len(columns) == len(PERSON_PARTS)
        with capsys.disabled():
            print(f"\nperson {locale}: {best / 16_384 * 1e6:.2f} us a row", end="")
