"""What formatting keeps, on programs whose spaces, line breaks and comments are random."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthdsl.language.format import format_source
from synthdsl.language.lexer import TRIVIA, Lexeme
from synthdsl.language.parse import parse
from synthdsl.source import Source

CLINIC = Path(__file__).with_name("clinic.synth").read_text()
MORE = """\
language 1
python "mine.risk" (score(int<a>, float) -> float, flag(text) -> bool?)
dist tall(m, s) = normal(m, s) in [m - 3*s, m + 3*s]
fields vital(mean_sbp) "blood pressure" {
  sbp: float<mm[Hg]> step 1 ~ normal(mean_sbp, 14) as "SBP" "systolic"
  dbp: float<mm[Hg]> step 1 = sbp - 40
}
table a [n * 2 + 1] "things" {
  use vital(105) prefix "v_"
  x: int ~ when {p -> q <-> r: {-1: 20%, "b": rest}, else: f(x: {a: 1}, b[1, -2])}
  y: list(int)? = [1 + 2*3 - -4, x^2^-3, 4 d / z * 2]
  z: bool = not (a < b <= c) and x not in {1, 2} or y is not null
  when_: datetime = 2026-01-01T10:30
  rule[98.5%] soft each a w keeping (w.x, w.y): any(c.k == "1" for c in w.b.c where c.ok)
  missing y: mnar(expit(-2 + 0.9*z(y))) as -9
}
"""
PROGRAMS = (CLINIC, MORE)


def lexemes_of(text: str) -> tuple[Lexeme, ...]:
    parsed, diagnostics = parse(Source("t", text))
    assert diagnostics == []
    return parsed.lexemes


LEXEMES = tuple(lexemes_of(program) for program in PROGRAMS)


@st.composite
def respaced(draw: st.DrawFn) -> str:
    """A program with the same tokens and other spaces, breaks, blank lines and comments."""
    lexemes = draw(st.sampled_from(LEXEMES))
    seed = draw(st.randoms(use_true_random=False))
    spaces, comments = ["", " ", "   ", "\t"], ["", "", "", "# note ", "#", " # ü (, {"]
    break_share = draw(st.sampled_from([0.0, 0.05, 0.3]))
    out: list[str] = []
    depth = 0
    previous: Lexeme | None = None
    for lexeme in lexemes:
        if lexeme.kind in TRIVIA:
            continue
        if lexeme.kind == "_NL":
            out.append(
                seed.choice(spaces) + seed.choice(comments) + "\n" * seed.choice((1, 1, 2, 3))
            )
            previous = None
            continue
        if depth and seed.random() < break_share:
            out.append(seed.choice(spaces) + seed.choice(comments) + "\n")
        if previous is not None:
            # spaces may vanish only where the tokens stay what they are
            loose = previous.kind in ("COMMA", "COLON", "LPAR", "LSQB", "LBRACE", "RPAR")
            out.append(seed.choice(spaces) if loose else seed.choice((" ", "  ", "\t")))
        out.append(lexeme.text)
        depth += lexeme.kind in ("LPAR", "LSQB") or (lexeme.kind == "LBRACE" and depth > 0)
        depth -= depth > 0 and lexeme.kind in ("RPAR", "RSQB", "RBRACE")
        previous = lexeme
    return "".join(out) + draw(st.sampled_from(["", "\n", "\n\n", "# end"]))


def tokens(lexemes: tuple[Lexeme, ...]) -> list[tuple[str, str]]:
    return [(x.kind, x.text) for x in lexemes if x.kind not in TRIVIA | {"_NL"}]


def comments(lexemes: tuple[Lexeme, ...]) -> list[str]:
    return [x.text.rstrip() for x in lexemes if x.kind == "COMMENT"]


def check_properties(text: str) -> bool:
    """Assert what formatting keeps; return whether `text` parses at all."""
    source = Source("t", text)
    parsed, errors = parse(source)
    result, diagnostics = format_source(source)
    if errors:
        assert (result, diagnostics) == (text, errors)
        return False
    again, errors = parse(Source("t", result))
    assert errors == []
    assert again.file == parsed.file
    assert tokens(again.lexemes) == tokens(parsed.lexemes)
    assert comments(again.lexemes) == comments(parsed.lexemes)
    assert format_source(Source("t", result))[0] == result
    lines = result.split("\n")
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n" not in result
    assert not result or (result.endswith("\n") and not result.endswith("\n\n"))
    return True


def test_the_programs_themselves() -> None:
    for program in PROGRAMS:
        assert check_properties(program)


_valid = 0


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(respaced())
def _respaced_programs(text: str) -> None:
    global _valid
    _valid += check_properties(text)


def test_any_spacing_leads_to_one_layout_that_keeps_everything() -> None:
    _respaced_programs()
    # the generator must not drift into texts that do not parse and prove nothing
    assert _valid > 25


def layout_without_breaks(text: str) -> str:
    return format_source(Source("t", text))[0]


@settings(max_examples=15, deadline=None, database=None)
@given(st.data())
def test_spaces_alone_never_matter(data: st.DataObject) -> None:
    """Two spacings of one line-broken text give the same bytes."""
    lexemes = data.draw(st.sampled_from(LEXEMES))
    seed = data.draw(st.randoms(use_true_random=False))
    wider = "".join(
        seed.choice((" ", "   ", "\t")) if x.kind == "SPACE" else x.text
        for x in lexemes
        if x.kind != "COMMENT"
    )
    plain = "".join(x.text for x in lexemes if x.kind != "COMMENT")
    assert layout_without_breaks(wider) == layout_without_breaks(plain)


FRAGMENTS = st.sampled_from(
    ["table t [1] {\n", "}\n", "x: int", " ~ f(", ")", "\n", "# c", "{", "[", "]", "}", ",", "-",
     "when ", "else: ", "1", "4 d", "/", "*", "+", '"s"', "rule a: ", "==", "=", "\u00a0", "'",
     "\x00", "key", " case (", "enum E {a}\n", "seed 1\n", "\t"]
)  # fmt: skip


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_soups_of_tokens(text: str) -> None:
    check_properties(text)
