"""Which token may follow which while a policy reasons: the sentences of the grammar, spelled in a vocabulary's ids.

Knows ids and states of an automaton that is built as far as it is walked. Does not know probabilities. A trace that
ends is a sentence that `causeway.reasoning.parse` reads, in the very ids in which a tokenizer reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

from causeway.errors import UnusableInput
from causeway.reasoning.continuations import START, Place, following

_States = frozenset[tuple[Place | None, tuple[int, ...]]]  # places in a sentence, and ids said of the word that follows


class SentenceTokens:
    """The automaton of one vocabulary. States are numbers; 0 is where a sentence begins."""

    def __init__(self, encode: Callable[[str], Sequence[int]], end_id: int) -> None:
        """encode: ids of a piece of text; end_id: the token behind the full stop."""
        self._encode, self._end = encode, end_id
        self._numbers: dict[_States, int] = {}
        self._states: list[_States] = []
        self._moves: dict[int, dict[int, int]] = {}
        self._spelled = cache(self._spell)
        self._number(frozenset({(START, ())}))

    def moves(self, state: int) -> dict[int, int]:
        """The ids that may come next, each with the state behind it. Empty = the end token was said."""
        if state not in self._moves:
            after: dict[int, set[tuple[Place | None, tuple[int, ...]]]] = {}
            for place, said in self._states[state]:
                for ids, behind in self._options(place):
                    if len(ids) > len(said) and ids[: len(said)] == said:
                        read = ids[: len(said) + 1]
                        after.setdefault(read[-1], set()).add((behind, ()) if read == ids else (place, read))
            self._moves[state] = {token: self._number(frozenset(there)) for token, there in after.items()}
        return self._moves[state]

    def masks(self, states: Sequence[int], columns: int) -> Tensor:
        """[states, columns] True for the ids that may come next."""
        allowed = torch.zeros(len(states), columns, dtype=torch.bool)
        for row, state in enumerate(states):
            allowed[row, list(self.moves(state))] = True
        return allowed

    def path(self, ids: Sequence[int]) -> list[int]:
        """The state before each id. UnusableInput names the first id that no sentence has there."""
        states, state = [], 0
        for place, token in enumerate(ids):
            states.append(state)
            if token not in self.moves(state):
                raise UnusableInput(f"id {token}, number {place + 1} of the reasoning, fits nowhere in the grammar")
            state = self.moves(state)[token]
        return states

    def _number(self, states: _States) -> int:
        if states not in self._numbers:
            self._numbers[states] = len(self._states)
            self._states.append(states)
        return self._numbers[states]

    def _options(self, place: Place | None) -> list[tuple[tuple[int, ...], Place | None]]:
        """Spelled words that may follow a place; behind the full stop the end token alone."""
        if place is None:
            return []
        if place.part == "end":
            return [((self._end,), None)]
        return [(self._spelled(word, place == START), behind) for word, behind in following(place).items()]

    def _spell(self, word: str, first: bool) -> tuple[int, ...]:
        if first:
            return tuple(self._encode(word.capitalize()))
        return tuple(self._encode(word if word in ",." else f" {word}"))
