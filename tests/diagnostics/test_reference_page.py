"""Every code has an example, and every example gives exactly the text that is printed.

`UPDATE=1 pytest tests/diagnostics` rewrites the printed text.
"""

from __future__ import annotations

import os
import shlex
import sys

import pytest
from reference_page import PAGE, Example, sections, with_results

from synthdsl import api
from synthdsl.codes import CODES
from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.render.text import render_text

SECTIONS = sections(PAGE.read_text(encoding="utf-8"))
EXAMPLES = [
    pytest.param(example, id=f"{section.code}-{number}")
    for section in SECTIONS
    for number, example in enumerate(section.examples)
]
FEWEST_CODES = 75


def _not_utf8(name):
    """Save `name` as Latin-1, so that its letters beyond ASCII are no UTF-8."""

    def set_up(folder):
        path = folder / name
        path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))

    return set_up


def _long(name, size):
    """Lengthen `name` beyond `size` bytes with a comment."""

    def set_up(folder):
        with open(folder / name, "a", encoding="utf-8") as file:
            file.write("#" + "-" * size + "\n")

    return set_up


def _chain_of_imports(folder):
    for number in range(40):
        text = f'language 1\nimport "part{number + 1}.synth" (n)\n'
        (folder / f"part{number}.synth").write_text(text)
    (folder / "part40.synth").write_text("language 1\nparam n: int = 100\n")


SET_UPS = {
    "import-depth": _chain_of_imports,
    "bad-encoding": _not_utf8("example.synth"),
    "file-too-large": _long("example.synth", 1_000_001),
}
"""What a Markdown block cannot show: done to the written files before the command runs."""


def run(example: Example, folder, monkeypatch) -> list[Diagnostic]:
    """The findings that the example's command shows."""
    (folder / "example.synth").write_text(example.text, encoding="utf-8")
    for name, text in example.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    if example.code in SET_UPS:
        SET_UPS[example.code](folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name in example.files:
        sys.modules.pop(name.removesuffix(".py"), None)
    program, command, spec, *options = shlex.split(example.command)
    assert (program, spec) == ("synthdsl", "example.synth")
    allow_python = "--allow-python" in options
    given = dict(
        option.split("=", 1) for option in options if "=" in option and not option.startswith("-")
    )
    if command == "check":
        return api.check(spec, params=given, allow_python=allow_python)
    assert command == "generate"
    findings = api.check(spec, params=given, allow_python=allow_python)
    assert not any(d.is_error for d in findings), "check finds it already"
    loaded = api.load(spec, params=given, allow_python=allow_python)
    try:
        costly = loaded.costly()
        _ = loaded.generate().tables
    except SynthError as error:
        return list(error.diagnostics)
    assert costly, "generate had nothing to say"
    return costly


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_gives_what_is_printed(example, tmp_path, monkeypatch, results):
    found = run(example, tmp_path, monkeypatch)
    rendered = render_text(found)
    results.append((example, rendered))
    assert example.code in {d.code for d in found}, rendered
    if "UPDATE" not in os.environ:
        assert rendered == example.expected


@pytest.mark.parametrize("example", EXAMPLES)
def test_one_mistake_gives_one_finding(example, tmp_path, monkeypatch):
    found = run(example, tmp_path, monkeypatch)
    assert [d.code for d in found] == [example.code]


@pytest.fixture(scope="module")
def results():
    found: list[tuple[Example, str]] = []
    yield found
    if "UPDATE" in os.environ:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_results(page, found), encoding="utf-8")


def test_every_code_has_a_section_and_every_section_a_code():
    assert [section.code for section in SECTIONS] == sorted(CODES)
    assert len(CODES) >= FEWEST_CODES


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.code)
def test_the_section_says_what_the_catalogue_says(section):
    code = CODES[section.code]
    assert section.prose == f"*{code.severity.capitalize()}.* {code.meaning}"
    assert section.examples


def test_every_finding_says_what_to_type(tmp_path, monkeypatch):
    silent = [
        example.code
        for section in SECTIONS
        for number, example in enumerate(section.examples)
        for finding in run(example, _folder(tmp_path, section.code, number), monkeypatch)
        if not finding.help
    ]
    assert silent == []


def _folder(base, code, number):
    folder = base / f"{code}-{number}"
    folder.mkdir()
    return folder
