"""Types as written to types."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction

from synthdsl.language import tree
from synthdsl.model.findings import Findings
from synthdsl.model.scope import FileScope
from synthdsl.values.types import UNKNOWN, Kind, Type
from synthdsl.values.units import ONE, UnitError, parse_unit

_PLAIN = {
    "int": Kind.INT,
    "float": Kind.FLOAT,
    "bool": Kind.BOOL,
    "text": Kind.TEXT,
    "code": Kind.TEXT,
    "date": Kind.DATE,
    "datetime": Kind.DATETIME,
    "time": Kind.TIME,
    "duration": Kind.DURATION,
    "uuid": Kind.UUID,
}
_NAMES = [*_PLAIN, "decimal", "list"]
TYPE_NAMES = frozenset(_NAMES)
"""Names that no enum or table can have."""
_MEANT = {
    "string": "text",
    "str": "text",
    "varchar": "text",
    "char": "text",
    "integer": "int",
    "bigint": "int",
    "number": "float",
    "double": "float",
    "real": "float",
    "numeric": "decimal(12, 2)",
    "boolean": "bool",
    "timestamp": "datetime",
    "interval": "duration",
    "array": "list(float)",
    "enum": "an enum declared with `enum Name {a, b}`",
}


def report_type_name(name: tree.Name, findings: Findings) -> None:
    """Report that an enum or table is named as a type of the language."""
    findings.report(
        "reserved-name",
        name.span,
        f"`{name.text}` is a type of the language",
        f"write `{name.text}_`, or a name that says more",
    )


def resolve_type(node: tree.TypeName, file: FileScope, findings: Findings) -> Type:
    """The type that `node` names; `UNKNOWN` after a report."""
    type_ = _base(node, file, findings)
    if type_.is_unknown:
        return type_
    type_ = _with_unit(type_, node, findings)
    return type_.nullable(node.is_nullable) if not type_.is_unknown else type_


def _base(node: tree.TypeName, file: FileScope, findings: Findings) -> Type:
    if node.name in TYPE_NAMES:
        return _built_in(node, file, findings)
    if node.name in file.enums:
        file.use(node.name)
        if node.arguments:
            findings.report(
                "bad-type",
                node.span,
                f"enum `{node.name}` takes no arguments",
                f"write `{node.name}`",
            )
        return Type(Kind.ENUM, enum=file.enums[node.name].type)
    if node.name in file.tables:
        if node.arguments:
            findings.report(
                "bad-type",
                node.span,
                f"a reference to `{node.name}` takes no arguments",
                f"write `{node.name}`",
            )
        return Type(Kind.REFERENCE, table=node.name)
    _report_unknown(node, file, findings)
    return UNKNOWN


def _built_in(node: tree.TypeName, file: FileScope, findings: Findings) -> Type:
    if node.name == "decimal":
        return _decimal(node, findings)
    if node.name == "list":
        return _list(node, file, findings)
    kind = _PLAIN[node.name]
    if kind is Kind.DATETIME and len(node.arguments) == 1 and isinstance(node.arguments[0], str):
        return _zoned(node, node.arguments[0], findings)
    if node.arguments:
        findings.report(
            "bad-type", node.span, f"`{node.name}` takes no arguments", f"write `{node.name}`"
        )
        return UNKNOWN
    return Type(kind)


def _report_unknown(node: tree.TypeName, file: FileScope, findings: Findings) -> None:
    if node.name in file.broken:
        return
    meant = _MEANT.get(node.name.lower())
    close = get_close_matches(node.name, [*_NAMES, *file.enums, *file.tables], n=1, cutoff=0.6)
    if meant:
        help_ = f"write {meant}" if meant.startswith("an ") else f"write `{meant}`"
    elif close:
        help_ = f"did you mean `{close[0]}`?"
    else:
        help_ = f"types are {', '.join(_NAMES)}, enums declared with `enum`, and tables"
    findings.report("unknown-type", node.span, f"there is no type `{node.name}`", help_)


def _decimal(node: tree.TypeName, findings: Findings) -> Type:
    arguments = node.arguments
    if len(arguments) == 2 and all(isinstance(a, int) for a in arguments):
        precision, scale = arguments
        assert isinstance(precision, int) and isinstance(scale, int)
        if 1 <= precision <= 15 and 0 <= scale <= precision:
            return Type(Kind.DECIMAL, precision=precision, scale=scale)
    findings.report(
        "bad-type",
        node.span,
        f"`{node.span.text}` is not a decimal type",
        "write `decimal(9, 2)`: up to 15 digits in all, and how many after the point",
    )
    return UNKNOWN


def _list(node: tree.TypeName, file: FileScope, findings: Findings) -> Type:
    if len(node.arguments) == 1 and isinstance(node.arguments[0], tree.TypeName):
        element = resolve_type(node.arguments[0], file, findings)
        if element.kind is Kind.REFERENCE:
            findings.report(
                "bad-type",
                node.span,
                f"a list of references to `{element.table}` is a table",
                f"declare a table under this one, with a field `~ ref {element.table}`",
            )
            return UNKNOWN
        return element if element.is_unknown else Type(Kind.LIST, element=element)
    findings.report(
        "bad-type", node.span, f"`{node.span.text}` lacks its element type", "write `list(float)`"
    )
    return UNKNOWN


def _zoned(node: tree.TypeName, zone: str, findings: Findings) -> Type:
    # only datetimes with a zone need it
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if zone != "UTC":
            findings.report(
                "bad-type",
                node.span,
                f'there is no time zone "{zone}"',
                'write "UTC" or "Europe/Berlin"',
            )
            return UNKNOWN
    return Type(Kind.DATETIME, zone=zone)


def _with_unit(type: Type, node: tree.TypeName, findings: Findings) -> Type:
    if node.unit is None or node.unit_span is None:
        return type
    if not type.is_number:
        findings.report(
            "unit-not-allowed",
            node.unit_span,
            f"`{node.name}` takes no unit",
            f"write `{node.name}`, or `float<{node.unit}>`",
        )
        return UNKNOWN
    try:
        unit = parse_unit(node.unit)
    except UnitError as error:
        findings.report("unknown-unit", node.unit_span, str(error), error.help)
        return UNKNOWN
    return type.with_unit(unit) if unit != ONE else type


def with_step(type: Type, step: Fraction) -> Type:
    """`type` on the grid of multiples of `step` (raw)."""
    return replace(type, step=step)
