"""Group relative policy optimisation: advantages and losses, in both published forms.

Knows rewards [groups, members] and log-probabilities [rows, choices] (row = group · members + member). Pure functions
of tensors: no model, no sampling, no rewards. Words, action tokens and the expert's steps are three spans with
advantages of their own, so that a good sentence is not paid for a bad path (method 4.12, D-037). A choice is a token
where the grammar left one, or a step of a walk; what could not have been otherwise is no choice and counts nowhere.
"""

from dataclasses import dataclass, replace

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
    spread_floor: float = 0.0  # clipped: a group whose rewards spread less than this counts by as much less
    ratio_bound: float = 10.0  # clipped: a bad member's ratio counts at most so much (the recipe's lower_bound_ratio)

    def __post_init__(self) -> None:
        """UsageError for a form that is not known."""
        if self.name not in _FORMS:
            raise UsageError(f"GRPO form {self.name!r}: use one of {', '.join(_FORMS)}")


@dataclass(frozen=True, eq=False)
class Span:
    """What one kind of choices earned; rows [G · M, choices]."""

    rewards: Tensor  # [G, M]
    sound: Tensor  # [G, M] bool: the other members have no reward and take no part
    now: Tensor  # log-probabilities with gradients
    sampled: Tensor  # the sampler's
    drift: Tensor  # KL from the reference at each choice, not negative
    weight: Tensor  # what each choice counts, 0 where there was none


def centred(rewards: Tensor, sound: Tensor) -> Tensor:
    """r − mean(r) over the sound members of each group [groups, members], 0 elsewhere."""
    kept = torch.where(sound, rewards, torch.zeros_like(rewards))
    mean = kept.sum(dim=1, keepdim=True) / sound.sum(dim=1, keepdim=True).clamp_min(1)
    return torch.where(sound, rewards - mean, torch.zeros_like(rewards))


def advantages(rewards: Tensor, sound: Tensor, floor: float = 0.0) -> Tensor:
    """`centred` over the sound members' standard deviation, or over `floor` where that is more; 0 where all are equal.

    Over the deviation alone, eight paths that differ by centimetres teach as much as eight of which one hits somebody
    (what Dr. GRPO, arXiv 2503.20783, found of questions that are too easy).
    """
    gap = centred(rewards, sound)
    count = sound.sum(dim=1, keepdim=True).clamp_min(1)
    spread = (gap.pow(2).sum(dim=1, keepdim=True) / count).sqrt()
    return torch.where(spread > ALL_EQUAL, gap / spread.clamp_min(max(floor, ALL_EQUAL)), torch.zeros_like(gap))


def has_signal(rewards: Tensor, sound: Tensor) -> Tensor:
    """Which groups [groups] have sound members of different reward; the rest are counted and teach nothing."""
    return centred(rewards, sound).abs().amax(dim=1) > ALL_EQUAL


def kl_estimate(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL[policy ‖ reference] token by token, never negative: exp(q − p) − (q − p) − 1 for sampled tokens."""
    gap = (reference - logprobs).clamp(-20.0, 20.0)
    return torch.exp(gap) - gap - 1.0


def span_loss(form: GrpoForm, span: Span) -> Tensor:
    """The loss of one span, a scalar. Groups without signal give no policy gradient; KL is of all sound rows.

    Rows that are not sound are not read: what they hold may be NaN.
    """
    sound = _sound_rows(span)
    return _FORMS[form.name](form, sound, _mean_of_choices(sound.drift, sound.weight).view_as(span.rewards))


def _sound_rows(span: Span) -> Span:
    """The span with zeros where a row has no reward: NaN times a weight of 0 is still NaN, in loss and gradient."""
    rows, empty = span.sound.reshape(-1, 1), torch.zeros_like(span.now)
    return replace(
        span, now=torch.where(rows, span.now, empty), sampled=torch.where(rows, span.sampled, empty),
        drift=torch.where(rows, span.drift, empty), weight=torch.where(rows, span.weight, empty),
    )  # fmt: skip


def _mean_of_choices(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over each row's own choices [rows], each counted by its weight; 0 for a row without any."""
    there = weight > 0
    kept = torch.where(there, values * weight, torch.zeros_like(values))  # NaN elsewhere stays elsewhere
    return kept.sum(dim=1) / there.sum(dim=1).clamp_min(1)


def _softmax(form: GrpoForm, span: Span, drift: Tensor) -> Tensor:
    """−Σ softmax(β A) (log π − λ KL), as printed in arXiv 2511.00088 sec. 5; log π is a mean over a row's choices."""
    gain = (form.beta * centred(span.rewards, span.sound)).masked_fill(~span.sound, float("-inf"))
    some = span.sound.any(dim=1, keepdim=True)
    weight = torch.softmax(torch.where(some, gain, torch.zeros_like(gain)), dim=1) * span.sound
    taught = torch.where(has_signal(span.rewards, span.sound)[:, None], weight, torch.zeros_like(weight))
    rows = _mean_of_choices(span.now, span.weight).view_as(weight)
    return (form.kl_weight * weight * drift - taught * rows).sum(dim=1).mean()


def _clipped(form: GrpoForm, span: Span, drift: Tensor) -> Tensor:
    """−min(ρ A, clip(ρ, 0.8, 1.28) A) + λ KL with A over the group's spread, as the released recipe trains."""
    gain = advantages(span.rewards, span.sound, form.spread_floor).reshape(-1, 1)
    ratio = torch.exp((span.now - span.sampled).clamp(-20.0, 20.0))
    clipped = ratio.clamp(1.0 - form.clip_low, 1.0 + form.clip_high)
    worst = torch.minimum(ratio * gain, clipped * gain)
    bounded = torch.where(gain < 0, torch.maximum(worst, form.ratio_bound * gain), worst)
    earned = _mean_of_choices(bounded, span.weight).view_as(drift)
    return ((form.kl_weight * drift - earned) * span.sound).sum() / span.sound.sum().clamp_min(1)


_FORMS = {"softmax": _softmax, "clipped": _clipped}
