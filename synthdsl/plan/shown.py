"""Names of a table's fields as their authors know them: latent fields nobody declared are others.

What a row reads from elsewhere, and what an aggregate comes to, are latent fields of its table
(`model.relations`), named as they were typed; the number of rows under a parent is `#name`.
"""

from __future__ import annotations

from synthdsl.plan.nodes import END, MACHINE


def is_declared(name: str) -> bool:
    """Whether a field has the name of one that a spec can declare."""
    return name.isidentifier()


def written(name: str) -> str:
    """A field as its reader knows it: an import or an aggregate as typed, a number of rows in
    words.
    """
    if name in (MACHINE, END):
        return ""
    return f"number of {name[1:]} rows" if name.startswith("#") else name
