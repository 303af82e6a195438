"""`Policy`: the one object that trains, evaluates, serves and drives.

Knows its parts (backbone, embeddings, expert, vocabulary, config) and how a sample passes through them. Does not know
optimizers, rewards, steps or servers. Source: arXiv 2511.00088, section on the architecture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from causeway.errors import UnusableInput, UsageError
from causeway.model import (
    action_tokens,
    collation,
    decoding,
    hybrid,
    inference,
    likelihood,
    points,
    rollouts,
    storage,
    token_losses,
)
from causeway.model.action_space import ControlStatistics
from causeway.model.attention import Prefix
from causeway.model.backbone import TextInputs, build_backbone, load_backbone, tokenizer_folder
from causeway.model.conditioning import conditioning_named
from causeway.model.design import Design
from causeway.model.embeddings import Embeddings
from causeway.model.exploration import Walk
from causeway.model.heads import head_named
from causeway.model.lora import Lora, add_adapters, merge_adapters, part_parameters
from causeway.model.observation import Observation, ObservationSpec, Sample
from causeway.model.prediction import Prediction, Sequences
from causeway.model.rollouts import Scores
from causeway.model.scales import scale_named
from causeway.model.sequence import Batch, Sight, Tail
from causeway.model.token_losses import PrefixNoise, TokenOutput
from causeway.model.tokenizer import Vocabulary, backbone_vocabulary, load_vocabulary
from causeway.model.vision import refuse_unfit, vision_tokenizer
from causeway.model.vision_rays import calm

__all__ = ["Policy", "PrefixNoise"]

Item = Observation | Sample


class Policy(nn.Module):
    """Backbone, embeddings and action head (the three parts an optimizer takes) with vocabulary and config."""

    def __init__(self, config: storage.PolicyConfig, vocabulary: Vocabulary, backbone: Any = None) -> None:
        super().__init__()
        self.config, self.vocabulary = config, vocabulary
        self.special, self.action_offset = vocabulary.special, vocabulary.action_offset
        self.backbone: Any = backbone or build_backbone(config.scale, vocabulary.size, self.special)
        self.sight = Sight(vision_tokenizer(config.vision_tokenizer), config.cameras)
        self.embeddings = Embeddings(config.scale, self.sight.tokenizer)
        self.conditioning = conditioning_named(config.design.conditioning)
        self.head = head_named(config.design.head, config.design.conditioning)
        self.expert: Any = self.head.build(config, self.conditioning, self.backbone)
        if config.point_blocks:
            points.add_points(self.expert, config.scale, config.point_blocks)
        if config.lora is not None:  # last: a seed then makes the same policy with adapters and without
            add_adapters(self.backbone, config.lora)

    # -- making, loading, saving ----------------------------------------------------------------------------------

    @classmethod
    def from_scale(
        cls,
        scale: str = "tiny",
        seed: int = 0,
        statistics: ControlStatistics | None = None,
        backbone: str | Path | None = None,
        vision: str = "single-image",
        cameras: Sequence[str] = ObservationSpec().cameras,
        lora: Lora | None = None,
        design: Design | None = None,
        family: str = "",
        soft_target_sigma_bins: float = 2.0,
        rigs: Sequence[str] = (),
    ) -> Policy:
        """A policy with random weights from a seed. statistics: of the training controls (None = the release's).

        vision: the name of its vision tokenizer. cameras: the names it will know; samples with others are refused.
        backbone: a local folder whose tokenizer and weights to begin with; UsageError when the scale needs one.
        lora: adapters beside the backbone's weights, which then stay as they came.
        design: its action head and what that reads; None = Alpamayo-R1's. family: of another backbone than the scale's.
        soft_target_sigma_bins: how far the targets of action tokens spread over their neighbours.
        rigs: the names that an action head by rig will know; samples of others are refused.
        """
        sheet = scale_named(scale)
        refuse_unfit(vision, sheet)
        if family:
            if sheet.needs_backbone:
                raise UsageError(f"scale {scale}: no published weights of family {family} have its sizes; take tiny")
            sheet = replace(sheet, family=family)
        if sheet.needs_backbone and backbone is None:
            raise UsageError(f"scale {scale} begins with a backbone: give a local folder with {sheet.weights}")
        config = storage.PolicyConfig(
            sheet,
            statistics or ControlStatistics(),
            vision,
            tuple(cameras),
            soft_target_sigma_bins=soft_target_sigma_bins,
            lora=lora,
            design=design or Design(),
            rigs=tuple(rigs),
        )
        vocabulary = backbone_vocabulary(tokenizer_folder(backbone, sheet)) if backbone else load_vocabulary()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            body = load_backbone(backbone, sheet, vocabulary.size, vocabulary.special) if backbone else None
            policy = cls(config, vocabulary, body)
        if body is not None:
            calm(policy.embeddings)
        return policy

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """A policy from a folder, an artifact or s3://…, in evaluation mode.

        UnusableInput for pickles, changed bytes, missing or unexpected tensors, another version.
        """
        folder = storage.local_folder(path)
        config = storage.read_config(folder)
        vocabulary = storage.read_vocabulary(folder)
        try:
            with torch.random.fork_rng(devices=[]):
                policy = cls(config, vocabulary)
        except UsageError as error:  # a head, a conditioning or a vision tokenizer that this code does not have
            raise UnusableInput(f"{folder}: {error}") from None
        with torch.no_grad():
            storage.load_weights(policy, folder, policy._tied())
        return policy.eval()

    def save(self, folder: str | Path, card: str = "", shard_bytes: int = storage.SHARD_BYTES) -> None:
        """Write config.json, weights, tokenizer files and MODEL_CARD.md (`card` is put into it).

        Weights of more than `shard_bytes` lie in several safetensors files with an index.
        """
        weights = {name: tensor for name, tensor in self.state_dict().items() if name not in self._tied()}
        card = storage.model_card(self.config, self.parameter_count(), card)
        storage.write_policy(Path(folder), self.config, weights, self.vocabulary, card, shard_bytes)

    def parameter_count(self) -> int:
        """Parameters of all parts, shared ones once."""
        return sum(p.numel() for p in self.parameters())

    def trained_parameters(self, part: str) -> list[nn.Parameter]:
        """What learns when a part does: "backbone" (of one with adapters only these and its tables), "embeddings",
        "expert", or one part of these two ("expert.foresight"); of the backbone alone its "adapters", its "language" or
        its "vision".
        """
        if part.partition(".")[0] in ("embeddings", "expert"):
            return list(self._part(part).parameters())
        return part_parameters(self.backbone, self.config.lora, part)

    def _part(self, name: str) -> nn.Module:
        try:
            return self.get_submodule(name)
        except AttributeError:
            raise UsageError(f"part {name!r} of a policy cannot learn: there is no such part") from None

    def add_lora(self, lora: Lora, seed: int = 0) -> None:
        """Put adapters beside the backbone's weights; answers stay as they are until the adapters learn."""
        if self.config.lora is not None:
            raise UsageError("this policy has adapters already; fold them in with merge_lora first")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            add_adapters(self.backbone, lora)
        self.config = replace(self.config, lora=lora)

    def take_points(self, blocks: Sequence[int], seed: int = 0) -> None:
        """Let the action head take 3D points behind these blocks; answers stay as they are until it learns to."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            points.add_points(self.expert, self.config.scale, blocks)
        self.expert.points.to(self.device)
        self.config = replace(self.config, point_blocks=tuple(blocks))

    def merge_lora(self) -> None:
        """Fold the adapters into the backbone's weights; answers change by rounding only."""
        merge_adapters(self.backbone)
        self.config = replace(self.config, lora=None)

    @property
    def statistics(self) -> ControlStatistics:
        """Mean and spread by which the expert sees controls."""
        return self.config.statistics

    def _tied(self) -> set[str]:
        """Names of tensors that are other tensors' doubles."""
        table = self.backbone.get_input_embeddings().weight
        return {n for n, p in self.named_parameters(remove_duplicate=False) if p is table and "lm_head" in n}

    # -- answering ------------------------------------------------------------------------------------------------

    def predict(
        self,
        samples: Sequence[Item],
        n: int = 1,
        seed: int | Sequence[int] = 0,
        *,
        temperature: float = 0.6,
        forced_reasoning: Sequence[str] | None = None,
        use_reasoning: bool = True,
        flow_steps: int = 10,
        route_guidance: float = 1.0,
        max_reasoning_tokens: int | None = None,
    ) -> Prediction:
        """Reasoning, decision and n trajectories for each observation; no gradients.

        temperature 0 is greedy. forced_reasoning: one trace per sample to act on instead of a generated one ("" =
        none). use_reasoning False: act without a trace. route_guidance: how far along the route, 1 = as trained.
        max_reasoning_tokens: cut longer reasonings there (their decisions are then none); None = the scale's bound.
        Noise follows from (seed, number of the sample among n) alone; several seeds are one for each observation.
        UsageError for wrong arguments, UnusableInput for an observation that cannot be used.
        """
        options = inference.Options(
            n, seed, temperature, forced_reasoning, use_reasoning, flow_steps, route_guidance, max_reasoning_tokens
        )
        return inference.predict(self, samples, options)

    def sample_sequences(
        self,
        samples: Sequence[Item],
        group: int,
        temperature: float,
        generator: torch.Generator,
        walk: Walk | None = None,
        actions: bool = True,
    ) -> Sequences:
        """Rollouts for reinforcement learning: `group` reasonings with 128 action tokens (or none) for each sample.

        walk: how the expert explores behind each reasoning, None = not at all.
        """
        return rollouts.sample_sequences(self, samples, group, temperature, generator, walk, actions)

    # -- learning -------------------------------------------------------------------------------------------------

    def collate(
        self, samples: Sequence[Sample], route_drop: float = 0.0, generator: torch.Generator | None = None
    ) -> Batch:
        """Observation, reasoning (left out where it is "") and actions of each sample, checked.

        route_drop: the share of samples that lose their route, so that guidance knows what is done without one.
        """
        return collation.collate(self, samples, route_drop, generator)

    def collate_questions(self, items: Sequence[Item], asked: Sequence[Mapping[str, str]]) -> Batch:
        """Each item's observation, and its {question: supervised answer}, each as if asked alone; no actions."""
        return collation.collate_questions(self, items, asked)

    def forward_tokens(
        self, batch: Batch, prefix_noise: PrefixNoise | None = None, generator: torch.Generator | None = None
    ) -> TokenOutput:
        """Hidden states of the prefix and of the 128 places that predict action tokens (when the batch has any)."""
        return token_losses.forward_tokens(self, batch, prefix_noise, generator)

    def token_loss(
        self, batch: Batch, prefix_noise: PrefixNoise | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """`reasoning` (its end token included), `answer` and `action` in nats a token, and their sum `loss`.

        A part that the batch does not have is 0.
        """
        return token_losses.token_parts(self, batch, self.forward_tokens(batch, prefix_noise, generator))

    def action_loss(
        self,
        batch: Batch,
        prefix_noise: PrefixNoise | None = None,
        generator: torch.Generator | None = None,
        draws: int = 1,
    ) -> dict[str, Tensor]:
        """`token_loss` and `flow_loss` behind one pass of the backbone: their parts, `flow`, and their sum `loss`.

        The prefix stands before the action tokens, so its keys and values are those that `flow_loss` computes. A design
        without action tokens has none in its sequence; a head inside the sequence has one noise in place of `draws`.
        """
        if not self.config.design.action_tokens:
            batch = replace(batch, action_tokens=None)
        if self.head.in_sequence:
            return hybrid.loss_parts(self, batch, prefix_noise, generator)
        output = self.forward_tokens(batch, prefix_noise, generator)
        parts = token_losses.token_parts(self, batch, output)
        flow = self.head_loss(batch, output.prefix, generator, draws)
        return {**parts, "loss": parts["loss"] + flow, "flow": flow}

    def flow_loss(self, batch: Batch, generator: torch.Generator | None = None, draws: int = 1) -> Tensor:
        """The head's own error behind one pass of the backbone, which `draws` noises share.

        The pass keeps no gradients unless the conditioning hands them on: Alpamayo-R1's does not.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.conditioning.teaches):
            prefix = decoding.prefill(self, batch, self.text_inputs(batch)).prefix()
        return self.head_loss(batch, prefix, generator, draws)

    def head_loss(
        self, batch: Batch, prefix: Prefix | None, generator: torch.Generator | None = None, draws: int = 1
    ) -> Tensor:
        """The head's own error behind a prefix that was read already; `draws` noises share it."""
        if batch.controls is None or prefix is None:
            raise UsageError("the flow loss needs a batch with controls (collate samples, not questions) and a prefix")
        target = self.normalised(batch.controls).repeat_interleave(draws, dim=0)
        told = self.expert.condition(prefix).repeated(draws).gathered()
        return self.head.loss(self.expert, target, told, generator)

    def rescored(self, samples: Sequence[Item], sequences: Sequences, walk: Walk | None = None) -> Scores:
        """Log-probabilities of sampled rows, and the means of the expert's steps, with gradients.

        samples and walk: those that `sample_sequences` was given; for unchanged weights the numbers are the sampled
        ones. Gradients of words and tokens reach the backbone, those of the means the expert alone.
        """
        return rollouts.rescored(self, samples, sequences, walk)

    def action_logprobs(
        self, samples: Sequence[Sample], words: Sequence[str], hidden_prefix: bool = False
    ) -> NDArray[np.float64]:
        """Log-likelihood [B] in nats of each sample's 128 recorded action tokens behind given words ("" = none).

        The sum of log p(token | observation, words, the recorded tokens before it): the joint likelihood by the token
        head, exact. With hidden_prefix the tokens before are masked, so that a path cannot be read off its own
        past: then it is the sum of 128 single likelihoods. UnusableInput for a sample that cannot be used.
        """
        return likelihood.action_logprobs(self, samples, words, hidden_prefix)

    @property
    def scores_paths(self) -> bool:
        """Whether `action_logprobs` tells anything: only action tokens right behind the words were learned as it asks.

        Other designs have learned none, read no words, or put something of their own between both.
        """
        design = self.config.design
        return design.speaks and design.action_tokens and not (self.head.in_sequence or self.head.in_chain)

    # -- parts that decoding and losses share ---------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.backbone.get_input_embeddings().weight.device  # type: ignore[no-any-return]

    def text_inputs(self, batch: Batch) -> TextInputs:
        """The backbone's inputs for a batch's prefix: pictures through the vision tokenizer, numbers embedded."""
        return self.embeddings.text_inputs(self.backbone, batch, self.special)

    def id_embeddings(self, ids: Tensor) -> Tensor:
        """Embeddings [..., hidden] of ids."""
        return self.backbone.get_input_embeddings()(ids)  # type: ignore[no-any-return]

    def is_text(self, ids: Tensor) -> Tensor:
        """Which ids are plain text: neither special nor of an action; bool of the same shape."""
        special = torch.tensor(sorted(self.special.values()), device=ids.device)
        return ~torch.isin(ids, special) & (ids < self.action_offset)

    @property
    def vocabulary_rows(self) -> int:
        """Rows of the table of embeddings; published ones have more than their vocabulary."""
        return int(self.backbone.get_input_embeddings().num_embeddings)

    def word_logits(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] over the whole vocabulary."""
        return self.backbone.lm_head(hidden)  # type: ignore[no-any-return]

    def reasoning_logits(self, hidden: Tensor, allowed: Tensor) -> Tensor:
        """Logits […, V] with everything masked that may not come next; allowed […, V] bool."""
        return self.word_logits(hidden).float().masked_fill(~allowed, float("-inf"))

    def action_logits_at(self, hidden: Tensor, kind: int) -> Tensor:
        """Logits […, 255] over the bins of accelerations (kind 0) or curvatures (1)."""
        first = self.action_offset + kind * action_tokens.BINS
        weight = self.backbone.lm_head.weight[first : first + action_tokens.BINS]
        return nn.functional.linear(hidden, weight).float()

    def action_logits(self, hidden: Tensor) -> Tensor:
        """Logits [B, 128, 255] of 128 places, each over its own kind."""
        pairs = [self.action_logits_at(hidden[:, kind::2], kind) for kind in range(2)]
        return torch.stack(pairs, dim=2).flatten(1, 2)

    def normalised(self, controls: Tensor) -> Tensor:
        """Controls […, 64, 2] in the expert's units."""
        mean, std = controls.new_tensor([self.statistics.mean, self.statistics.std])
        return (controls - mean) / std

    def controls_of(self, normalised: Tensor) -> Tensor:
        """Controls in m/s² and 1/m from the expert's units."""
        mean, std = normalised.new_tensor([self.statistics.mean, self.statistics.std])
        return normalised * std + mean

    def batch_of(self, items: Sequence[Item], tails: Sequence[Tail]) -> Batch:
        """A batch of observations, each with its tail, on the policy's device."""
        return collation.batch_of(self, items, tails)
