"""How tables hang together, as text and HTML: rows under parents, states, references, order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Protocol

from synthdsl.render._account import WIDTH, wrapped
from synthdsl.render._width import display_width, pad, printable
from synthdsl.render.colours import Paint


class StateLike(Protocol):
    """A state of a pathway."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def stay(self) -> str:
        """How long a visit lasts; empty of a final state."""

    @property
    def following(self) -> str:
        """What follows; empty of a final state."""


class ReferenceLike(Protocol):
    """Fields that hold the key of a row of another table."""

    @property
    def fields(self) -> tuple[str, ...]:
        """These fields."""

    @property
    def table(self) -> str:
        """The other table."""

    @property
    def how(self) -> str:
        """How the row is chosen."""


class RelatedLike(Protocol):
    """A table among others."""

    @property
    def parent(self) -> str:
        """The table that it is under; may be empty."""

    @property
    def variable(self) -> str:
        """The name that the parent's row has."""

    @property
    def count(self) -> str:
        """How many rows each parent has."""

    @property
    def where(self) -> str:
        """Which parents have any; empty: all."""

    @property
    def until(self) -> str:
        """The condition that ends the rows; may be empty."""

    @property
    def starts(self) -> str:
        """Of a pathway: when it starts."""

    @property
    def states(self) -> Sequence[StateLike]:
        """Of a pathway: its states, the start first, the final ones last."""

    @property
    def references(self) -> Sequence[ReferenceLike]:
        """Fields that refer to rows."""

    @property
    def children(self) -> Sequence[str]:
        """Tables under this one."""

    @property
    def is_fixed(self) -> bool:
        """Whether the rows stand in a file."""


class MakingLike(Protocol):
    """Something of a family that is made at once."""

    @property
    def kind(self) -> str:
        """What it is (`plan.making.Making`)."""

    @property
    def table(self) -> str:
        """Its table."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are made."""

    @property
    def about(self) -> str:
        """What else there is to say."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that must hold."""

    @property
    def scope(self) -> str:
        """What rules across rows condition."""

    @property
    def kept(self) -> tuple[str, ...]:
        """What is settled first and kept."""

    @property
    def parts(self) -> Sequence[MakingLike]:
        """What is made together until the rules hold."""


class FamilyLike(Protocol):
    """Tables that hang together."""

    @property
    def root(self) -> str:
        """The table without parent."""

    @property
    def tables(self) -> tuple[str, ...]:
        """All of them, parents first."""

    @property
    def order(self) -> Sequence[MakingLike]:
        """What is made, in order."""


def relations(table: RelatedLike) -> Iterator[tuple[str, str]]:
    """What there is to say of a table's place among others: words, and what they introduce."""
    if table.count:
        yield "how many", table.count
    if table.where:
        yield "only where", table.where
    if table.starts:
        yield "starts", table.starts
    if table.until:
        yield "until", f"{table.until}; rows after the first in which it is true are left out"
    for reference in table.references:
        fields = ", ".join(reference.fields)
        yield "refers to", f"{reference.table} by {fields}: {reference.how}"
    if table.children:
        yield "above", ", ".join(table.children)


def place(table: RelatedLike) -> str:
    """`under patient p`, `rows of a file`; empty for any other table."""
    if table.parent:
        return f"under {table.parent} {table.variable}"
    return "rows of a file" if table.is_fixed else ""


# text


def relations_text(table: RelatedLike, paint: Paint) -> list[str]:
    """The lines before the fields of a table."""
    rows = list(relations(table))
    lines = _labelled([(paint("help", word), word, text) for word, text in rows])
    lines += _states_text(table, paint)
    return [*lines, ""] if lines else []


def _labelled(rows: Sequence[tuple[str, str, str]], indent: int = 2) -> list[str]:
    """Lines of painted labels (with their plain form) and texts beside them."""
    longest = max((display_width(plain) for _, plain, _ in rows), default=0)
    at = indent + longest + 2
    lines = []
    for shown, plain, text in rows:
        said = wrapped(text, max(WIDTH - at, 30)) or [""]
        lines.append(" " * indent + shown + " " * (at - indent - display_width(plain)) + said[0])
        lines += [" " * at + line for line in said[1:]]
    return lines


def _states_text(table: RelatedLike, paint: Paint) -> list[str]:
    if not table.states:
        return []
    lines = ["", "  " + paint("bold", "states")]
    rows = []
    for state in table.states:
        name = printable(state.name)
        said = f"{state.stay}; then {state.following}" if state.stay else "final"
        rows.append((paint("bold", name), name, said))
    return [*lines, *_labelled(rows)]


def order_text(family: FamilyLike, paint: Paint) -> str:
    """In which order the tables of a family are made."""
    lines = [paint("bold", f"order of making · {printable(family.root)} and what is under it")]
    names = max(display_width(name) for name in family.tables)
    return "\n".join([*lines, *_parts_text(family.order, "", names, paint)]) + "\n"


def _parts_text(
    parts: Sequence[MakingLike], before: str, names: int, paint: Paint, indent: int = 2
) -> Iterator[str]:
    numbers = len(str(len(parts)))
    for number, made in enumerate(parts, 1):
        shown = f"{number:>{numbers}}"
        head = f"{' ' * indent}{paint('dim', before + shown)}  "
        at = indent + len(before) + numbers + 2
        if made.parts:
            said = wrapped(_conditioned(made), max(WIDTH - at, 40))
            yield head + said[0]
            yield from (" " * at + line for line in said[1:])
            yield from _parts_text(made.parts, f"{before}{number}.", names, paint, indent + 2)
            continue
        at += names + 2
        said = wrapped(sentence(made), max(WIDTH - at, 30)) or [""]
        yield head + paint("bold", pad(printable(made.table), names)) + "  " + said[0]
        yield from (" " * at + line for line in said[1:])


def sentence(made: MakingLike) -> str:
    """What is made, in words."""
    fields = ", ".join(made.fields)
    if made.rules:
        return f"{fields} until {_quoted(made.rules)} hold{'s' * (len(made.rules) == 1)}"
    if made.fields and made.about:
        return f"{fields}: {made.about}"
    return fields or made.about


def _conditioned(made: MakingLike) -> str:
    verb = "holds" if len(made.rules) == 1 else "hold"
    kept = f"; {', '.join(made.kept)} settled first and kept" if made.kept else ""
    return f"{made.scope}, again until {_quoted(made.rules)} {verb}{kept}:"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# HTML


def relations_html(table: RelatedLike) -> list[str]:
    """The same as a list of definitions, and a table of states."""
    rows = list(relations(table))
    lines = []
    if rows:
        shown = "".join(f"<dt>{escape(w)}</dt><dd>{marked(t)}</dd>" for w, t in rows)
        lines.append(f'<dl class="relations">{shown}</dl>')
    if table.states:
        lines += [
            '<h3>States</h3><div class="wide"><table><thead><tr><th scope="col">State</th>'
            '<th scope="col">Lasts</th><th scope="col">Then</th></tr></thead><tbody>',
            *(
                f'<tr><th scope="row"><code>{escape(s.name)}</code></th>'
                f"<td>{escape(s.stay) or 'final'}</td>"
                f'<td class="meaning">{_code(s.following)}</td></tr>'
                for s in table.states
            ),
            "</tbody></table></div>",
        ]
    return lines


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""


def marked(text: str) -> str:
    """Plain text with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def order_html(family: FamilyLike) -> list[str]:
    """The order of making as nested lists."""
    root = escape(family.root)
    return [
        f'<section aria-labelledby="order-{root}">',
        f'<h2 id="order-{root}">Order of making <small>{root} and what is under it</small></h2>',
        _parts_html(family.order),
        "</section>",
    ]


def _parts_html(parts: Sequence[MakingLike]) -> str:
    items = []
    for made in parts:
        if made.parts:
            items.append(f"<li>{marked(_conditioned(made))}{_parts_html(made.parts)}</li>")
        else:
            name = f"<strong>{escape(made.table)}</strong>"
            items.append(f"<li>{name} {marked(sentence(made))}</li>")
    return f'<ol class="order">{"".join(items)}</ol>'
