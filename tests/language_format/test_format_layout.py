"""The exact layout of what the formatter writes."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from synthdsl.language.format import format_source
from synthdsl.source import Source

CLINIC = Path(__file__).with_name("clinic.synth").read_text()


def formatted(text: str) -> str:
    result, diagnostics = format_source(Source("t.synth", text))
    assert diagnostics == []
    return result


def in_table(line: str) -> str:
    """`line` formatted inside a table, without its indentation."""
    result = formatted("table t [1] {\n" + line + "\n}\n")
    return "\n".join(row.removeprefix("  ") for row in result.splitlines()[1:-1])


def test_a_well_kept_program_changes_only_before_trailing_comments() -> None:
    changed = [
        (old, new)
        for old, new in zip(CLINIC.splitlines(), formatted(CLINIC).splitlines(), strict=True)
        if old != new
    ]
    assert changed == [
        (
            'lookup dx_mix from "dx_by_age_sex.csv"            # P(code | age band, sex)',
            'lookup dx_mix from "dx_by_age_sex.csv"  # P(code | age band, sex)',
        ),
        (
            "  let frailty ~ normal(0, 1)                      # latent: never exported",
            "  let frailty ~ normal(0, 1)  # latent: never exported",
        ),
    ]


def test_a_wild_program() -> None:
    wild = """


        language   1
        # first
        spec demo    "x"



        lookup l from "a.csv" key( a ,b )   value(c)weight w
        dist d( a )=normal( a ,- 1 )
        import   "x.synth"( a,b )
        enum  E{ a,b as "B" "bee" }
        table  x  per p q[ count ~poisson( 3 ) ]where q . k [1]==-2{

           y:float <kg> ?step 0.1~normal( 2 * 3,
                4*5+ - 6 * z ) in[0,
              ( 1
                )
              ]@ quasi@sensitive as "Y"  "words"   # trailing

           # own line \x20

           m : bool = not( a->b<->c) or x [ 2 ^ - 3 ]is  not null
             # last
           rule [98%]a keeping( q.x ,y):x not in{ 1,2 }

           }
        expect mean(e.x for e in x where e.y>0)in[1,2]
        """
    assert formatted(dedent(wild)) == dedent(
        """\
        language 1
        # first
        spec demo "x"

        lookup l from "a.csv" key (a, b) value (c) weight w
        dist d(a) = normal(a, -1)
        import "x.synth" (a, b)
        enum E {a, b as "B" "bee"}
        table x per p q [count ~ poisson(3)] where q.k[1] == -2 {
          y: float<kg>? step 0.1 ~ normal(2 * 3,
            4*5 + -6*z) in [0,
              (1
              )
            ] @quasi @sensitive as "Y" "words"  # trailing

          # own line

          m: bool = not (a -> b <-> c) or x[2^-3] is not null
          # last
          rule[98%] a keeping (q.x, y): x not in {1, 2}
        }
        expect mean(e.x for e in x where e.y > 0) in [1, 2]
        """
    )


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        # products are tight inside a sum, and only there
        ("x: float = a*b", "x: float = a * b"),
        ("x: float = a*b+c", "x: float = a*b + c"),
        ("x: float = 1 - a / b * c", "x: float = 1 - a/b*c"),
        ("x: bool = a*b > c+d*e", "x: bool = a * b > c + d*e"),
        ("x: float = f(a*b, c+d*e) * 2", "x: float = f(a * b, c + d*e) * 2"),
        ("x: float = (a+b)*c", "x: float = (a + b) * c"),
        ("x: float = (a + b)*c + d", "x: float = (a + b)*c + d"),
        ("x: float = a * when {b: 1, else: 2} + 3", "x: float = a*when {b: 1, else: 2} + 3"),
        # `4 d/x` would be read as a unit
        ("x: float = 1 + 4 d / x", "x: float = 1 + 4 d / x"),
        ("x: float = 4 'd'/x * 2", "x: float = 4 'd' / x * 2"),
        # signs and subtractions
        ("x: float = - a", "x: float = -a"),
        ("x: float = - - a", "x: float = --a"),
        ("x: float = a-b", "x: float = a - b"),
        ("x: float = a - - b", "x: float = a - -b"),
        ("x: float = -a ^ - b", "x: float = -a^-b"),
        ("x: float = f(- 1)", "x: float = f(-1)"),
        ("x: float = a[- 1] - 1", "x: float = a[-1] - 1"),
        ("x: bool = a is null and not b", "x: bool = a is null and not b"),
        ("x: int ~ {- 1: 20%, 2: rest}", "x: int ~ {-1: 20%, 2: rest}"),
        ("missing x: mcar( 3% )as - 9", "missing x: mcar(3%) as -9"),
        # types
        ("x: int < a > ~ f( )", "x: int< a > ~ f()"),
        ("x: decimal ( 9,2 ) ? ~ f(1)", "x: decimal(9, 2)? ~ f(1)"),
        ("x: list( decimal<kg>(9,2)? ) = [1 , 2]", "x: list(decimal<kg>(9, 2)?) = [1, 2]"),
        # names and keywords in front of brackets
        ("key(a,b)", "key (a, b)"),
        ("key a", "key a"),
        ("use g ( a:1 )prefix \"p_\"", "use g(a: 1) prefix \"p_\""),
        ("correlate( a,b )rank{ (a,b):0.5 } by c", None),
        ("correlate( a,b )rank - 0.5 by c , d", "correlate (a, b) rank -0.5 by c, d"),
        ("learn p from \"f\"using tvae( e:1 )given( k:e . k )",
         "learn p from \"f\" using tvae(e: 1) given (k: e.k)"),
        # words of other statements are names here
        ("step: int step 2 ~ f(count[1])", "step: int step 2 ~ f(count[1])"),
        # numbers, dates and strings stay as typed
        ('x: text = f(1_000,1e3,52 %,4d,2026-01-01,10:30,"a  b\\"c")',
         'x: text = f(1_000, 1e3, 52 %, 4d, 2026-01-01, 10:30, "a  b\\"c")'),
        ("x: int ~ {10 : 30%, 11 : rest,}", "x: int ~ {10: 30%, 11: rest,}"),
    ],
)  # fmt: skip
def test_spaces(typed: str, wanted: str | None) -> None:
    if wanted is None:
        text = "table t [1] {\n" + typed + "\n}\n"
        result, diagnostics = format_source(Source("t", text))
        assert diagnostics and result == text
        return
    assert in_table(typed) == wanted
    assert in_table(wanted) == wanted


def test_blank_lines_and_ends() -> None:
    assert formatted("") == ""
    assert formatted("\n \n\t\n") == ""
    assert formatted("\n\nseed 1") == "seed 1\n"
    assert formatted("seed 1\n\n\n\n# c\n\n\n") == "seed 1\n\n# c\n"
    assert formatted("# a\t \n#b") == "# a\n#b\n"
    assert formatted("table t [1] {\n\n\n\n}\n") == "table t [1] {\n}\n"
    assert formatted("enum E {\n\n  a,\n\n\n  b\n\n}\n") == "enum E {\n  a,\n\n  b\n}\n"


def test_brackets_opened_together_indent_once() -> None:
    text = "table t [1] {\nx: float ~ when {a: f([\n1,\n2\n]), else: g(\n3)\n}\n}\n"
    assert formatted(text) == (
        "table t [1] {\n  x: float ~ when {a: f([\n    1,\n    2\n  ]), else: g(\n    3)\n  }\n}\n"
    )


def test_comments_inside_brackets() -> None:
    text = "enum E { # open\n a, # first\n# own\nb\n }# end"
    assert formatted(text) == "enum E {  # open\n  a,  # first\n  # own\n  b\n}  # end\n"


def test_a_file_with_syntax_errors_is_returned_as_it_is() -> None:
    text = "seed   1\ntable t [1] {\n  x ~ f(\n}\n"
    result, diagnostics = format_source(Source("t", text))
    assert result == text
    assert diagnostics


def test_white_space_that_hides_a_statement_is_left_alone() -> None:
    """With plain spaces the second line would start a statement `case (x)`."""
    hidden = "table t [1] {\n  x: float = f(\n\u00a0case (y))\n}\n"
    result, diagnostics = format_source(Source("t", hidden))
    assert diagnostics == []
    assert result == hidden
