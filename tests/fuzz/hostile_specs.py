"""Specs made to hang, to exhaust memory or to overflow a stack, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

HEAD = "language 1\n"
CASES: dict[str, Callable[[Path], str]] = {}


def case(build: Callable[[Path], str]) -> Callable[[Path], str]:
    """Register a case: it may write files into the folder, and returns the spec's text."""
    CASES[build.__name__] = build
    return build


def table(*members: str, size: str = "10", head: str = "") -> str:
    """A spec with one table."""
    return f"{HEAD}{head}table t [{size}] {{\n" + "".join(f"  {m}\n" for m in members) + "}\n"


def derived(expression: str, type: str = "float") -> str:
    """A spec with one derived field."""
    return table(f"x: {type} = {expression}")


@case
def tower_of_powers(folder: Path) -> str:
    return derived("9^9^9^9^9^9")


@case
def product_of_large_numbers(folder: Path) -> str:
    return derived(" * ".join(["9_007_199_254_740_992"] * 90))


@case
def very_many_brackets(folder: Path) -> str:
    return derived("(" * 300_000)


@case
def very_many_balanced_brackets(folder: Path) -> str:
    return derived("(" * 1_000_000 + "1" + ")" * 300_000)


@case
def very_many_square_brackets(folder: Path) -> str:
    return derived("[" * 300_000)


@case
def very_many_minus_signs(folder: Path) -> str:
    return derived("-" * 1_000_000 + "1")


@case
def very_many_nots(folder: Path) -> str:
    return derived("not " * 240_000 + "true", "bool")


@case
def very_many_terms(folder: Path) -> str:
    return derived("+".join(["1"] * 300_000))


@case
def very_many_powers(folder: Path) -> str:
    return derived("^".join(["1"] * 300_000))


@case
def very_many_implications(folder: Path) -> str:
    return derived("->".join(["x"] * 300_000), "bool")


@case
def very_many_members(folder: Path) -> str:
    return derived("x in {" + ",".join(["1"] * 300_000) + "}", "bool")


@case
def very_many_parts(folder: Path) -> str:
    return derived(".".join(["a"] * 300_000))


@case
def a_hundred_thousand_weights(folder: Path) -> str:
    return table("x: int ~ {" + ", ".join(f"{i}:1e-5" for i in range(90_000)) + "}")


@case
def twenty_thousand_weights(folder: Path) -> str:
    return table("x: int ~ {" + ", ".join(f"{i}: 0.005%" for i in range(20_000)) + "}")


@case
def thirty_thousand_members(folder: Path) -> str:
    names = ", ".join(f"m{i}" for i in range(30_000))
    return table("x: E ~ {m1: 50%, m2: rest}", "y: bool = x == m5", head=f"enum E {{{names}}}\n")


@case
def an_enormous_table(folder: Path) -> str:
    return table("x: int ~ poisson(3)", size="9999999999999999999999")


@case
def an_enormous_exponent(folder: Path) -> str:
    return derived("1e999999999 + 1e-999999999 + 1e99999999999999999999")


@case
def an_enormous_number(folder: Path) -> str:
    return derived("9" * 900_000)


@case
def an_enormous_seed(folder: Path) -> str:
    return HEAD + "seed " + "9" * 100_000 + "\n" + derived("1").removeprefix(HEAD)


@case
def an_enormous_type(folder: Path) -> str:
    return table(f"x: decimal({'9' * 70}, {'9' * 70}) ~ normal(0, 1)", "y: float step 1e-300 = 1")


@case
def an_enormous_element(folder: Path) -> str:
    return table("let v ~ dirichlet([1, 2, 3])", "x: float = v[99999999999]")


@case
def an_enormous_count_of_trials(folder: Path) -> str:
    return table("x: int ~ binomial(9_007_199_254_740_992, 50%)", "y: int ~ poisson(1e300)")


@case
def enormous_constants_of_functions(folder: Path) -> str:
    calls = (
        'repeat("x", 1_000_000_000_000)', 'repeat("x", 900_000_000)', 'pad("x", 4_000_000_000)',
        'pad_left("x", 4_000_000_000, "0")', 'replace("aaaa", "a", "bbbb")', "factorial(1_000_000)",
        'format(1, "0.999999999")', 'text(1e300)', 'numbered("P#", 1)', "choose(1_000_000, 180_000)",
        "round(1.5, 999999999)", "exp(1e300)", "gamma(1e300)", "years_after(2026-01-01, 1e15)",
        "months_after(2026-01-01, 9_007_199_254_740_992)", "add_months(2026-01-01, 1e15)",
        "2026-01-01 + 9_007_199_254_740_992 d", "1e300 a", "date(1e15, 1, 1)",
    )  # fmt: skip
    return table(*(f"let f{i} = {call}" for i, call in enumerate(calls)))


@case
def hostile_patterns(folder: Path) -> str:
    patterns = (
        "(a+)+b", "((((((((((a{99}){99}){99}){99}){99}){99}){99}){99}){99}){99}", "a{1000000000}",
        "(" * 5000, "[" * 5000, "(a|" * 3000 + "b" + ")" * 3000, "a" * 100_000, "(a|a|a|a)*" * 200,
        "[^\\\\x00-\\\\U0010ffff]", "a{0,99999}" * 50, "(?:(?:(?:a?){50}){50}){50}", "\\\\",
        "(?P<a>(?P=a))", "a{5,1}", ".{1,100000}",
    )  # fmt: skip
    lines = []
    for i, pattern in enumerate(patterns):
        for j, call in enumerate(("matching", "pattern", "unique", "template", "grammar", "regex")):
            lines.append(f'p{i}_{j}: text ~ {call}("{pattern}")')
    return table(*lines)


@case
def an_import_of_itself(folder: Path) -> str:
    return f'{HEAD}import "example.synth" (a)\n' + derived("1").removeprefix(HEAD)


@case
def exponential_imports(folder: Path) -> str:
    for i in range(25):
        lines = "".join(f'import "f{i + 1}.synth" (a{i}_{j})\n' for j in range(2))
        lines += "".join(f'import "./x/../f{i + 1}.synth" (b{i}_{j})\n' for j in range(2))
        (folder / f"f{i}.synth").write_text(HEAD + lines)
    (folder / "x").mkdir()
    (folder / "f25.synth").write_text(HEAD)
    return f'{HEAD}import "f0.synth" (a)\n' + derived("1").removeprefix(HEAD)


@case
def ten_thousand_imports(folder: Path) -> str:
    for i in range(300):
        (folder / f"f{i}.synth").write_text(f"{HEAD}param p{i}: int = 1\n")
    lines = "".join(f'import "f{i}.synth" (p{i})\n' for i in range(10_000))
    return HEAD + lines + derived("1").removeprefix(HEAD)


@case
def imports_of_large_files(folder: Path) -> str:
    for i in range(50):
        (folder / f"f{i}.synth").write_text(
            HEAD + "#" + "-" * 3_240_000 + f"\nparam p{i}: int = 1\n"
        )
    lines = "".join(f'import "f{i}.synth" (p{i})\n' for i in range(50))
    return HEAD + lines + derived("1").removeprefix(HEAD)


@case
def imports_of_what_is_no_file(folder: Path) -> str:
    os.mkfifo(folder / "pipe.synth")
    os.mkfifo(folder / "pipe.csv")
    os.symlink("loop.synth", folder / "loop.synth")
    paths = ["/dev/zero", "pipe.synth", ".", "..", "/", "", "loop.synth", "a" * 5000, "/dev/stdin"]
    paths += ["/dev/random", "/proc/self/mem", "\\u0000", "std/../../../etc/passwd", "std/", "~"]
    lines = "".join(f'import "{path}" (i{i})\n' for i, path in enumerate(paths))
    paths[1] = "pipe.csv"
    lines += "".join(f'lookup l{i} from "{path}"\n' for i, path in enumerate(paths))
    return (
        HEAD + lines + table(*(f"x{i}: text ~ l{i}" for i in range(len(paths)))).removeprefix(HEAD)
    )


@case
def a_hostile_lookup(folder: Path) -> str:
    (folder / "wide.csv").write_text(
        ",".join(f"c{i}" for i in range(20_000)) + "\n" + "1," * 20_000
    )
    (folder / "quote.csv").write_text('a,b\n"' + "x" * 900_000)
    (folder / "nul.csv").write_text("a,weight\n\x00,100\n")
    (folder / "inf.csv").write_text("a,weight\nx,1e999\ny,nan\nz,-0\n")
    (folder / "big.csv").write_text("a\n" + "9" * 100_000 + "\n")
    (folder / "bad.parquet").write_bytes(b"PAR1" + b"\xff" * 100 + b"PAR1")
    files = ["wide.csv", "quote.csv", "nul.csv", "inf.csv", "big.csv", "bad.parquet"]
    lines = "".join(f'lookup l{i} from "{name}"\n' for i, name in enumerate(files))
    uses = [f"x{i}: int? ~ l{i}" for i in range(len(files))]
    return HEAD + lines + table(*uses, "y: int? = l4[1]").removeprefix(HEAD)


@case
def a_distribution_of_itself(folder: Path) -> str:
    head = "dist a(x) = b(x)\ndist b(x) = when {x > 1: a(x), else: a(x)}\ndist c() = c()\n"
    return table("x: float ~ a(1)", "let y ~ b(2)", "let z ~ c()", "w: float ~ c", head=head)


@case
def doubling_distributions(folder: Path) -> str:
    head = "dist d0(x) = normal(x, 1)\n"
    head += "".join(
        f"dist d{i}(x) = mixture({{d{i - 1}(x): 50%, d{i - 1}(x): rest}})\n" for i in range(1, 31)
    )
    return table("x: float ~ d30(1)", "let y ~ d30(1)", head=head)


@case
def doubling_arguments(folder: Path) -> str:
    head = "dist d0(x) = normal(x, 1)\n"
    head += "".join(f"dist d{i}(x) = d{i - 1}(x + x)\n" for i in range(1, 31))
    return table("x: float ~ d30(1)", "let y ~ d30(1)", head=head)


@case
def doubling_branches(folder: Path) -> str:
    head = "dist d0(x) = normal(x, 1)\n"
    head += "".join(
        f"dist d{i}(x) = when {{x > 1: d{i - 1}(x + 1), else: d{i - 1}(x - 1)}}\n"
        for i in range(1, 31)
    )
    return table("a: float ~ normal(0, 1)", "x: float ~ d30(a)", "let y ~ d30(a)", head=head)


@case
def deep_distributions(folder: Path) -> str:
    deep = "(" * 29 + "x" + "+ 1)" * 29
    head = "dist d0(x) = normal(x, 1)\n"
    head += "".join(f"dist d{i}(x) = d{i - 1}({deep})\n" for i in range(1, 300))
    return table("x: float ~ d30(1)", "y: float ~ d299(1)", head=head)


@case
def a_group_of_itself(folder: Path) -> str:
    head = 'fields g {\n  use g\n  use g prefix "a_"\n  use g prefix "b_"\n  x: int = 1\n}\n'
    return table("use g", 'use g prefix "c_"', head=head)


@case
def doubling_groups(folder: Path) -> str:
    head = "fields g0 {\n  x: int = 1\n}\n"
    head += "".join(
        f'fields g{i} {{\n  use g{i - 1} prefix "a_"\n  use g{i - 1} prefix "b_"\n}}\n'
        for i in range(1, 31)
    )
    return table("use g18", 'use g30 prefix "z_"', head=head)


@case
def ten_thousand_fields(folder: Path) -> str:
    return table(*(f"f{i}: float ~ normal({i}, 1)" for i in range(10_000)))


@case
def ten_thousand_unknown_names(folder: Path) -> str:
    return table(*(f"f{i}: float = unknown{i} + f{i}x" for i in range(10_000)))


@case
def ten_thousand_enums(folder: Path) -> str:
    head = "".join(f"enum E{i} {{a{i}, b{i}, c}}\n" for i in range(3000))
    return table(*(f"f{i}: bool = a{i} == c" for i in range(3000)), head=head)


@case
def a_long_chain_of_fields(folder: Path) -> str:
    return table(
        "f0: float ~ normal(0, 1)", *(f"f{i}: float = f{i - 1} + 1" for i in range(1, 5000))
    )


@case
def a_long_chain_of_latents(folder: Path) -> str:
    lines = [f"let f{i} = f{i + 1} + 1" for i in range(5000)]
    return table(*lines, "let f5000 ~ normal(0, 1)")


@case
def a_long_circle(folder: Path) -> str:
    return table("f0: float = f4999", *(f"f{i}: float = f{i - 1} + 1" for i in range(1, 5000)))


@case
def everything_reads_everything(folder: Path) -> str:
    every = " + ".join(f"f{i}" for i in range(90))
    return table(*(f"f{i}: float = {every}" for i in range(300)))


@case
def a_large_correlation(folder: Path) -> str:
    names = ", ".join(f"f{i}" for i in range(400))
    fields = [f"f{i}: float ~ normal(0, 1)" for i in range(400)]
    return table(*fields, f"correlate ({names}) rank 0.3")


@case
def deep_conditions(folder: Path) -> str:
    depth = 25
    return table(
        "x: float ~ normal(0, 1)",
        "y: float = " + "when {x > 1: 1, else: " * depth + "0" + "}" * depth,
        "z: float ~ " + "when {x > 1: normal(0, 1), else: " * depth + "normal(1, 2)" + "}" * depth,
        "w: bool = " + "not (" * depth + "x > 1" + ")" * depth,
    )


@case
def too_deep_conditions(folder: Path) -> str:
    depth = 100_000
    return derived("when {x > 1: 1, else: " * depth + "0" + "}" * depth)


@case
def ten_thousand_branches(folder: Path) -> str:
    branches = ", ".join(f"x > {i}: {i}" for i in range(10_000))
    return table("x: float ~ normal(0, 1)", f"y: float = when {{{branches}, else: 0}}")


@case
def a_line_of_ten_megabytes(folder: Path) -> str:
    return derived('"' + "x" * 10_000_000 + '"', "text")


@case
def a_string_of_a_megabyte(folder: Path) -> str:
    return derived('"' + "x" * 900_000 + '"', "text")


@case
def an_open_string_of_a_megabyte(folder: Path) -> str:
    return derived('"' + "\\\\" * 450_000, "text")


@case
def a_megabyte_of_quotes(folder: Path) -> str:
    return HEAD + '"' * 900_000


@case
def a_megabyte_of_words(folder: Path) -> str:
    return HEAD + "table " * 150_000


@case
def a_megabyte_of_lines(folder: Path) -> str:
    return HEAD + "\n" * 900_000


@case
def a_megabyte_of_broken_lines(folder: Path) -> str:
    return HEAD + "x\n" * 450_000


@case
def a_megabyte_of_digits_and_dots(folder: Path) -> str:
    return HEAD + "1." * 450_000


@case
def a_megabyte_of_angle_brackets(folder: Path) -> str:
    return HEAD + "table t [10] {\n x: float" + "<" * 900_000


@case
def a_unit_of_a_thousand_parts(folder: Path) -> str:
    return table(f"x: float<{'m.' * 38}m> ~ normal(0, 1)", "y: float<m99999999999> = 1", "z: float<((((((m))))))> = 1",
                 "w: float = 1 '" + "kg/" * 100_000 + "m'")  # fmt: skip


@case
def odd_characters(folder: Path) -> str:
    odd = "\u202e\u200b\ufeff\u2028\x85\U0010ffff\ud7ff\u0301\x00\x1b[31m\x7f\u00ad"
    return table(
        *(f"x{i}: text = {c}" for i, c in enumerate(odd)), f'y: text = "{odd}"', f"# {odd}"
    )


@case
def thirty_thousand_params(folder: Path) -> str:
    return table("x: int = p5", head="".join(f"param p{i}: int = {i}\n" for i in range(30_000)))


@case
def ten_thousand_tables(folder: Path) -> str:
    return HEAD + "".join(f"table t{i} [1] {{\n  x: int = 1\n}}\n" for i in range(10_000))


@case
def a_domain_of_everything(folder: Path) -> str:
    (folder / "l.csv").write_text("a,b,c,value\n1,1,1,x\n")
    head = 'lookup l from "l.csv"\n'
    fields = [f"{n}: int ~ discrete_uniform(0, 9_000_000_000_000)" for n in "abc"]
    return table(*fields, "v: text? = l[a, b, c]", head=head)
