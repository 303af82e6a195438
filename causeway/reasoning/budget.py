"""What asking may cost: calls, tokens and money, counted before they are spent.

A request is sent only when all that is under way and itself fit into the budget at their estimate; the estimate
gives way to what the answer says it cost. Answers known from the ledger count as they did when they were paid, so a
run that was killed and goes on has the same budget. Does not know endpoints.
"""

import asyncio
from dataclasses import dataclass

from causeway.errors import Refused, UsageError

_MILLION = 1e6


@dataclass(frozen=True)
class Budget:
    """Bounds, 0 = none; prices in any currency for a million tokens. UsageError for numbers that make no sense."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "money", "price_in", "price_out"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"budget: {name} is {getattr(self, name)}; give a number from 0 on")
        if self.money and not (self.price_in or self.price_out):
            raise UsageError("budget: money without a price; give price_in and price_out for a million tokens")


@dataclass
class Spent:
    """What was spent or is set aside."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, other: "Spent", sign: int = 1) -> None:
        """Add another sum, or take it away."""
        self.calls += sign * other.calls
        self.tokens_in += sign * other.tokens_in
        self.tokens_out += sign * other.tokens_out


class Purse:
    """A budget and what is left of it, for one event loop."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self.spent = budget, Spent()
        self._set_aside = Spent()
        self._changed = asyncio.Condition()

    async def reserve(self, estimate: Spent) -> None:
        """Set an estimate aside, once it fits beside what is under way. Refused when it fits beside nothing."""
        async with self._changed:
            while not self._fits(estimate):
                if self._set_aside.calls == 0:
                    raise Refused(self._text())
                await self._changed.wait()
            self._set_aside.add(estimate)

    async def settle(self, estimate: Spent, real: Spent) -> None:
        """Replace an estimate by what it really was."""
        async with self._changed:
            self._set_aside.add(estimate, -1)
            self.spent.add(real)
            self._changed.notify_all()

    def replayed(self, real: Spent) -> None:
        """Count an answer that was paid for before."""
        self.spent.add(real)

    def money(self, of: Spent) -> float:
        """The price of a sum."""
        return (of.tokens_in * self.budget.price_in + of.tokens_out * self.budget.price_out) / _MILLION

    def _fits(self, estimate: Spent) -> bool:
        whole = Spent()
        for part in (self.spent, self._set_aside, estimate):
            whole.add(part)
        sums = (whole.calls, whole.tokens_in + whole.tokens_out, self.money(whole))
        bounds = (self.budget.calls, self.budget.tokens, self.budget.money)
        return all(not bound or value <= bound for value, bound in zip(sums, bounds, strict=True))

    def _text(self) -> str:
        spent, budget = self.spent, self.budget
        tokens = spent.tokens_in + spent.tokens_out
        return (
            f"budget: spent {spent.calls} calls of {_bound(budget.calls)}, {tokens} tokens of {_bound(budget.tokens)}, "
            f"{self.money(spent):.2f} money of {_bound(budget.money)}; the next call does not fit. "
            "Every answer is on record: the same command with a larger budget goes on and pays nothing twice"
        )


def _bound(value: float) -> str:
    return f"{value:g}" if value else "any"
