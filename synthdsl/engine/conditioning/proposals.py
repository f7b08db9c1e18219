"""What a proposal is: a way to draw a component's fields so that rules hold more often.

A proposal with distribution q is exact when q, given that its mask and all rules hold, is the
declared distribution given that all rules hold. The rules are checked by the engine for every
row, whatever the proposal: so a proposal may leave rules out, but never tilt what remains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthdsl.engine.frame import Frame

FillField = Callable[[str, Frame], None]
"""Draws or derives one field for every row of a frame, as declared."""


class Proposal(Protocol):
    """Draws the fields of a component.

    `mass`: the probability, under the declared distribution, of what it draws from; so the
    probability that all rules hold is `mass` times the proposal's acceptance. `cost`: work
    for a row, in those of a plain draw of the component.
    """

    name: str
    detail: str
    mass: float
    cost: float

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw every field of the component for all rows of `frame`.

        Returns the rows that may count (None: all); the rules are checked besides.
        """
        ...


class Rejection:
    """Every field as declared. `tracked` fields, drawn from one uniform each, have it noted."""

    name = "rejection"
    detail = "drawn as declared until the rules hold"
    mass = 1.0
    cost = 1.0

    def __init__(
        self, fields: tuple[str, ...], fill_field: FillField, tracked: frozenset[str] = frozenset()
    ) -> None:
        self._fields = fields
        self._fill_field = fill_field
        self._tracked = [name for name in fields if name in tracked]

    def fill(self, frame: Frame) -> NDArray[np.bool_] | None:
        """Draw the fields in order, and note the uniforms of tracked ones."""
        for name in self._tracked:
            frame.bases[name] = frame.draws(name).uniform()
        for name in self._fields:
            self._fill_field(name, frame)
        return None
