"""Shares that follow from a declaration alone: constant weights, constant chances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.weight_samplers import constant_shares
from synthdsl.model.draws import CategoricalDraw, DistributionDraw
from synthdsl.model.expressions import Constant
from synthdsl.model.spec import Field


def declared_shares(field: Field, words: tuple[str, ...]) -> NDArray[np.float64] | None:
    """The share of each of a field's words and, last, of null; None where they depend on more
    than the field's own draw.
    """
    draw = field.draw
    if isinstance(draw, CategoricalDraw):
        if not all(w is None or isinstance(w, Constant) for w in draw.weights):
            return None
        outcomes = [_word(outcome) for outcome in draw.outcomes]
        weights = constant_shares(draw.weights)
    elif isinstance(draw, DistributionDraw) and draw.distribution.name == "bernoulli":
        chance = draw.parameters[0]
        if not isinstance(chance, Constant) or chance.value is None:
            return None
        outcomes = [_word(False), _word(True)]
        weights = np.array([1 - float(chance.value), float(chance.value)])
    else:
        return None
    if any(word is not None and word not in words for word in outcomes):
        return None
    shares = np.zeros(len(words) + 1)
    for word, weight in zip(outcomes, weights, strict=True):
        shares[len(words) if word is None else words.index(word)] += weight
    return shares


def _word(outcome: object) -> str | None:
    if isinstance(outcome, bool):
        return "true" if outcome else "false"
    return None if outcome is None else str(outcome)
