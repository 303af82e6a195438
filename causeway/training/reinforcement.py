"""Stage four's loss: roll out, reward, compare within the group, and fit the expert alongside.

Knows how sampled sequences become rewards and a GRPO loss. Does not know how a policy samples or scores, nor the
loop. The expert's flow loss runs with every step: reinforcement moves the backbone under it, and a policy whose
expert no longer fits its cache would not be whole (the released recipe ships a random one).
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from causeway.errors import CausewayError
from causeway.model.observation import Sample
from causeway.model.policy import Policy
from causeway.model.prediction import Sequences
from causeway.training.config import RlConfig
from causeway.training.grpo import GrpoForm, has_signal, kl_estimate, span_loss
from causeway.training.loop import StepLoss
from causeway.training.rewards import ACTION, REWARDS, TEXT, RewardMix, mixed

GAP_ALLOWED = 0.02  # nats: mean difference of sampler and trainer; more means that they are not the same policy
FLOW_DRAWS = 8  # noises a sample: few samples a step must still steady the expert on the moving backbone
LOWEST = {"reasoning_grade": 0.0, "consistency": 0.0}  # what a reasoning that was cut off earns


def mix_of(config: RlConfig) -> RewardMix:
    """The reward weights of a config."""
    return RewardMix(**{name: getattr(config, name, 0.0) for name in REWARDS})


def form_of(config: RlConfig) -> GrpoForm:
    """The GRPO form of a config."""
    return GrpoForm(config.form, config.beta, config.kl_weight, config.clip_low, config.clip_high)


def score(samples: Sequence[Sample], rolled: Sequences, mix: RewardMix) -> dict[str, np.ndarray]:
    """Every wanted reward of R rows (row = sample · group + member), by name, each [R].

    A reasoning that was cut off by the length bound gets the lowest word rewards. `collision` needs recorded agents,
    which samples do not carry: it is left out.
    """
    rows = [sample for sample in samples for _ in range(rolled.group)]
    expert = np.stack([sample.trajectory_rig for sample in rows])
    speed_mps = np.array([sample.observation.speed_mps for sample in rows])
    driven = rolled.trajectory_rig
    whole = np.concatenate([np.zeros_like(driven[:, :1]), driven], axis=1)  # from where the vehicle is at t0
    calls = {
        "displacement": lambda: REWARDS["displacement"](driven, expert),
        "comfort": lambda: REWARDS["comfort"](whole, speed_mps),
        "jerk": lambda: REWARDS["jerk"](whole),
        "progress": lambda: REWARDS["progress"](driven, expert),
        "consistency": lambda: REWARDS["consistency"](driven, speed_mps, rolled.reasoning_text),
        "reasoning_grade": lambda: REWARDS["reasoning_grade"](
            rolled.reasoning_text, [sample.reasoning for sample in rows]
        ),
    }
    parts = {name: calls[name]() for name in mix.wanted() if name in calls}
    cut = {name: np.where(rolled.truncated, lowest, parts[name]) for name, lowest in LOWEST.items() if name in parts}
    return parts | cut


def reinforcement_loss(policy: Policy, config: RlConfig) -> StepLoss:
    """The loss of one GRPO step; the policy as it is now is kept, frozen, as the reference."""
    mix, form = mix_of(config), form_of(config)
    reference = copy.deepcopy(policy).requires_grad_(False).eval()

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        with torch.no_grad():
            rolled = policy.sample_sequences(samples, config.group_size, config.temperature, generator)
            anchor = reference.sequence_logprobs(samples, rolled)
        scores = policy.sequence_logprobs(samples, rolled)
        rewards = score(samples, rolled, mix)
        spans = _spans(rolled, scores, anchor)
        parts = {f"reward_{name}": float(values.mean()) for name, values in rewards.items()}
        total: Tensor = policy.flow_loss(policy.collate(samples), generator, FLOW_DRAWS)
        parts["flow"] = float(total.detach())
        for span, tensors in spans.items():
            earned = torch.as_tensor(mixed(mix, rewards, span), dtype=torch.float32, device=policy.device)
            groups = earned.view(len(samples), config.group_size)
            term = span_loss(form, groups, *tensors)
            # the surrogate alone is 0 where it is taken: less what is earned, the number says what is minimised
            total = total + term - earned.mean()
            parts |= _told(span, term, groups, *tensors)
        parts["truncated"] = float(rolled.truncated.mean())
        return {"loss": total, **parts}

    return loss


_Span = tuple[Tensor, Tensor, Tensor, Tensor]  # log-probabilities: now, sampled, reference; mask


def _spans(rolled: Sequences, now: tuple[Tensor, Tensor], reference: tuple[Tensor, Tensor]) -> dict[str, _Span]:
    """The tensors of each span [rows, tokens]; CausewayError when trainer and sampler do not agree."""
    device = now[0].device
    words = torch.as_tensor(rolled.reasoning_mask, device=device)
    every = torch.ones_like(now[1], dtype=torch.bool)
    spans = {
        TEXT: (now[0], torch.as_tensor(rolled.reasoning_logprobs, device=device), reference[0], words),
        ACTION: (now[1], torch.as_tensor(rolled.action_logprobs, device=device), reference[1], every),
    }
    for span, tensors in spans.items():
        gap = logprob_gap(*tensors)
        if gap > GAP_ALLOWED:
            raise CausewayError(f"rl: sampler and trainer differ by {gap:.3f} nats per {span} token; they must agree")
    return spans


def logprob_gap(now: Tensor, sampled: Tensor, reference: Tensor, mask: Tensor) -> float:
    """Mean absolute difference of the trainer's and the sampler's log-probabilities, in nats a token."""
    return float((now.detach() - sampled).abs()[mask].mean()) if mask.any() else 0.0


def _told(span: str, term: Tensor, groups: Tensor, *tensors: Tensor) -> dict[str, float]:
    now, sampled, reference, mask = tensors
    drift = kl_estimate(now.detach(), reference)[mask]
    return {
        f"grpo_{span}": float(term.detach()),
        f"kl_{span}": float(drift.mean()) if mask.any() else 0.0,
        f"silent_groups_{span}": float((~has_signal(groups)).sum()),
        f"logprob_gap_{span}": logprob_gap(now, sampled, reference, mask),
    }
