"""What words are worth to a policy, in nats: how much likelier they make the path that was recorded.

Knows which words are compared, with the likelihood of `Policy.action_logprobs`: that of the 128 recorded action tokens
by the token head. It is not the flow expert's, which drives: shifts in metres tell of that one. Does not know answers.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causeway.model.observation import Sample

Array = NDArray[np.float64]


@runtime_checkable
class Scoring(Protocol):
    """A policy that can say how likely a recorded path is; what cannot has no nats."""

    @property
    def scores_paths(self) -> bool:
        """Whether it has learned to."""

    def action_logprobs(self, samples: Sequence[Sample], words: Sequence[str], hidden_prefix: bool = False) -> Any:
        """[B] nats."""


def word_nats(
    policy: Scoring, samples: Sequence[Sample], said: Sequence[str], swapped: Sequence[str], batch: int
) -> dict[str, Array]:
    """Nats [N] that the recorded path loses with other words; NaN where the policy cannot score its path or words.

    `swapped`, `emptied`: log p(path | own words) − log p(path | another scene's, none). `label`: log p(path | the
    label's words) − log p(path | none), absent without a label. `…_hidden` the same with the tokens before hidden,
    where a path cannot be read off its own past. Above 0: the words help.
    """
    label = [sample.reasoning for sample in samples]
    none = [""] * len(samples)
    found = {}
    for hidden, suffix in ((False, ""), (True, "_hidden")):
        score = scorer(policy, samples, batch, hidden)
        own, empty = score(said), score(none)
        found[f"swapped{suffix}"] = own - score(swapped)
        found[f"emptied{suffix}"] = own - empty
        labelled = np.array([bool(words) for words in label])
        found[f"label{suffix}"] = np.where(labelled, score(label) - empty, np.nan)
    return found


def scorer(
    policy: Scoring, samples: Sequence[Sample], batch: int, hidden: bool
) -> Callable[[Sequence[str]], Array]:
    """A function from one sentence a sample to log-likelihoods [N] in nats.

    Where a batch fails its samples are scored one by one, so that only those are lost which fail by themselves.
    """

    def score(words: Sequence[str]) -> Array:
        starts = range(0, len(samples), batch)
        parts = [_scored(policy, samples[s : s + batch], words[s : s + batch], hidden) for s in starts]
        return np.concatenate(parts) if parts else np.zeros(0)

    return score


def _scored(policy: Scoring, samples: Sequence[Sample], words: Sequence[str], hidden: bool) -> Array:
    try:
        logprobs = np.asarray(policy.action_logprobs(samples, words, hidden), dtype=np.float64).reshape(len(samples))
    except Exception:  # words that a policy cannot read are its failure, not ours
        if len(samples) == 1:
            return np.full(1, np.nan)
        pairs = zip(samples, words, strict=True)
        return np.concatenate([_scored(policy, [sample], [text], hidden) for sample, text in pairs])
    return np.where(np.isfinite(logprobs), logprobs, np.nan)
