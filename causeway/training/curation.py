"""Which moments reinforcement learns from: where policy and reward rank rollouts differently, and random ones.

Knows log-probabilities and rewards of groups, and how moments are chosen by them. Does not know policies, samples or
the loop. Source: arXiv 2511.00088, the section on curating data for reinforcement: moments whose distribution over
rollouts under the policy is far from the one that the rewards induce, mixed with a similar share of random ones; size
and β are not printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.artifacts.hashing import text_hash
from causeway.errors import UnusableInput, UsageError

Floats = NDArray[np.float64]

LARGEST = float(np.log(2.0))  # of `disagreement`: the two distributions have no member in common


def disagreement(logprobs: Floats, rewards: Floats, beta: float = 2.0) -> Floats:
    """How far the policy's distribution over a group's members is from the rewards': [groups], 0 … ln 2.

    `logprobs` [groups, members] total log-probability of each rollout in nats; `rewards` [groups, members], NaN for a
    member that has none, which then plays no part. The Jensen-Shannon divergence of softmax(logprobs) and
    softmax(β · rewards): symmetric, so that a good path that the policy hardly takes counts as much as a bad one that
    it mostly takes. NaN for a group with fewer than two members left. UnusableInput for log-probabilities that are
    not finite.
    """
    said, earned = np.asarray(logprobs, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
    if said.ndim != 2 or said.shape != earned.shape:
        raise UnusableInput(f"logprobs {said.shape} and rewards {earned.shape}: both must be [groups, members]")
    if not np.isfinite(said).all() or np.isinf(earned).any():
        raise UnusableInput("log-probabilities must be finite, and rewards finite or NaN where there is none")
    if not 0.0 < beta < np.inf:
        raise UsageError(f"beta {beta}: use a finite number over 0")
    known = ~np.isnan(earned)
    policy, reward = _softmax(said, known), _softmax(beta * np.where(known, earned, 0.0), known)
    middle = (policy + reward) / 2
    found = (_relative_entropy(policy, middle) + _relative_entropy(reward, middle)) / 2
    return np.where(known.sum(axis=1) > 1, np.clip(found, 0.0, LARGEST), np.nan)


def _softmax(values: Floats, known: NDArray[np.bool_]) -> Floats:
    top = np.max(np.where(known, values, -np.inf), axis=1, keepdims=True, initial=-1e300)
    weight = np.where(known, np.exp(np.where(known, values - top, 0.0)), 0.0)
    return weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)


def _relative_entropy(one: Floats, other: Floats) -> Floats:
    ratio = np.where(one > 0, one / np.where(one > 0, other, 1.0), 1.0)
    return (one * np.log(ratio)).sum(axis=1)


@dataclass(frozen=True)
class Curated:
    """The moments chosen, by why; no id is in both."""

    disagreeing: tuple[str, ...]  # the largest disagreement first
    random: tuple[str, ...]
    unranked: int  # moments that had no disagreement: fewer than two members with a reward
    of: int  # moments there were
    share: float
    seed: int

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them in the order of their names, for whoever reads them from a store."""
        return tuple(sorted(self.disagreeing + self.random))

    def told(self) -> dict[str, object]:
        """What a manifest says: how they were chosen, how many of each, and which."""
        return {
            "share_disagreeing": self.share,
            "seed": self.seed,
            "moments": self.of,
            "unranked": self.unranked,
            "mix": {"disagreeing": len(self.disagreeing), "random": len(self.random)},
            "ids": {"disagreeing": list(self.disagreeing), "random": list(self.random)},
        }


def curate(ids: Sequence[str], disagrees: Floats, count: int, share: float = 0.5, seed: int = 0) -> Curated:
    """`count` of the moments (all, when there are fewer): a `share` of them those that disagree most, the rest random.

    `disagrees` [n] as from `disagreement`. Neither the order of `ids` nor how they were batched changes what is
    chosen: ties go by id, and the random ones by a hash of seed and id. UsageError for a share or a count that cannot
    be, UnusableInput for ids that are not one for each number, or not different.
    """
    values = np.asarray(disagrees, dtype=np.float64)
    if values.shape != (len(ids),) or len(set(ids)) != len(ids):
        raise UnusableInput(f"{len(ids)} ids, {len(set(ids))} different, {values.shape} disagreements: one for each")
    if not 0.0 <= share <= 1.0 or count < 1:
        raise UsageError(f"share {share}, count {count}: give a share from 0 to 1 and at least one moment")
    ranked = sorted((-value, name) for value, name in zip(values.tolist(), ids, strict=True) if not np.isnan(value))
    wanted = min(count, len(ids))
    disagreeing = tuple(name for _, name in ranked[: round(share * wanted)])
    rest = sorted(set(ids) - set(disagreeing), key=lambda name: text_hash(f"{seed}\n{name}"))
    unranked = len(ids) - len(ranked)
    return Curated(disagreeing, tuple(rest[: wanted - len(disagreeing)]), unranked, len(ids), share, seed)
