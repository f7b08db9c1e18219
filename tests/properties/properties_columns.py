"""The rows that a small spec makes, for properties."""

from __future__ import annotations

from typing import Any

import synthdsl


def rows_of(body: str, *, rows: int = 3, top: str = "", seed: int = 1) -> Any:
    """The rows of a table with the fields `body`, as an Arrow table."""
    text = f"language 1\nspec s\nseed {seed}\n{top}\ntable t [{rows}] {{\n{body}\n}}\n"
    return synthdsl.load("s.synth", text=text).generate()["t"]
