"""The law of references: each row of the target as often as its weight says, given the condition.

Every chi-square test here has a false-alarm rate of 1e-4 for its fixed seed; `test_a_wrong_law`
shows that the same test finds a choice that is a little off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray
from reference_rows import (
    Providers,
    children,
    draw_numbers,
    holds,
    index,
    own,
    ref,
    rows_of,
    same_kind,
    share,
    target,
    texts,
    value,
)

from synthdsl.engine.references import reference
from synthdsl.engine.references.distinct import chosen_sets, symmetric_functions
from synthdsl.model.draws import RefDraw
from synthdsl.values.columns import Column
from synthdsl.values.types import FLOAT

ROWS = 40_000
ALARM = 1e-4
Law = Callable[[dict[str, Any]], NDArray[np.float64]]


def p_value(numbers: NDArray[np.int64], law: NDArray[np.float64]) -> float:
    """Of Pearson's chi-square, rows of the target with small expectation pooled."""
    seen = np.bincount(numbers, minlength=len(law)).astype(float)
    assert len(seen) == len(law) and not seen[law == 0].any(), "outside the support"
    expected = law / law.sum() * len(numbers)
    is_small = expected < 8
    seen = np.append(seen[~is_small], seen[is_small].sum())
    expected = np.append(expected[~is_small], expected[is_small].sum())
    if expected[-1] < 8:
        seen[-2:] = [seen[-2:].sum(), 0]
        expected[-2:] = [expected[-2:].sum(), 0]
    used = expected > 0
    if used.sum() == 1:
        return 1.0
    statistic = ((seen - expected)[used] ** 2 / expected[used]).sum()
    return float(scipy.stats.chi2.sf(statistic, used.sum() - 1))


NEED = 4
CASES: dict[str, tuple[RefDraw, Law]] = {
    "all": (ref(), lambda t: np.ones(len(t["beds"]))),
    "weighted": (ref(weight=share()), lambda t: t["share"]),
    "grouped": (ref(same_kind()), lambda t: t["kind"] == "b"),
    "grouped and weighted": (
        ref(same_kind(), share()),
        lambda t: (t["kind"] == "b") * t["share"],
    ),
    "grouped twice": (
        ref(holds("and", same_kind(), holds("==", own("need"), target("beds"))), share()),
        lambda t: ((t["kind"] == "b") & (t["beds"] == NEED)) * t["share"],
    ),
    "thinned": (
        ref(holds("and", holds(">", target("beds"), value(6)), same_kind())),
        lambda t: (t["beds"] > 6) & (t["kind"] == "b"),
    ),
    "with nulls": (
        ref(holds("==", target("nick"), value(2))),
        lambda t: t["has_nick"] & (t["nick"] == 2),
    ),
    "equal to what may be null": (
        ref(holds("==", target("nick"), own("nick"))),
        lambda t: t["has_nick"] & (t["nick"] == 1),
    ),
    "numbered": (
        ref(
            holds("and", holds("<", target(None), own("need")), holds(">=", target(None), value(2)))
        ),
        lambda t: (np.arange(len(t["beds"])) < NEED) & (np.arange(len(t["beds"])) >= 2),
    ),
    "numbered, grouped and weighted": (
        ref(holds("and", same_kind(), holds("<=", target(None), own("last"))), share()),
        lambda t: (t["kind"] == "b") * (np.arange(len(t["beds"])) <= 90) * t["share"],
    ),
    "tried": (ref(holds(">", target("beds"), own("need"))), lambda t: t["beds"] > NEED),
    "tried and weighted": (
        ref(holds("and", same_kind(), holds(">", target("beds"), own("need"))), share()),
        lambda t: ((t["kind"] == "b") & (t["beds"] > NEED)) * t["share"],
    ),
    "hardly ever met": (
        ref(holds("==", holds("+", target("code"), own("need"), type=FLOAT), value(10.0, FLOAT))),
        lambda t: np.arange(len(t["beds"])) == 6,
    ),
    "met by few, weighted": (
        ref(holds("<", holds("+", target("code"), own("need")), value(10)), share()),
        lambda t: (np.arange(len(t["beds"])) < 6) * t["share"],
    ),
    "weighted by both rows": (
        ref(
            same_kind(),
            holds("*", share(), holds("+", target("beds"), own("need"), type=FLOAT), type=FLOAT),
        ),
        lambda t: (t["kind"] == "b") * t["share"] * (t["beds"] + NEED),
    ),
}


def visits(count: int = ROWS, start: int = 0) -> Any:
    return rows_of(
        count,
        start,
        kind=texts("x", "b").take(np.ones(count, np.int64)),
        need=np.full(count, NEED),
        last=np.full(count, 90),
        nick=np.full(count, 1),
    )


@pytest.mark.parametrize("name", CASES)
def test_each_row_is_chosen_as_often_as_its_law_says(name: str) -> None:
    draw, law = CASES[name]
    providers = Providers(211)
    rows = 8_000 if name in ("weighted by both rows",) else ROWS
    numbers = draw_numbers(draw, visits(rows), providers)
    table = providers.table()
    assert p_value(numbers, np.asarray(law(table), float)) > ALARM


@pytest.mark.parametrize(
    "name", ["grouped and weighted", "tried and weighted", "met by few, weighted"]
)
def test_the_law_is_the_same_for_a_target_that_is_not_kept(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthdsl.engine.references.target_rows.MOST_KEPT", 10)
    draw, _ = CASES[name]
    providers = Providers(211)
    whole = draw_numbers(draw, visits(6_000), providers)
    monkeypatch.undo()
    np.testing.assert_array_equal(whole, draw_numbers(draw, visits(6_000), Providers(211)))


def test_a_wrong_law_is_noticed() -> None:
    """Choosing after the tries without the weights: the error that looking at all could make."""
    draw, law = CASES["met by few, weighted"]
    providers = Providers(211)
    unweighted = ref(draw.condition)
    numbers = draw_numbers(draw, visits(), providers)
    flat = draw_numbers(unweighted, visits(), providers, slot="other")
    mixed = np.where(np.arange(ROWS) % 5 == 0, flat, numbers)
    assert p_value(mixed, np.asarray(law(providers.table()), float)) < 1e-6


def test_looking_at_all_gives_the_law_of_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, law = CASES["tried and weighted"]
    monkeypatch.setattr(reference, "TRIES", 0)
    providers = Providers(211)
    numbers = draw_numbers(draw, visits(), providers)
    assert p_value(numbers, np.asarray(law(providers.table()), float)) > ALARM
    monkeypatch.setattr(reference, "_PAIRS_AT_ONCE", 500)
    np.testing.assert_array_equal(numbers, draw_numbers(draw, visits(), Providers(211)))


def test_rows_that_differ_have_each_their_own_law() -> None:
    """Two kinds and needs in one block, each tested against its own law."""
    draw, _ = CASES["tried and weighted"]
    kind = np.arange(ROWS) % 2
    frame = visits()
    frame.columns["kind"] = texts("a", "d").take(kind)
    frame.columns["need"] = Column(np.where(kind == 0, 1, 8))
    providers = Providers(211)
    numbers = draw_numbers(draw, frame, providers)
    table = providers.table()
    for which, word, need in ((0, "a", 1), (1, "d", 8)):
        law = ((table["kind"] == word) & (table["beds"] > need)) * table["share"]
        assert p_value(numbers[kind == which], law.astype(float)) > ALARM


def test_a_null_value_of_the_row_meets_nothing() -> None:
    frame = visits(4)
    frame.columns["nick"] = Column(np.ones(4, np.int64), np.array([True, True, False, True]))
    with pytest.raises(Exception) as caught:
        draw_numbers(CASES["equal to what may be null"][0], frame, Providers(211))
    (found,) = caught.value.diagnostics
    assert "row 2 of `visit`" in found.message and "nick = null" in found.message


def test_earlier_rows_make_a_tree() -> None:
    """Each row refers to one of those before it, all alike: the recursive tree."""
    draw = ref(holds("<", target(None), index()))
    frame = rows_of(3_000, 1)
    numbers = draw_numbers(draw, frame, Providers(3_001))
    assert (numbers < np.arange(1, 3_001)).all()
    u = (numbers + 0.5) / np.arange(1, 3_001)
    # the mean of 3,000 nearly uniform numbers: 5 standard errors
    assert abs(u[10:].mean() - 0.5) < 5 * np.sqrt(1 / 12 / 2_990)


def test_rows_under_one_parent_refer_to_earlier_ones_of_theirs() -> None:
    draw = RefDraw(
        ref().span, "visit", holds("<", target(None), index()), None, is_among_siblings=True
    )
    frame = children([4] * 9_000)
    frame = frame.some(np.flatnonzero(frame.ordinals > 0))
    numbers = draw_numbers(draw, frame, None)
    for ordinal in (1, 2, 3):
        chosen = numbers[frame.ordinals == ordinal]
        assert p_value(chosen, np.ones(ordinal)) > ALARM if ordinal > 1 else not chosen.any()


def test_siblings_are_chosen_by_their_fields() -> None:
    draw = RefDraw(
        ref().span,
        "visit",
        holds("and", holds("<", target(None), index()), holds("!=", target("beds"), own("beds"))),
        target("beds", FLOAT),
        is_among_siblings=True,
        sibling_reads=(own("beds"),),
    )
    frame = children([5] * 6_000, beds=np.tile([1, 2, 7, 4, 7], 6_000))
    later = frame.some(np.flatnonzero(frame.ordinals > 0))
    numbers = draw_numbers(draw, later, None)
    assert p_value(numbers[later.ordinals == 4], np.array([1.0, 2.0, 0.0, 4.0])) > ALARM
    assert p_value(numbers[later.ordinals == 2], np.array([1.0, 2.0])) > ALARM


# distinct


def ordered_law(weights: NDArray[np.float64], size: int) -> dict[tuple[int, ...], float]:
    """Of independent choices, given that they differ."""
    from itertools import permutations

    law = {
        chosen: float(np.prod(weights[list(chosen)]))
        for chosen in permutations(range(len(weights)), size)
    }
    total = sum(law.values())
    return {chosen: p / total for chosen, p in law.items()}


def ordered_p_value(
    numbers: NDArray[np.int64], size: int, law: dict[tuple[int, ...], float]
) -> float:
    rows = numbers.reshape(-1, size)
    names = {chosen: place for place, chosen in enumerate(law)}
    places = np.array([names[tuple(row)] for row in rows.tolist()])
    return p_value(places, np.array(list(law.values())))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_distinct_rows_in_every_order_alike(size: int) -> None:
    frame = children([size] * 20_000)
    numbers = draw_numbers(ref(is_distinct=True), frame, Providers(5))
    assert ordered_p_value(numbers, size, ordered_law(np.ones(5), size)) > ALARM


def test_distinct_rows_by_shuffling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdsl.engine.references.distinct._SHUFFLE_COST", 0)
    numbers = draw_numbers(ref(is_distinct=True), children([3] * 20_000), Providers(5))
    assert ordered_p_value(numbers, 3, ordered_law(np.ones(5), 3)) > ALARM


@pytest.mark.parametrize("size", [1, 2, 3])
def test_distinct_rows_by_weight(size: int) -> None:
    providers = Providers(5)
    frame = children([size] * 20_000)
    numbers = draw_numbers(ref(weight=share(), is_distinct=True), frame, providers)
    law = ordered_law(providers.table()["share"], size)
    assert ordered_p_value(numbers, size, law) > ALARM


def test_choosing_by_weight_one_after_the_other_would_be_noticed() -> None:
    """Another law than that of independent choices given that they differ."""
    generator = np.random.default_rng(4)
    weights = Providers(5).table()["share"]
    picks = np.array(
        [generator.choice(5, 3, replace=False, p=weights / weights.sum()) for _ in range(20_000)]
    )
    assert ordered_p_value(picks.ravel(), 3, ordered_law(weights, 3)) < 1e-6


def test_distinct_rows_that_meet_conditions_of_their_own() -> None:
    """Siblings that choose from different rows are drawn until they differ."""
    providers = Providers(12)
    table = providers.table()
    frame = children([2] * 8_000, need=np.tile([3, 6], 8_000))
    draw = ref(holds(">", target("beds"), own("need")), share(), is_distinct=True)
    numbers = draw_numbers(draw, frame, providers).reshape(-1, 2)
    first = (table["beds"] > 3) * table["share"]
    second = (table["beds"] > 6) * table["share"]
    joint = np.outer(first, second)
    np.fill_diagonal(joint, 0)
    assert p_value(numbers[:, 0] * 12 + numbers[:, 1], joint.ravel()) > ALARM


def test_symmetric_functions_against_all_subsets() -> None:
    from itertools import combinations

    weights = np.array([0.5, 2.0, 0.25, 1.0, 3.0])
    e = symmetric_functions(weights, 3)
    for start in range(6):
        for size in range(4):
            exact = sum(np.prod(c) for c in combinations(weights[start:], size))
            assert e[size, 5 - start] == pytest.approx(exact)


def test_sets_stay_within_reach_at_the_ends_of_the_uniforms() -> None:
    weights = np.array([1e-9, 1.0, 1e9, 1.0])
    ends = np.array([[2.0**-53] * 3, [1 - 2.0**-53] * 3])
    for chosen in chosen_sets(weights, ends):
        assert (np.diff(chosen) > 0).all() and chosen[0] >= 0 and chosen[-1] <= 3
