"""`manifest.json`: what lies in an output folder, and everything that it follows from.

The same spec, parameters and versions give the same bytes: no clock, no host, no absolute
path. (Only a DuckDB file's own hash may differ between two runs.)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import synthdsl
from synthdsl.diagnostics import SynthError
from synthdsl.io._ddl import table_facts
from synthdsl.io._files import files_of

if TYPE_CHECKING:
    import pyarrow as pa

    from synthdsl.io._manifest_models import Manifest, ManifestTable, SourceFile, WrittenFile

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class RunFocus:
    """A case that every row of `table` meets, or a rule that every row breaks.

    `condition` is true in every row of a case, false in every row of counter-examples.
    """

    table: str
    name: str
    condition: str


def source_file(name: str, content: bytes) -> SourceFile:
    """The record of a file that was read. Of an absolute path only the last name is kept."""
    from synthdsl.io._manifest_models import SourceFile

    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute():
        name = PureWindowsPath(name).name
    return SourceFile(name=name.replace("\\", "/"), sha256=hashlib.sha256(content).hexdigest())


def source_entry(name: str, digest: str) -> SourceFile:
    """A file that the rows follow from, whose SHA-256 is known."""
    from synthdsl.io._manifest_models import SourceFile

    return SourceFile(name=name, sha256=digest)


def written_files(folder: Path, target: Path) -> tuple[WrittenFile, ...]:
    """Records of the files of `target` (a file or a folder of parts) below `folder`."""
    from synthdsl.io._manifest_models import WrittenFile

    return tuple(
        WrittenFile(
            path=path.relative_to(folder).as_posix(),
            bytes=path.stat().st_size,
            sha256=file_hash(path),
        )
        for path in files_of(target)
    )


def file_hash(path: Path) -> str:
    """SHA-256 of the file at `path`, read a piece at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_table(
    name: str, schema: pa.Schema, rows: int, files: Sequence[WrittenFile]
) -> ManifestTable:
    """The record of a table, from the metadata of its schema (see `schema.arrow_schema`)."""
    from synthdsl.io._manifest_models import ManifestColumn, ManifestReference, ManifestTable

    facts = table_facts(schema, name)
    columns = []
    for field in schema:
        about = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        roles = about.get("roles", "")
        columns.append(
            ManifestColumn(
                name=field.name,
                type=about.get("synthdsl.type", str(field.type)),
                arrow_type=str(field.type),
                nullable=field.nullable,
                description=about.get("description", ""),
                unit=about.get("unit", ""),
                roles=tuple(roles.split(",")) if roles else (),
            )
        )
    return ManifestTable(
        name=name,
        description=facts.description,
        rows=rows,
        key=facts.key,
        references=tuple(
            ManifestReference(fields=fields, table=table, to=to)
            for fields, table, to in facts.references
        ),
        columns=tuple(columns),
        files=tuple(files),
    )


def make_manifest(
    *,
    spec: str,
    sources: Sequence[SourceFile],
    seed: int,
    parameters: Mapping[str, Any],
    format: str,
    compression: str,
    tables: Sequence[ManifestTable],
    case: RunFocus | None = None,
    broken_rule: RunFocus | None = None,
    sampling: str | None = None,
) -> Manifest:
    """The manifest of one run. `parameters`: values that JSON can say, in declared order.

    `sources`: the spec first, then imports and lookups in the order they were read. `case`: what
    all rows of a table meet; `broken_rule`: what all break; `sampling`: the design of root rows.
    """
    from synthdsl.io._manifest_models import Manifest, ManifestFocus, Versions

    return Manifest(
        schema="synthdsl.manifest/1",
        spec=spec,
        sources=tuple(sources),
        versions=Versions(
            synthdsl=synthdsl.__version__, numpy=version("numpy"), pyarrow=version("pyarrow")
        ),
        seed=seed,
        parameters=dict(parameters),
        format=format,
        compression=compression,
        tables=tuple(tables),
        case=None if case is None else ManifestFocus(**asdict(case)),
        broken_rule=None if broken_rule is None else ManifestFocus(**asdict(broken_rule)),
        sampling=sampling,
    )


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write `manifest` to `folder`/manifest.json; return the path."""
    path = folder / MANIFEST_NAME
    data = manifest.model_dump(mode="json", by_alias=True)
    data = {key: value for key, value in data.items() if value is not None}
    path.write_bytes((json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of a manifest."""
    from synthdsl.io._manifest_models import Manifest

    return Manifest.model_json_schema(mode="serialization")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest (or the one in the folder `path`). Raises `SynthError` for any other file."""
    from pydantic import ValidationError

    from synthdsl.io._manifest_models import Manifest

    if path.is_dir():
        path /= MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SynthError(f"cannot read `{path}`: {error.strerror}", exit_code=2) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise SynthError(
            f"`{path}` is no manifest: {place}: {first['msg']}", exit_code=2
        ) from error
