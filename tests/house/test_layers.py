"""Imports point down, heavy modules stay lazy, no code comes from data."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import synthdsl

PACKAGE = Path(synthdsl.__file__).parent
LAYERS = [
    {"lazy", "registry", "source", "codes", "diagnostics"},
    {"values"},
    {"language", "functions", "distributions"},
    {"providers"},
    {"model"},
    {"rules"},
    {"plan"},
    {"io", "render"},
    {"engine"},
    {"validation", "evaluation", "learning", "privacy"},
    {"api"},
    {"cli", "testing"},
    {"__main__"},
]
"""From the bottom up; a module imports from its own layer or below."""
EXCEPTIONS = {
    ("functions.templates", "providers"): "shares the byte-text helpers of providers",
    ("functions.numbered", "providers"): "shares the byte-text helpers of providers",
}


def level(room: str) -> int:
    for number, rooms in enumerate(LAYERS):
        if room in rooms:
            return number
    raise AssertionError(f"{room} has no layer")


def modules() -> list[Path]:
    found = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")
    assert len(found) > 80
    return found


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [node.module]
                if node.module != "synthdsl"
                else [f"synthdsl.{a.name}" for a in node.names]
            )
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            if name.startswith("synthdsl."):
                rooms.add(name.split(".")[1])
    return rooms


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    relative = path.relative_to(PACKAGE).with_suffix("")
    room = relative.parts[0]
    dotted = ".".join(relative.parts)
    for other in imported_rooms(path) - {room, "__version__"}:
        if (dotted, other) in EXCEPTIONS:
            continue
        assert level(other) <= level(room), f"{dotted} imports {other}, which lies above it"


def test_members_of_a_family_do_not_import_each_other():
    for family in ("functions", "distributions", "providers"):
        folder = PACKAGE / family
        members = {p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")} - {
            "base",
            "tables",
            "truncation",
        }
        for path in folder.glob("*.py"):
            if path.stem.startswith("_"):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module:
                    parts = node.module.split(".")
                    if parts[:2] == ["synthdsl", family] and len(parts) > 2:
                        assert parts[2] not in members - {path.stem}, (
                            f"{path.name} imports {node.module}"
                        )


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_code_comes_from_data(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle"} & set(names), (
                path.name
            )


HEAVY = ["numpy", "pandas", "scipy", "pyarrow", "pydantic", "faker", "torch", "duckdb", "polars"]


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split("\n")[-2].split())


def test_light_commands_load_nothing_heavy(tmp_path):
    spec = tmp_path / "a.synth"
    spec.write_text("language 1\ntable t [3] {\n  x: float ~ normal(0, 1)\n}\n")
    assert loaded_by("import synthdsl") == set()
    assert (
        loaded_by(
            f"from synthdsl.cli.main import main\ntry:\n  main(['fmt', {str(spec)!r}])\nexcept SystemExit: pass"
        )
        == set()
    )
    assert (
        loaded_by(
            "from synthdsl.cli.main import main\ntry:\n  main(['--help'])\nexcept SystemExit: pass"
        )
        == set()
    )


def test_check_without_numbers_loads_nothing_heavy(tmp_path):
    spec = tmp_path / "a.synth"
    spec.write_text(
        "language 1\nenum Sex {female, male}\ntable t [3] {\n  sex: Sex ~ {female: 50%, male: rest}\n"
        "  age: int ~ discrete_uniform(18, 90)\n  x: float ~ normal(3 + age, 1)\n"
        "  y: float = log(x) + when {sex == male: 1, else: 0}\n}\n"
    )
    code = f"from synthdsl.cli.main import main\ntry:\n  main(['check', {str(spec)!r}])\nexcept SystemExit: pass"
    assert loaded_by(code) == set()


def test_the_parser_tables_belong_to_the_grammar():
    from synthdsl.language import tables

    assert tables.read_tables() is not None, "run `make tables`"
    tables.build_parser()  # strict: raises on any conflict


def test_every_member_is_found_by_its_name_alone():
    from synthdsl.distributions.base import DISTRIBUTIONS
    from synthdsl.functions.base import FUNCTIONS
    from synthdsl.io.base import FORMATS
    from synthdsl.providers.base import PROVIDERS

    for family in (DISTRIBUTIONS, FUNCTIONS, PROVIDERS, FORMATS):
        names = family.names()
        assert len(names) > 5
        assert set(names) == set(family._homes()), family.kind
