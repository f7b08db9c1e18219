"""Components of rules: fields conditioned together, and the stages in which they are settled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from synthdsl.diagnostics import Diagnostic, Label, SynthError
from synthdsl.model.expressions import fields_read
from synthdsl.model.spec import Correlation, Rule, Table

Needs = dict[str, set[str]]


@dataclass(frozen=True)
class Stage:
    """A part of settling a row: `free` fields are drawn, those settled before given, until
    `rules` hold.
    """

    free: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Step:
    """Fields made together: one field, or the component of some rules.

    The stages of a component differ only in what `keeping` keeps: the last has all rules. A
    step with `inner` steps draws these as the spec says until its rules, a case or a broken
    rule, are met.
    """

    fields: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    stages: tuple[Stage, ...] = ()
    inner: tuple[Step, ...] = ()


def ancestors(names: set[str], needs: Needs) -> set[str]:
    """`names` and everything they depend on."""
    found: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(needs[name])
    return found


def rule_fields(rule: Rule, table: Table, needs: Needs) -> set[str]:
    """The fields that a rule reads, with all that they depend on."""
    return ancestors(fields_read(rule.condition) & table.fields.keys(), needs)


def steps(
    table: Table, order: Iterable[str], rules: Iterable[Rule], needs: Needs
) -> tuple[Step, ...]:
    """The steps of the fields in `order`, which has all that each depends on, under `rules`."""
    order = tuple(order)
    found = components(table, rules, needs)
    owner = {name: i for i, (names, _) in enumerate(found) for name in names}
    result: list[Step] = []
    emitted: set[int] = set()
    for name in order:
        if name not in owner:
            result.append(Step((name,)))
        elif owner[name] not in emitted:
            # every field of a component comes when its last ancestor is there
            emitted.add(owner[name])
            names, own_rules = found[owner[name]]
            fields = tuple(n for n in order if n in names)
            result.append(_component_step(table, fields, own_rules, needs))
    return tuple(ordered(result, needs))


def _component_step(
    table: Table, fields: tuple[str, ...], rules: tuple[Rule, ...], needs: Needs
) -> Step:
    """The step of a component. A case conditions what the spec denotes: where that is more than
    the declared law given all rules, it is drawn by steps of its own.
    """
    of_spec = tuple(rule for rule in rules if rule.demand == "hold")
    is_plain = not any(rule.share is not None or rule.keeping for rule in of_spec)
    if is_plain or of_spec == rules:
        return Step(fields, rules, stages(fields, rules, table, needs))
    wanted = tuple(rule for rule in rules if rule.demand != "hold")
    return Step(fields, wanted, inner=steps(table, fields, of_spec, needs))


def components(
    table: Table, all_rules: Iterable[Rule], needs: Needs
) -> list[tuple[set[str], tuple[Rule, ...]]]:
    """Fields conditioned together by rules: the rules' fields with all their ancestors, closed
    over correlations; components that share a field are one.
    """
    found: list[tuple[set[str], tuple[Rule, ...]]] = []
    for rule in all_rules:
        names = _closed(rule_fields(rule, table, needs), table, needs)
        rules: tuple[Rule, ...] = (rule,)
        kept = []
        for other, other_rules in found:
            if other & names:
                names |= other
                rules = (*other_rules, *rules)
            else:
                kept.append((other, other_rules))
        found = [*kept, (names, rules)]
    return found


def _closed(names: set[str], table: Table, needs: Needs) -> set[str]:
    while True:
        wider = set(names)
        for correlation in table.correlations:
            if wider & set(correlation.fields):
                wider |= set(correlation.fields)
        wider = ancestors(wider, needs)
        if wider == names:
            return names
        names = wider


def _refused(rule: Rule, message: str, help: str, others: Iterable[Rule] = ()) -> SynthError:
    labels = tuple(Label(other.span) for other in others)
    return SynthError(
        "the spec cannot be planned",
        diagnostics=[Diagnostic("bad-rule", rule.span, message, help, labels=labels)],
    )


def stages(
    fields: tuple[str, ...], rules: tuple[Rule, ...], table: Table, needs: Needs
) -> tuple[Stage, ...]:
    """How a component's rows are settled: what `keeping` keeps first, under the other rules.

    `fields` are in order of drawing. Raises `SynthError` where the kept fields of two rules
    leave open which law they keep.
    """
    kept = {rule: _kept(rule, set(fields), table, needs) for rule in rules}
    chain = _chain(kept, table, needs)
    result = []
    settled: set[str] = set()
    for keep in (*chain, set(fields)):
        enforced = tuple(rule for rule in rules if kept[rule] <= settled)
        free = tuple(name for name in fields if name not in settled)
        result.append(Stage(free, enforced))
        settled |= keep
    return tuple(result)


def _kept(rule: Rule, fields: set[str], table: Table, needs: Needs) -> set[str]:
    """What the rule keeps of its component, with all that it depends on."""
    kept = ancestors(set(rule.keeping), needs) & fields
    read = rule_fields(rule, table, needs)
    if rule.keeping and not any(table.fields[n].draw is not None for n in read - kept):
        raise _refused(
            rule,
            f"rule `{rule.name}` keeps all that it reads: nothing is left to condition",
            "keep fewer fields, or remove the rule",
        )
    return kept


def _chain(kept: dict[Rule, set[str]], table: Table, needs: Needs) -> list[set[str]]:
    """The kept sets from the smallest up, each inside the next; or their union, where no rule
    bears on what another keeps.
    """
    distinct: list[set[str]] = []
    for names in sorted(kept.values(), key=len):
        if names and names not in distinct:
            distinct.append(names)
    if all(a <= b for a, b in pairwise(distinct)):
        return distinct
    pairs = [
        (a, b)
        for a in kept
        for b in kept
        if a is not b and kept[a] and kept[b] and not _is_aside(a, b, kept, table, needs)
    ]
    if not pairs:
        return [set().union(*distinct)]
    first, second = pairs[0]
    raise _refused(
        first,
        f"rules `{first.name}` and `{second.name}` keep different fields and bear on each "
        "other: which law the kept fields have is open",
        "let both keep the same fields, or one keep all that the other keeps",
        (second,),
    )


def _is_aside(a: Rule, b: Rule, kept: dict[Rule, set[str]], table: Table, needs: Needs) -> bool:
    """Whether what `a` conditions tells nothing about what `b` keeps, given what `a` keeps."""
    read = rule_fields(a, table, needs)
    moved = read - kept[a]
    if not read & kept[b] <= kept[a]:
        return False
    others = (rule for rule in kept if rule is not a)
    return not any(rule_fields(rule, table, needs) & moved for rule in others)


def kept_first(table: Table, needs: Needs) -> Table:
    """`table` whose correlations name what is settled first before what is drawn given it."""
    if not any(rule.keeping for rule in table.rules) or not table.correlations:
        return table
    rank: dict[str, int] = {}
    of_spec = [rule for rule in table.rules if rule.demand == "hold"]
    for names, rules in components(table, of_spec, needs):
        for number, stage in enumerate(stages(tuple(names), rules, table, needs)):
            rank |= dict.fromkeys(stage.free, number)
    return replace(table, correlations=tuple(_reordered(c, rank) for c in table.correlations))


def _reordered(correlation: Correlation, rank: dict[str, int]) -> Correlation:
    # a field's rank is the last stage in which it is still free
    order = sorted(range(len(correlation.fields)), key=lambda i: rank.get(correlation.fields[i], 0))
    return replace(
        correlation,
        fields=tuple(correlation.fields[i] for i in order),
        matrices={
            key: tuple(tuple(matrix[i][j] for j in order) for i in order)
            for key, matrix in correlation.matrices.items()
        },
    )


def ordered(unordered: Iterable[Step], needs: Needs) -> Iterator[Step]:
    """Steps so that each follows what its fields need."""
    done: set[str] = set()
    waiting = list(unordered)
    while waiting:
        later = []
        for step in waiting:
            own = set(step.fields)
            if all(needs[name] - own <= done for name in step.fields):
                done |= own
                yield step
            else:
                later.append(step)
        assert len(later) < len(waiting)
        waiting = later
