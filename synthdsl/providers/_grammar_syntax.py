r"""Weighted context-free grammars: their text, and what can be known before drawing.

A rule is `name -> alternative | alternative`; an alternative is a run of quoted texts (double
or single quotes; `\n`, `\t`, `\"`, `\'`, `\\` inside) and names of rules, and may end in a
weight: `[70%]` or `[rest]`. A rule without weights draws its alternatives equally often;
otherwise every alternative has a weight, and they total 100 % or one says `rest`. `{0}` in a
quoted text is a slot. Line breaks mean nothing, `#` starts a comment, `;` may end a rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from synthdsl.providers._value_text import Slot, SlotError, split_slots

LONGEST_GRAMMAR = 100_000
"""Characters of a grammar."""
MOST_SYMBOLS = 20_000
DEEPEST = 32
"""Rules within rules. The law drawn is the grammar's, given that no text is nested deeper."""
LEAST_MASS = 0.999
"""The share of texts that must be within `DEEPEST`."""
MOST_EXPECTED_PARTS = 2_000
MOST_EXPECTED_LENGTH = 10_000

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|;)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<weight>\[\s*(?:rest|[0-9]{1,3}(?:\.[0-9]{1,9})?\s*%)\s*\])
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<arrow>->)
    |(?P<bar>\|)""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t"}


class GrammarError(ValueError):
    """Why a grammar is refused: `offset` counts its characters from 0."""

    def __init__(self, message: str, offset: int, help_text: str) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.help_text = help_text


@dataclass(frozen=True)
class Reference:
    """The name of a rule within an alternative."""

    name: str
    offset: int


@dataclass(frozen=True)
class Alternative:
    """What a rule may become, with its probability."""

    symbols: tuple[str | Slot | Reference, ...]
    weight: Fraction

    @cached_property
    def share(self) -> float:
        """The probability as a float: exact fractions are slow in the loops over depth."""
        return float(self.weight)

    @cached_property
    def references(self) -> list[Reference]:
        """The rules it uses, in order."""
        return [symbol for symbol in self.symbols if isinstance(symbol, Reference)]


@dataclass(frozen=True)
class Rule:
    """A name and what it may become."""

    name: str
    offset: int
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Grammar:
    """The rules that `start` reaches, `start` first, in order of first use.

    `mass[d][name]`: probability that a text of rule `name` is nested at most d deep.
    """

    rules: tuple[Rule, ...]
    mass: tuple[dict[str, float], ...]
    expected_parts: float

    @property
    def slots(self) -> list[Slot]:
        """Every slot, in order of appearance."""
        return [
            symbol
            for rule in self.rules
            for alternative in rule.alternatives
            for symbol in alternative.symbols
            if isinstance(symbol, Slot)
        ]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    offset: int


def parse_grammar(text: str, start: str) -> Grammar:
    """The grammar of `text` from rule `start`; raises `GrammarError`."""
    if len(text) > LONGEST_GRAMMAR:
        raise GrammarError(
            f"the grammar has {len(text):,} characters, at most {LONGEST_GRAMMAR:,} are allowed",
            LONGEST_GRAMMAR,
            "shorten it",
        )
    tokens = _tokens(text)
    if not tokens:
        raise GrammarError("the grammar has no rule", 0, 'write one, such as: note -> "Stable."')
    rules = _rules(tokens)
    reached = _reached(rules, start)
    _refuse_endless(reached)
    mass = _masses(reached)
    _refuse_deep(reached, mass)
    return Grammar(tuple(reached.values()), mass, _expected(reached, start))


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _token_error(text, at)
        if match.lastgroup != "skip":
            tokens.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()
    if len(tokens) > 2 * MOST_SYMBOLS:
        raise GrammarError(
            f"the grammar has more than {MOST_SYMBOLS:,} symbols",
            tokens[2 * MOST_SYMBOLS].offset,
            "shorten it",
        )
    return tokens


def _token_error(text: str, at: int) -> GrammarError:
    if text[at] in "\"'":
        return GrammarError("this quote is not closed on its line", at, f"close it with {text[at]}")
    if text[at] == "[":
        return GrammarError("this is no weight", at, "write [70%] or [rest]")
    return GrammarError(
        f"`{text[at]}` means nothing here", at, 'write texts in quotes: name -> "text" other_rule'
    )


def _rules(tokens: list[_Token]) -> dict[str, Rule]:
    """Rules by name. A name before an arrow starts a rule."""
    heads = [
        place
        for place in range(len(tokens))
        if tokens[place].kind == "name"
        and tokens[place + 1 : place + 2]
        and tokens[place + 1].kind == "arrow"
    ]
    if not heads or heads[0] != 0:
        raise GrammarError("a rule must come first", tokens[0].offset, 'write: name -> "text"')
    rules: dict[str, Rule] = {}
    for head, end in zip(heads, [*heads[1:], len(tokens)], strict=True):
        token = tokens[head]
        if token.text in rules:
            raise GrammarError(
                f"rule `{token.text}` is written twice",
                token.offset,
                "join the alternatives with `|`",
            )
        body = tokens[head + 2 : end]
        rules[token.text] = Rule(token.text, token.offset, _alternatives(token, body))
    return rules


def _alternatives(head: _Token, body: list[_Token]) -> tuple[Alternative, ...]:
    groups: list[list[_Token]] = [[]]
    for token in body:
        if token.kind == "arrow":
            raise GrammarError(
                "this `->` follows no name of a rule", token.offset, 'write: name -> "text"'
            )
        if token.kind == "bar":
            groups.append([])
        else:
            groups[-1].append(token)
    symbols, weights = [], []
    for group in groups:
        weight = group.pop() if group and group[-1].kind == "weight" else None
        if not group:
            raise GrammarError(
                f"an alternative of rule `{head.text}` is empty",
                head.offset,
                'write "" for no text',
            )
        weights.append(weight)
        symbols.append(tuple(symbol for token in group for symbol in _symbols(token)))
    shares = _shares(head, weights)
    return tuple(map(Alternative, symbols, shares))


def _symbols(token: _Token) -> list[str | Slot | Reference]:
    if token.kind == "name":
        return [Reference(token.text, token.offset)]
    if token.kind == "weight":
        raise GrammarError(
            "a weight must end its alternative", token.offset, "move it before the `|`"
        )
    inside = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token.text[1:-1])
    if "\0" in inside or any("\ud800" <= character <= "\udfff" for character in inside):
        raise GrammarError("a character of this text cannot be drawn", token.offset, "remove it")
    try:
        return list(split_slots(inside))
    except SlotError as error:
        raise GrammarError(error.message, token.offset, error.help_text) from None


def _shares(head: _Token, weights: list[_Token | None]) -> list[Fraction]:
    """Probabilities of the alternatives, exactly."""
    if all(weight is None for weight in weights):
        return [Fraction(1, len(weights))] * len(weights)
    shares: list[Fraction | None] = []
    for weight in weights:
        if weight is None:
            raise GrammarError(
                f"rule `{head.text}` has alternatives with and without weight",
                head.offset,
                "give each a weight, or one [rest]",
            )
        inside = weight.text[1:-1].strip()
        shares.append(None if inside == "rest" else Fraction(inside.rstrip("% ")) / 100)
        if shares[-1] == 0:
            raise GrammarError("this weight is 0 %", weight.offset, "remove the alternative")
    total = sum((share for share in shares if share is not None), Fraction(0))
    rests = shares.count(None)
    if rests > 1 or (rests == 0 and total != 1) or (rests == 1 and total >= 1):
        said = f"{float(total * 100):.10g} %" + (f" and {rests} times rest" if rests else "")
        raise GrammarError(
            f"the weights of rule `{head.text}` total {said}",
            head.offset,
            "make them total 100 %, or write [rest] for one of them",
        )
    return [1 - total if share is None else share for share in shares]


def _reached(rules: dict[str, Rule], start: str) -> dict[str, Rule]:
    """The rules that `start` reaches; refuses names without a rule."""
    if start not in rules:
        near = get_close_matches(start, rules, n=1)
        raise GrammarError(
            f"there is no rule `{start}` to start from",
            0,
            f"did you mean `{near[0]}`?" if near else f"the rules are: {', '.join(rules)}",
        )
    reached = {start: rules[start]}
    waiting = [rules[start]]
    while waiting:
        for alternative in waiting.pop(0).alternatives:
            for reference in alternative.references:
                if reference.name in reached:
                    continue
                if reference.name not in rules:
                    near = get_close_matches(reference.name, rules, n=1)
                    raise GrammarError(
                        f"there is no rule `{reference.name}`",
                        reference.offset,
                        f"did you mean `{near[0]}`?" if near else "write it, or put quotes round",
                    )
                reached[reference.name] = rules[reference.name]
                waiting.append(rules[reference.name])
    return reached


def _refuse_endless(rules: dict[str, Rule]) -> None:
    """Refuse rules none of whose texts ever ends."""
    # Linear in the size of the grammar: each use of a rule is crossed off once.
    users: dict[str, list[tuple[str, int]]] = {name: [] for name in rules}
    waiting_for: list[int] = []
    ending: set[str] = set()
    found: list[str] = []
    for rule in rules.values():
        for alternative in rule.alternatives:
            references = alternative.references
            for reference in references:
                users[reference.name].append((rule.name, len(waiting_for)))
            waiting_for.append(len(references))
            if not references:
                found.append(rule.name)
    while found:
        name = found.pop()
        if name in ending:
            continue
        ending.add(name)
        for user, alternative_number in users[name]:
            waiting_for[alternative_number] -= 1
            if waiting_for[alternative_number] == 0:
                found.append(user)
    for rule in rules.values():
        if rule.name not in ending:
            raise GrammarError(
                f"rule `{rule.name}` never ends: each alternative leads back to it or to another "
                "rule that never ends",
                rule.offset,
                "add an alternative without recursion",
            )


def _masses(rules: dict[str, Rule]) -> tuple[dict[str, float], ...]:
    masses = [dict.fromkeys(rules, 0.0)]
    for _ in range(DEEPEST):
        before = masses[-1]
        masses.append(
            {
                rule.name: sum(
                    conditional_weight(alternative, before) for alternative in rule.alternatives
                )
                for rule in rules.values()
            }
        )
    return tuple(masses)


def conditional_weight(alternative: Alternative, mass: dict[str, float]) -> float:
    """Probability to take `alternative` and to end within the depth that `mass` is for."""
    weight = alternative.share
    for reference in alternative.references:
        weight *= mass[reference.name]
    return weight


def _refuse_deep(rules: dict[str, Rule], masses: tuple[dict[str, float], ...]) -> None:
    start = next(iter(rules))
    mass = masses[-1][start]
    if mass >= LEAST_MASS:
        return
    # The rule to blame is the one least likely to end.
    worst = min(rules.values(), key=lambda rule: masses[-1][rule.name])
    raise GrammarError(
        f"texts of rule `{worst.name}` are nested deeper than {DEEPEST} rules with probability "
        f"{1 - masses[-1][worst.name]:.3g}",
        worst.offset,
        "lower the weights of its recursive alternatives, or use fewer rules within rules",
    )


def _expected(rules: dict[str, Rule], start: str) -> float:
    """Expected number of parts of a text; refuses grammars whose texts would be huge."""
    parts, lengths = dict.fromkeys(rules, 0.0), dict.fromkeys(rules, 0.0)
    for _ in range(DEEPEST):
        parts, lengths = (
            {name: _mean(rule, parts, None) for name, rule in rules.items()},
            {name: _mean(rule, lengths, len) for name, rule in rules.items()},
        )
    if parts[start] > MOST_EXPECTED_PARTS or lengths[start] > MOST_EXPECTED_LENGTH:
        raise GrammarError(
            f"a text of rule `{start}` has on average {parts[start]:.3g} parts and "
            f"{lengths[start]:.3g} characters; at most {MOST_EXPECTED_PARTS:,} and "
            f"{MOST_EXPECTED_LENGTH:,} are allowed",
            rules[start].offset,
            "make it shorter",
        )
    return parts[start]


def _mean(rule: Rule, means: dict[str, float], length: object) -> float:
    total = 0.0
    for alternative in rule.alternatives:
        value = 0.0
        for symbol in alternative.symbols:
            if isinstance(symbol, Reference):
                value += means[symbol.name] + (length is None)
            else:
                value += len(symbol) if length is not None and isinstance(symbol, str) else 1.0
        total += alternative.share * value
    return total


def cumulated(weights: list[float]) -> list[float]:
    """Cumulated shares of `weights`, the last (which is 1) left out."""
    total = sum(weights)
    return [part / total for part in accumulate(weights)][:-1]
