"""How the expert explores: its flow as a stochastic walk whose every step has a probability, or as it is served.

Knows the walk's steps, their Gaussians and how a walk that was taken is scored again, all steps in one pass; and how
well the flow fits a path that it drove without noise. Does not know rewards, words or where a prefix comes from. With
s = 1 − t the share of noise that is left, the step from t to
t + dt is Gaussian with

    std² = level² · s / (1 − s)
    mean = x · (1 − std² dt / 2s) + v · (1 + std² (1 − s) / 2s) · dt,   noise std · √dt

which has the marginals of the plain flow; level 0 is the plain flow itself. Source: Flow-GRPO (arXiv 2505.05470,
equations 9 to 12), written for a time that runs from noise (0) to controls (1); s is held at its value after the first
step where 1 − s would be 0, as in that paper's code and in the released closed-loop recipe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from causeway.errors import UsageError
from causeway.model.attention import Prefix
from causeway.model.expert import ActionExpert, draw_time


@dataclass(frozen=True)
class Walk:
    """How one explores: `draws` walks behind each reasoning, of `steps` steps, with noise of this level."""

    draws: int = 4
    steps: int = 5
    level: float = 0.7

    def __post_init__(self) -> None:
        """Refuse a walk that explores nothing."""
        if self.draws < 1 or self.steps < 2 or not 0.0 <= self.level < 10.0:
            raise UsageError(f"{self}: use 1 or more draws, 2 or more steps and a level from 0 to 10")


@dataclass(frozen=True, eq=False)
class Walked:
    """Walks that were taken, R rows; normalised controls, as the expert sees them."""

    states: Tensor  # [R, steps + 1, 64, 2], from noise to controls
    logprobs: Tensor  # [R, steps] of each step's state, a mean over its 128 numbers

    @property
    def ends(self) -> Tensor:
        """Where the walks came to, [R, 64, 2]."""
        return self.states[:, -1]


def spread(walk: Walk, step: int) -> float:
    """std of a step (before √dt)."""
    left = 1.0 - step / walk.steps
    return walk.level * math.sqrt(left / (1.0 - min(left, 1.0 - 1.0 / walk.steps)))


def mean_of(walk: Walk, step: int, state: Tensor, velocity: Tensor) -> Tensor:
    """Where a step leads on average, from a state and the vector field there."""
    left, dt, variance = 1.0 - step / walk.steps, 1.0 / walk.steps, spread(walk, step) ** 2
    return state * (1.0 - variance * dt / (2.0 * left)) + velocity * (
        dt * (1.0 + variance * (1.0 - left) / (2.0 * left))
    )


def gaussian_logprob(value: Tensor, mean: Tensor, std: Tensor | float) -> Tensor:
    """Log-density of values […, 64, 2] under independent Gaussians, a mean over the last two dimensions.

    A mean, not a sum: the ratio of two policies then moves as one number's would, and a clip of 0.2 means something.
    """
    std = torch.as_tensor(std, dtype=mean.dtype, device=mean.device)
    density = -((value - mean) ** 2) / (2.0 * std**2) - torch.log(std) - 0.5 * math.log(2.0 * math.pi)
    return density.mean(dim=(-2, -1))


@torch.no_grad()
def explore(expert: ActionExpert, walk: Walk, prefix: Prefix, generator: torch.Generator | None) -> Walked:
    """One walk for each row of a prefix; its noise comes from the generator alone, on whatever device this runs."""
    rows, device, prefix = len(prefix.next_position), prefix.next_position.device, prefix.gathered()
    state = torch.randn(rows, 64, 2, generator=generator).to(device)
    states, logprobs = [state], []
    for step in range(walk.steps):
        time = torch.full((rows,), step / walk.steps, device=device)
        mean = mean_of(walk, step, state, expert(state, time, prefix).float())
        noise = spread(walk, step) / math.sqrt(walk.steps)
        state = mean + noise * torch.randn(mean.shape, generator=generator).to(device)
        states.append(state)
        if noise:
            logprobs.append(gaussian_logprob(state, mean, noise))
    kept = torch.stack(logprobs, dim=1) if logprobs else state.new_zeros(rows, 0)
    return Walked(torch.stack(states, dim=1), kept)


def means(expert: ActionExpert, walk: Walk, walked: Walked, prefix: Prefix) -> Tensor:
    """Where each step of walks that were taken leads on average now, with gradients: [R, steps, 64, 2].

    prefix: of the same R rows. All steps are one batch of R · steps rows.
    """
    before = walked.states[:, :-1]
    times = torch.arange(walk.steps, device=before.device, dtype=before.dtype) / walk.steps
    behind = prefix.repeated(walk.steps).gathered()  # its copy costs less time than a softmax over shared parts
    velocity = expert(before.flatten(0, 1), times.repeat(len(before)), behind).float()
    field = velocity.unflatten(0, (len(before), walk.steps))
    return torch.stack([mean_of(walk, i, before[:, i], field[:, i]) for i in range(walk.steps)], dim=1)


def noises(walk: Walk, like: Tensor) -> Tensor:
    """The noise of each step, std · √dt, [steps, 1, 1]."""
    each = [spread(walk, step) / math.sqrt(walk.steps) for step in range(walk.steps)]
    return like.new_tensor(each)[:, None, None]


def step_weights(walk: Walk, like: Tensor) -> Tensor:
    """What each step counts in a loss, [steps]: its variance as a share of the largest.

    Without it the gradient of a step grows as 1 / std, and the last steps, which only roughen a path, drown the first
    ones, which choose it (as TempFlow-GRPO and GRPO-Guard found too; this weight makes it the natural gradient).
    """
    variance = noises(walk, like)[:, 0, 0] ** 2
    return variance / variance.max().clamp_min(1e-12)


def step_logprobs(walk: Walk, walked: Walked, mean: Tensor) -> Tensor:
    """Log-probability of each step that was taken [R, steps], given `means`."""
    return gaussian_logprob(walked.states[:, 1:], mean, noises(walk, mean))


def flow_fit(
    expert: ActionExpert, walked: Walked, prefix: Prefix, draws: int, generator: torch.Generator | None
) -> Tensor:
    """How well the flow fits where walks without noise came to, [R, draws], with gradients: minus its matching error.

    The plain flow has no probability of a path; the error at a few times and noises stands in for it, as in flow
    policy optimisation (arXiv 2507.21053). prefix: of the same R rows. All rows share times and noises: members of a
    group then differ by their paths alone.
    """
    ends, rows = walked.ends, len(walked.states)
    time = draw_time(draws, generator).to(ends).repeat(rows)
    noise = torch.randn(draws, *ends.shape[1:], generator=generator).to(ends).repeat(rows, 1, 1)
    target = ends.repeat_interleave(draws, dim=0)
    mixed = time[:, None, None] * target + (1.0 - time[:, None, None]) * noise
    field = expert(mixed, time, prefix.repeated(draws).gathered()).float()
    return -(field - (target - noise)).square().mean(dim=(-2, -1)).view(rows, draws)
