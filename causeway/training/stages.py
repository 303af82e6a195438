"""The stages: which samples each takes, what it trains, and its losses.

Knows how a stage's losses are put together from the policy's own, and how a recipe names them. Does not know the loop,
files or how a policy computes them. Source: arXiv 2511.00088 sec. 4 and 5 (stages) and method 4.12 for what keeps words
and wheels together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from causeway.errors import UnusableInput
from causeway.model import chain, embodied, foresight
from causeway.model.observation import Sample
from causeway.model.policy import Policy, PrefixNoise
from causeway.training.camera_dropout import with_failing_cameras
from causeway.training.config import ActionConfig, CocConfig, RecipeConfig, RlConfig, TrainConfig, VlmConfig
from causeway.training.loop import StepLoss
from causeway.training.questions import QUESTIONS, ask, ask_one, balance_of
from causeway.training.reasoning_dropout import with_some_silent
from causeway.training.recipes import recipe_named
from causeway.training.reinforcement import reinforcement_loss
from causeway.training.sample_store import StoredSamples


@dataclass(frozen=True)
class Stage:
    """One stage of training, by name in `STAGES`."""

    name: str
    says: str  # one line for the model card: what is learned, and by which losses
    reasoning_only: bool  # takes no sample whose reasoning is masked
    trains: tuple[str, ...]  # the policy's modules that learn
    config: type[TrainConfig]
    make_loss: Callable[[Policy, Any, Sequence[Sample]], StepLoss]
    judged: str = ""  # how its short evaluation is made; "" = as its name says
    reads: tuple[str, ...] = ()  # of its samples beside what every stage does


def vlm_loss(policy: Policy, config: VlmConfig | RecipeConfig, taken: Sequence[Sample]) -> StepLoss:
    """Next-token cross-entropy of the answers to questions about the drive; no action tokens.

    Many questions share one look at a sample, where the backbone can keep them apart. They are balanced by the answers
    that the stage's samples `taken` give.
    """
    balance, chosen = balance_of(taken), ask if policy.backbone.branches else ask_one

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        numbers = torch.rand(len(samples), len(QUESTIONS) + (chosen is ask_one), generator=generator).tolist()
        asked = [chosen(sample, balance, own) for sample, own in zip(samples, numbers, strict=True)]
        seen = with_failing_cameras(samples, config.camera_dropout, generator)
        return policy.token_loss(policy.collate_questions(seen, asked))

    return loss


def action_loss(policy: Policy, config: ActionConfig, taken: Sequence[Sample]) -> StepLoss:
    """Action tokens with soft targets behind a noisy prefix, reasoning where there is some, and the flow expert.

    The expert reads the backbone's cache with gradients stopped, so its loss trains the expert alone.
    """
    noise = PrefixNoise(config.prefix_sigma_bins, config.prefix_mask)

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        seen = with_failing_cameras(samples, config.camera_dropout, generator)
        if policy.config.design.speaks:
            seen = with_some_silent(seen, config.reasoning_drop, generator)
        batch = policy.collate(seen, config.route_drop, generator)
        parts = policy.action_loss(batch, noise, generator, config.flow_draws)
        return {**parts, "loss": parts["loss"] + (config.reasoning_weight - 1.0) * parts["reasoning"]}

    return loss


def coc_loss(policy: Policy, config: ActionConfig, taken: Sequence[Sample]) -> StepLoss:
    """`action_loss` where every sample reasons. UnusableInput names a sample whose reasoning is empty."""
    inner = action_loss(policy, config, taken)
    name = config.stage if isinstance(config, RecipeConfig) else "coc"

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        empty = [sample.sample_id for sample in samples if not sample.reasoning.strip()]
        if empty:
            raise UnusableInput(f"{name}: sample(s) {', '.join(empty)} have no reasoning; this stage trains on words")
        return inner(samples, generator)

    return loss


def _reinforcement(policy: Policy, config: RlConfig, taken: Sequence[Sample]) -> StepLoss:
    return reinforcement_loss(policy, config, taken)


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="vlm",
            says="answers to questions about the drive (cross-entropy)",
            reasoning_only=False,
            trains=("backbone", "embeddings"),
            config=VlmConfig,
            make_loss=vlm_loss,
        ),
        Stage(
            name="action",
            says="action tokens (soft targets, noisy prefix), reasoning where there is some, flow expert (MSE)",
            reasoning_only=False,
            trains=("backbone", "embeddings", "expert"),
            config=ActionConfig,
            make_loss=action_loss,
        ),
        Stage(
            name="coc",
            says="reasoning with its end (cross-entropy), action tokens, flow expert; only samples with causes",
            reasoning_only=True,
            trains=("backbone", "embeddings", "expert"),
            config=CocConfig,
            make_loss=coc_loss,
        ),
        Stage(
            name="rl",
            says="GRPO on reasoning and action tokens, against rewards; expert re-fitted, Flow-GRPO where it explores",
            reasoning_only=True,
            trains=("backbone", "embeddings", "expert"),
            config=RlConfig,
            make_loss=_reinforcement,
        ),
    )
}


def frames_loss(policy: Policy, config: RecipeConfig, taken: Sequence[Sample], acts: bool = False) -> StepLoss:
    """The frames after t0 (squared error of pixels), and with `acts` the action head's error behind the same pass."""

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        seen = with_failing_cameras(samples, config.camera_dropout, generator)
        batch = policy.collate(seen, config.route_drop, generator)
        return foresight.loss_parts(policy, batch, foresight.targets_of(policy, seen), generator, acts)

    return loss


def expert_alone_loss(policy: Policy, config: RecipeConfig, taken: Sequence[Sample]) -> StepLoss:
    """The action head's error when it is told the motion so far and nothing else; the backbone is not asked."""

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        alone = embodied.alone_loss(policy, policy.collate(samples), generator, config.flow_draws)
        return {"loss": alone, "flow": alone}

    return loss


def chain_loss(policy: Policy, config: RecipeConfig, taken: Sequence[Sample], links: int) -> StepLoss:
    """One link of a chain behind the truth of those before it (cross-entropy)."""

    def loss(samples: Sequence[Sample], generator: torch.Generator) -> dict[str, Any]:
        seen = with_failing_cameras(samples, config.camera_dropout, generator)
        tails = [chain.chain_tail(policy.vocabulary, chain.told_of(sample), links) for sample in seen]
        return policy.token_loss(policy.batch_of(seen, tails))

    return loss


LOSSES: dict[str, Callable[[Policy, Any, Sequence[Sample]], StepLoss]] = {
    "questions": vlm_loss,
    "actions": action_loss,
    "reasoned-actions": coc_loss,
    "frames": frames_loss,
    "expert-alone": expert_alone_loss,
    "objects": partial(chain_loss, links=chain.OBJECT),
    "regions": partial(chain_loss, links=chain.REGION),
    "actions-and-frames": partial(frames_loss, acts=True),
}
"""What a recipe's stage may learn by, by name."""


def stages_of(recipe: str) -> dict[str, Stage]:
    """The stages of a recipe, in order. UsageError for a name that is none."""
    if recipe == "alpamayo":
        return STAGES
    return {
        stage.name: Stage(
            name=stage.name,
            says=stage.says,
            reasoning_only=stage.reasoning_only,
            trains=stage.trains,
            config=RecipeConfig,
            make_loss=LOSSES[stage.loss],
            judged=stage.judged,
            reads=stage.reads,
        )
        for stage in recipe_named(recipe).stages
    }


def checked(stage: Stage, samples: StoredSamples) -> StoredSamples:
    """The samples that a stage was given; UnusableInput when there are none. Each is checked when it is read."""
    if not samples:
        wanted = "at all; give more drives, or longer ones"
        if stage.reasoning_only:
            wanted = (
                "with reasoning: without causes this stage has nothing to learn; label drives with known causes first"
            )
        raise UnusableInput(f"{stage.name}: no training samples {wanted}")
    return samples
