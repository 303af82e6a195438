"""The judge endpoint: another model says, answer by answer, whether a policy's words are true.

Knows what the judge is shown: the words, what was observable up to t0, and what the driver on record did. The four
questions are those of `reasoning.judge`, by which labels are judged too; three of them are the tasks of the
paper's judge, arXiv 2511.00088, section 5.2 (decision, causal factors, cause and effect). Does not know sockets.
"""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.errors import CausewayError
from causeway.model.observation import Sample
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.budget import Budget, Purse
from causeway.reasoning.judge import Judge
from causeway.reasoning.label import Label
from causeway.reasoning.ledger import Ledger, ledger_folder
from causeway.reasoning.mapping import LAST_TICK, actions_of_trajectory
from causeway.reasoning.teachers.endpoint import Asking
from causeway.reasoning.teachers.endpoint_address import CRITIC_KEY, address, key_of
from causeway.reasoning.teachers.endpoint_client import Client, NoAnswer, Patience, Stop
from causeway.reasoning.teachers.schema import BadAnswer
from causeway.reasoning.teachers.seen import WINDOW_US, Picture, Seen
from causeway.training.text_rewards import read_trace

if TYPE_CHECKING:
    from causeway.evidence import Evidence

QUESTIONS = ("decision_fits", "causes_cover", "causes_true", "nearest_cause")
_IN_FLIGHT, _TIMEOUT_S, _MAX_TOKENS = 8, 120.0, 2048


@dataclass(frozen=True, eq=False)
class Verdicts:
    """A judge's answers on N answers of a policy."""

    values: Mapping[str, NDArray[np.float64]]  # `judge_<question>` and `judge_score` [N]; NaN where it gave no answer
    unanswered: int
    notes: Sequence[str]


def judge_words(
    judge: str, samples: Sequence[Sample], words: Sequence[str], evidence: Mapping[str, "Evidence"], seed: int
) -> Verdicts:
    """What `judge` (`MODEL@URL`) says of each sample's words; words that do not parse are wrong without being asked.

    `evidence` by sample id; a judge of a sample without any sees its pictures and speed. The key is in the
    environment (CAUSEWAY_CRITIC_KEY). UsageError for no address, UnusableInput when nobody answers there.
    """
    rows, problems = [[0.0] * len(QUESTIONS) for _ in samples], dict[str, int]()
    asked = {}
    for i, (sample, text) in enumerate(zip(samples, words, strict=True)):
        record = read_trace(text)
        if record is not None:
            label = Label(record, text, 0.0, "undecidable", "review", ())
            asked[i] = (label, _seen(sample, evidence), _driven(sample))
    for i, found in zip(asked, _verdicts(judge, list(asked.values()), seed), strict=True):
        if isinstance(found, str):
            rows[i], problems[found] = [np.nan] * len(QUESTIONS), problems.get(found, 0) + 1
        else:
            rows[i] = found
    array = np.array(rows, dtype=np.float64).reshape(len(samples), len(QUESTIONS))
    values = {f"judge_{name}": array[:, k] for k, name in enumerate(QUESTIONS)} | {"judge_score": array.mean(axis=1)}
    known = sum(s.sample_id in evidence for s in samples)
    told = f"reasoning: judged by {judge}, {known} of {len(samples)} samples with evidence, the others by pictures"
    notes = [f"reasoning: {times} answers not judged: {why}" for why, times in problems.items()]
    return Verdicts(values, sum(problems.values()), [told, *notes])


def _seen(sample: Sample, evidence: Mapping[str, "Evidence"]) -> Seen:
    """What was known at t0, with the pictures of the first camera that the policy saw."""
    from causeway.evidence import Evidence

    observation = sample.observation
    bare = Evidence(
        sample.sample_id, sample.clip_id, sample.t0_us, sample.t0_us, sample.t0_us, float(observation.speed_mps)
    )
    times = [int(t_us) for t_us in observation.frame_t_us[0]]
    pictures = [
        Picture(observation.cameras[0], t_us, _jpeg(image))
        for t_us, image in zip(times, observation.images[0], strict=True)
        if sample.t0_us - WINDOW_US <= t_us <= sample.t0_us
    ]
    return Seen(evidence.get(sample.sample_id, bare), tuple(pictures))


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _driven(sample: Sample) -> Behaviour:
    """What the driver on record did after t0."""
    along, aside = actions_of_trajectory(sample.trajectory_rig, sample.observation.speed_mps)
    return Behaviour(tuple(along[:LAST_TICK].tolist()), tuple(aside[:LAST_TICK].tolist()))


def _verdicts(judge: str, asked: Sequence[tuple[Label, Seen, Behaviour]], seed: int) -> list[list[float] | str]:
    """For each the four answers, or why there are none."""
    where = address(judge)
    key = key_of(where, [where], CRITIC_KEY)

    async def everything() -> list[list[float] | str]:
        ledger = Ledger(ledger_folder(""))
        client = Client(where, key, Patience(_IN_FLIGHT, _TIMEOUT_S), ledger, Purse(Budget()))
        one = Judge(Asking(client, seed, _MAX_TOKENS))
        try:
            found = await asyncio.gather(*(_one(one, *item) for item in asked), return_exceptions=True)
            for failure in found:
                if isinstance(failure, Stop):
                    raise failure.error
                if isinstance(failure, BaseException):
                    raise failure
            client.refuse_silence()
            return [item for item in found if not isinstance(item, BaseException)]
        finally:
            await client.close()
            ledger.close()

    return asyncio.run(everything())


async def _one(judge: Judge, label: Label, seen: Seen, behaviour: Behaviour) -> list[float] | str:
    try:
        verdict, _ = await judge.verdict(label, seen, behaviour)
    except (BadAnswer, NoAnswer) as error:
        return _short(error)
    return [float(getattr(verdict, name)) for name in QUESTIONS]


def _short(error: CausewayError) -> str:
    return str(error)[:120]
