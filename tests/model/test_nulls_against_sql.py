"""Three-valued logic is SQL's: every operator on every combination, against DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from model_expressions import columns

LOGIC = {
    "p and q": "p AND q",
    "p or q": "p OR q",
    "not p": "NOT p",
    "p -> q": "(NOT p) OR q",
    "p <-> q": "p = q",
    "p and q and r": "p AND q AND r",
    "p or not q or r": "p OR NOT q OR r",
    "(p -> q) -> r": "(NOT ((NOT p) OR q)) OR r",
    "p is null": "p IS NULL",
    "p is not null": "p IS NOT NULL",
    "(p and q) is null": "(p AND q) IS NULL",
    "when {p: q, else: r}": "CASE WHEN p THEN q ELSE r END",
    "when {not p: 1, q: 2, else: 3}": "CASE WHEN NOT p THEN 1 WHEN q THEN 2 ELSE 3 END",
    "when {p and q: 1, else: when {r: 2, else: 3}}": "CASE WHEN p AND q THEN 1 WHEN r THEN 2 ELSE 3 END",
    "coalesce(p, q, false)": "coalesce(p, q, false)",
    "p == q": "p = q",
    "p != q": "p <> q",
}
NUMBERS = {
    "x < y": "x < y", "x <= y": "x <= y", "x == y": "x = y", "x != y": "x <> y", "x >= y": "x >= y",
    "x + y * z": "x + y * z", "x - y": "x - y", "-x": "-x", "x / y": "x / y", "x ^ 2": "x ^ 2",
    "x in [y, z]": "x BETWEEN y AND z", "x not in [y, z]": "NOT (x BETWEEN y AND z)",
    "x in {1, 2}": "x IN (1, 2)", "x not in {1, 2}": "x NOT IN (1, 2)",
    "x < y < z": "x < y AND y < z",
    "(x < y) is null": "(x < y) IS NULL", "coalesce(x, y)": "coalesce(x, y)", "nullif(x, y)": "nullif(x, y)",
    "x < y -> y < z": "NOT (x < y) OR y < z", "x < y <-> y < z": "(x < y) = (y < z)",
    "when {x > y: x, z > 1: y, else: z}": "CASE WHEN x > y THEN x WHEN z > 1 THEN y ELSE z END",
    "max(x, y)": "CASE WHEN x IS NULL OR y IS NULL THEN NULL ELSE greatest(x, y) END",
    "abs(x - y)": "abs(x - y)",
}  # fmt: skip
TEXTS = {
    "a == b": "a = b", "a != b": "a <> b", 'a in {"u", "w"}': "a IN ('u', 'w')", "upper(a)": "upper(a)",
    'a + b': "a || b", "a is null": "a IS NULL", 'coalesce(a, b, "none")': "coalesce(a, b, 'none')",
    'when {a == b: a, else: "other"}': "CASE WHEN a = b THEN a ELSE 'other' END", "length(a)": "length(a)",
}  # fmt: skip
FIELDS = {
    "pqr": ("bool? ~ {true: 35%, false: 35%, null: rest}", "BOOLEAN"),
    "xyz": ("int? ~ {0: 25%, 1: 25%, 2: 25%, null: rest}", "DOUBLE"),
    "ab": ('text? ~ {"u": 35%, "v w": 35%, null: rest}', "VARCHAR"),
}


def compare(cases: dict[str, str], names: str, type: str = "float?") -> None:
    draw, kind = FIELDS[names]
    body = "\n".join(f"{name}: {draw}" for name in names)
    # latent fields take the type of their expression; text of them is exported
    body += "".join(
        f"\nlet v{i} = {text}\nc{i}: text? = text(v{i})" for i, text in enumerate(cases)
    )
    rows = columns(body, rows=1500).to_pylist()
    seen = {tuple(row[name] for name in names): row for row in rows}
    assert len(seen) == {"pqr": 27, "xyz": 64, "ab": 9}[names]
    values = ", ".join(f"CAST(? AS {kind}) AS {name}" for name in names)
    connection = duckdb.connect()
    wanted = ", ".join(f"({sql})" for sql in cases.values())
    for key, row in seen.items():
        expected = connection.execute(
            f"SELECT {wanted} FROM (SELECT {values})", list(key)
        ).fetchone()
        assert expected is not None
        for i, (text, value) in enumerate(zip(cases, expected, strict=True)):
            assert same(row[f"c{i}"], value), (text, key, row[f"c{i}"], value)


def same(found: str | None, expected: Any) -> bool:
    if expected is None or expected in (float("inf"), float("-inf")) or expected != expected:
        # SQL's division by zero is null or infinite; here it is null
        return found is None
    if found is None:
        return False
    if isinstance(expected, bool):
        return found == ("true" if expected else "false")
    return found == expected if isinstance(expected, str) else float(found) == float(expected)


@pytest.mark.parametrize(
    "cases, names",
    [(LOGIC, "pqr"), (NUMBERS, "xyz"), (TEXTS, "ab")],
    ids=["logic", "numbers", "texts"],
)
def test_every_combination(cases: dict[str, str], names: str) -> None:
    compare(cases, names)


def test_the_comparison_has_teeth() -> None:
    with pytest.raises(AssertionError):
        compare({"p -> q": "coalesce(NOT p, false) OR coalesce(q, false)"}, "pqr")
