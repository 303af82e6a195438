"""What is cut so that an answer comes before its deadline, and how long each part takes.

Knows the measured times of a policy's parts and chooses among the cuts of `causeway.model.cuts`. Does not know policies
or queues, or what a cut costs in quality (`causeway.evaluation.cut_costs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from causeway.model.cuts import Cut, cuts

_MARGIN = 1.2  # costs vary from call to call; a cut too early costs less than an answer too late
_MEMORY = 0.8  # weight of what was known before, against the newest measurement


@dataclass(frozen=True)
class Costs:
    """Milliseconds of one call of a policy: what is always paid, the reasoning (whole or short), each flow step."""

    fixed: float = 0.0
    reasoning: float = 0.0
    flow_step: float = 0.0
    short_reasoning: float = 0.0

    def of(self, cut: Cut) -> float:
        """Expected milliseconds of a call with this cut, margin included."""
        whole = self.reasoning if cut.max_reasoning_tokens is None else min(self.short_reasoning, self.reasoning)
        return _MARGIN * (self.fixed + whole * cut.reasoning + self.flow_step * cut.flow_steps)

    def after(self, cut: Cut, timing_ms: Mapping[str, float], total_ms: float) -> Costs:
        """The costs with one more measured call; parts that were cut keep what was known of them."""
        action, reasoning = timing_ms.get("action", 0.0), timing_ms.get("reasoning", 0.0)
        known = replace(
            self,
            fixed=_mixed(self.fixed, max(total_ms - action - reasoning, 0.0)),
            flow_step=_mixed(self.flow_step, action / cut.flow_steps),
        )
        if not cut.reasoning:
            return known
        if cut.max_reasoning_tokens is None:
            return replace(known, reasoning=_mixed(self.reasoning, reasoning))
        return replace(known, short_reasoning=_mixed(self.short_reasoning, reasoning))


def _mixed(known: float, measured: float) -> float:
    return measured if known == 0.0 else _MEMORY * known + (1.0 - _MEMORY) * measured


def choose_cut(reasoning: bool, remaining_ms: float | None, costs: Costs) -> Cut:
    """The least cut that is expected to fit in `remaining_ms`, or the deepest there is; None = no deadline.

    `reasoning` is what was asked: an answer for which it was not wanted is not degraded by its absence.
    """
    order = cuts(reasoning)
    if remaining_ms is None:
        return order[0]
    return next((cut for cut in order if costs.of(cut) <= remaining_ms), order[-1])
