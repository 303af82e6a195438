"""What a policy answers: `Prediction`, and what it sampled for reinforcement learning: `Sequences`.

Knows shapes only. Does not know how either was made; numpy only, so that readers need no torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prediction:
    """Answers for a batch of B observations, n samples each; trajectories in the rig frame at t0."""

    reasoning: list[list[str]]  # [B][n] the trace as generated, "" when reasoning is off
    decision: list[list[tuple[str, str]]]  # [B][n] (longitudinal, lateral); ("none", "none") if unparseable
    trajectory_rig: NDArray[np.float32]  # [B, n, 64, 3] x, y, yaw at 0.1 … 6.4 s
    controls: NDArray[np.float32]  # [B, n, 64, 2] acceleration m/s², curvature 1/m
    timing_ms: dict[str, float]  # decode, vision, prefill, reasoning, action
    missing_cameras: tuple[tuple[str, ...], ...] = ()  # [B] cameras that the policy knows and was not given
    truncated: tuple[tuple[bool, ...], ...] = ()  # [B][n] the length bound cut this reasoning: it is no sentence


@dataclass(frozen=True, eq=False)
class Explored:
    """What the expert drove behind R reasonings: E = R × draws rows (row = reasoning · draws + draw).

    `Policy.rescored` recomputes the log-probabilities with gradients.
    """

    states: NDArray[np.float32]  # [E, steps + 1, 64, 2] normalised controls, from noise to what was driven
    logprobs: NDArray[np.float32]  # [E, steps] a mean over the 128 numbers of each step's state
    controls: NDArray[np.float32]  # [E, 64, 2]
    trajectory_rig: NDArray[np.float32]  # [E, 64, 3]
    draws: int


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sampled reasoning and action tokens of R = B × group rows (row = sample · group + member).

    Log-probabilities are of the sampled tokens under the sampling temperature and the decoding constraints;
    `Policy.rescored` recomputes the same numbers with gradients.
    """

    reasoning_ids: tuple[tuple[int, ...], ...]  # [R] token ids, the CoC end token included when it was sampled
    reasoning_text: tuple[str, ...]  # [R]
    truncated: NDArray[np.bool_]  # [R] the length bound cut the reasoning: no end token was sampled
    action_tokens: NDArray[np.int64]  # [R, 128] as `action_tokens.decode` takes them; none were sampled: [R, 0]
    reasoning_logprobs: NDArray[np.float32]  # [R, T], 0 where the mask is False
    reasoning_mask: NDArray[np.bool_]  # [R, T]
    action_logprobs: NDArray[np.float32]  # [R, 128]
    controls: NDArray[np.float32]  # [R, 64, 2] decoded from the action tokens; without any [R, 0, 2]
    trajectory_rig: NDArray[np.float32]  # [R, 64, 3]
    temperature: float
    group: int
    explored: Explored | None = None  # what the expert drove behind each reasoning, when it was asked to


def seed_of(seed: int, name: str) -> int:
    """The seed of one question among many that share `seed`: names far apart get unrelated noise, on any machine."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=7).digest())
