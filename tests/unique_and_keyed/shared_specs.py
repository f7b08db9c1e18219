"""Specs of one table, the rows they make, and what `check` says of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

import synthdsl


def spec(body: str, *, rows: int = 1000, top: str = "", seed: int = 5) -> str:
    """A spec of one table `t` with the fields `body`, and the declarations `top`."""
    return f"language 1\nspec s\nseed {seed}\n{top}\ntable t [{rows}] {{\n{body}\n}}\n"


def frame(text: str, rows: Any = None, *, seed: int | None = None) -> pd.DataFrame:
    """The rows of `t`."""
    return synthdsl.load("s.synth", text=text).generate(rows, seed=seed)["t"].to_pandas()


def findings(body: str, *, rows: int = 1000, top: str = "") -> list[Any]:
    """What `check` finds, in order of reading."""
    return synthdsl.check("s.synth", text=spec(body, rows=rows, top=top))


def only_error(body: str, *, rows: int = 1000, top: str = "") -> Any:
    """The one error of a spec."""
    errors = [found for found in findings(body, rows=rows, top=top) if found.is_error]
    assert len(errors) == 1, [(e.code, e.message) for e in errors]
    return errors[0]
