"""Draws of a grammar, expanded level by level over all rows of a block at once.

A block is one flat run of symbols with the row of each. Each round replaces every rule in it
by an alternative, so the number of rounds is the depth of the deepest text. Each row draws 64
bits once; a part's bits are a hash of its parent's bits and its place (SplitMix64: Steele, Lea
and Flood 2014), so a text depends on nothing but its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthdsl.lazy import lazy
from synthdsl.providers._grammar_syntax import (
    DEEPEST,
    Grammar,
    Reference,
    conditional_weight,
    cumulated,
)
from synthdsl.providers._value_text import Slot
from synthdsl.values.columns import with_nulls
from synthdsl.values.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Symbols = NDArray[np.int64]
    Bits = NDArray[np.uint64]
else:
    np = lazy("numpy")
    pa = lazy("pyarrow")

LARGEST_CHUNK = 2_000_000
"""Parts expanded at once, so that long notes do not multiply the memory of a block."""


class GrammarProgram:
    """A compiled grammar. Symbols are numbered: words, then slots, then rules."""

    def __init__(self, grammar: Grammar) -> None:
        symbols = [
            symbol
            for rule in grammar.rules
            for alternative in rule.alternatives
            for symbol in alternative.symbols
        ]
        words = list(dict.fromkeys(symbol for symbol in symbols if isinstance(symbol, str)))
        slots = list({(s.number, s.form): s for s in symbols if isinstance(s, Slot)}.values())
        self.words = words
        self.slots = slots
        self.first_rule = len(words) + len(slots)
        self._numbers: dict[Any, int] = {word: number for number, word in enumerate(words)}
        for number, slot in enumerate(slots):
            self._numbers[slot.number, slot.form] = len(words) + number
        for number, rule in enumerate(grammar.rules):
            self._numbers[Reference, rule.name] = self.first_rule + number
        self._rows_at_once = max(1, int(LARGEST_CHUNK / max(grammar.expected_parts, 1.0)))
        self._compile(grammar)

    def _compile(self, grammar: Grammar) -> None:
        flat: list[int] = []
        starts: list[int] = []
        lengths: list[int] = []
        self._first_alternative: list[int] = []
        self._shares: list[list[NDArray[np.float64]]] = []
        for rule in grammar.rules:
            self._first_alternative.append(len(starts))
            for alternative in rule.alternatives:
                starts.append(len(flat))
                lengths.append(len(alternative.symbols))
                flat.extend(self._number(symbol) for symbol in alternative.symbols)
            # At depth d a rule may use texts nested at most DEEPEST - d - 1 deep.
            self._shares.append(
                [
                    np.array(
                        cumulated(
                            [
                                conditional_weight(alternative, grammar.mass[DEEPEST - depth - 1])
                                for alternative in rule.alternatives
                            ]
                        )
                        if grammar.mass[DEEPEST - depth][rule.name] > 0
                        else []
                    )
                    for depth in range(DEEPEST)
                ]
            )
        self._flat = np.array(flat, np.int64)
        self._starts = np.array(starts, np.int64)
        self._lengths = np.array(lengths, np.int64)

    def _number(self, symbol: str | Slot | Reference) -> int:
        if isinstance(symbol, Reference):
            return self._numbers[Reference, symbol.name]
        if isinstance(symbol, Slot):
            return self._numbers[symbol.number, symbol.form]
        return self._numbers[symbol]

    def draw(
        self, draws: Draws, texts: list[Any], valid: NDArray[np.bool_] | None
    ) -> pa.StringArray:
        """One text a row, null where `valid` is False; `texts`: one Arrow array a slot."""
        bits = draws.bits()
        pieces = []
        for start in range(0, draws.rows, self._rows_at_once):
            end = min(start + self._rows_at_once, draws.rows)
            chunk = [text.slice(start, end - start) for text in texts]
            pieces.append(self._text(bits[start:end], chunk))
        if not pieces:
            return pa.array([], pa.string())
        return with_nulls(pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces), valid)

    def _text(self, bits: Bits, texts: list[Any]) -> pa.StringArray:
        import pyarrow.compute as pc

        rows = len(bits)
        symbols, owners = self._expand(bits)
        at = symbols
        if texts:
            # The pool is the words, then the texts of each slot row by row.
            is_slot = symbols >= len(self.words)
            base = len(self.words) + (symbols - len(self.words)) * rows + owners
            at = np.where(is_slot, base, symbols)
        filled = [pc.fill_null(text, "") for text in texts]
        pool = pa.concat_arrays([pa.array(self.words, pa.string()), *filled])
        offsets = np.zeros(rows + 1, np.int32)
        np.cumsum(np.bincount(owners, minlength=rows), out=offsets[1:])
        parts = pa.ListArray.from_arrays(pa.array(offsets), pool.take(pa.array(at)))
        return pc.binary_join(parts, "")

    def _expand(self, bits: Bits) -> tuple[Symbols, Symbols]:
        """Words and slots of all rows one after the other, and the row of each."""
        rows = len(bits)
        symbols = np.full(rows, self.first_rule, np.int64)
        owners = np.arange(rows)
        finished: list[tuple[Symbols, Symbols]] = []
        for depth in range(DEEPEST):
            rules = np.flatnonzero(symbols >= self.first_rule)
            # Rows without rules step aside once they are many; few rows go very deep.
            if 8 * len(rules) < len(symbols):
                is_open = np.zeros(rows, bool)
                is_open[owners[rules]] = True
                is_kept = is_open[owners]
                finished.append((symbols[~is_kept], owners[~is_kept]))
                symbols, owners = symbols[is_kept], owners[is_kept]
                rules = np.flatnonzero(symbols >= self.first_rule)
            if not len(rules):
                break
            symbols, owners, bits = self._round(symbols, owners, rules, bits, depth)
        finished.append((symbols, owners))
        if len(finished) == 1:
            return symbols, owners
        symbols = np.concatenate([part[0] for part in finished])
        owners = np.concatenate([part[1] for part in finished])
        # A row lies in one part as a whole, so a stable sort by row keeps its order.
        order = np.argsort(owners, kind="stable")
        return symbols[order], owners[order]

    def _round(
        self, symbols: Symbols, owners: Symbols, rules: Symbols, bits: Bits, depth: int
    ) -> tuple[Symbols, Symbols, Bits]:
        """Replace the symbols at `rules`, whose bits are `bits`, each by an alternative.

        Returns the new symbols, the row of each, and the bits of the new rules in order.
        """
        taken = self._choose(symbols[rules], bits, depth)
        lengths = self._lengths[taken]
        origin = np.repeat(np.arange(len(rules)), lengths)
        place = np.arange(len(origin)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        parts = self._flat[np.repeat(self._starts[taken], lengths) + place]
        counts = np.ones(len(symbols), np.int64)
        counts[rules] = lengths
        new_symbols = np.repeat(symbols, counts)
        first = (np.cumsum(counts) - counts)[rules]
        new_symbols[first[origin] + place] = parts
        is_rule = np.flatnonzero(parts >= self.first_rule)
        new_bits = _child_bits(bits[origin[is_rule]], place[is_rule])
        return new_symbols, np.repeat(owners, counts), new_bits

    def _choose(self, rules: Symbols, bits: Bits, depth: int) -> Symbols:
        """The alternative that each of `rules` takes."""
        uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
        taken = np.empty(len(rules), np.int64)
        for rule in np.unique(rules).tolist():
            at = np.flatnonzero(rules == rule)
            number = rule - self.first_rule
            shares = self._shares[number][depth]
            picked = np.searchsorted(shares, uniform[at], side="right")
            taken[at] = self._first_alternative[number] + picked
        return taken


def _child_bits(bits: Bits, place: Symbols) -> Bits:
    """Bits of the parts at `place` under parents with `bits`."""
    mixed = bits + (place.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
