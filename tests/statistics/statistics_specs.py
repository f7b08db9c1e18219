"""Specs for statistical tests, and what their fields should be like."""

from __future__ import annotations

from typing import Any

import synthdsl


def drawn(body: str, *, rows: int, top: str = "", seed: int = 11, **given: Any) -> Any:
    """The rows of a table `t` with the fields `body`, as a pandas data frame."""
    text = f"language 1\nspec s\nseed {seed}\n{top}\ntable t [{rows}] {{\n{body}\n}}\n"
    return synthdsl.load("s.synth", text=text, **given).generate()["t"].to_pandas()
