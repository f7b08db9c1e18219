"""The manifest as pydantic models; imported only when one is written or read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SHA256 = r"^[0-9a-f]{64}$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SourceFile(_Model):
    """A file that the rows follow from: the spec, an import, a lookup table."""

    name: str
    sha256: str = Field(pattern=SHA256)


class Versions(_Model):
    """What made the rows."""

    synthdsl: str
    numpy: str
    pyarrow: str


class WrittenFile(_Model):
    """A written file: its path below the folder of the manifest, with `/` between names."""

    path: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)


class ManifestColumn(_Model):
    """An exported column: its type in the language and in Arrow."""

    name: str
    type: str
    arrow_type: str
    nullable: bool
    description: str = ""
    unit: str = ""
    roles: tuple[str, ...] = ()


class ManifestReference(_Model):
    """The columns `fields` hold the columns `to` of `table`."""

    fields: tuple[str, ...]
    table: str
    to: tuple[str, ...]


class ManifestTable(_Model):
    """A table. The files of a database hold all of its tables."""

    name: str
    description: str = ""
    rows: int = Field(ge=0)
    key: tuple[str, ...] = ()
    references: tuple[ManifestReference, ...] = ()
    columns: tuple[ManifestColumn, ...]
    files: tuple[WrittenFile, ...]


class ManifestFocus(_Model):
    """A case that every row of `table` meets, or a rule that every row breaks."""

    table: str
    name: str
    condition: str


class Manifest(_Model):
    """`manifest.json`: what lies in an output folder and what it follows from."""

    schema_: Literal["synthdsl.manifest/1"] = Field(alias="schema")
    spec: str
    sources: tuple[SourceFile, ...]
    versions: Versions
    seed: int
    parameters: dict[str, Any]
    format: str
    compression: str
    tables: tuple[ManifestTable, ...]
    case: ManifestFocus | None = None
    broken_rule: ManifestFocus | None = None
    sampling: str | None = None
