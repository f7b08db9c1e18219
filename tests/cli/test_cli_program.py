"""The program as a whole: help, usage, start-up, pipes, terminals, completion."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthdsl import __version__
from synthdsl.cli.console import Console
from synthdsl.cli.main import COMMANDS, build_parser, main
from synthdsl.cli.progress import Progress, duration, rate_text, size_text

HEAVY = ("numpy", "pandas", "scipy", "pyarrow", "pydantic", "lark", "faker", "torch", "duckdb")
ROOT = Path(__file__).parents[2]


def program(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.update(options.pop("environment", {}))  # type: ignore[call-overload]
    command = [sys.executable, "-m", "synthdsl.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_has_examples_and_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from synthdsl.cli.main import main\n"
        f"code = main({arguments!r})\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], code, file=sys.stderr)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stderr == "[] 0\n"
    assert "examples:\n  " in done.stdout and "exit codes: 0 fine" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_only_finished_commands_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for planned in ("validate", "init", "fit ", "evaluate", "export", "corrupt", "lsp"):
        assert planned not in out


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"synthdsl {__version__}\n"
    assert main([]) == 2
    assert capsys.readouterr().out.startswith("usage: synthdsl")
    assert main(["chekc", "x"]) == 2
    assert capsys.readouterr().err == (
        "synthdsl: there is no command `chekc`; did you mean `check`?\n"
    )
    assert main(["zzz"]) == 2
    assert "; there are check, fmt, " in capsys.readouterr().err
    for wrong in (["check"], ["generate", "a"], ["generate", "a", "--out", "d", "--workers", "0"],
                  ["preview", "a", "-n", "x"], ["check", "a", "--form", "json"], ["--nope"],
                  ["generate", "a", "--out", "d", "--seed", "9" * 5000]):  # fmt: skip
        assert main(wrong) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_stops_reading_is_no_error() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)  # argparse itself swallows what fails at once
    for arguments in (["completion", "zsh"], ["--help"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "synthdsl.cli.main", *arguments],
            stdout=write, stderr=subprocess.PIPE, env=environment, check=False,
        )  # fmt: skip
        os.close(write)
        assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "synthdsl.cli.main", "completion", "bash"],
            stdout=full, stderr=subprocess.PIPE, env=environment, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"synthdsl: no space left on device\n"


def test_closed_outputs_are_no_error() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for closed in (">&-", "2>&-"):
        command = f"{sys.executable} -m synthdsl.cli.main completion bash {closed}"
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, env=environment, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_that_nobody_reads_is_quiet() -> None:
    command = f"({sys.executable} -m synthdsl.cli.main zzz) 2>&1 | true"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], capture_output=True, env=environment, check=False)
    assert done.stderr == b""


def test_a_terminal_without_unicode() -> None:
    done = program("--help", environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0 and done.stdout.isascii()


def test_characters_that_the_output_lacks_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="latin-1"))
    console = Console()
    assert console.is_ascii_out and console.is_ascii_err
    console.out("é…x\n")
    console.out_bytes("é".encode())
    console.say("é…")
    sys.stdout.flush()
    sys.stderr.flush()
    assert out.getvalue() == b"??x\n" + "é".encode()
    assert err.getvalue() == "é?\n".encode("latin-1")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_follow_terminal_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    console = Console()
    assert console.has_colour_out and not console.has_colour_err
    monkeypatch.setenv("TERM", "dumb")
    assert not Console().has_colour_out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Console().has_colour_err
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Console().has_colour_out


def test_progress_on_a_terminal_redraws_ten_times_a_second() -> None:
    screen, now = Screen(), [0.0]
    progress = Progress(screen, is_on=True, clock=lambda: now[0])
    for step in range(1, 1001):
        now[0] = step / 250  # four seconds
        progress.update(step * 1000, 1_000_000)
    drawn = screen.getvalue().split("\r")[1:]
    assert 38 <= len(drawn) <= 42
    assert drawn[-1].rstrip() == "━" * 24 + " 100 %  1,000,000 of 1,000,000 rows  250 k rows/s"
    middle = next(line for line in drawn if line.rstrip().endswith("2.0 s left"))
    assert middle.startswith("━" * 12 + "╌" * 12)
    progress.close()
    tail = screen.getvalue().split("\r")
    assert tail[-1] == "" and tail[-2].strip() == ""


def test_progress_elsewhere() -> None:
    plain, now = io.StringIO(), [0.0]
    progress = Progress(plain, is_on=True, is_ascii=True, clock=lambda: now[0])
    for step in range(1, 31):
        now[0] = step / 10
        progress.update(step, 30)
    progress.close()
    lines = plain.getvalue().splitlines()
    assert len(lines) == 3 and lines[-1].startswith("#" * 24 + " 100 %")
    assert plain.getvalue().isascii() and "\r" not in plain.getvalue()
    silent = Screen()
    Progress(silent, is_on=False).update(1, 1)
    Progress(silent, is_on=False).close()
    assert silent.getvalue() == ""
    nothing = Screen()
    Progress(nothing, is_on=True, clock=lambda: 0.0).update(0, 0)
    assert "100 %  0 of 0 rows" in nothing.getvalue()


def test_progress_shows_that_a_rare_row_is_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdsl.cli.progress.TICK_SECONDS", 0.01)
    screen, now = Screen(), [0.0]
    with Progress(screen, is_on=True, clock=lambda: now[0]) as progress:
        now[0] = 7.0
        _wait_for(lambda: "7.0 s, no rows yet" in screen.getvalue())
        progress.update(10, 40)
        now[0] = 20.0
        _wait_for(lambda: "10 of 40 rows  0 rows/s  1 min 00 s left" in screen.getvalue())
    drawn = screen.getvalue()
    assert drawn.endswith("\r") and not [
        t for t in threading.enumerate() if t.daemon and "_tick" in t.name
    ]
    silent = Screen()
    with Progress(silent, is_on=False):
        pass
    assert silent.getvalue() == ""


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_figures_for_people() -> None:
    assert [rate_text(x) for x in (0, 940, 999.8, 52_130, 999_900, 3.4e6, 2e9)] == [
        "0", "940", "1.00 k", "52.1 k", "1.00 M", "3.40 M", "2.00 G",
    ]  # fmt: skip
    assert [duration(x) for x in (0.04, 9.94, 9.96, 59.4, 59.6, 185, 7800)] == [
        "0.0 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "3 min 05 s", "2 h 10 min",
    ]  # fmt: skip
    assert [size_text(x) for x in (0, 999, 1234, 999_600, 5_000_000, 2 * 10**12, 10**16)] == [
        "0 B", "999 B", "1.2 kB", "1.0 MB", "5.0 MB", "2.0 TB", "10000 TB",
    ]  # fmt: skip


# completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_flag(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in COMMANDS:
        assert name in script
    parser = build_parser(is_full=True)
    commands = next(a for a in parser._actions if a.dest is not None and a.choices)
    for command in commands.choices.values():  # type: ignore[union-attr]
        for action in command._actions:
            for flag in action.option_strings:
                assert (flag if shell != "fish" else flag.lstrip("-")) in script
            for choice in action.choices or ():
                assert choice in script


def bash_completions(script: str, words: list[str], folder: Path) -> list[str]:
    """What bash offers for the last of `words`."""
    code = (
        f"{script}\n"
        f"COMP_WORDS=({' '.join(repr(w) for w in words)})\n"
        f"COMP_CWORD={len(words) - 1}\n"
        "_synthdsl\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stderr == ""
    return sorted(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    script = capsys.readouterr().out
    for name in ("clinic.synth", "cat.csv", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "specs").mkdir()

    def offered(*words: str) -> list[str]:
        return bash_completions(script, ["synthdsl", *words], tmp_path)

    assert offered("ch") == ["check"]
    assert offered("") == sorted([*COMMANDS, "--help", "--version"])
    assert offered("check", "c") == ["clinic.synth"]
    assert offered("check", "s") == ["specs"]
    assert offered("check", "--fo") == ["--format"]
    assert offered("check", "clinic.synth", "--format", "") == ["github", "json", "sarif", "text"]
    assert offered("generate", "clinic.synth", "--out", "") == ["specs"]
    assert offered("generate", "--format", "p") == ["parquet"]
    assert offered("completion", "f") == ["fish"]
    assert offered("docs", "clinic.synth", "-o", "n") == ["notes.txt"]
    assert offered("generate", "--seed", "") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    main(["completion", shell])
    done = subprocess.run(
        [shell, "-n"], input=capsys.readouterr().out, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
