"""All tables of a file, and what is said about them: built together, since they read each other."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from synthdsl.diagnostics import Label
from synthdsl.language import tree
from synthdsl.model.expectations import type_expectation
from synthdsl.model.expressions import Above, Expr, FieldRef, Referred
from synthdsl.model.findings import Findings
from synthdsl.model.ordering import check_cycles
from synthdsl.model.pathway_tables import PathwayBuilder
from synthdsl.model.relations import Relations
from synthdsl.model.scope import FileScope
from synthdsl.model.spec import Field, Reference, Spec, Table
from synthdsl.model.tables import TableBuilder
from synthdsl.model.type_names import TYPE_NAMES, report_type_name
from synthdsl.values.types import Kind

Builder = TableBuilder | PathwayBuilder


def build_tables(
    file: tree.File, scope: FileScope, spec: Spec, findings: Findings, *, allows_python: bool
) -> None:
    """Add the tables of `file` to `spec`, and its expectations."""
    relations = Relations()
    builders = _builders(file, scope, findings, relations, allows_python=allows_python)
    scope.tables.update(
        {name: b.node for name, b in builders.items() if isinstance(b.node, tree.Table)}
    )
    _check_parents(builders, findings)
    for builder in builders.values():
        builder.collect()
    relations.link_children()
    for builder in builders.values():
        builder.find_types()
    built: dict[str, Table] = {}
    for name in _parents_first(builders):
        builder = builders[name]
        parent = None if builder.links.parent is None else built[builder.links.parent]
        key = () if parent is None else tuple(parent.fields[k] for k in parent.key)
        built[name] = builder.links.table = builder.build(key)
        spec.files += builder.files
        count = builder.count_field()
        if count is not None and builder.links.parent is not None:
            relations.tables[builder.links.parent].latent[count.name] = count
    for name in builders:
        spec.tables[name] = built[name]
    expectations = [
        type_expectation(node, spec.tables, relations, scope, findings)
        for node in file.statements
        if isinstance(node, tree.Expect)
    ]
    spec.expectations = tuple(e for e in expectations if e is not None)
    keys = {name: _reference_keys(table, spec.tables, relations) for name, table in built.items()}
    for name, table in spec.tables.items():
        table.fields.update(relations.tables[name].latent)
    for name, table in spec.tables.items():
        check_cycles(table.fields, findings, table.correlations)
        spec.tables[name] = replace(
            table, references=_references(table, spec.tables), reference_keys=keys[name]
        )


def _builders(
    file: tree.File,
    scope: FileScope,
    findings: Findings,
    relations: Relations,
    *,
    allows_python: bool,
) -> dict[str, Builder]:
    builders: dict[str, Builder] = {}
    seen: dict[str, tree.Name] = {}
    for node in file.statements:
        if not isinstance(node, tree.Table | tree.Pathway):
            continue
        name = node.name
        if name.text in seen:
            findings.report(
                "duplicate-name",
                name.span,
                f"table `{name.text}` is declared twice",
                "rename one",
                labels=(Label(seen[name.text].span, "first here"),),
            )
            continue
        seen[name.text] = name
        if name.text in TYPE_NAMES:
            report_type_name(name, findings)
        elif name.text in scope.enums:
            findings.report(
                "duplicate-name",
                name.span,
                f"`{name.text}` is an enum and a table: a field of that type could be either",
                "rename one",
                labels=(Label(scope.declared[name.text].span, "the enum"),),
            )
        outside = _outside(file, name.text)
        builder: Builder
        if isinstance(node, tree.Table):
            builder = TableBuilder(
                node, scope, findings, relations, outside=outside, allows_python=allows_python
            )
        else:
            builder = PathwayBuilder(
                node, scope, findings, relations, outside=outside, allows_python=allows_python
            )
        relations.add(builder.links)
        builders[name.text] = builder
    return builders


def _outside(file: tree.File, table: str) -> tuple[tree.Rule | tree.Case, ...]:
    """The rules and cases outside of tables that are for each row of `table`."""
    return tuple(
        node
        for node in file.statements
        if isinstance(node, tree.Rule | tree.Case)
        and node.each is not None
        and node.each.table.text == table
    )


def _check_parents(builders: dict[str, Builder], findings: Findings) -> None:
    """Report parents that are no tables, and tables that hang under themselves."""
    for name, builder in builders.items():
        per = builder.node.per
        if per is None:
            continue
        above, parent = [name], per.parent.text
        while parent in builders and parent not in above:
            above.append(parent)
            of_parent = builders[parent].links.parent
            if of_parent is None:
                break
            parent = of_parent
        if parent in above and builders[above[-1]].links.parent is not None:
            findings.report(
                "cycle",
                per.parent.span,
                f"table `{name}` hangs under itself",
                "let one of the tables have no parent",
            )
            builder.links.parent = None
        elif per.parent.text.startswith("_"):
            builder.links.parent = None  # reported: its head does not parse
        elif per.parent.text not in builders:
            close = get_close_matches(per.parent.text, list(builders), n=1, cutoff=0.6)
            findings.report(
                "unknown-name",
                per.parent.span,
                f"there is no table `{per.parent.text}`",
                f"did you mean `{close[0]}`?" if close else "declare it",
            )
            builder.links.parent = None
        elif per.variable.text in ("prev", "next", "first", "last", "index"):
            findings.report(
                "reserved-name",
                per.variable.span,
                f"`{per.variable.text}` is a word of the language",
                f"write `per {per.parent.text} {per.parent.text[0]}`",
            )


def _parents_first(builders: dict[str, Builder]) -> list[str]:
    result: list[str] = []
    for start in builders:
        chain = [start]
        while (parent := builders[chain[-1]].links.parent) is not None:
            chain.append(parent)
        result += [name for name in reversed(chain) if name not in result]
    return result


def _references(table: Table, tables: dict[str, Table]) -> tuple[Reference, ...]:
    """The foreign keys of a table: exported fields that are, by definition, the key of a row
    above, and fields drawn with `ref`.
    """
    found: dict[str, dict[str, str]] = {}
    for field in table.exported:
        origin = _origin(field, table, tables)
        if origin is not None:
            found.setdefault(origin[0], {}).setdefault(origin[1], field.name)
    references = []
    for name, fields in found.items():
        key = tables[name].key
        if key and all(part in fields for part in key):
            own = tuple(fields[part] for part in key)
            references.append(Reference(own, name, key))
    for field in table.exported:
        if field.type.kind is Kind.REFERENCE and field.type.table in tables:
            key = tables[field.type.table].key
            references.append(Reference((field.name,), field.type.table, key))
    return tuple(references)


def _reference_keys(
    table: Table, tables: dict[str, Table], relations: Relations
) -> dict[str, tuple[str, ...]]:
    """Latent fields with the keys of the rows that exported fields of a table refer to."""
    found: dict[str, tuple[str, ...]] = {}
    for field in table.exported:
        if field.type.kind is not Kind.REFERENCE or field.type.table not in tables:
            continue
        target = tables[field.type.table]
        names = []
        for key in target.key:
            type_ = target.fields[key].type
            type_ = type_.nullable(type_.is_nullable or field.type.is_nullable)
            name = f"{field.name}.{key}"
            value = Referred(type_, field.span, field.name, target.name, key)
            relations.tables[table.name].add_latent(name, type_, value, field.span)
            names.append(name)
        found[field.name] = tuple(names)
    return found


def _origin(field: Field, table: Table, tables: dict[str, Table]) -> tuple[str, str] | None:
    """The table above and its field that a derived field repeats; None where it does not."""
    name, value = table.name, field.value
    has_risen = False
    current: Expr | None = value
    seen: set[int] = set()
    while id(current) not in seen:  # fields that repeat each other are reported as a circle
        seen.add(id(current))
        if isinstance(current, Above):
            parent = tables[name].parent
            if parent is None:
                return None
            name, current, has_risen = parent.table, current.inner, True
        elif isinstance(current, FieldRef):
            at = current.field
            target = tables[name].fields.get(at)
            if target is None:
                return None
            if has_risen and at in tables[name].key:
                return name, at
            current = target.value
        else:
            return None
    return None
