"""What is cut, in which order, so that an answer comes before its deadline; and what each part costs.

Knows the measured cost of a policy's parts and the order of cuts: fewer flow steps first, then a shorter reasoning,
then none. Does not know policies or queues. `degraded` is what an answer says about its cut, "" when nothing was cut.
What each cut costs in quality is measured by `benchmarks/measure_deadline_cuts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

FLOW_STEPS = 10
FEWER_FLOW_STEPS = (5, 2)
SHORT_REASONING = 6  # tokens; whole sentences of the grammar have 3 to about 20
_MARGIN = 1.2  # costs vary from call to call; a cut too early costs less than an answer too late
_MEMORY = 0.8  # weight of what was known before, against the newest measurement


@dataclass(frozen=True)
class Cut:
    """How much of its work a policy does for one batch. max_reasoning_tokens None = as many as the policy has."""

    flow_steps: int = FLOW_STEPS
    reasoning: bool = True
    degraded: str = ""
    max_reasoning_tokens: int | None = None


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


def cuts(reasoning: bool) -> list[Cut]:
    """Every cut in the order in which they are made, the whole answer first."""
    order = [Cut(FLOW_STEPS, reasoning)]
    order += [Cut(steps, reasoning, f"flow_steps={steps}") for steps in FEWER_FLOW_STEPS]
    if reasoning:
        fewest = FEWER_FLOW_STEPS[-1]
        order.append(Cut(fewest, True, f"flow_steps={fewest},reasoning=short", SHORT_REASONING))
        order.append(Cut(fewest, False, f"flow_steps={fewest},reasoning=off"))
    return order
