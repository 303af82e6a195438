"""How much of its work a policy does for one answer, and in which order it does less when time is short.

Knows the cuts: fewer flow steps first, then a shorter reasoning, then none. Does not know deadlines (`serving/deadline`
chooses by them) or what a cut costs (`evaluation/cut_costs` measures it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FLOW_STEPS = 10
FEWER_FLOW_STEPS = (5, 2)
SHORT_REASONING = 6  # tokens; whole sentences of the grammar have 3 to about 20


@dataclass(frozen=True)
class Cut:
    """One way to answer; `degraded` is what an answer says of it ("" = whole). max_reasoning_tokens None = all."""

    flow_steps: int = FLOW_STEPS
    reasoning: bool = True
    degraded: str = ""
    max_reasoning_tokens: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What `Policy.predict` is told."""
        options: dict[str, Any] = {"flow_steps": self.flow_steps, "use_reasoning": self.reasoning}
        tokens = self.max_reasoning_tokens
        return options if tokens is None else options | {"max_reasoning_tokens": tokens}


def cuts(reasoning: bool) -> list[Cut]:
    """Every cut in the order in which they are made, the whole answer first."""
    order = [Cut(FLOW_STEPS, reasoning)]
    order += [Cut(steps, reasoning, f"flow_steps={steps}") for steps in FEWER_FLOW_STEPS]
    if reasoning:
        fewest = FEWER_FLOW_STEPS[-1]
        order.append(Cut(fewest, True, f"flow_steps={fewest},reasoning=short", SHORT_REASONING))
        order.append(Cut(fewest, False, f"flow_steps={fewest},reasoning=off"))
    return order
