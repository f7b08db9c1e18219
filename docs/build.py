"""Write the reference pages that follow from the program itself.

    python docs/build.py            # write them
    python docs/build.py --check    # exit code 1 if any differs from what is there

Distributions, functions, providers and formats come from their registries, the command line
from its parser, units from the table of units, the grammar from the parser's own file. Nothing
in these pages is typed twice, so nothing can drift; the examples in them are run like all others.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import synthdsl
from synthdsl.cli.main import COMMANDS, build_parser
from synthdsl.distributions.base import DISTRIBUTIONS, Distribution, Role
from synthdsl.functions.base import FUNCTIONS
from synthdsl.io.base import FORMATS
from synthdsl.io.manifest import manifest_schema
from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.model.declarations import RESERVED
from synthdsl.model.tables import RESERVED_FIELDS
from synthdsl.providers.base import PROVIDERS, Provider
from synthdsl.render.explanation import explanation_schema
from synthdsl.render.findings_json import findings_schema
from synthdsl.render.report import report_schema
from synthdsl.source import Source
from synthdsl.values._atoms import ATOMS, COLLOQUIAL
from synthdsl.values.types import Kind, Type
from synthdsl.values.units import UNIT_LITERALS

REFERENCE = Path(__file__).parent / "reference"
GRAMMAR = Path(synthdsl.__file__).parent / "language" / "grammar.lark"
STANDARD = Path(synthdsl.__file__).parent / "std"
GENERATED = "<!-- Written by docs/build.py. Change the program, then run it again. -->\n"

ROLES = {
    Role.LOCATION: "in the field's unit",
    Role.SPREAD: "a difference in the field's unit",
    Role.RATE: "per unit of the field",
    Role.NUMBER: "plain number",
    Role.PROBABILITY: "share",
    Role.COUNT: "whole number",
    Role.LIST: "list of numbers",
    Role.POINTS: "list of values in the field's unit",
}


def pages() -> dict[str, str]:
    """Every generated page, by file name."""
    makers: dict[str, Callable[[], Iterable[str]]] = {
        "distributions.md": distributions,
        "functions.md": functions,
        "providers.md": providers,
        "formats.md": formats,
        "command-line.md": command_line,
        "standard-library.md": standard_library,
        "json-output.md": json_output,
        "units.md": units,
        "grammar.md": grammar,
    }
    written = {name: tidy("\n".join([GENERATED, *maker()])) for name, maker in makers.items()}
    for name, (_, schema) in SCHEMAS.items():
        written[f"schemas/{name}.json"] = json.dumps(schema(), indent=2) + "\n"
    return written


SCHEMAS: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "diagnostics": ("`synthdsl check --format json`", findings_schema),
    "explanation": ("`synthdsl explain --format json`", explanation_schema),
    "report": ("`synthdsl generate --report FILE.json`", report_schema),
    "manifest": ("`synthdsl generate`, as `manifest.json`", manifest_schema),
}
"""What is written as JSON: by what, and its schema."""


def tidy(text: str) -> str:
    """`text` with at most one empty line in a row, ending in one line end."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    text = " ".join(text.split())
    return text if not text else text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def cell(text: object) -> str:
    """`text` fit for a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def synth(*lines: str) -> list[str]:
    """A block of the language."""
    return ["```synth", *lines, "```", ""]


# JSON


def json_output() -> Iterable[str]:
    """The page of JSON outputs."""
    yield "# JSON output\n"
    yield (
        'Each document names its schema and version first (`"schema": "synthdsl.report/1"`). '
        "Within a version members may be added, never removed or given another meaning.\n"
    )
    yield "| document | written by | JSON Schema |\n|---|---|---|"
    for name, (by, _) in SCHEMAS.items():
        yield f"| [{name}](#{name}) | {by} | [{name}.json](schemas/{name}.json) |"
    for name, (by, schema) in SCHEMAS.items():
        whole = schema()
        yield f"\n## {name}\n"
        yield f"Written by {by}.\n"
        yield from _members(whole)
        for part, inner in whole.get("$defs", {}).items():
            yield f"\n### {part} ({name})\n"
            yield from _members(inner)


def _members(schema: dict[str, Any]) -> Iterable[str]:
    """An object's members as a table."""
    yield sentence(schema.get("description", "")) + "\n"
    yield "| member | holds | meaning |\n|---|---|---|"
    for name, member in schema["properties"].items():
        yield f"| `{name}` | {cell(_holds(member))} | {cell(member.get('description', ''))} |"


def _holds(member: dict[str, Any]) -> str:
    """The values that a JSON Schema allows, in words."""
    if "anyOf" in member:
        return " or ".join(map(_holds, member["anyOf"]))
    if "$ref" in member:
        return member["$ref"].rpartition("/")[2]
    if "const" in member or "enum" in member:
        return ", ".join(f"`{value}`" for value in member.get("enum", [member.get("const")]))
    if member.get("type") == "array":
        return f"list of {_holds(member.get('items', {}))}"
    if member.get("type") == "object":
        inner = member.get("additionalProperties")
        return f"object of {_holds(inner)}" if isinstance(inner, dict) else "object"
    return {"boolean": "true or false", "string": "text"}.get(
        member.get("type", ""), member.get("type", "any value")
    )


# distributions


def distributions() -> Iterable[str]:
    """The page of distributions."""
    yield "# Distributions\n"
    yield (
        "A distribution stands after `~`. Each has one or more *forms*: sets of parameters that "
        "go together. Arguments without names follow the order of the first form; the other forms "
        "need names, as in `gamma(mean: 2, cv: 0.6)`. Every parameter may be an expression of "
        "other fields. A null parameter gives a null value.\n"
    )
    yield (
        "Any of them can be truncated: `normal(47, 22) in [0, 105]`. See "
        "[distributions and truncation](../how-to/distributions.md). A parameter out of its range "
        "is found by `check` where it is constant; otherwise the run stops and names the row.\n"
    )
    yield "| name | values | in a word |\n|---|---|---|"
    for d in DISTRIBUTIONS:
        yield f"| [`{d.name}`](#{d.name}) | {_values(d)} | {cell(d.summary)} |"
    yield (
        "\nThree more build on these: `mixture({draw: share, …})` draws from one of several, "
        "`zero_inflated(share, draw)` is 0 with that share and otherwise the draw, and "
        "`proportional_hazards(draw, ratio)` has `ratio` times the hazard of a continuous draw. "
        "`sorted(draw)`, `autoregressive(mean, sd, phi)`, "
        "`ornstein_uhlenbeck(mean, sd, half_life, at)` and `random_walk(start, sd, drift)` draw "
        "for all rows under one parent: see [times and sequences](../how-to/time.md). "
        "Weighted values (`{a: 30%, b: rest}`), "
        "`when` and lookups are draws too: see [the language](language.md#draws). Joint draws "
        "(`multivariate_normal`, `dirichlet`, `multinomial`) are among the "
        "[providers](providers.md).\n"
    )
    for d in DISTRIBUTIONS:
        yield from _distribution(d)


def _values(d: Distribution) -> str:
    if d.is_calendar:
        return "dates and datetimes"
    kinds = ["whole numbers" if d.is_discrete else "real numbers"]
    if d.is_point:
        kinds.append("dates and times")
    return ", ".join(kinds)


def _distribution(d: Distribution) -> Iterable[str]:
    yield f"\n## {d.name}\n"
    yield sentence(d.summary) + "\n"
    yield f"Shape of `{d.example}`: `{sketch(d)}`\n" if sketch(d) else ""
    for form in d.forms:
        yield f"`{d.name}({', '.join(form.names)})`\n"
        yield "| parameter | is | range | default | meaning |\n|---|---|---|---|---|"
        for p in form.parameters:
            default = "" if p.default is None else f"{p.default:g}"
            if default and p.role is Role.LIST:
                default = "all the same"
            yield (
                f"| `{p.name}` | {_role(d, p.role)} | {p.range_text() or 'any'} | {default} | "
                f"{cell(p.summary)} |"
            )
        yield ""
        for needed in form.requirements:
            yield f"It needs {needed.text}.\n"
    yield from synth(f"x: {_type_drawn(d)} ~ {d.example}")
    moments = _moments(d)
    if moments:
        yield f"{moments} {_about(d)}\n"
    else:
        yield _about(d) + "\n"
    if d.source:
        yield f"Source: {sentence(d.source)}"


def _role(d: Distribution, role: Role) -> str:
    plain = {Role.LOCATION, Role.SPREAD, Role.RATE, Role.POINTS}
    return "plain number" if d.is_number and role in plain else ROLES[role]


def _type_drawn(d: Distribution) -> str:
    if d.is_calendar:
        return "date"
    return "int" if d.is_discrete else "float"


def _about(d: Distribution) -> str:
    if d.is_calendar:
        return "Dates have no `hours`. Hours of a datetime with a zone are those in UTC."
    if d.is_point:
        return "It can draw dates, datetimes and temperatures: its values have a place on a scale."
    if d.is_number:
        return "Its values are plain numbers, without a unit of their own."
    return "It draws amounts: numbers with any unit, and durations; not dates."


def _example(d: Distribution) -> tuple[Distribution, tuple[Any, ...]]:
    """The distribution of the example, and its canonical parameters."""
    type_ = "date" if d.is_calendar else "float"
    text = f"language 1\ntable t [1] {{\n  x: {type_} ~ {d.example}\n}}\n"
    draw: Any = synthdsl.load("x", text=text).tables["t"].fields["x"].draw
    values = [getattr(p, "value", None) for p in draw.parameters]
    return draw.distribution, draw.form.canonical(*values)


def _moments(d: Distribution) -> str:
    if d.is_calendar:
        return ""
    drawn, params = _example(d)
    mean, sd = float(drawn.mean(*params)), float(drawn.sd(*params))
    if not (math.isfinite(mean) and math.isfinite(sd)):
        return ""
    return f"Here the mean is {mean:.4g} and the standard deviation {sd:.4g}."


BARS = "▁▂▃▄▅▆▇█"
WIDTH = 32


def sketch(d: Distribution) -> str:
    """The density of the example between its quantiles 0.5 % and 99.5 %, as bars."""
    drawn, params = _example(d)
    low, high = (float(drawn.quantile(u, *params)) for u in (0.005, 0.995))
    if d.is_discrete:
        points = [float(k) for k in range(int(low), int(high) + 1)]
        step = max(1, math.ceil(len(points) / WIDTH))
        points = points[::step]
    else:
        points = [low + (high - low) * (k + 0.5) / WIDTH for k in range(WIDTH)]
    if d.is_calendar:
        points = [float(math.floor(x)) for x in points]
    heights = [math.exp(float(drawn.log_density(x, *params))) for x in points]
    top = max(heights)
    return "".join(BARS[max(0, math.ceil(h / top * 8 - 1e-6) - 1)] for h in heights)


# functions

FUNCTION_GROUPS = {
    "arithmetic": "Arithmetic",
    "elementary": "Elementary functions and links",
    "rounding": "Rounding",
    "bucketing": "Classes",
    "nulls": "Null",
    "text": "Text",
    "writing": "Values as text",
    "numbered": "Values as text",
    "templates": "Values as text",
    "conversion": "Conversion",
    "date_parts": "Parts of dates and times",
    "date_steps": "Calendar",
}


def functions() -> Iterable[str]:
    """The page of functions."""
    yield "# Functions\n"
    yield (
        "Functions stand in expressions. Arguments may be named: "
        "`round(x, digits: 1)`. Unless said otherwise the result is null where an argument is. "
        "A function that has no value for its argument, such as `log(0)`, gives null as well.\n"
    )
    yield (
        "One more belongs to the language itself: `z(field)` is how many standard deviations the "
        "value of a drawn field lies above its mean, given what it depends on; see "
        "[missing values](../how-to/missing-values.md).\n"
    )
    groups: dict[str, list[Any]] = {}
    for function in FUNCTIONS:
        module = type(function).__module__.rpartition(".")[2]
        groups.setdefault(FUNCTION_GROUPS.get(module, module.capitalize()), []).append(function)
    for title in dict.fromkeys([*FUNCTION_GROUPS.values(), *groups]):
        if title not in groups:
            continue
        yield f"\n## {title}\n"
        yield "| function | gives | example | value |\n|---|---|---|---|"
        for f in groups[title]:
            call, value = map(cell, f.example)
            yield f"| `{cell(f.signature)}` | {cell(f.summary)} | `{call}` | `{value}` |"
        yield ""
        calls = [(f.name, f.example[0]) for f in groups[title]]
        yield from synth(*[f"{name}_: {_type_of(call)} = {call}" for name, call in calls])


def _type_of(expression: str) -> str:
    """The type of a constant expression, as a field that holds it is declared."""
    spec = synthdsl.load("x", text=f"language 1\ntable t [1] {{\n  let x = {expression}\n}}\n")
    found = spec.tables["t"].fields["x"].type
    return str(found) if found.kind is not Kind.NULL else "int?"


# providers


def providers() -> Iterable[str]:
    """The page of providers."""
    yield "# Providers\n"
    yield (
        "A provider stands after `~`, as a distribution does, and draws what is no number: "
        "identifiers, names, addresses, text, lists. What it draws cannot be truncated. Where a "
        "parameter is marked *constant* it cannot depend on other fields.\n"
    )
    yield (
        "A *record* has parts that agree with each other. Draw it once with `let`, then read its "
        "parts: see [people and addresses](../how-to/people-and-identifiers.md).\n"
    )
    yield "| name | draws | in a word |\n|---|---|---|"
    for p in PROVIDERS:
        yield f"| [`{p.name}`](#{p.name}) | {_drawn(p)} | {cell(p.summary)} |"
    for p in PROVIDERS:
        yield from _provider(p)


def _provider_type(p: Provider) -> Type:
    spec = synthdsl.load("x", text=f"language 1\ntable t [1] {{\n  let x ~ {p.example}\n}}\n")
    return spec.tables["t"].fields["x"].type


def _drawn(p: Provider) -> str:
    found = _provider_type(p)
    return "record" if found.kind is Kind.RECORD else f"`{found}`"


def _provider(p: Provider) -> Iterable[str]:
    found = _provider_type(p)
    names = ", ".join(q.name if q.default is ... else f"{q.name}: …" for q in p.parameters)
    yield f"\n## {p.name}\n"
    yield f"`{p.name}({names})` {'draws ' + _drawn(p)}\n"
    yield _docstring(p) + "\n"
    if p.is_unique:
        yield "No two rows get the same value; `check` refuses more rows than there are values.\n"
    if p.parameters:
        yield "| parameter | meaning | default | constant |\n|---|---|---|---|"
        for q in p.parameters:
            default = "required" if q.default is ... else f"`{_literal(q.default)}`"
            yield (
                f"| `{q.name}` | {cell(q.summary)} | {default} | "
                f"{'yes' if q.must_be_constant else ''} |"
            )
        yield ""
    if found.kind is Kind.RECORD:
        part = found.parts[0][0]
        yield f"Parts: {', '.join(f'`{name}`' for name, _ in found.parts)}.\n"
        yield from synth(f"let it ~ {p.example}", f"{part}: text = it.{part}")
    else:
        yield from synth(f"x: {found} ~ {p.example}")
    if p.source:
        yield f"Source: {sentence(p.source)}"


def _docstring(p: Provider) -> str:
    """What the class promises, its summary first."""
    text = inspect.cleandoc(type(p).__doc__ or "")
    kept = [part for part in text.split("\n\n") if not part.startswith(("Parts:", "`bind`"))]
    summary = sentence(p.summary)
    return "\n\n".join([summary, *(part for part in kept if sentence(part) != summary)])


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


# formats


def formats() -> Iterable[str]:
    """The page of output formats."""
    yield "# Formats\n"
    yield (
        "`synthdsl generate SPEC --out DIR --format NAME --compression NAME`. Every table becomes "
        "a file in the folder; a database becomes one file with all tables. A table of many rows "
        "may become a folder of that name with parts. The folder also gets `manifest.json`. See "
        "[formats and databases](../how-to/formats-and-databases.md).\n"
    )
    yield "| name | file | compressions (default first) | in a word |\n|---|---|---|---|"
    for f in FORMATS:
        stem = "SPEC" if f.is_database else "TABLE"
        file = f.file_name(stem, "none")
        yield (
            f"| [`{f.name}`](#{f.name}) | `{file}` | {', '.join(f.compressions)} | "
            f"{cell(f.summary)} |"
        )
    for f in FORMATS:
        yield f"\n## {f.name}\n"
        module = sys.modules[type(f).__module__]
        yield inspect.cleandoc(module.__doc__ or "") + "\n"


# the command line


def command_line() -> Iterable[str]:
    """The page of commands."""
    yield "# Command line\n"
    yield (
        "`synthdsl COMMAND …`. Results go to files or standard output; messages and progress go "
        "to standard error. Progress shows on a terminal only, unless `--progress` is given. "
        "`NO_COLOR` switches colours off, `FORCE_COLOR` on. `-` as a spec is standard input.\n"
    )
    yield "| command | does |\n|---|---|"
    for name, summary in COMMANDS.items():
        yield f"| [`{name}`](#{name}) | {summary} |"
    yield "\n## Exit codes\n"
    yield "| code | meaning |\n|---|---|"
    for code, meaning in (
        (0, "fine"),
        (1, "findings: a spec has errors, an expectation is not met, a file would be formatted"),
        (2, "wrong usage, unreadable input, unwritable or refused output"),
        (3, "the spec is well formed but cannot be satisfied"),
        (70, "a mistake in synthdsl itself: please report it"),
        (130, "interrupted with Ctrl-C"),
        (141, "whoever read the output stopped reading"),
    ):
        yield f"| {code} | {meaning} |"
    yield "\n## Rows\n"
    yield "`--rows` takes any of these, repeated or joined by commas:\n"
    yield "| form | makes |\n|---|---|"
    yield "| `N` | the first N rows of every table |"
    yield "| `A:B` | rows A to B, B left out, counted from 0: the same rows as in the whole |"
    yield "| `TABLE=N`, `TABLE=A:B` | the same for one table |"
    for name, summary in COMMANDS.items():
        yield f"\n## {name}\n"
        yield from _command(name, summary)


def _command(name: str, summary: str) -> Iterable[str]:
    """One command, from its parser (whose own help looks different on each Python)."""
    commands: Any = build_parser(only=name)._subparsers._group_actions[0]  # type: ignore[union-attr]
    parser: argparse.ArgumentParser = commands.choices[name]
    options = [a for a in parser._actions if a.option_strings and a.dest != "help"]
    places = [a for a in parser._actions if not a.option_strings]
    words = " ".join(_place(a) for a in places)
    required = "".join(f" {a.option_strings[0]} {_value(a)}" for a in options if a.required)
    yield f"`synthdsl {name}{required} {words}`: {summary}.\n"
    yield sentence(parser.description or "") + "\n"
    yield "| argument | meaning | choices |\n|---|---|---|"
    for action in [*places, *options]:
        flags = [f"`{flag} {_value(action)}`".replace(" `", "`") for flag in action.option_strings]
        choices = ", ".join(f"`{c}`" for c in action.choices or ())
        written = ", ".join(flags) or f"`{_place(action)}`"
        yield f"| {cell(written)} | {cell((action.help or '').replace('%%', '%'))} | {choices} |"
    yield "\n```text"
    yield (parser.epilog or "").partition("examples:\n")[2].partition("\n\n")[0].rstrip("\n")
    yield "```"


def _place(action: argparse.Action) -> str:
    """How a positional argument is written."""
    name = str(action.metavar or action.dest).upper()
    return {"+": f"{name}…", "?": f"[{name}]"}.get(str(action.nargs), name)


def _value(action: argparse.Action) -> str:
    """What follows an option; nothing for a switch."""
    if action.nargs == 0:
        return ""
    return str(action.metavar or action.dest.upper())


# the standard library


def standard_library() -> Iterable[str]:
    """The page of specs to import."""
    yield "# Standard library\n"
    yield (
        'Files that come with the program. `import "std/FILE" (names)` makes their declarations '
        "known; see [reuse](../how-to/reuse.md#imports).\n"
    )
    for path in sorted(STANDARD.glob("*.synth")):
        text = path.read_text()
        yield f"\n## {path.name}\n"
        comment = re.search(r"^language 1\n+((?:#.*\n)+)", text)
        if comment is not None:
            yield re.sub(r"^# ?", "", comment[1], flags=re.MULTILINE) + "\n"
        yield "| declaration | is | in a word |\n|---|---|---|"
        for node in parse(Source(path.name, text))[0].file.statements:
            row = _declaration(node)
            if row is not None:
                yield "| " + " | ".join(map(cell, row)) + " |"
        yield ""


def _declaration(node: tree.Statement) -> tuple[str, str, str] | None:
    """How a declaration is used, what it is, and what it says of itself."""
    if isinstance(node, tree.Dist):
        return _used(node.name, node.parameters), "distribution", _comment_before(node)
    if isinstance(node, tree.Fields):
        kept = [m.name.text for m in node.members if isinstance(m, tree.Field) and not m.is_let]
        about = f"{sentence(node.description or '')} Fields: {', '.join(f'`{k}`' for k in kept)}."
        return _used(node.name, node.parameters), "group of fields", about.strip()
    if isinstance(node, tree.Lookup):
        return f"`{node.name.text}`", "lookup", sentence(node.description or "")
    if isinstance(node, tree.Enumeration):
        members = ", ".join(m.name.text for m in node.members)
        return f"`{node.name.text}`", "enum", f"{sentence(node.description or '')} {members}"
    if isinstance(node, tree.Param):
        return f"`{node.name.text}`", "parameter", sentence(node.description or "")
    return None


def _comment_before(node: tree.Statement) -> str:
    """The comment that stands right before a declaration."""
    lines = node.span.source.text[: node.span.start].splitlines()
    kept: list[str] = []
    while lines and lines[-1].startswith("#"):
        kept.insert(0, lines.pop().lstrip("# "))
    return sentence(" ".join(kept))


def _used(name: tree.Name, parameters: tuple[tree.Name, ...]) -> str:
    listed = ", ".join(p.text for p in parameters)
    return f"`{name.text}({listed})`" if listed else f"`{name.text}`"


# units


def units() -> Iterable[str]:
    """The page of units."""
    yield "# Units\n"
    yield (
        "Units are written as in UCUM, the Unified Code for Units of Measure, and case matters. "
        "After a type they stand in angle brackets: `float<mm[Hg]>`. After a number they stand in "
        "single quotes: `300 'mg/dL'`. These need no quotes: "
        + ", ".join(f"`{u}`" for u in UNIT_LITERALS)
        + ". How units behave is in [types](types.md#units).\n"
    )
    yield (
        "Products are written with `.`, quotients with `/`, powers as digits: `kg/m2`, `m.s-2`, "
        "`10*9/L`. Braces annotate and change nothing: `{beats}/min`.\n"
    )
    yield "| unit | may take prefixes | dimension |\n|---|---|---|"
    for name, atom in ATOMS.items():
        dimension = ".".join(b + (str(e) if e != 1 else "") for b, e in atom.dimension) or "1"
        yield f"| `{name}` | {'yes' if atom.is_metric else ''} | `{dimension}` |"
    yield "\n## What people write, and what UCUM writes\n"
    yield "A unit under one of these names is refused, with the right spelling as help.\n"
    yield "| UCUM | people also write |\n|---|---|"
    by_symbol: dict[str, list[str]] = {}
    for word, symbol in COLLOQUIAL.items():
        by_symbol.setdefault(symbol, []).append(word)
    for symbol, words in by_symbol.items():
        yield f"| `{symbol}` | {', '.join(words)} |"


# grammar


def grammar() -> Iterable[str]:
    """The page of the grammar."""
    yield "# Grammar\n"
    yield (
        "The grammar in EBNF, made from the file that the parser itself is built from. `[x]` is "
        "optional, `x*` any number, `x+` one or more. Words in quotes stand for themselves. It "
        "gives the shape only: names are resolved later. Constructs that this release parses but "
        "does not carry out are listed in [the language](language.md#not-yet-in-this-release).\n"
    )
    yield "```ebnf"
    for name, body in _rules():
        yield f"{name} ::= {body}"
    yield "```\n"
    yield "| token | looks like |\n|---|---|"
    for token, looks in TOKENS:
        yield f"| `{token}` | {looks} |"
    yield "\n## Reserved names\n"
    fields = ", ".join(f"`{name}`" for name in sorted(RESERVED_FIELDS))
    yield f"No field can be called {fields}.\n"
    others = ", ".join(f"`{name}`" for name in sorted(RESERVED))
    yield (
        f"No parameter, enum, lookup, distribution or group can be called {others}. Words such as "
        "`step`, `count`, `key` or `table` may be names.\n"
    )


TOKENS = (
    ("NAME", "`[A-Za-z_][A-Za-z0-9_]*`"),
    ("INT", "`10_000`: digits, underscores between them"),
    ("FLOAT", "`0.5`, `1e-3`: digits before and after the point"),
    ("QUANTITY", "`4 d`, `300 'mg/dL'`: a number and a unit"),
    ("PERCENT", "`52%`"),
    ("STRING", '`"text"`, with `\\"`, `\\\\`, `\\n`, `\\t`; any other backslash stays'),
    ("DATE", "`2026-01-31`, `2026-01-31T08:30:00`, `2026-01-31T08:30Z`, `08:30`"),
    ("UNIT", "`<kg/m2>`, after a type"),
    ("NULLABLE", "`?`, after a type"),
    ("COMPARE", "`==`, `!=`, `<`, `<=`, `>`, `>=`"),
    ("NEWLINE", "one or more line ends; inside brackets they do not count"),
)


def _rules() -> list[tuple[str, str]]:
    """The rules of the grammar: names and bodies, without what only the parser needs."""
    text = re.sub(r"//.*", "", GRAMMAR.read_text())
    text = re.sub(r"^%.*$", "", text, flags=re.MULTILINE)
    rules = re.findall(r"^\??(\w+): (.*(?:\n[ ]+\|.*)*)", text, re.MULTILINE)
    taken = {name for name, _ in rules}
    # rules that leave no node of their own; two of them are called like one that does
    plain = {
        name: name[1:] + ("_line" if name[1:] in taken else "") for name in taken if name[0] == "_"
    }
    result = []
    for name, body in rules:
        if name == "broken":
            continue
        body = re.sub(r"\s*(?<!\")->\s*\w+", "", body)
        body = re.sub(r"\| broken\b", "", body)
        body = re.sub(r"\b_NL\b", "NEWLINE", body)
        for inner, shown in plain.items():
            body = re.sub(rf"\b{inner}\b", shown, body)
        for token, sign in (("PLUS", "+"), ("MINUS", "-"), ("STAR", "*"), ("SLASH", "/")):
            body = re.sub(rf"\b{token}\b", f'"{sign}"', body)
        body = re.sub(r"\s*\n\s*", "\n        ", body.strip())
        result.append((plain.get(name, name), body))
    return result


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them with what is there."""
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in arguments:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    for name in stale:
        print(f"{'differs' if '--check' in arguments else 'wrote'}: docs/reference/{name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
