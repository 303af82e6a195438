"""The servers behind a laptop's front: who gets the next request, and what became of each.

Plain counting, no network. The turn goes round by weight (smooth weighted round robin), so that of every hundred
requests each server gets exactly its per cent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

KEPT_MS = 1000


@dataclass
class Slot:
    """One server. `weight` is its per cent; `inside` how many requests it has at this moment."""

    name: str
    grpc: str = ""
    http: str = ""
    weight: int = 0
    ready: bool = False
    inside: int = 0
    answered: int = 0
    failed: int = 0  # the server's fault: internal errors, and connections that broke
    shed: int = 0  # it was full, or the request too late
    refused: int = 0  # the request's fault
    restarts: int = 0
    problem: str = ""  # why it does not start; "" until it was tried a few times
    ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_MS))
    turn: int = 0

    def figures(self) -> dict[str, Any]:
        """What a report says of it."""
        counts = ("grpc", "weight", "ready", "inside", "answered", "failed", "shed", "refused", "restarts", "problem")
        middle = sorted(self.ms)[len(self.ms) // 2] if self.ms else None
        return {name: getattr(self, name) for name in counts} | {"median_ms": middle and round(middle, 2)}


@dataclass
class Shadow:
    """Requests that were copied to a server which answers nobody, and how its answers differ."""

    compared: int = 0
    failed: int = 0
    skipped: int = 0  # it was busy with others
    decisions_changed: int = 0
    path_m: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_MS))

    def figures(self) -> dict[str, Any]:
        """What a report says of it."""
        counts = {name: getattr(self, name) for name in ("compared", "failed", "skipped", "decisions_changed")}
        return counts | {"path_m": [round(value, 4) for value in self.path_m]}


def next_slot(slots: Iterable[Slot], tried: Collection[str] = ()) -> Slot | None:
    """Whose turn it is among those that are ready, have a weight and were not tried; None when there is none."""
    able = [slot for slot in slots if slot.ready and slot.weight > 0 and slot.name not in tried]
    if not able:
        return None
    for slot in able:
        slot.turn += slot.weight
    chosen = max(able, key=lambda slot: slot.turn)
    chosen.turn -= sum(slot.weight for slot in able)
    return chosen


def set_weights(slots: Iterable[Slot], weights: Callable[[str], int]) -> None:
    """New weights; the round begins anew, so that the first hundred requests have the new share."""
    for slot in slots:
        slot.weight, slot.turn = weights(slot.name), 0
