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
CHILD = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (%d, %d))
from synthdsl import api
found = {}
for path in sys.argv[1:]:
    start = time.process_time()
    codes = sorted({d.code for d in api.check(path)})
    found[path] = (codes, time.process_time() - start)
print(json.dumps(found))
""" % (MEMORY, MEMORY)
FINE = {
    "a_hundred_thousand_weights", "a_hundred_thousand_members", "a_long_chain_of_fields",
    "ten_thousand_fields", "a_string_of_three_megabytes", "ten_thousand_tables",
    "a_long_chain_of_latents", "deep_conditions", "ten_thousand_branches",
}  # fmt: skip
"""Large but legal: no errors but `unused-name` and its like."""
WARNINGS = {"unused-name", "constant-condition", "unreachable-branch"}


def run(path):
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)],
        capture_output=True, text=True, timeout=SECONDS, check=False, cwd=path.parent,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    codes, seconds = json.loads(result.stdout)[str(path)]
    return set(codes), seconds


@pytest.mark.parametrize("name", list(CASES))
def test_a_hostile_spec_is_answered(name, tmp_path):
    path = tmp_path / "example.synth"
    path.write_text(CASES[name](tmp_path), encoding="utf-8", newline="")
    codes, _ = run(path)
    if name in FINE:
        assert codes <= WARNINGS
    else:
        assert codes
