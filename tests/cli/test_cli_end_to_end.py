"""The program from spec to files, through the real façade."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

ROOT = Path(__file__).parents[2]

SPEC = """\
language 1
spec people "A few people"
seed 11
param n: int = 50 where n in [1, 1_000_000]
enum Sex {female, male}

table person [n] "One row for each person" {
  sex: Sex ~ {female: 52%, male: rest} @quasi
  age: int ~ normal(47, 22) in [0, 105] @quasi "Age in whole years"
  score: float? step 0.1 = age/2 + 1
  missing score: mcar(20%)
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "people.synth").write_text(SPEC)
    return tmp_path


def synthdsl(folder: Path, *arguments: str, text: str | None = None) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "synthdsl.cli.main", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, input=text, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_check_and_explain(folder: Path) -> None:
    assert synthdsl(folder, "check", "people.synth") == (0, "", "no mistakes found in 1 file\n")
    code, out, _ = synthdsl(folder, "check", "-", text=SPEC.replace("normal", "nromal"))
    assert code == 1 and out.startswith("<stdin>:9:14: error[unknown-function]")
    code, out, err = synthdsl(folder, "explain", "people.synth")
    assert (code, err) == (0, "")
    assert out.startswith("table person · 50 rows\n") and "score" in out


def test_check_with_parameters(folder: Path) -> None:
    assert synthdsl(folder, "check", "people.synth", "--set", "n=60")[0] == 0
    assert synthdsl(folder, "check", "people.synth", "--set", "n=0")[0] == 1
    code, out, err = synthdsl(folder, "check", "people.synth", "--set", "m=1")
    assert code in (1, 2) and "m" in out + err


def test_preview(folder: Path) -> None:
    code, out, err = synthdsl(folder, "preview", "people.synth", "-n", "3")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "person: the first 3 of 50 sampled rows"
    assert lines[2].split() == ["sex", "age", "score"]
    assert len(lines[3:6]) == 3 and lines[6] == ""
    assert "% null" in lines[-1]


def test_generate_slices_and_formats(folder: Path) -> None:
    assert synthdsl(folder, "generate", "people.synth", "--out", "all")[0] == 0
    whole = pyarrow.parquet.read_table(folder / "all" / "person.parquet")
    assert whole.num_rows == 50
    manifest = json.loads((folder / "all" / "manifest.json").read_text())
    assert manifest["seed"] == 11
    arguments = ("generate", "people.synth", "--rows", "5:9", "--format", "csv", "-o", "slice")
    code, out, err = synthdsl(folder, *arguments)
    assert (code, out) == (0, "") and err.startswith("wrote 4 rows of person to slice/person.csv")
    part = pyarrow.csv.read_csv(folder / "slice" / "person.csv")
    assert part["age"].to_pylist() == whole["age"].to_pylist()[5:9]
    code, _, err = synthdsl(folder, *arguments)
    assert code == 2 and "--overwrite" in err
    assert synthdsl(folder, *arguments, "--overwrite", "--quiet") == (0, "", "")
    assert synthdsl(folder, "generate", "people.synth", "--rows", "x", "-o", "d")[0] == 2
    assert not (folder / "d").exists()


def test_docs(folder: Path) -> None:
    assert synthdsl(folder, "docs", "people.synth", "-o", "d.html") == (0, "", "wrote d.html\n")
    page = (folder / "d.html").read_text()
    assert "Age in whole years" in page and page.count("<svg") == 3


@pytest.mark.parametrize("arguments", [["check"], ["fmt", "--check"]])
def test_light_commands_load_nothing_heavy(folder: Path, arguments: list[str]) -> None:
    """`check` may load numpy for numbers; without the truncation it needs none."""
    text = SPEC.replace(" in [0, 105]", "")
    (folder / "people.synth").write_text(text)
    heavy = ["numpy", "scipy", "pandas", "pyarrow", "pydantic", "faker", "torch", "duckdb"]
    code = (
        "import sys\n"
        "from synthdsl.cli.main import main\n"
        f"code = main({[*arguments, 'people.synth']!r})\n"
        f"print(code, [m for m in {heavy!r} if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    assert done.stdout == "0 []\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"\xef\xbb\xbf", b"\r\r\n", b"\t\x00", "ünï".encode(), b"(" * 10_000],
)
def test_strange_files_are_findings_or_unusable(folder: Path, content: bytes) -> None:
    (folder / "x.synth").write_bytes(content)
    for arguments in (["check"], ["explain"], ["preview"], ["generate", "--out", "d"]):
        assert synthdsl(folder, arguments[0], "x.synth", *arguments[1:])[0] in (1, 2)
    assert not (folder / "d").exists()


def test_expectations_are_measured_and_decide_the_exit_code(tmp_path, capsys):
    from synthdsl.cli.main import main

    spec = tmp_path / "a.synth"
    text = "language 1\ntable t [2_000] {\n  x: int ~ discrete_uniform(0, 9)\n}\n"
    spec.write_text(text + "expect mean(r.x for r in t) in [4, 5]\n")
    assert main(["generate", str(spec), "--out", str(tmp_path / "o")]) == 0
    assert "expected, and so: mean(r.x for r in t) in [4, 5]" in capsys.readouterr().err
    spec.write_text(text + "expect count(r for r in t where r.x == 9) > 1_000\n")
    assert main(["generate", str(spec), "--out", str(tmp_path / "p")]) == 1
    assert "NOT AS EXPECTED: count(r for r in t where r.x == 9) > 1_000" in capsys.readouterr().err
    assert (tmp_path / "p" / "t.parquet").exists()
