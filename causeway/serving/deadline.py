"""What is cut, in which order, so that an answer comes before its deadline; and what each part costs.

Knows the measured cost of a policy's parts and the order of cuts: fewer flow steps first, then no reasoning. Does
not know policies or queues. `degraded` is what an answer says about its cut, "" when nothing was cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FLOW_STEPS = 10
FEWER_FLOW_STEPS = (5, 2)
_MARGIN = 1.2  # costs vary from call to call; a cut too early costs less than an answer too late
_MEMORY = 0.8  # weight of what was known before, against the newest measurement


@dataclass(frozen=True)
class Cut:
    """How much of its work a policy does for one batch."""

    flow_steps: int = FLOW_STEPS
    reasoning: bool = True
    degraded: str = ""


@dataclass(frozen=True)
class Costs:
    """Milliseconds of one call of a policy: what is always paid, the reasoning, and each flow step."""

    fixed: float = 0.0
    reasoning: float = 0.0
    flow_step: float = 0.0

    def of(self, cut: Cut) -> float:
        """Expected milliseconds of a call with this cut, margin included."""
        reasoning = self.reasoning if cut.reasoning else 0.0
        return _MARGIN * (self.fixed + reasoning + self.flow_step * cut.flow_steps)

    def after(self, cut: Cut, timing_ms: Mapping[str, float], total_ms: float) -> Costs:
        """The costs with one more measured call; parts that were cut keep what was known of them."""
        action, reasoning = timing_ms.get("action", 0.0), timing_ms.get("reasoning", 0.0)
        return Costs(
            fixed=_mixed(self.fixed, max(total_ms - action - reasoning, 0.0)),
            reasoning=_mixed(self.reasoning, reasoning) if cut.reasoning else self.reasoning,
            flow_step=_mixed(self.flow_step, action / cut.flow_steps),
        )


def _mixed(known: float, measured: float) -> float:
    return measured if known == 0.0 else _MEMORY * known + (1.0 - _MEMORY) * measured


def choose_cut(reasoning: bool, remaining_ms: float | None, costs: Costs) -> Cut:
    """The least cut that is expected to fit in `remaining_ms`, or the deepest there is; None = no deadline.

    `reasoning` is what was asked: an answer for which it was not wanted is not degraded by its absence.
    """
    cuts = _order(reasoning)
    if remaining_ms is None:
        return cuts[0]
    return next((cut for cut in cuts if costs.of(cut) <= remaining_ms), cuts[-1])


def _order(reasoning: bool) -> list[Cut]:
    cuts = [Cut(FLOW_STEPS, reasoning)]
    cuts += [Cut(steps, reasoning, f"flow_steps={steps}") for steps in FEWER_FLOW_STEPS]
    if reasoning:
        fewest = FEWER_FLOW_STEPS[-1]
        cuts.append(Cut(fewest, False, f"flow_steps={fewest},reasoning=off"))
    return cuts
