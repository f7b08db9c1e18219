"""Diagnostics as text, compared exactly."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from textwrap import dedent

from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.language.parse import parse
from synthdsl.render._width import display_width
from synthdsl.render.findings import render_findings
from synthdsl.render.text import render_diagnostic, render_summary, render_text
from synthdsl.source import Source, Span

CONFLICT = Source(
    "clinic.synth",
    "\n" * 30
    + "  rule short : end - start <= 2 d\n"
    + "\n" * 12
    + "  rule long  : end - start >= 3 d\n",
)


def span_of(source: Source, text: str, *, after: int = 0) -> Span:
    start = source.text.index(text, after)
    return Span(source, start, start + len(text))


def one(source: Source, text: str, **extra: object) -> Diagnostic:
    return Diagnostic("syntax", span_of(source, text), "wrong", **extra)  # type: ignore[arg-type]


def test_the_shape_of_the_language_design() -> None:
    conflict = Diagnostic(
        "unsatisfiable",
        span_of(CONFLICT, "rule short"),
        "these 2 rules cannot both hold",
        "relax either bound by 1 d",
        (Label(span_of(CONFLICT, "rule long")),),
        ("start -> end is at least 3 d (line 44) and at most 2 d (line 31)",),
    )
    assert render_diagnostic(conflict) == dedent(
        """\
        clinic.synth:31:3: error[unsatisfiable]: these 2 rules cannot both hold
           31 |   rule short : end - start <= 2 d
              |   ^^^^^^^^^^
           44 |   rule long  : end - start >= 3 d
              |   ^^^^^^^^^
           = start -> end is at least 3 d (line 44) and at most 2 d (line 31)
           = help: relax either bound by 1 d
        """
    )


def test_findings_stand_in_order_of_reading_and_are_counted() -> None:
    source = Source("a.synth", "x = 1\ny = 2\n")
    found = [
        Diagnostic("unused-name", span_of(source, "y"), "nothing uses `y`"),
        Diagnostic("missing-type", span_of(source, "="), "field `x` has no type"),
    ]
    assert render_findings(found, form="text") == dedent(
        """\
        a.synth:1:3: error[missing-type]: field `x` has no type
            1 | x = 1
              |   ^
        a.synth:2:1: warning[unused-name]: nothing uses `y`
            2 | y = 2
              | ^
        1 error, 1 warning
        """
    )
    assert render_summary(found * 2) == "2 errors, 2 warnings"
    assert render_summary(found[:1]) == "1 warning"
    assert render_summary([]) == ""
    assert render_findings([], form="text") == ""


def test_labels_on_the_same_line_share_it_and_other_files_are_named() -> None:
    source = Source("a.synth", "size: int ~ normal(low, high)\n")
    other = Source("lib/b.synth", "param low: int = 3\n")
    diagnostic = Diagnostic(
        "parameter-range",
        span_of(source, "normal"),
        "the mean is null",
        labels=(
            Label(span_of(source, "low"), "this may be null"),
            Label(span_of(other, "low"), "declared here"),
            Label(span_of(source, "high")),
        ),
    )
    assert render_diagnostic(diagnostic) == dedent(
        """\
        a.synth:1:13: error[parameter-range]: the mean is null
            1 | size: int ~ normal(low, high)
              |             ^^^^^^
              |                    ^^^ this may be null
           in lib/b.synth:1:7
            1 | param low: int = 3
              |       ^^^ declared here
           in a.synth:1:25
            1 | size: int ~ normal(low, high)
              |                         ^^^^
        """
    )


def test_tabs_and_wide_letters_keep_the_carets_in_place() -> None:
    source = Source("a", '\tx:\tint = "日本語é\u0301" && 3\n')
    lines = render_diagnostic(one(source, "&&")).splitlines()
    assert lines[1] == '    1 |     x:  int = "日本語é\u0301" && 3'
    shown, under = lines[1], lines[2]
    before = shown[: shown.index("&&")]
    assert display_width(before) == under.index("^")
    assert under.count("^") == 2
    wide = render_diagnostic(one(source, "本")).splitlines()[2]
    assert wide.count("^") == 2


def test_characters_that_a_terminal_obeys_are_shown_as_marks() -> None:
    source = Source("a\x1b[2J", "x = \x1b[31m \u202e 1\n")
    diagnostic = Diagnostic("syntax", span_of(source, "1"), "bad \x1b[31m\nthing")
    assert render_diagnostic(diagnostic) == (
        "a\ufffd[2J:1:8: error[syntax]: bad \ufffd[31m thing\n"
        "    1 | x = \ufffd[31m \ufffd 1\n"
        "      |        ^\n"
    )


def test_spans_of_several_lines_and_of_nothing() -> None:
    source = Source("a", "f(1,  \n  2)\nlast")
    assert render_diagnostic(one(source, "(1,  \n  2)")).splitlines()[2] == "      |  ^^^"
    end = Diagnostic("syntax", Span(source, len(source.text), len(source.text)), "ends")
    assert render_diagnostic(end) == "a:3:5: error[syntax]: ends\n    3 | last\n      |     ^\n"
    line_end = Diagnostic("syntax", Span(source, 6, 7), "line end")
    assert render_diagnostic(line_end).splitlines()[1:] == ["    1 | f(1,", "      |       ^"]
    empty = Source("e", "")
    assert render_diagnostic(Diagnostic("syntax", Span(empty, 0, 0), "empty")) == (
        "e:1:1: error[syntax]: empty\n"
    )
    final = Source("f", "x\n")
    assert render_diagnostic(Diagnostic("syntax", Span(final, 2, 2), "m")).splitlines()[1:] == [
        "    2 |",
        "      | ^",
    ]


def test_long_lines_are_cut_around_the_place() -> None:
    source = Source("a", "a" * 300 + "BAD" + "b" * 300)
    lines = render_diagnostic(one(source, "BAD"), width=60).splitlines()
    assert lines[1] == "    1 | …" + "a" * 18 + "BAD" + "b" * 29 + "…"
    assert lines[2] == "      |  " + " " * 18 + "^^^"
    for width in (10, 40, 61, 100, 700):
        for text in ("a" * 300, "BAD", "bb", "a" * 300 + "BAD" + "b" * 300):
            shown, under = render_diagnostic(one(source, text), width=width).splitlines()[1:3]
            assert display_width(shown) <= max(width, 28)
            start = under.index("^")
            covered = shown[start : start + under.count("^")]
            assert text.startswith(covered) and covered
    wide = Source("w", "日" * 500 + "!" + "本" * 500)
    shown, under = render_diagnostic(one(wide, "!"), width=50).splitlines()[1:3]
    assert display_width(shown) <= 50
    assert display_width(shown[: shown.index("!")]) == under.index("^")


def test_a_line_of_megabytes_costs_no_more_than_a_short_one() -> None:
    source = Source("a", "a" * 3_000_000 + "BAD" + "b" * 3_000_000)
    diagnostics = [one(source, "BAD")] * 100
    _ = source.line_starts
    start = time.perf_counter()
    render_text(diagnostics)
    assert time.perf_counter() - start < 2


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.text(st.sampled_from("ab \t\n日e\u0301\x1b\u202e\u2028\r\ud800"), max_size=200),
    st.integers(0, 200), st.integers(0, 200), st.integers(0, 90),
)  # fmt: skip
def test_any_span_of_any_text_is_shown(text: str, start: int, length: int, width: int) -> None:
    source = Source("a", text.replace("\r", ""))
    start = min(start, len(source.text))
    span = Span(source, start, min(start + length, len(source.text)))
    shown = render_diagnostic(
        Diagnostic("syntax", span, text, text, (Label(span, text),), (text,)), width=width
    )
    assert shown.count("\n") == len(shown.splitlines())
    assert not any(c in shown for c in "\t\x1b\u202e\u2028\ud800")
    lines = shown.splitlines()
    if source.text:
        line, under = lines[1], lines[2]
        assert display_width(line) <= max(width, 28)
        assert under.startswith("      | ") and "^" in under
        assert len(under) <= max(width, 28) + 2


def test_colours_only_add_codes() -> None:
    diagnostic = Diagnostic(
        "unsatisfiable", span_of(CONFLICT, "rule short"), "m", "h",
        (Label(span_of(CONFLICT, "rule long"), "r"),), ("n",),
    )  # fmt: skip
    coloured = render_diagnostic(diagnostic, colour=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render_diagnostic(diagnostic)


def test_a_file_of_many_mistakes_is_shown_in_full() -> None:
    text = "seed\ntabel x [3]\ntable t [1] {\n  a ~ f(1)\n  b: int = 3 =\n}\n"
    _, found = parse(Source("t.synth", text))
    assert render_findings(found, form="text").count("error[") == len(found) >= 4


def test_text_needs_neither_numpy_nor_pydantic() -> None:
    code = (
        "import sys; from synthdsl.render.findings import render_findings as r; "
        "from synthdsl.diagnostics import Diagnostic as D; "
        "from synthdsl.source import Source, Span; s = Source('a', 'x'); "
        "f = [D('syntax', Span(s, 0, 1), 'm')]; r(f, form='text'); r(f, form='github'); "
        "r(f, form='sarif'); "
        "print([m for m in ('numpy', 'pydantic', 'pyarrow', 'lark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
