"""`check` answers in bounded time and memory, whatever the spec."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hostile_specs import CASES

MEMORY = 1_500 * 2**20
SECONDS = 40
"""For a slow shared core; almost every case takes well under a second."""
CHILD = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from synthdsl import api
for path in sys.argv[1:]:
    print(json.dumps(sorted({{d.code for d in api.check(path)}})), flush=True)
"""
FINE = {
    "twenty_thousand_weights", "thirty_thousand_members", "a_long_chain_of_fields",
    "ten_thousand_fields", "a_string_of_a_megabyte", "ten_thousand_tables",
    "a_long_chain_of_latents", "deep_conditions", "ten_thousand_branches",
}  # fmt: skip
"""Large but legal: no errors but `unused-name` and its like."""
HARMLESS = {
    "an_enormous_count_of_trials",
    "a_domain_of_everything",
    "a_large_correlation",
    "imports_of_large_files",
}
"""Legal, though made to look otherwise."""
WARNINGS = {"unused-name", "constant-condition", "unreachable-branch"}


SLOW = {
    "very_many_terms", "very_many_powers", "very_many_implications", "very_many_members",
    "twenty_thousand_weights", "deep_distributions", "ten_thousand_fields",
    "ten_thousand_unknown_names", "ten_thousand_enums", "everything_reads_everything",
    "ten_thousand_branches", "a_megabyte_of_lines", "thirty_thousand_params",
    "ten_thousand_tables", "a_hundred_thousand_weights", "very_many_parts", "a_long_circle",
    "very_many_nots", "very_many_minus_signs", "a_megabyte_of_digits_and_dots",
}  # fmt: skip
"""Cases that take seconds to read."""
QUICK = [name for name in CASES if name not in SLOW]
BATCH = 8


def run(paths, seconds):
    """Codes of each spec, checked one after the other in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)],
        capture_output=True, text=True, timeout=seconds, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    return [json.loads(line) for line in result.stdout.splitlines()]


def answer(names, folder, seconds):
    paths = []
    for name in names:
        (folder / name).mkdir()
        paths.append(folder / name / "example.synth")
        paths[-1].write_text(CASES[name](folder / name), encoding="utf-8", newline="")
    for name, codes in zip(names, run(paths, seconds), strict=True):
        if name in FINE:
            assert set(codes) <= WARNINGS, name
        else:
            assert set(codes) - WARNINGS or name in HARMLESS, name


@pytest.mark.parametrize("first", range(0, len(QUICK), BATCH))
def test_hostile_specs_are_answered_at_once(first, tmp_path):
    answer(QUICK[first : first + BATCH], tmp_path, SECONDS)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(SLOW))
def test_a_large_hostile_spec_is_answered(name, tmp_path):
    answer([name], tmp_path, SECONDS)
