"""Stage four's loss: roll out, reward, compare within the group, and keep the expert fitted to the backbone.

Knows how rollouts become spans, and their losses one loss. Does not know how a policy samples or scores, what a reward
computes, nor the loop. Words learn (paid for what they say and for what is driven behind them), action tokens (paid for
their path) and, where it explores, the expert's walks (each reasoning replayed, paid for the path driven behind it).
The expert's flow loss runs with every step: reinforcement moves the backbone under it, and a policy whose expert no
longer fits its cache would not be whole (the released recipe ships a random one).
"""

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from causeway.errors import CausewayError, UsageError
from causeway.model import exploration
from causeway.model.observation import Sample
from causeway.model.policy import Policy
from causeway.model.prediction import Sequences
from causeway.model.rollouts import Scores, walked_of
from causeway.training.config import RlConfig
from causeway.training.grpo import GrpoForm, Span, has_signal, kl_estimate, span_loss
from causeway.training.loop import StepLoss
from causeway.training.mixes import mix_named
from causeway.training.processes import world
from causeway.training.rolling import (
    Rolled,
    driven_by_expert,
    driven_by_tokens,
    roll,
    walk_of,
    words_earn,
)
from causeway.training.scoring import ACTION, TEXT, Earned, Pay, earned_of

GAP_ALLOWED = 0.02  # nats: mean difference of sampler and trainer; more means that they are not the same policy
FLOW_DRAWS = 8  # noises a sample: few samples a step must still steady the expert on the moving backbone
FIT_DRAWS = 2  # times and noises at which the flow is held against a path that it drove
WALK = "walk"  # the third span, beside TEXT and ACTION


def form_of(config: RlConfig) -> GrpoForm:
    """The GRPO form of a config."""
    return GrpoForm(
        config.form, config.beta, config.kl_weight, config.clip_low, config.clip_high, config.spread_floor
    )


def reinforcement_loss(policy: Policy, config: RlConfig, taken: Sequence[Sample]) -> StepLoss:
    """The loss of one GRPO step; the reference is the policy as it is now, frozen.

    `taken`: the stage's samples, from which moments come that stand in for groups that teach nothing.
    """
    if config.zero == 3 and world() > 1 and not config.rollout_workers:
        raise UsageError("rl: with zero=3 all processes must compute alike, and rollouts differ in length; use zero=2")
    pay, form = Pay(mix_named(config.mix, config.weights), config.judge), form_of(config)
    walk_of(config, pay)  # refuses a config that cannot be paid before anything is rolled
    reference = copy.deepcopy(policy).requires_grad_(False).eval() if form.kl_weight else None

    def loss(samples: Sequence[Sample] | Rolled, generator: torch.Generator) -> dict[str, Any]:
        rolled = samples if isinstance(samples, Rolled) else roll(policy, config, pay, samples, taken, generator)
        if rolled.drawn is not None:
            generator.set_state(rolled.drawn)
        return learned(policy, reference, config, pay, rolled, generator)

    return loss


def learned(
    policy: Policy,
    reference: Policy | None,
    config: RlConfig,
    pay: Pay,
    rolled: Rolled,
    generator: torch.Generator,
) -> dict[str, Any]:
    """The loss of rollouts that were made, with everything that is worth a log."""
    walk, samples, sequences = walk_of(config, pay), rolled.samples, rolled.sequences
    scores = policy.rescored(samples, sequences, walk)
    anchor = None
    if reference is not None:
        with torch.no_grad():
            anchor = reference.rescored(samples, sequences)
    earned = _earned(rolled, pay)
    spans = _spans(policy, rolled, pay, config, earned, scores, anchor, generator)
    flow: Tensor = policy.flow_loss(policy.collate(samples), generator, FLOW_DRAWS)
    total, parts = total_of(config, flow, spans)
    told = {"refilled_groups": float(rolled.refilled), "stale_steps": float(rolled.age)}
    told["commonest_words"] = _commonest(sequences.reasoning_text)
    return {"loss": total, **told, **parts, **_rewards_told(earned)}


def _commonest(texts: Sequence[str]) -> float:
    """The share of rollouts that say what is said most; near 1 whatever is seen, words have collapsed."""
    return Counter(texts).most_common(1)[0][1] / len(texts)


def total_of(config: RlConfig, flow: Tensor, spans: dict[str, Span]) -> tuple[Tensor, dict[str, float]]:
    """What is minimised, the expert's flow loss and each span's, and what of it is worth a log."""
    total, parts = flow, {"flow": float(flow.detach())}
    for name, span in spans.items():
        term = span_loss(form_of(config), span)
        # the surrogate alone is 0 where it is taken: less what is earned, the number says what is minimised
        total = total + (config.walk_weight if name == WALK else 1.0) * term - span.rewards.mean()
        parts |= _told(name, term, span)
    return total, parts


def _earned(rolled: Rolled, pay: Pay) -> dict[str, Earned]:
    found = {TEXT: words_earn(rolled.samples, rolled.sequences, pay)}
    if rolled.sequences.action_tokens.shape[1]:
        found[ACTION] = earned_of(driven_by_tokens(rolled.samples, rolled.sequences), pay, ACTION)
    if rolled.sequences.explored is not None:
        found[WALK] = earned_of(driven_by_expert(rolled.samples, rolled.sequences), pay, ACTION)
    return found


def _spans(
    policy: Policy,
    rolled: Rolled,
    pay: Pay,
    config: RlConfig,
    earned: dict[str, Earned],
    scores: Scores,
    anchor: Scores | None,
    generator: torch.Generator,
) -> dict[str, Span]:
    """The spans that have something to learn from; CausewayError when trainer and sampler do not agree."""
    made, groups = rolled.sequences, len(rolled.samples)
    every = torch.ones_like(scores.actions, dtype=torch.bool)
    words, tokens = (None, None) if anchor is None else (anchor.reasoning, anchor.actions)
    found = {TEXT: _of_tokens(scores.reasoning, made.reasoning_logprobs, words, scores.chosen)}
    if ACTION in earned:
        found[ACTION] = _of_tokens(scores.actions, made.action_logprobs, tokens, every)
    if WALK in earned:
        found[WALK] = _of_walks(policy, rolled, config, pay, scores, generator)
    spans = {}
    for name, (now, sampled, drift, counts) in found.items():
        kind = TEXT if name == TEXT else ACTION
        rows = groups * _compared(made) if name == WALK else groups
        rewards = torch.as_tensor(earned[name].total(pay.mix, kind), dtype=torch.float32, device=now.device)
        sound = torch.as_tensor(earned[name].sound, device=now.device)
        weight = counts * sound[:, None]  # what has no reward is no choice either: a walk that broke has no probability
        if not rolled.age:  # older weights differ by what was learned since
            agree(name, logprob_gap(now, sampled, weight > 0))
        spans[name] = Span(rewards.view(rows, -1), sound.view(rows, -1), now, sampled, drift, weight)
    return spans


_Choices = tuple[Tensor, Tensor, Tensor, Tensor]  # log-probabilities now and sampled, drift, weight


def _of_tokens(now: Tensor, sampled: np.ndarray, reference: Tensor | None, mask: Tensor) -> _Choices:
    drift = torch.zeros_like(now) if reference is None else kl_estimate(now, reference)
    return now, torch.as_tensor(sampled, device=now.device), drift, mask.to(now.dtype)


def _compared(made: Sequences) -> int:
    """Groups of walks of a moment: behind one and the same reasoning, or all together where each has one walk only."""
    assert made.explored is not None
    return made.group if made.explored.draws > 1 else 1


def _of_walks(
    policy: Policy, rolled: Rolled, config: RlConfig, pay: Pay, scores: Scores, generator: torch.Generator
) -> _Choices:
    """Walks have no drift of their own: what holds the expert is its flow loss on what was driven."""
    walk, explored = walk_of(config, pay), rolled.sequences.explored
    assert walk is not None
    assert explored is not None
    walked = walked_of(explored, policy.device)
    if not walk.level:  # no steps with probabilities: how well the flow fits the path stands in for them
        behind = scores.prefix.repeated(walk.draws)
        now = exploration.flow_fit(policy.expert, walked, behind, FIT_DRAWS, generator)
        return now, now.detach(), torch.zeros_like(now), torch.ones_like(now)
    assert scores.means is not None
    now = exploration.step_logprobs(walk, walked, scores.means)
    weight = exploration.step_weights(walk, now).expand_as(now)
    return now, walked.logprobs, torch.zeros_like(now), weight


def agree(name: str, gap: float) -> None:
    """CausewayError where sampler and trainer are not the same policy: `gap` as from `logprob_gap`."""
    if not gap <= GAP_ALLOWED:  # NaN is no agreement
        raise CausewayError(f"rl: sampler and trainer differ by {gap:.3f} nats per {name} choice; they must agree")


def logprob_gap(now: Tensor, sampled: Tensor, mask: Tensor) -> float:
    """Mean absolute difference of the trainer's and the sampler's log-probabilities, in nats a choice."""
    return float((now.detach() - sampled).abs()[mask].mean()) if mask.any() else 0.0


def _told(name: str, term: Tensor, span: Span) -> dict[str, float]:
    speaks, mask = has_signal(span.rewards, span.sound), span.weight > 0
    failed = ~span.sound.any(dim=1)
    return {
        f"grpo_{name}": float(term.detach()),
        f"kl_{name}": float(span.drift.detach()[mask].mean()) if mask.any() else 0.0,
        f"silent_groups_{name}": float((~speaks & ~failed).sum()),
        f"failed_groups_{name}": float(failed.sum()),
        f"logprob_gap_{name}": logprob_gap(span.now, span.sampled, mask),
        f"choices_{name}": float(mask.sum()) / len(mask),
    }


def _rewards_told(earned: dict[str, Earned]) -> dict[str, float]:
    """The mean of every reward in every span, and the rows that had none by their fault, under names of their own."""
    told: dict[str, float] = {}
    for span, found in earned.items():
        told |= {f"reward_{name}_{span}": value for name, value in found.means().items()}
        told |= {f"{fault}_{span}": float(count) for fault, count in found.counts.items()}
    return told
