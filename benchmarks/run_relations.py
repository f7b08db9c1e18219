"""Patients, encounters and observations: synthdsl beside numpy by hand and other tools, in one run.

    python benchmarks/run_relations.py --rows 10000 100000 1000000
    python benchmarks/run_relations.py --bar other.py --others snowfakery dbldatagen
    python benchmarks/run_relations.py --memory --rows 100000 500000 5000000

`--rows` are patients: each has 3 encounters with 5 observations each on average, 19 rows in all.
Every contender is a process of its own, other tools' in an environment of their own, made under a
temporary folder or kept in `--environments`. First each writes some patients and these are checked
(relation_checks.py); then rounds are interleaved: each round asks every contender once, in an order
that turns, so that a machine that speeds up or slows down does so for all. A ratio is the median
over rounds of (bar's seconds / contender's), elapsed and, on a busy machine more telling, of CPU.
The bar is hand_written_tables.py, or the module of `--bar` with its `multi(n)`; "as text" is ours
by hand with keys that are text (see it), and "of text" the ratio to it. CPU time and peak memory
count all processes of a contender. Exit code 1 if synthdsl's tables are wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]
from serving import SINKS, TABLES, Job, own_peak, serve  # noqa: E402

SPEC = HERE / "three_tables.synth"
ROW_GROUP = 131_072
ROWS_A_PATIENT = 1 + 3 + 15


@dataclass(frozen=True)
class Contender:
    """Who makes the tables: ourselves and numpy here, a tool in an environment of its own."""

    name: str
    tool: str | None = None
    formulation: str = ""
    most_rows: int = 10**9
    most_rounds: int = 10**9
    check_rows: int = 20_000


OURS = (Contender("bar"), Contender("by hand"), Contender("as text"), Contender("synthdsl"))
OTHERS = (
    Contender("snowfakery", "snowfakery", "", 10_000, 1, 2_000),
    Contender("dbldatagen", "dbldatagen", "exploded", 100_000, 3),
    Contender("dbldatagen, random keys", "dbldatagen", "keys at random", 100_000, 3),
)


# jobs of this environment


def bar_job(path: str | None, *, has_text_keys: bool = False) -> Job:
    """numpy by hand: ours, or the `multi` of another file."""
    if path is None:
        import hand_written_tables as module

        return partial(by_hand, has_text_keys=has_text_keys)
    from _contenders import load_bar

    module = load_bar(path)

    def make(rows: int, sink: str, folder: Path) -> Any:
        tables = module.multi(rows)
        if sink == "parquet":
            for name, table in zip(TABLES, tables, strict=True):
                with parquet_writer(folder / f"{name}.parquet", table.schema) as out:
                    out.write_table(table, row_group_size=ROW_GROUP)
        return tables if sink == "table" else None

    return make


def by_hand(rows: int, sink: str, folder: Path, *, has_text_keys: bool) -> Any:
    """Our own: dropped or written block by block."""
    import hand_written_tables
    import pyarrow as pa

    if sink == "table":
        return hand_written_tables.multi(rows, has_text_keys=has_text_keys)
    writers: list[Any] = [None] * len(TABLES)
    held: list[list[Any]] = [[] for _ in TABLES]
    for made in hand_written_tables.blocks(rows, has_text_keys=has_text_keys):
        if sink == "arrow":
            continue
        for at, batches in enumerate(made):
            if writers[at] is None:
                path = folder / f"{TABLES[at]}.parquet"
                writers[at] = parquet_writer(path, batches[0].schema)
            held[at] += batches
            if sum(batch.num_rows for batch in held[at]) >= ROW_GROUP:
                writers[at].write_table(pa.Table.from_batches(held[at]), row_group_size=ROW_GROUP)
                held[at] = []
    for writer, rest in zip(writers, held, strict=True):
        if rest:
            writer.write_table(pa.Table.from_batches(rest), row_group_size=ROW_GROUP)
        if writer is not None:
            writer.close()
    return None


def parquet_writer(path: Path, schema: Any) -> Any:
    """What a careful author writes: zstd, dictionaries on categories only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    categories = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=categories)


def synthdsl_job(path: str | None) -> Job:
    """Ours; the spec is loaded once, as a program would."""
    import synthdsl
    from synthdsl.engine.batches import family_batches

    spec = synthdsl.load(path or str(SPEC))

    def make(rows: int, sink: str, folder: Path) -> Any:
        if sink == "parquet":
            return spec.write(
                folder, format="parquet", rows={"patient": rows}, seed=1, overwrite=True
            )
        if sink == "table":
            return spec.generate({"patient": rows}, seed=1).tables
        for _ in family_batches(spec.recipe(1), "patient", 0, rows):
            pass
        return None

    return make


def job_of(name: str, bar: str | None, spec: str | None = None) -> Job:
    """The job of a contender of this environment."""
    if name == "synthdsl":
        return synthdsl_job(spec)
    return bar_job(bar if name == "bar" else None, has_text_keys=name == "as text")


# processes


def environments(folder: Path, tools: set[str]) -> dict[str, Path | str]:
    """An interpreter for each tool, or what pip said (peers/requirements-relations.txt)."""
    found: dict[str, Path | str] = {}
    listed = (HERE / "peers" / "requirements-relations.txt").read_text(encoding="utf-8")
    for line in listed.splitlines():
        tool = line.split("=")[0]
        if tool not in tools:
            continue
        home = folder / tool
        mark = home / "installed.txt"
        found[tool] = home / "bin" / "python"
        if mark.exists() and mark.read_text(encoding="utf-8") == line:
            continue
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        command = [found[tool], "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*command, *line.split()], capture_output=True, text=True)
        if done.returncode:
            found[tool] = done.stderr.strip().splitlines()[-1]
            continue
        mark.write_text(line, encoding="utf-8")
    return found


def stat_of(process: int) -> list[str]:
    """The fields of /proc/N/stat after the name; none if the process has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def family_of(process: int) -> list[int]:
    """A process and all below it."""
    below: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat_of(int(entry))):
            below.setdefault(int(fields[1]), []).append(int(entry))
    found = [process]
    for one in found:
        found += below.get(one, [])
    return found


def cpu_below(process: int) -> float:
    """CPU seconds of all processes below one, in steps of the system's clock, often 0.01 s."""
    ticks = sum(sum(map(int, s[11:15])) for p in family_of(process)[1:] if (s := stat_of(p)))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_of(process: int) -> float:
    """Sum of the peaks of a process and all below it, in megabytes."""
    total = 0.0
    for one in family_of(process):
        try:
            lines = Path(f"/proc/{one}/status").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1024
    return total


class Served:
    """A contender's process, asked over pipes."""

    def __init__(self, contender: Contender, python: Path, more: list[str]) -> None:
        self.contender = contender
        command: list[Any] = [python, HERE / "run_relations.py", "--serve", contender.name, *more]
        if contender.tool:
            script = HERE / "peers" / f"with_{contender.tool}.py"
            command = [python, script, contender.formulation]
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )
        self.error = ""
        self.version = ""

    def ask(self, rows: int, sink: str, folder: Path) -> dict[str, float]:
        """Seconds, CPU seconds and peak of one job; empty, with `error` set, if it failed."""
        asked = json.dumps({"rows": rows, "sink": sink, "folder": str(folder)})
        below = cpu_below(self.process.pid)
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(asked + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline() or "{}")
        except BrokenPipeError:
            answer = {}
        if "seconds" not in answer:
            self.said.seek(0)
            last = (self.said.read().strip().splitlines() or ["it ended"])[-1]
            self.error = str(answer.get("error", last))
            return {}
        self.version = answer["version"]
        cpu = answer["cpu"] + cpu_below(self.process.pid) - below
        return {
            "seconds": answer["seconds"],
            "cpu": cpu,
            "peak": peak_of(self.process.pid),
        }

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.said.close()


@contextmanager
def served(contenders: list[tuple[Contender, Path]], more: list[str]) -> Iterator[list[Served]]:
    """Processes of all contenders, ended at the end; `more` goes to those of ours."""
    running = [Served(contender, python, more) for contender, python in contenders]
    try:
        yield running
    finally:
        for one in running:
            one.stop()


# checking and timing


def check(running: list[Served]) -> bool:
    """Print what each contender's tables lack; whether synthdsl's and the bar's lack nothing."""
    import relation_checks as checks

    is_right = True
    reference = None
    for one in running:
        with tempfile.TemporaryDirectory() as folder:
            rows = one.contender.check_rows
            if not one.ask(rows, "parquet", Path(folder)):
                print(f"{one.contender.name}: gave no tables: {one.error[:300]}")
                is_right = is_right and one.contender.name != "synthdsl"
                continue
            tables = checks.read(Path(folder))
        if reference is None:
            reference = tables["patient"]
            for what, wrong in checks.planted(tables).items():
                if not checks.broken(wrong) and not checks.differing(
                    checks.compare(wrong, reference)
                ):
                    print(f"the checks are blind: planted error not found: {what}")
                    is_right = False
        found = checks.compare(tables, reference)
        wrong_facts = [f"{what} ({count:,})" for what, count in checks.broken(tables).items()]
        off = [
            f"{c.what}: {c.found:.4g} for {c.declared:.4g}, p {c.p:.1g}"
            for c in checks.differing(found)
        ]
        smallest = min(c.p for c in found)
        print(
            f"{one.contender.name} {one.version}, {rows:,} patients, {len(found)} comparisons,"
            f" smallest p {smallest:.2g}: " + ("; ".join(wrong_facts + off) or "the same job"),
            flush=True,
        )
        if one.contender.tool is None and wrong_facts + off:
            is_right = False
    return is_right


@dataclass
class Times:
    """What each round measured."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: float = 0.0


def race(running: list[Served], rows: int, sink: str, rounds: int) -> dict[str, Times]:
    """Times of every contender over interleaved rounds, after one unmeasured with few rows."""
    entered = [one for one in running if rows <= one.contender.most_rows and not one.error]
    times = {one.contender.name: Times() for one in entered}
    for number in range(-1, rounds):
        turn = number % len(entered)
        for one in entered[turn:] + entered[:turn]:
            if number >= one.contender.most_rounds or one.error:
                continue
            with tempfile.TemporaryDirectory() as folder:
                few = min(rows, 20_000 if one.contender.most_rounds > 1 else 200)
                said = one.ask(rows if number >= 0 else few, sink, Path(folder))
            if said and number >= 0:
                mine = times[one.contender.name]
                mine.seconds.append(said["seconds"])
                mine.cpu.append(said["cpu"])
                mine.peak = said["peak"]
    return times


def show(rows: int, sink: str, times: dict[str, Times]) -> None:
    """Print one table."""
    print(f"\n{sink}, {rows:,} patients (about {rows * ROWS_A_PATIENT:,} rows)")
    print(
        f"{'contender':24} {'rounds':>6} {'patients/s':>11} {'rows/s':>12} {'ratio':>8}"
        f" {'range':>15} {'of text':>8} {'CPU s':>8} {'of CPU':>8} {'of text':>8} {'peak MB':>8}"
    )
    for name, mine in times.items():
        if not mine.seconds:
            continue
        ratios = against(times["bar"].seconds, mine.seconds)
        text = times.get("as text", mine)
        of_text = statistics.median(against(text.seconds, mine.seconds))
        of_cpu = statistics.median(against(times["bar"].cpu, mine.cpu))
        of_text_cpu = statistics.median(against(text.cpu, mine.cpu))
        rate = rows / statistics.median(mine.seconds)
        print(
            f"{name:24} {len(mine.seconds):6} {rate:11,.0f} {rate * ROWS_A_PATIENT:12,.0f}"
            f" {statistics.median(ratios):8.3g} {f'{min(ratios):.3g}-{max(ratios):.3g}':>15}"
            f" {of_text:8.3g} {statistics.median(mine.cpu):8.3f} {of_cpu:8.3g} {of_text_cpu:8.3g}"
            f" {mine.peak:8,.0f}",
            flush=True,
        )


def against(bar: list[float], mine: list[float]) -> list[float]:
    """The bar's seconds over a contender's, of the rounds that both did."""
    return [b / m for b, m in zip(bar, mine, strict=False)]


def show_memory(names: list[str], all_rows: list[int], sinks: list[str], more: list[str]) -> None:
    """Print peak memory of fresh processes at more and more rows; the last column is 1 if flat."""
    print(
        f"{'contender':12} {'sink':8} {'patients':>10} {'peak MB':>8} {'seconds':>8} {'growth':>7}"
    )
    for name in names:
        for sink in sinks:
            first = None
            for rows in sorted(all_rows):
                command = [sys.executable, __file__, "--once", name, sink, str(rows), *more]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    print(f"{name:12} {sink:8} {rows:10,} {done.stderr.splitlines()[-1][:90]}")
                    continue
                peak, seconds = map(float, done.stdout.split()[-2:])
                first = first or peak
                print(
                    f"{name:12} {sink:8} {rows:10,} {peak:8.0f} {seconds:8.1f} {peak / first:7.2f}",
                    flush=True,
                )


def once(job: Job, sink: str, rows: int) -> None:
    """Do one job and print this process's peak memory and its seconds."""
    import time

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        job(rows, sink, Path(folder))
        seconds = time.perf_counter() - began
    print(own_peak(), seconds)


def main() -> int:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sinks", nargs="+", choices=SINKS, default=["arrow", "parquet"])
    parser.add_argument("--others", nargs="*", choices=sorted({o.tool for o in OTHERS}), default=[])
    parser.add_argument("--without", nargs="*", default=[], help="contenders to leave out")
    parser.add_argument("--bar", help="another module with multi(n), as the bar")
    parser.add_argument("--spec", help="another version of three_tables.synth, for synthdsl")
    parser.add_argument("--environments", type=Path, help="a folder to keep environments in")
    parser.add_argument("--no-check", action="store_true", help="time without checking first")
    parser.add_argument("--memory", action="store_true", help="only peak memory, of synthdsl")
    parser.add_argument("--contenders", nargs="+", default=["synthdsl"], help="for --memory")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--once", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(job_of(args.serve, args.bar, args.spec), "")
        return 0
    if args.once:
        once(job_of(args.once[0], args.bar, args.spec), args.once[1], int(args.once[2]))
        return 0
    more = ["--bar", args.bar] if args.bar else []
    more += ["--spec", args.spec] if args.spec else []
    if args.memory:
        show_memory(args.contenders, args.rows, args.sinks, more)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.environments or Path(temporary)
        pythons = environments(folder.resolve(), set(args.others))
        entered = []
        for contender in (*OURS, *OTHERS):
            python = pythons.get(contender.tool, "") if contender.tool else Path(sys.executable)
            if contender.name in args.without or (contender.name == "by hand" and not args.bar):
                continue
            if isinstance(python, Path):
                entered.append((contender, python))
            elif python:
                print(f"{contender.name}: not installed: {python}")
        with served(entered, more) as running:
            is_right = args.no_check or check(running)
            for rows in args.rows:
                for sink in args.sinks:
                    show(rows, sink, race(running, rows, sink, args.rounds))
    return int(not is_right)


if __name__ == "__main__":
    sys.exit(main())
