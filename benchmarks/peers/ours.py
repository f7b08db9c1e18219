"""synthdsl on admission.synth, with the rules that are asked for."""

from __future__ import annotations

import time
from pathlib import Path

from declared import RULES, Rows, arguments, report, write_pandas

import synthdsl

SPEC = Path(__file__).resolve().parent.parent / "admission.synth"


def text_with(rules: list[str]) -> str:
    """The spec less the rules that are not asked for."""
    left_out = [f"rule {name}:" for name in RULES if name not in rules]
    lines = SPEC.read_text(encoding="utf-8").splitlines()
    return "\n".join(x for x in lines if not x.strip().startswith(tuple(left_out))) + "\n"


def main() -> None:
    """Make the rows."""
    asked = arguments()
    began = time.process_time()
    spec = synthdsl.load(str(SPEC), text=text_with(asked.rules))
    setup = time.process_time() - began

    def make() -> Rows:
        return spec.generate(asked.rows, seed=7)["admission"]

    report("synthdsl", make, lambda t, p: write_pandas(t.to_pandas(), p), asked.out, setup)


if __name__ == "__main__":
    main()
