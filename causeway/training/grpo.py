"""Group relative policy optimisation: advantages and losses, in both published forms.

Knows rewards [groups, members] and log-probabilities [rows, tokens] (row = group · members + member). Pure functions of
tensors: no model, no sampling, no rewards. Text tokens and action tokens are two spans with advantages of their own, so
that a good sentence is not paid for a bad path (method 4.12, D-037).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from causeway.errors import UsageError

ALL_EQUAL = 1e-6  # a group whose rewards differ by less teaches nothing


@dataclass(frozen=True)
class GrpoForm:
    """How advantages become a loss; `name` is `softmax` (the paper's) or `clipped` (the released recipe's)."""

    name: str = "clipped"
    beta: float = 2.0  # softmax: how sharply better members are preferred (not printed in the paper)
    kl_weight: float = 0.02  # λ_KL against the frozen reference
    clip_low: float = 0.2
    clip_high: float = 0.28
    ratio_bound: float = 10.0  # clipped: a bad member's ratio counts at most so much (the recipe's lower_bound_ratio)


def advantages(rewards: Tensor, normalised: bool) -> Tensor:
    """r − mean(r) of each group [groups, members]; over the group's standard deviation when `normalised`."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    if not normalised:
        return centred
    spread = centred.pow(2).mean(dim=1, keepdim=True).sqrt()
    return torch.where(spread > ALL_EQUAL, centred / spread.clamp_min(ALL_EQUAL), torch.zeros_like(centred))


def has_signal(rewards: Tensor) -> Tensor:
    """Which groups [groups] have members of different reward; the rest are counted and teach nothing."""
    return rewards.amax(dim=1) - rewards.amin(dim=1) > ALL_EQUAL


def kl_estimate(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL[policy ‖ reference] token by token, never negative: exp(q − p) − (q − p) − 1 for sampled tokens."""
    gap = (reference - logprobs).clamp(-20.0, 20.0)
    return torch.exp(gap) - gap - 1.0


def span_loss(
    form: GrpoForm, rewards: Tensor, logprobs: Tensor, sampled: Tensor, reference: Tensor, mask: Tensor
) -> Tensor:
    """The loss of one span (text or action tokens), a scalar.

    rewards [groups, members]; logprobs (with gradients), sampled (the sampler's), reference and mask [rows, tokens].
    Groups without signal give no policy gradient; the KL term holds for every row. UsageError for an unknown form.
    """
    if form.name not in _FORMS:
        raise UsageError(f"GRPO form {form.name!r}: use one of {', '.join(_FORMS)}")
    drift = _token_mean(kl_estimate(logprobs, reference), mask).view_as(rewards)
    return _FORMS[form.name](form, rewards, logprobs, sampled, mask, drift)


def _token_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over each row's own tokens [rows]; 0 for a row without any."""
    weight = mask.to(values.dtype)
    return (values * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1.0)


def _softmax(form: GrpoForm, rewards: Tensor, logprobs: Tensor, sampled: Tensor, mask: Tensor, drift: Tensor) -> Tensor:
    """−Σ softmax(β A) (log π − λ KL), as printed in arXiv 2511.00088 sec. 5; log π is a mean over a row's tokens."""
    weight = torch.softmax(form.beta * advantages(rewards, normalised=False), dim=1)
    taught = torch.where(has_signal(rewards)[:, None], weight, torch.zeros_like(weight))
    rows = _token_mean(logprobs, mask).view_as(weight)
    return (form.kl_weight * weight * drift - taught * rows).sum(dim=1).mean()


def _clipped(form: GrpoForm, rewards: Tensor, logprobs: Tensor, sampled: Tensor, mask: Tensor, drift: Tensor) -> Tensor:
    """−min(ρ A, clip(ρ, 0.8, 1.28) A) + λ KL with A over the group's spread, as the released recipe trains."""
    gain = advantages(rewards, normalised=True).reshape(-1, 1)
    ratio = torch.exp((logprobs - sampled).clamp(-20.0, 20.0))
    clipped = ratio.clamp(1.0 - form.clip_low, 1.0 + form.clip_high)
    worst = torch.minimum(ratio * gain, clipped * gain)
    bounded = torch.where(gain < 0, torch.maximum(worst, form.ratio_bound * gain), worst)
    return form.kl_weight * drift.mean() - _token_mean(bounded, mask).mean()


_FORMS = {"softmax": _softmax, "clipped": _clipped}
