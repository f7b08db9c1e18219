"""Machines typed from text, and hand-made frames of entities to walk through them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthdsl.engine.frame import Frame
from synthdsl.engine.pathways.sampler import PathwaySampler
from synthdsl.engine.streams import child_keys, root_keys
from synthdsl.language import tree
from synthdsl.language.parse import parse
from synthdsl.model.declarations import Declarations
from synthdsl.model.findings import Findings
from synthdsl.model.pathways import own_types, type_machine
from synthdsl.model.scope import Scope
from synthdsl.source import Source
from synthdsl.values.columns import Column
from synthdsl.values.types import DATETIME, FLOAT

DAY = 86_400_000_000
HOUR = 3_600_000_000
SECOND = 1_000_000
PARENT = {"age": FLOAT, "start": DATETIME}

ADMISSION = """
pathway admission per encounter e starts start {
  ed: gamma(mean: 5 h, cv: 0.7) -> {ward: 75%, icu: 8%, home: rest}
  ward: lognormal(mean: 3 d, sd: 2 d) -> {home: 90%, icu: 6%, died: rest}
  icu: gamma(mean: 4 d, cv: 0.9) -> {ward: 80%, died: rest}
  final home, died
}
"""


def typed(text, *, types=PARENT, folder="."):
    """The machine of the pathway in `text`, whose rows see fields of `types`; and the findings."""
    source = Source("machine.synth", f"language 1\n{text.strip()}\n")
    parsed, syntax = parse(source)
    assert not syntax, syntax
    findings = Findings()
    file = Declarations(findings, {}, allows_python=False).main(parsed.file, source, str(folder))
    node = next(s for s in parsed.file.statements if isinstance(s, tree.Pathway))
    own: dict = {}
    scope = Scope(
        file,
        field_type=lambda name: own.get(name) or types.get(name),
        field_names=(*types, "state", "entered", "stay", "left"),
        has_row=True,
    )
    own.update(own_types(node, scope))
    return type_machine(node, scope, findings), findings.diagnostics


def machine_of(text, **options):
    machine, findings = typed(text, **options)
    assert machine is not None, findings
    return machine


def codes_of(text, **options):
    """The codes of what is wrong, and nothing else: there is no machine where there are errors."""
    machine, findings = typed(text, **options)
    assert (machine is None) == any(d.is_error for d in findings)
    assert all(d.help for d in findings)
    return [d.code for d in findings]


@dataclass
class Entities:
    """Rows `first` to `stop` of a table of entities, and the frames of their visits."""

    first: int
    stop: int
    seed: int = 7
    pathway: str = "admission"
    columns: dict = field(default_factory=dict)
    frames_made: int = 0

    def __post_init__(self):
        ordinals = np.arange(self.first, self.stop, dtype=np.int64)
        keys = root_keys("encounter", self.first, self.stop)
        self.frame = Frame("encounter", self.seed, keys, ordinals)
        age = 20.0 + ordinals % 60
        start = ordinals * 1_234_567_891 % (365 * DAY) // SECOND * SECOND
        self.frame.columns = {"age": Column(age), "start": Column(start), **self.columns}

    def visits(self, parents, numbers):
        """The frame of some visits, as the engine makes it."""
        self.frames_made += 1
        keys = child_keys(self.pathway, self.frame.keys[parents], numbers)
        frame = Frame(self.pathway, self.seed, keys, numbers)
        for name in self.frame.columns:
            frame.columns[name] = self.frame.column(name).take(parents)
        return frame

    def paths(self, machine, successors=None, at=None):
        """The visits of the entities at positions `at` (None: of all)."""
        at = np.arange(self.frame.rows) if at is None else np.asarray(at, np.int64)
        sampler = PathwaySampler(machine, lambda e: e)
        return sampler.sample(self.frame, at, self.visits, successors)


def rows_of(visits):
    """The visits as plain tuples."""
    words = visits.state.vocabulary.words
    stay, left = visits.stay, visits.left
    return [
        (
            int(parent),
            int(number),
            words[state],
            int(entered),
            int(stay.values[i]) if stay.valid[i] else None,
            int(left.values[i]) if left.valid[i] else None,
        )
        for i, (parent, number, state, entered) in enumerate(
            zip(
                visits.parents,
                visits.ordinals,
                visits.state.values,
                visits.entered.values,
                strict=True,
            )
        )
    ]


def paths_of(visits):
    """The sequence of states of each entity, by position."""
    found: dict[int, list[str]] = {}
    words = visits.state.vocabulary.words
    for parent, state in zip(visits.parents, visits.state.values, strict=True):
        found.setdefault(int(parent), []).append(words[state])
    return {parent: tuple(states) for parent, states in found.items()}
