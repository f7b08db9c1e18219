"""Every block of every page does what the page says."""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT, PageRun, blocks_of, pages, same, same_words

import synthdsl.api

LEAST_BLOCKS = 200
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture
def own_modules():
    """Modules that a page writes and imports belong to that page alone."""
    from synthdsl.engine.python_functions import find

    def forget(names):
        for module in names:
            sys.modules.pop(module, None)
        find.cache_clear()

    before = set(sys.modules)
    forget({"scores"})
    yield
    forget({m for m in set(sys.modules) - before if _is_of_a_page(sys.modules[m])})


def _is_of_a_page(module):
    return str(getattr(module, "__file__", None) or "").startswith(tempfile.gettempdir())


@pytest.mark.parametrize("path", pages(), ids=name)
def test_page(path, tmp_path, monkeypatch, own_modules):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    if path.is_relative_to(ROOT / "examples"):
        for file in path.parent.iterdir():
            if file.is_file():
                (tmp_path / file.name).write_bytes(file.read_bytes())
    mistakes = PageRun(path).run()
    assert not mistakes, "\n\n".join(mistakes)


def test_there_are_blocks():
    found = [b for p in pages() for b in blocks_of(p.read_text()) if b.language not in ("", "text")]
    assert len(found) >= LEAST_BLOCKS
    assert {b.language for b in found} >= {"synth", "console", "python", "csv"}
    assert all(b.language in KNOWN for b in found), {b.language for b in found} - KNOWN


KNOWN = {"synth", "console", "python", "csv", "json", "yaml", "sql", "ebnf"}


@pytest.mark.parametrize("path", pages(), ids=name)
def test_links(path):
    text = re.sub(r"```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in LINK.findall(text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        whole = (path.parent / file).resolve() if file else path
        assert whole.exists(), f"{name(path)} links to {target}"
        if anchor:
            assert anchor in anchors(whole), f"{name(path)} links to {target}"


def anchors(path: Path) -> set[str]:
    found = set()
    for title in re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", title.lower())
        found.add(plain.replace(" ", "-"))
    return found


def test_every_page_is_on_the_map():
    linked = {
        (DOCS / target.partition("#")[0]).resolve()
        for target in LINK.findall((DOCS / "index.md").read_text())
        if not target.startswith("http")
    }
    missing = [p for p in DOCS.rglob("*.md") if p not in linked and p.name != "index.md"]
    assert not [p for p in missing if "decisions" not in p.parts]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```synth\nx: int = \n```\n", "syntax"),
        ("```synth\nx: int=1\n```\n", "layout"),
        ("```synth error\nx: int = 1\n```\n```text\n```\n", "gives no error"),
        ("```console\n$ synthdsl --version\nsynthdsl 99\n```\n", "prints"),
        ("```python\nprint(2)\n```\n```text\n3\n```\n", "should be"),
        ("```synth a.synth\nlanguage 1\ntable t [3] {\n  x: float ~ normal(0, -1)\n}\n```\n", "sd"),
    ],
)
def test_a_wrong_page_is_caught(page, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("docs_pages.UPDATE", False)
    monkeypatch.setattr("docs_pages.ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(page)
    assert complaint in "\n".join(PageRun(path).run())


def test_elisions():
    assert same("a\n...\nd\n", "a\nb\nc\nd\n")
    assert same("took 1 s, 3 rows/s\n", "took 2.0 s\n")
    assert same("wrote x (...)\n", "wrote x (12.3 kB)\n")
    assert not same("a\n...\n", "b\n")
    assert not same("a\n", "a\nb\n")
    assert same_words("id  name\nP1  Ann\n  9 others\n", "id  name\nP1  Ben\n")
    assert not same_words("id  name\nP1  Ann\n", "id  name\nP2  Ann\n")
    with warnings.catch_warnings():
        assert not same("", "a\n")


def test_examples_have_the_standard_layout_and_no_findings():
    found = sorted(ROOT.glob("examples/**/*.synth"))
    assert found
    for path in found:
        text = path.read_text()
        assert synthdsl.api.format_text(path.name, text) == (text, []), path
        assert synthdsl.check(path) == [], path


def test_every_example_is_run():
    for folder in (p for p in (ROOT / "examples").iterdir() if p.is_dir()):
        readme = (folder / "README.md").read_text()
        for file in folder.iterdir():
            assert file.name == "README.md" or file.suffix == ".pyc" or f"({file.name})" in readme


def test_the_outpatients_example():
    table = synthdsl.load(ROOT / "examples/outpatients/outpatients.synth").generate(rows=4_000)
    frame = table.to_pandas()["visit"]
    assert frame.shape == (4_000, 24)
    assert frame["id"].is_unique and frame["age"].between(18, 100).all()
    assert (frame["visit_on"].map(str) < "2026-01-01").all()
    seen = frame.dropna(subset=["systolic"])
    assert (seen["systolic"] >= seen["diastolic"] + 15).all()
    assert (frame["hba1c"].notna() == (frame["department"] == "diabetes")).all()
    # 4,000 rows: a band of 5 standard errors around the declared rates
    at = frame["department"] == "orthopaedics"
    for rows, rate in ((at, 0.25), (~at, 0.04)):
        share, count = frame.loc[rows, "weight"].isna().mean(), rows.sum()
        assert abs(share - rate) < 5 * (rate * (1 - rate) / count) ** 0.5


NOT_YET = {
    "a named set": "  y: bool = x in numbers(1, 2)\n",
    "learn": '  learn m from "a.parquet" using tvae(epochs: 2)\n',
    "privacy": "privacy {k(quasi) >= 11}\n",
}


@pytest.mark.parametrize("construct", NOT_YET)
def test_what_the_reference_calls_not_yet_is_just_that(construct):
    statement = NOT_YET[construct]
    inside = statement if statement.startswith("  ") else ""
    outside = "" if inside else statement
    text = f"language 1\ntable t [9] {{\n  x: float ~ normal(0, 1)\n{inside}}}\n{outside}"
    assert "not-yet" in {d.code for d in synthdsl.check("t.synth", text=text)}, construct
