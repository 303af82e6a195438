"""The reasoning grade by a language model: any OpenAI-compatible endpoint grades a trace against the label, 0 to 5.

Knows the rubric, the question and how an answer is read. Uses the client, the ledger (no grade is paid twice) and the
budget of `causeway.reasoning`. Does not know rewards' weights. A judge that is slow, down or answers nonsense gives no
grade: the row is NaN and its problem counted by name; whoever weighs rewards must leave it out (`rewards.filled`).
Source: r_reason of arXiv 2511.00088 sec. 5 (grades 0 to 5 of a language model against the labelled reasoning).
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.training.text_rewards import TOP_GRADE, read_trace

if TYPE_CHECKING:
    from causeway.reasoning.teachers.endpoint import Asking

GRADES = range(int(TOP_GRADE) + 1)
RUBRIC = (
    "You grade a driving policy's explanation against the reference of the same moment. Both say what the vehicle "
    "decides and why. Grade from 0 to 5:\n"
    "5: the same decisions, all causes of the reference, none that it does not know.\n"
    "4: the same decisions, most of the causes.\n"
    "3: the same decisions, causes missing or wrong.\n"
    "2: one of the two decisions is the reference's.\n"
    "1: neither is, but it speaks of driving this scene.\n"
    "0: it says nothing that can be checked.\n"
    "Other words for the same are the same. Longer is not better. Answer with the grade and a reason of at most twenty "
    "words."
)
_SCHEMA = {
    "type": "object",
    "properties": {"grade": {"type": "integer", "enum": list(GRADES)}, "reason": {"type": "string"}},
    "required": ["grade", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class JudgeConfig:
    """Who is asked, and how patiently: an RL step waits for its slowest grade."""

    judge: str  # MODEL@URL; the key is in the environment (CAUSEWAY_CRITIC_KEY)
    seed: int = 0
    in_flight: int = 8
    timeout_s: float = 30.0
    attempts: int = 2
    max_tokens: int = 512
    budget_calls: int = 0  # 0 = as many as it takes
    ledger: str = ""  # a folder; "" = the cache of this machine


NO_ANSWER, NONSENSE = "judge: no answer", "judge: nonsense"
PROBLEMS = (NO_ANSWER, NONSENSE)  # why there is no grade


@dataclass(frozen=True, eq=False)
class Graded:
    """Grades [n] 0–5, NaN where the judge gave none, and how often each problem was met."""

    grades: NDArray[np.float64]
    problems: dict[str, int]


def judged_grade(traces: Sequence[str], labels: Sequence[str], config: JudgeConfig) -> Graded:
    """The judge's grade of each trace against its label; better never scores lower as far as the judge is right.

    Inputs: `traces` and `labels`, n sentences each. Range: 0–5 in whole grades, 5 best; 0 without asking for a trace
    outside the closed sets; NaN where the judge gave no usable answer. Unit: grade. UnusableInput when a label does
    not parse; UsageError for no address or a refused key; Refused when the budget is spent.
    """
    for label in labels:
        if read_trace(label) is None:
            raise UnusableInput(f"label {label!r} does not parse; a sample without reasoning has no grade")
    pairs = list(zip(traces, labels, strict=True))
    asked = list(dict.fromkeys(pair for pair in pairs if read_trace(pair[0]) is not None))
    found = dict(zip(asked, _answers(asked, config), strict=True)) if asked else {}
    said = [found.get(pair, 0.0) for pair in pairs]
    grades = np.array([np.nan if isinstance(answer, str) else answer for answer in said], dtype=np.float64)
    return Graded(grades, dict(Counter(answer for answer in said if isinstance(answer, str))))


def _answers(pairs: Sequence[tuple[str, str]], config: JudgeConfig) -> list[float | str]:
    """Of each pair the grade, or why there is none."""
    from causeway.reasoning.budget import Budget, Purse
    from causeway.reasoning.ledger import Ledger, ledger_folder
    from causeway.reasoning.teachers.endpoint import Asking
    from causeway.reasoning.teachers.endpoint_address import CRITIC_KEY, address, key_of
    from causeway.reasoning.teachers.endpoint_client import Client, Patience

    where = address(config.judge)
    key = key_of(where, [where], CRITIC_KEY)
    patience = Patience(config.in_flight, config.timeout_s, config.attempts)

    async def everything() -> list[float | str]:
        ledger = Ledger(ledger_folder(config.ledger))
        client = Client(where, key, patience, ledger, Purse(Budget(calls=config.budget_calls)))
        asking = Asking(client, config.seed, config.max_tokens)
        try:
            return await asyncio.gather(*(_one(asking, *pair) for pair in pairs))
        finally:
            await client.close()
            ledger.close()

    return asyncio.run(everything())


async def _one(asking: "Asking", trace: str, label: str) -> float | str:
    from causeway.reasoning.teachers.endpoint import text_part
    from causeway.reasoning.teachers.endpoint_client import NoAnswer, Stop
    from causeway.reasoning.teachers.schema import BadAnswer

    text = f"Reference: {json.dumps(label)}\nExplanation: {json.dumps(trace)}"
    try:
        grade, _ = await asking.read("grade", "", RUBRIC, [text_part(text)], _SCHEMA, read_grade)
    except BadAnswer:
        return NONSENSE
    except NoAnswer:
        return NO_ANSWER
    except Stop as stop:
        if isinstance(stop.error, UnusableInput):  # nobody is there; a wrong key or a spent budget ends the run
            return NO_ANSWER
        raise stop.error from stop
    return float(grade)


def read_grade(text: str) -> int:
    """The grade in an answer; BadAnswer, which says what to repair, for anything but a whole number from 0 to 5."""
    from causeway.reasoning.teachers.schema import BadAnswer

    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("not JSON") from error
    grade = answer.get("grade") if isinstance(answer, dict) else None
    if type(grade) is not int or grade not in GRADES:
        raise BadAnswer("grade must be a whole number from 0 to 5")
    return grade
