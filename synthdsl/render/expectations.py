"""Measured expectations as lines of text."""

from __future__ import annotations

from typing import Any

from synthdsl.render.colours import Paint


def render_measured(measured: Any, *, colour: bool) -> str:
    """One `engine.measure.Measured`: met or not, and the figures behind it."""
    paint = Paint(colour)
    verdict = {True: "expected, and so:", False: "NOT AS EXPECTED:", None: "NOT MEASURABLE:"}
    word = verdict[measured.is_met]
    head = word if measured.is_met else paint("bold", word)
    figures = "; ".join(f"{text} is {_number(value)}" for text, value in measured.values)
    return f"{head} {measured.text} ({figures}, on {measured.rows:,} rows)"


def _number(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        f"{value:,.6g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
