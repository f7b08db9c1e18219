"""The output folder: whole or not at all, and nothing touched that was not asked for."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthdsl.diagnostics import SynthError
from synthdsl.io.output import OutputFolder


def tree(folder: Path) -> dict[str, str]:
    """Every file below `folder` with its text."""
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()
    }


def put(target: Path, names: list[str], *, text: str = "new", overwrite: bool = False) -> None:
    with OutputFolder(target, names, overwrite=overwrite) as output:
        for name in names:
            (output.staging / name).write_text(text)
        output.commit()


def refused(target: Path, names: list[str], *, overwrite: bool = False) -> str:
    """The message with which writing is refused, at the start and before anything exists."""
    with pytest.raises(SynthError) as raised:
        OutputFolder(target, names, overwrite=overwrite)
    assert raised.value.exit_code == 2
    return raised.value.message


@pytest.mark.parametrize("depth", [1, 3])
def test_a_new_folder_appears_at_the_end(tmp_path: Path, depth: int) -> None:
    target = tmp_path.joinpath(*"abc"[:depth])
    with OutputFolder(target, ["x"]) as output:
        (output.staging / "x").write_text("1")
        assert not target.exists()
        output.commit()
    assert tree(tmp_path) == {(target / "x").relative_to(tmp_path).as_posix(): "1"}
    assert sorted(p.name for p in target.parent.iterdir()) == [target.name]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit, None])
@pytest.mark.parametrize("exists", [True, False])
def test_leaving_without_a_commit_leaves_nothing(
    tmp_path: Path, error: type[BaseException] | None, exists: bool
) -> None:
    target = tmp_path / "a" / "b"
    if exists:
        target.mkdir(parents=True)
        (target / "mine").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    try:
        with OutputFolder(target, ["x"]) as output:
            (output.staging / "x").mkdir()
            (output.staging / "x" / "part-00000.csv").write_text("half")
            if error is not None:
                raise error
    except (KeyboardInterrupt, RuntimeError, SystemExit):
        pass
    assert sorted(tmp_path.rglob("*")) == before


def test_existing_outputs_are_refused_and_named(tmp_path: Path) -> None:
    put(tmp_path, ["x.csv", "manifest.json"], text="old")
    (tmp_path / "mine").write_text("kept")
    message = refused(tmp_path, ["x.csv", "y.csv", "manifest.json"])
    assert "`x.csv`, `manifest.json` already exist" in message and "add --overwrite" in message
    assert tree(tmp_path) == {"x.csv": "old", "manifest.json": "old", "mine": "kept"}


def test_overwriting_replaces_the_names_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, ["x.csv", "manifest.json"], text="old")
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "x.parquet").mkdir()
    put(tmp_path, ["x.csv", "y.csv", "manifest.json"], overwrite=True)
    assert tree(tmp_path) == {
        "x.csv": "new",
        "y.csv": "new",
        "manifest.json": "new",
        "mine": "kept",
    }
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["x.parquet"]


def test_a_folder_of_parts_is_replaced_by_a_file_but_a_strange_folder_is_not(
    tmp_path: Path,
) -> None:
    parts = tmp_path / "x.parquet"
    parts.mkdir()
    for number in range(3):
        (parts / f"part-0000{number}.parquet").write_text("old")
    put(tmp_path, ["x.parquet"], overwrite=True)
    assert tree(tmp_path) == {"x.parquet": "new"}
    (tmp_path / "y.parquet").mkdir()
    (tmp_path / "y.parquet" / "thesis.doc").write_text("kept")
    message = refused(tmp_path, ["x.parquet", "y.parquet"], overwrite=True)
    assert "`thesis.doc`, which synthdsl did not write" in message
    assert tree(tmp_path) == {"x.parquet": "new", "y.parquet/thesis.doc": "kept"}


def test_a_failing_move_takes_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, ["a", "b", "c"], text="old")
    real, calls = os.rename, []

    def rename(source: object, destination: object) -> None:
        calls.append(source)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, destination)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(SynthError, match="the disk is full; nothing was written"):
        put(tmp_path, ["a", "b", "c"], overwrite=True)
    assert len(calls) > 4
    assert tree(tmp_path) == {"a": "old", "b": "old", "c": "old"}
    assert len(list(tmp_path.iterdir())) == 3


def test_outputs_that_appear_meanwhile_are_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(SynthError, match="already exists"), OutputFolder(target, ["x"]) as output:
        (output.staging / "x").write_text("mine")
        put(target, ["x"], text="theirs")
        output.commit()
    assert tree(tmp_path) == {"out/x": "theirs"}


def test_a_name_that_was_not_written_is_no_success(tmp_path: Path) -> None:
    with (
        pytest.raises(SynthError, match="nothing was written for `y`"),
        OutputFolder(tmp_path / "out", ["x", "y"]) as output,
    ):
        (output.staging / "x").write_text("1")
        output.commit()
    assert tree(tmp_path) == {}


def test_a_target_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("kept")
    assert "it is a file, not a folder" in refused(tmp_path / "f", ["x"])
    assert "not a folder" in refused(tmp_path / "f" / "g", ["x"])
    assert tree(tmp_path) == {"f": "kept"}


def test_links(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "elsewhere").write_text("kept")
    put(tmp_path / "link", ["x"])
    (real / "x").unlink()
    (real / "x").symlink_to(tmp_path / "elsewhere")
    put(tmp_path / "link", ["x"], overwrite=True)
    assert (real / "x").read_text() == "new" and not (real / "x").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "kept"
    (tmp_path / "dangling").symlink_to(tmp_path / "later")
    put(tmp_path / "dangling", ["x"])
    assert (tmp_path / "later" / "x").read_text() == "new"
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert "cannot write" in refused(tmp_path / "round", ["x"])


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "\u202egnp"])
def test_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    assert "cannot be the name of an output file" in refused(tmp_path, [name])


def test_long_names(tmp_path: Path) -> None:
    put(tmp_path / ("n" * 255), ["x" * 255, "ä" * 127])
    assert "longer than 255 bytes" in refused(tmp_path, ["ä" * 128])
    assert "the name is too long" in refused(tmp_path / ("n" * 256), ["x"])
    assert "too long" in refused(tmp_path / "n" / ("n" * 256) / "m", ["x"])
    assert not (tmp_path / "n").exists()
    assert "not a possible path" in refused(tmp_path / "n\0", ["x"])


@pytest.mark.parametrize(
    "name", ["spaces and ünïcode", "-rf", "a'b\"c$d*e;f", "日本語", "new\nline"]
)
def test_odd_folder_names(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, ["x"])
    assert tree(tmp_path) == {f"{name}/x": "new"}


def test_an_unwritable_target(tmp_path: Path) -> None:
    """Root may write anywhere, so this runs as somebody else where it can."""
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    script = (
        "import os, sys; from pathlib import Path; from synthdsl.io.output import OutputFolder\n"
        "from synthdsl.diagnostics import SynthError\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "for name in ('home', 'home/sub'):\n"
        "    try: OutputFolder(Path(name), ['x'])\n"
        "    except SynthError as e: print(e.exit_code, e.message)\n"
    )
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    if "PermissionError" in run.stderr and "synthdsl" not in run.stderr:
        pytest.skip("another user cannot read the package here")
    assert run.stdout.splitlines() == [
        "2 cannot write to `home`: permission denied; nothing was written",
        "2 cannot write to `home/sub`: permission denied; nothing was written",
    ], run.stderr


def test_staging_is_beside_a_new_target_and_inside_an_existing_one(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "new", ["x"]) as output:
        assert output.staging.parent == tmp_path.resolve() and output.staging.name.startswith(".")
    with OutputFolder(tmp_path, ["x"]) as output:
        assert output.staging.parent == tmp_path.resolve()
    left = tmp_path / f".synthdsl-{os.getpid()}-0"
    left.mkdir(exist_ok=True)  # of a process with our number that was killed
    put(tmp_path, ["x"])
    assert tree(tmp_path) == {"x": "new"}
