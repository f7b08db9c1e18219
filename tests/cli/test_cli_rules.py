"""Rules on the command line: cases, counter-examples, accounts, reports, through the program."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv
import pytest

from synthdsl.cli.main import main

SPEC = """\
language 1
spec clinic "Outpatients"
seed 3
enum Dx {healthy, diabetes, cancer}
table patient [3_000] {
  age: int<a> ~ normal(47, 22) in [0, 105]
  dx: Dx ~ {healthy: 55%, diabetes: 25%, cancer: rest}
  sbp: int ~ normal(120, 15)
  dbp: int ~ normal(76, 10)
  tested: bool ~ bernoulli(0.3)
  rule bp: sbp >= dbp + 15
  rule monitored: dx != healthy -> tested
  case elderly: age >= 90 a and dx == cancer
  case never: age > 105 a
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("clinic.synth").write_text(SPEC)
    return tmp_path


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    return pyarrow.csv.read_csv(folder / name / "patient.csv").to_pylist()


def test_a_case_is_met_by_every_row_and_recorded(folder: Path) -> None:
    arguments = ["generate", "clinic.synth", "--rows", "40", "--format", "csv"]
    assert main([*arguments, "--case", "elderly", "-o", "a"]) == 0
    found = rows(folder, "a")
    assert len(found) == 40
    for row in found:
        assert row["age"] >= 90 and row["dx"] == "cancer" and row["tested"]
        assert row["sbp"] >= row["dbp"] + 15
    manifest = json.loads((folder / "a" / "manifest.json").read_text())
    assert manifest["case"] == {
        "table": "patient", "name": "elderly", "condition": "age >= 90 a and dx == cancer"
    }  # fmt: skip
    assert "broken_rule" not in manifest
    # a slice of a case is a slice of it
    assert main([*arguments[:2], "--rows", "10:20", *arguments[4:], "--case", "patient.elderly",
                 "-o", "b"]) == 0  # fmt: skip
    assert rows(folder, "b") == found[10:20]


def test_a_rule_is_broken_by_every_row_and_no_other(folder: Path) -> None:
    assert main(["generate", "clinic.synth", "--break", "bp", "--rows", "30", "--format", "csv",
                 "-o", "a"]) == 0  # fmt: skip
    for row in rows(folder, "a"):
        assert row["sbp"] < row["dbp"] + 15
        assert row["dx"] == "healthy" or row["tested"]
    manifest = json.loads((folder / "a" / "manifest.json").read_text())
    assert manifest["broken_rule"]["condition"] == "sbp >= dbp + 15"
    assert "case" not in manifest
    assert main(["generate", "clinic.synth", "-o", "c"]) == 0
    assert not {"case", "broken_rule"} & json.loads((folder / "c/manifest.json").read_text()).keys()


def test_workers_draw_the_same_case(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthdsl.io import write

    monkeypatch.setattr(write, "PART_ROWS", 500)
    arguments = ["generate", "clinic.synth", "--rows", "1000", "--format", "csv", "-q"]
    for name, workers in (("a", "1"), ("b", "2")):
        assert main([*arguments, "--case", "elderly", "-o", name, "--workers", workers]) == 0
    assert rows(folder, "a") == rows(folder, "b") and len(rows(folder, "a")) == 1000


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--case=eldery", "the spec has no case `eldery`; did you mean `elderly`?"),
        ("--case=bp", "the spec has no case `bp`; its cases are `elderly`, `never`"),
        ("--break=bpp", "the spec has no rule `bpp`; did you mean `bp`?"),
        ("--break=elderly", "the spec has no rule `elderly`; its rules are `bp`, `monitored`"),
    ],
)
def test_wrong_names_are_refused_everywhere(
    folder: Path, option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["generate", "-o", "a"], ["preview"], ["explain"]):
        assert main([*command, "clinic.synth", option]) == 2
        assert capsys.readouterr() == ("", f"synthdsl: {said}\n")
    assert not (folder / "a").exists()


@pytest.mark.parametrize("command", [["generate", "-o", "a"], ["preview"], ["explain"]])
def test_an_impossible_case_is_refused_with_the_finding(
    folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "clinic.synth", "--case", "never"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and "error[unsatisfiable]" in err and "case never: age > 105 a" in err
    assert not (folder / "a").exists()


def test_a_rule_that_cannot_be_broken_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPEC.replace("  case elderly", "  rule weak: age >= 0 a\n  case elderly")
    Path("weak.synth").write_text(text)
    assert main(["generate", "weak.synth", "--break", "weak", "--rows", "5", "-o", "a"]) == 3
    assert "weak" in capsys.readouterr().err


def test_costly_rules_are_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("far.synth").write_text(
        "language 1\ntable t [300] {\n"
        "  x: float ~ mixture({normal(0, 1): 50%, normal(0.5, 1): 50%})\n"
        "  rule far: x > 3.6\n}\n"
    )
    assert main(["generate", "far.synth", "-o", "a"]) == 0
    err = capsys.readouterr().err
    assert err.count("warning[costly-rules]: `far` accepts about one of 1,") == 1
    assert main(["generate", "far.synth", "-o", "b", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["generate", "clinic.synth", "-o", "c"]) == 0
    assert "costly" not in capsys.readouterr().err


def test_report_and_data_are_of_the_same_rows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "clinic.synth", "-o", "a", "--format", "csv", "--report", "r.json",
                 "--seed", "8"]) == 0  # fmt: skip
    assert "\nwrote r.json\n" in capsys.readouterr().err
    report = json.loads(Path("r.json").read_text())
    (table,) = report["tables"]
    (dx,) = (field for field in table["fields"] if field["name"] == "dx")
    found = [row["dx"] for row in rows(folder, "a")]
    assert dx["realised"]["counts"] == {
        word: found.count(word) for word in ("healthy", "diabetes", "cancer")
    }
    assert report["seed"] == 8 and dx["is_moved"]
    (sbp,) = (field for field in table["fields"] if field["name"] == "sbp")
    found = [row["sbp"] for row in rows(folder, "a")]
    assert sbp["realised"]["mean"] == pytest.approx(sum(found) / len(found))
    assert table["as_declared"] == ["age"]


def test_preview_says_what_the_rules_moved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "clinic.synth", "-n", "2"]) == 0
    last = capsys.readouterr().out.split("\n\n")[-1]
    assert last.startswith("rules moved: ") and "dx healthy 55 % → 8" in last
    assert main(["preview", "clinic.synth", "-n", "2", "--case", "elderly"]) == 0
    assert "dx cancer 20 % → 100 %" in capsys.readouterr().out


def test_explain_accounts_for_every_rule(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "clinic.synth", "--format", "json"]) == 0
    (table,) = json.loads(capfd.readouterr().out)["tables"]
    rules = {rule["name"]: rule for rule in table["rules"]}
    assert set(rules) == {"bp", "monitored"}
    z = rules["monitored"]["z"]
    assert z["low"] <= 0.55 + 0.45 * 0.3 <= z["high"]
    assert main(["explain", "clinic.synth"]) == 0
    out = capfd.readouterr().out
    assert "monitored" in out and all(len(line) <= 80 for line in out.splitlines())
    assert main(["explain", "clinic.synth", "--case", "elderly"]) == 0
    assert "case: true in every row" in capfd.readouterr().out
