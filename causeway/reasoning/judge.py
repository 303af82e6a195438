"""The model critic: another model behind an endpoint says what is wrong with a label.

Knows its four questions (arXiv 2511.00088, table 4 and section 5.2) and how its verdict joins the rule critic's. A
teacher may not be its own critic; `teachers.endpoint_address` refuses that. It names no causes: it can only take a
label's credit away.
"""

from dataclasses import dataclass, replace

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.critic import CriticConfig, Critique, status_of
from causeway.reasoning.label import Label
from causeway.reasoning.teachers.endpoint import Asking, picture_parts, text_part
from causeway.reasoning.teachers.facts import facts_of
from causeway.reasoning.teachers.prompts import JUDGE, judge_text
from causeway.reasoning.teachers.schema import Verdict, read_verdict, verdict_schema
from causeway.reasoning.teachers.seen import Seen

_QUESTIONS = ("decision_fits", "causes_cover", "causes_true", "nearest_cause")


@dataclass(frozen=True)
class Judge:
    """A critic behind an endpoint."""

    asking: Asking

    @property
    def name(self) -> str:
        """As it stands in labels and messages."""
        return self.asking.client.address.name

    async def verdict(self, label: Label, seen: Seen, behaviour: Behaviour) -> tuple[Verdict, str]:
        """Its answers on one label, and which model gave them; BadAnswer or NoAnswer when there is none."""
        facts = facts_of(seen.evidence)
        text = judge_text(label.record, label.trace, seen, facts, behaviour)
        content = [text_part(text), *picture_parts(seen)]
        moment_id = seen.evidence.moment_id
        return await self.asking.read("verdict", moment_id, JUDGE, content, verdict_schema(), read_verdict)


def judged(label: Label, verdict: Verdict, config: CriticConfig) -> Label:
    """The label with the verdict counted in: the lower of the two critics' scores stands."""
    denied = [name for name in _QUESTIONS if not getattr(verdict, name)]
    score = min(label.critic_score, 1 - len(denied) / len(_QUESTIONS))
    reasons = [f"critic: not {name}" + (f" ({verdict.reason})" if verdict.reason else "") for name in denied]
    status = status_of(label.record, Critique(score, ()), label.consistent, config)
    if label.status != "accepted" and status == "accepted":
        status = label.status  # what another check holds back stays held back
    return replace(label, critic_score=score, status=status, reasons=(*label.reasons, *reasons))


def unjudged(label: Label, problem: str) -> Label:
    """A label whose critic gave no answer is nobody's to accept."""
    status = "review" if label.status == "accepted" else label.status
    return replace(label, status=status, reasons=(*label.reasons, f"critic: {problem}"))
