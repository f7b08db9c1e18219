"""What each command reads, passes on, writes and returns; the façade is a stand-in."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from facade_fake import Facade

from synthdsl.cli.main import main
from synthdsl.diagnostics import Diagnostic, SynthError
from synthdsl.source import Source, Span

GOOD = "seed 1\n"
UGLY = "seed   1   # x\n\n\n\nspec  a\n"
NEAT = "seed 1  # x\n\nspec a\n"
BAD = "seed\ntable t [1] {\n  x ~ f(1)\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("good", GOOD), ("ugly", UGLY), ("bad", BAD), ("warn", "seed 1 # unused\n")):
        Path(f"{name}.synth").write_text(text)
    return tmp_path


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


# check


def test_check_of_a_good_spec(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "good.synth"]) == 0
    assert capsys.readouterr() == ("", "no mistakes found in 1 file\n")


def test_check_shows_every_finding_of_every_file_on_standard_output(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "warn.synth", "bad.synth", "good.synth"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "bad.synth:1:5: error[syntax]: the end of the line cannot stand here after `seed`\n"
        "    1 | seed\n"
        "      |     ^\n"
        "   = help: expected a whole number\n"
        "bad.synth:3:3: error[missing-type]: field `x` has no type\n"
        "    3 |   x ~ f(1)\n"
        "      |   ^\n"
        "   = help: write `x: float ~ ...`, or `let x ~ ...` for a latent\n"
        "warn.synth:1:10: warning[unused-name]: nothing uses it\n"
        "    1 | seed 1 # unused\n"
        "      |          ^^^^^^\n"
        "2 errors, 1 warning\n"
    )


@pytest.mark.parametrize(
    ("fail_on", "file", "code"),
    [("error", "warn", 0), ("warning", "warn", 1), ("never", "warn", 0), ("never", "bad", 0),
     ("warning", "good", 0), ("error", "bad", 1)],
)  # fmt: skip
def test_check_fail_on(facade: Facade, folder: Path, fail_on: str, file: str, code: int) -> None:
    assert main(["check", f"{file}.synth", "--fail-on", fail_on]) == code


def test_check_goes_on_after_an_unreadable_file(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "none.synth", str(folder), "bad.synth"]) == 2
    out, err = capsys.readouterr()
    assert "2 errors" in out
    assert err.startswith("synthdsl: cannot read `none.synth`: ")
    assert len(err.splitlines()) == 2


def test_check_formats(facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "bad.synth", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["errors"] == 2
    assert main(["check", "bad.synth", "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=bad.synth,line=1,col=5,")
    assert main(["check", "bad.synth", "--format", "sarif"]) == 1
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    assert main(["check", "good.synth", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["diagnostics"] == []


def test_check_of_standard_input(
    facade: Facade, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin(monkeypatch, b"\xef\xbb\xbfseed\r\n")
    assert main(["check", "-", "--set", "n=5", "--set", "s=a=b", "--allow-python"]) == 1
    assert capsys.readouterr().out.startswith("<stdin>:1:5: error[syntax]")
    assert facade.loads == [
        {"path": "<stdin>", "params": {"n": "5", "s": "a=b"}, "allow_python": True}
    ]
    stdin(monkeypatch, b"seed 1\n\xff\n")
    assert main(["check", "-"]) == 1
    assert capsys.readouterr().out == (
        "<stdin>:2:1: error[bad-encoding]: the file is not UTF-8: byte 7 is 0xff\n"
        "    2 | \ufffd\n"
        "      | ^\n"
        "   = help: save it as UTF-8\n"
        "1 error\n"
    )


@pytest.mark.parametrize("assignment", ["n", "=5", "n=1,n=2"])
def test_wrong_assignments(
    facade: Facade, folder: Path, assignment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [x for part in assignment.split(",") for x in ("--set", part)]
    assert main(["check", "good.synth", *options]) == 2
    assert "--set" in capsys.readouterr().err


# fmt


def test_fmt_in_place_keeps_mode_and_link(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.chmod("ugly.synth", 0o640)
    os.symlink("ugly.synth", "link.synth")
    assert main(["fmt", "link.synth", "good.synth"]) == 0
    assert capsys.readouterr() == ("", "formatted link.synth\n")
    assert Path("ugly.synth").read_text() == NEAT
    assert Path("link.synth").is_symlink()
    assert stat.S_IMODE(os.stat("ugly.synth").st_mode) == 0o640
    assert main(["fmt", "link.synth"]) == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(os.listdir()) == [
        "bad.synth",
        "good.synth",
        "link.synth",
        "ugly.synth",
        "warn.synth",
    ]


def test_fmt_check_and_diff_change_nothing(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fmt", "--check", "ugly.synth", "good.synth"]) == 1
    assert capsys.readouterr() == ("", "would format ugly.synth\n")
    assert main(["fmt", "--diff", "ugly.synth"]) == 1
    assert capsys.readouterr().out == (
        "--- ugly.synth\n"
        "+++ ugly.synth (formatted)\n"
        "@@ -1,5 +1,3 @@\n"
        "-seed   1   # x\n"
        "+seed 1  # x\n"
        " \n"
        "-\n"
        "-\n"
        "-spec  a\n"
        "+spec a\n"
    )
    assert Path("ugly.synth").read_text() == UGLY
    assert main(["fmt", "--check", "--diff", "good.synth"]) == 0
    assert capsys.readouterr() == ("", "")


def test_fmt_diff_of_a_missing_line_end(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.synth").write_text("seed 1")
    assert main(["fmt", "--diff", "x.synth"]) == 1
    assert capsys.readouterr().out.endswith("-seed 1\n\\ No newline at end of file\n+seed 1\n")


def test_fmt_of_line_endings_marks_and_tabs(facade: Facade, folder: Path) -> None:
    path = Path("x.synth")
    path.write_bytes(b"\xef\xbb\xbfseed\t1\r\n\tspec a\r\n")
    assert main(["fmt", "x.synth"]) == 0
    assert path.read_bytes() == b"seed 1\r\nspec a\r\n"
    path.write_bytes(b"seed 1\nspec a\r\n")
    assert main(["fmt", "x.synth"]) == 0
    assert path.read_bytes() == b"seed 1\nspec a\n"


def test_fmt_leaves_a_wrong_spec_alone_and_formats_the_others(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fmt", "bad.synth", "ugly.synth"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "bad.synth:1:5: error[syntax]" in err and "2 errors\n" in err
    assert Path("bad.synth").read_text() == BAD
    assert Path("ugly.synth").read_text() == NEAT


def test_fmt_unusable_files(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fmt", "none.synth", ".", "ugly.synth"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "synthdsl: cannot read `none.synth`: there is no such file or folder",
        "synthdsl: cannot read `.`: it is a folder",
        "formatted ugly.synth",
    ]
    raw = b"\xef\xbb\xbf# a\r\n# caf\xe9\n"
    Path("latin.synth").write_bytes(raw)
    assert main(["fmt", "latin.synth"]) == 1
    assert capsys.readouterr().err.startswith(
        "latin.synth:2:6: error[bad-encoding]: the file is not UTF-8: byte 10 is 0xe9\n"
        "    2 | # caf\ufffd\n"
        "      |      ^\n"
    )
    assert Path("latin.synth").read_bytes() == raw


def test_fmt_of_a_file_that_cannot_be_written(
    facade: Facade, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def refuse(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert main(["fmt", "ugly.synth"]) == 2
    assert capsys.readouterr().err == (
        "synthdsl: cannot write `ugly.synth`: no space left on device\n"
    )
    assert Path("ugly.synth").read_text() == UGLY
    assert len(os.listdir()) == 4


def test_fmt_of_standard_input(
    facade: Facade, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    stdin(monkeypatch, "seed  1 # ü\r\n".encode())
    assert main(["fmt", "-"]) == 0
    assert capfdbinary.readouterr().out == "seed 1  # ü\r\n".encode()
    stdin(monkeypatch, BAD.encode())
    assert main(["fmt", "-"]) == 1
    assert capfdbinary.readouterr().out == BAD.encode()


# explain, preview


def test_explain(facade: Facade, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "good.synth"]) == 0
    assert capfd.readouterr().out == (
        "table patient · 5,000 rows\n  1  k  int  counts <up>\n             draws from patient.k\n"
    )
    assert main(["explain", "good.synth", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["schema"] == "synthdsl.explanation/1"
    assert main(["explain", "good.synth", "--format", "html"]) == 0
    assert "counts &lt;up&gt;" in capfd.readouterr().out
    assert main(["explain", "bad.synth"]) == 1
    out, err = capfd.readouterr()
    assert out == "" and "2 errors" in err


def test_preview_draws_the_first_rows_of_the_data_as_declared(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "good.synth", "lab", "-n", "2", "--seed", "9"]) == 0
    focus = {"seed": 9, "case": None, "breaks": None}
    assert facade.spec.calls == [
        ("sample", {"rows": 1000, **focus}),
        ("movement", {"rows": {"patient": 1000, "lab": 600}, "pilot_rows": 16_384, **focus}),
    ]
    assert capsys.readouterr().out == (
        "lab: the first 2 of 600 sampled rows\n"
        "\n"
        "k\n"
        "0\n"
        "1\n"
        "\n"
        "k  int64  ████████████████████████  0 · 299 · 599\n"
    )
    assert main(["preview", "good.synth", "--sample", "100"]) == 0
    assert facade.spec.calls[-2][1]["rows"] == 100
    assert facade.spec.calls[-2][1]["seed"] is None
    out = capsys.readouterr().out
    assert out.startswith("patient: the first 8 of 100") and "\n\nlab: the first 8" in out


def test_preview_of_an_unknown_table(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "good.synth", "pateint"]) == 2
    assert capsys.readouterr().err == (
        "synthdsl: the spec has no table `pateint`; did you mean `patient`?\n"
    )


# generate


def test_generate_passes_everything_on(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "generate good.synth --out data --rows patient=1_000 --rows lab=5 --seed 1_000 --set n=5 "
        "--format csv --compression gzip --workers 3 --overwrite --truth --allow-python "
        "--sampling sobol"
    )
    assert main(arguments.split()) == 0
    assert facade.loads[-1] == {"path": "good.synth", "params": {"n": "5"}, "allow_python": True}
    assert facade.spec.calls == [
        ("write", {
            "out": "data", "rows": "rows patient=1_000,lab=5", "seed": 1000, "format": "csv",
            "compression": "gzip", "workers": 3, "overwrite": True, "truth": True,
            "case": None, "breaks": None, "sampling": "sobol",
        })
    ]  # fmt: skip
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[:2] == [
        "wrote 100 rows of patient to data/patient.parquet (1.2 kB)",
        "wrote 2,500 rows of lab to data/lab.parquet (2 files) (2.0 MB)",
    ]
    assert lines[2].startswith("took 0.") and lines[2].endswith(" rows/s")


def test_generate_defaults_and_quiet(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "good.synth", "-o", "d", "--quiet"]) == 0
    assert facade.spec.calls == [
        ("write", {"out": "d", "rows": None, "seed": None, "format": "parquet",
                   "compression": None, "workers": 1, "overwrite": False, "truth": False,
                   "case": None, "breaks": None, "sampling": "random"})
    ]  # fmt: skip
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("option", "focus"),
    [
        ("--case=old", {"case": "old", "breaks": None}),
        ("--break=bp", {"case": None, "breaks": "bp"}),
    ],
)
def test_a_case_or_a_broken_rule_is_passed_on_everywhere(
    facade: Facade, folder: Path, option: str, focus: dict[str, str | None]
) -> None:
    for arguments in (
        ["generate", "good.synth", "-o", "d", "--report", "r.json"],
        ["preview", "good.synth"],
        ["explain", "good.synth"],
    ):
        assert main([*arguments, option]) == 0
    calls = facade.spec.calls
    assert {name for name, _ in calls} == {"write", "report", "sample", "movement", "explain"}
    assert all(focus.items() <= options.items() for _, options in calls)


def test_a_case_and_a_broken_rule_exclude_each_other(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "good.synth", "-o", "d", "--case", "a", "--break", "b"]) == 2
    assert "not allowed with argument --case" in capsys.readouterr().err
    assert facade.spec.calls == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("r.txt", "`--report r.txt` is neither HTML nor JSON: end its name in .html or .json"),
        ("-", "`--report -` is neither HTML nor JSON: end its name in .html or .json"),
        ("old.html", "`old.html` already exists; add --overwrite to replace it"),
        ("none/r.html", "cannot write `none/r.html`: there is no folder `none`"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_any_row(
    facade: Facade, folder: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("old.html").write_text("kept")
    assert main(["generate", "good.synth", "-o", "d", "--report", name]) == 2
    assert capsys.readouterr().err == f"synthdsl: {said}\n"
    assert facade.spec.calls == [] and Path("old.html").read_text() == "kept"


def test_report_by_the_suffix(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "good.synth", "-o", "d", "--report", "r.JSON", "--seed", "4"]) == 0
    assert "\nwrote r.JSON\n" in capsys.readouterr().err
    assert json.loads(Path("r.JSON").read_text())["schema"] == "synthdsl.report/1"
    assert facade.spec.calls[-1] == (
        "report", {"rows": None, "seed": 4, "case": None, "breaks": None, "sampling": "random",
                   "most": 1_000_000}
    )  # fmt: skip
    assert main(["generate", "good.synth", "-o", "d", "--report", "r.html", "--quiet"]) == 0
    assert Path("r.html").read_text().startswith("<!DOCTYPE html>")
    assert capsys.readouterr().err == ""


def test_generate_tells_warnings(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Source("good.synth", GOOD)
    facade.spec.warnings = (Diagnostic("unused-name", Span(source, 0, 4), "nothing uses it"),)
    assert main(["generate", "good.synth", "--out", "d"]) == 0
    assert "1 warning\nwrote 100 rows" in capsys.readouterr().err
    assert main(["generate", "good.synth", "--out", "d", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (SynthError("`a` already exists", exit_code=2), 2, "synthdsl: `a` already exists\n"),
        (SynthError("these rules cannot be met", exit_code=3), 3,
         "synthdsl: these rules cannot be met\n"),
        (KeyboardInterrupt(), 130,
         "synthdsl: nothing was written to `d`\nsynthdsl: interrupted\n"),
        (OSError(28, "No space left on device", "d/x"), 2,
         "synthdsl: `d/x`: no space left on device\n"),
        (MemoryError(), 2, "synthdsl: not enough memory\n"),
        (ZeroDivisionError("bang\nmore"), 70,
         "synthdsl: internal error: ZeroDivisionError: bang (please report this, with the spec and "
         "what the command prints when SYNTHDSL_DEBUG=1 is set)\n"),
    ],
)  # fmt: skip
def test_failures(
    facade: Facade, folder: Path, failure: BaseException, code: int, said: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("SYNTHDSL_DEBUG", raising=False)
    facade.spec.failure = failure
    assert main(["generate", "good.synth", "--out", "d"]) == code
    assert capsys.readouterr() == ("", said)


def test_debug_shows_the_traceback(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SYNTHDSL_DEBUG", "1")
    facade.spec.failure = ZeroDivisionError("bang")
    assert main(["generate", "good.synth", "--out", "d"]) == 70
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):")


def test_generate_progress_without_a_terminal(
    facade: Facade, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "good.synth", "--out", "d", "--progress", "--quiet"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("━" * 24 + " 100 %  100 of 100 rows  ")
    assert "\r" not in line


# docs


def test_docs(facade: Facade, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "good.synth", "-o", "d.html", "--sample", "50"]) == 0
    assert facade.spec.calls == [("dictionary", {"rows": 50})]
    assert capfd.readouterr() == ("", "wrote d.html\n")
    page = Path("d.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(os.stat("d.html").st_mode) == 0o666 & ~mask
    assert main(["docs", "good.synth", "-o", "d.html"]) == 2
    assert capfd.readouterr().err == (
        "synthdsl: `d.html` already exists; add --overwrite to replace it\n"
    )
    assert main(["docs", "good.synth", "-o", "d.html", "--overwrite"]) == 0
    assert main(["docs", "good.synth", "--out", "-"]) == 0
    assert capfd.readouterr().out == page
    assert main(["docs", "good.synth", "-o", "missing/d.html"]) == 2
    assert main(["docs", "good.synth", "-o", "."]) == 2
    assert capfd.readouterr().err == (
        "synthdsl: cannot write `missing/d.html`: there is no folder `missing`\n"
        "synthdsl: cannot write `.`: it is a folder\n"
    )
