"""`Policy`: the one object that trains, evaluates, serves and drives.

Knows its parts (backbone, embeddings, expert, vocabulary, config) and how a sample passes through them. Does not know
optimizers, rewards, steps or servers. Source: arXiv 2511.00088, section on the architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import Qwen3VLForConditionalGeneration

from causeway.errors import UsageError
from causeway.model import action_tokens, inference, rollouts, storage, token_losses
from causeway.model.action_space import ControlStatistics
from causeway.model.backbone import (
    Prefix,
    TextInputs,
    backbone_config,
    build_backbone,
    causal_mask,
    load_backbone,
    new_cache,
    prefix_of,
    run_text,
)
from causeway.model.embeddings import Embeddings
from causeway.model.expert import ActionExpert, flow_loss
from causeway.model.observation import Observation, Sample, check_sample, observation_of
from causeway.model.prediction import Prediction, Sequences
from causeway.model.scales import scale_named
from causeway.model.sequence import Batch, Tail, build_batch, plain_tail, question_tail, reasoning_tail, with_actions
from causeway.model.token_losses import PrefixNoise, TokenOutput
from causeway.model.tokenizer import Vocabulary, backbone_vocabulary, load_vocabulary
from causeway.model.vision import vision_tokenizer

__all__ = ["Policy", "PrefixNoise"]

Item = Observation | Sample
Backbone = Qwen3VLForConditionalGeneration


class Policy(nn.Module):
    """Backbone, embeddings and action expert (the three parts an optimizer takes) with vocabulary and config."""

    may_reason: Tensor

    def __init__(
        self,
        config: storage.PolicyConfig,
        vocabulary: Vocabulary,
        backbone: Qwen3VLForConditionalGeneration | None = None,
    ) -> None:
        super().__init__()
        self.config, self.vocabulary = config, vocabulary
        self.special, self.action_offset = vocabulary.special, vocabulary.action_offset
        self.backbone = backbone or build_backbone(backbone_config(config.scale, vocabulary.size, self.special))
        self.embeddings = Embeddings(config.scale.text.hidden)
        self.expert = ActionExpert(config.scale)
        self._tokenize = vision_tokenizer(config.vision_tokenizer)
        text: Any = self.backbone.config.text_config
        rows = text.vocab_size  # may exceed the vocabulary
        self.register_buffer("may_reason", _may_reason(vocabulary, rows), persistent=False)

    # -- making, loading, saving ----------------------------------------------------------------------------------

    @classmethod
    def from_scale(
        cls,
        scale: str = "tiny",
        seed: int = 0,
        statistics: ControlStatistics | None = None,
        backbone: str | Path | None = None,
    ) -> Policy:
        """A policy with random weights from a seed. statistics: of the training controls (None = the release's).

        backbone: a local folder whose tokenizer and weights to begin with; UsageError when the scale needs one.
        """
        sheet = scale_named(scale)
        if sheet.needs_backbone and backbone is None:
            raise UsageError(f"scale {scale} begins with a backbone: give a local Qwen3-VL folder")
        config = storage.PolicyConfig(sheet, statistics or ControlStatistics())
        vocabulary = backbone_vocabulary(backbone) if backbone else load_vocabulary()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(config, vocabulary, load_backbone(backbone, vocabulary.size) if backbone else None)

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """A policy from a folder, an artifact or s3://…, in evaluation mode.

        UnusableInput for pickles, changed bytes, missing or unexpected tensors, another version.
        """
        folder = _local(path)
        config = storage.read_config(folder)
        with torch.random.fork_rng(devices=[]):
            policy = cls(config, load_vocabulary(folder))
        with torch.no_grad():
            storage.load_weights(policy, folder, policy._tied())
        return policy.eval()

    def save(self, folder: str | Path, card: str = "") -> None:
        """Write config.json, model.safetensors, tokenizer files and MODEL_CARD.md (`card` is put into it)."""
        weights = {name: tensor for name, tensor in self.state_dict().items() if name not in self._tied()}
        about = (
            f"# Causeway policy, scale {self.config.scale.name}\n\n{self.parameter_count():,} parameters.\n\n{card}\n"
        )
        storage.write_policy(Path(folder), self.config, weights, self.vocabulary, about)

    def parameter_count(self) -> int:
        """Parameters of all parts, shared ones once."""
        return sum(p.numel() for p in self.parameters())

    @property
    def statistics(self) -> ControlStatistics:
        """Mean and spread by which the expert sees controls."""
        return self.config.statistics

    def _tied(self) -> set[str]:
        return {"backbone.lm_head.weight"} if self.config.scale.text.tied else set()

    # -- answering ------------------------------------------------------------------------------------------------

    def predict(
        self,
        samples: Sequence[Item],
        n: int = 1,
        seed: int = 0,
        *,
        temperature: float = 0.6,
        forced_reasoning: Sequence[str] | None = None,
        use_reasoning: bool = True,
        flow_steps: int = 10,
    ) -> Prediction:
        """Reasoning, decision and n trajectories for each observation; no gradients.

        temperature 0 is greedy. forced_reasoning: one trace per sample to act on instead of a generated one ("" =
        none). use_reasoning False: act without a trace. Noise follows from (seed, number of the sample among n)
        alone. UsageError for wrong arguments, UnusableInput for an observation that cannot be used.
        """
        options = inference.Options(n, seed, temperature, forced_reasoning, use_reasoning, flow_steps)
        return inference.predict(self, samples, options)

    def sample_sequences(
        self, samples: Sequence[Item], group: int, temperature: float, generator: torch.Generator
    ) -> Sequences:
        """Rollouts for reinforcement learning: `group` reasonings with 128 action tokens for each sample."""
        return rollouts.sample_sequences(self, samples, group, temperature, generator)

    # -- learning -------------------------------------------------------------------------------------------------

    def collate(self, samples: Sequence[Sample]) -> Batch:
        """Observation, reasoning (left out where it is "") and actions of each sample, checked."""
        tails: list[Tail] = []
        for sample in samples:
            check_sample(sample)
            ids = self.vocabulary.text_ids(sample.reasoning, f"sample {sample.sample_id}: reasoning")
            tails.append(reasoning_tail(self.vocabulary, ids) if ids else plain_tail(self.vocabulary))
        batch = self.batch_of(samples, tails)
        controls = torch.from_numpy(np.stack([np.float32(s.controls) for s in samples])).to(self.device)
        return with_actions(batch, action_tokens.encode(controls), controls)

    def collate_questions(self, items: Sequence[Item], questions: Sequence[str], answers: Sequence[str]) -> Batch:
        """Observation, question and supervised answer of each item; no actions."""
        tails = [question_tail(self.vocabulary, *pair) for pair in zip(questions, answers, strict=True)]
        return self.batch_of(items, tails)

    def forward_tokens(
        self, batch: Batch, prefix_noise: PrefixNoise | None = None, generator: torch.Generator | None = None
    ) -> TokenOutput:
        """Hidden states of the prefix and of the 128 places that predict action tokens (when the batch has any)."""
        inputs = self.text_inputs(batch)
        length, cache = batch.input_ids.shape[1], new_cache(self.backbone)
        if batch.action_tokens is not None:
            ids = token_losses.noisy_action_ids(self, batch.action_tokens, prefix_noise, generator)
            inputs = self._with_action_columns(inputs, batch, ids[:, :-1])  # nothing follows the last token
        hidden = run_text(self.backbone, inputs, cache)
        actions = hidden[:, length - 1 :] if batch.action_tokens is not None else None
        return TokenOutput(hidden[:, :length], actions, prefix_of(cache, batch.kept, batch.positions))

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

        The prefix stands before the action tokens, so its keys and values are those that `flow_loss` computes.
        """
        output = self.forward_tokens(batch, prefix_noise, generator)
        parts = token_losses.token_parts(self, batch, output)
        flow = self._flow(batch, output.prefix, generator, draws)
        return {**parts, "loss": parts["loss"] + flow, "flow": flow}

    def flow_loss(self, batch: Batch, generator: torch.Generator | None = None, draws: int = 1) -> Tensor:
        """The expert's flow-matching error on the detached prefix; `draws` noises share one pass of the backbone."""
        with torch.no_grad():
            prefix = self.forward_tokens(replace(batch, action_tokens=None)).prefix
        return self._flow(batch, prefix, generator, draws)

    def _flow(self, batch: Batch, prefix: Prefix, generator: torch.Generator | None, draws: int) -> Tensor:
        if batch.controls is None:
            raise UsageError("the flow loss needs a batch with controls: collate samples, not questions")
        target = self.normalised(batch.controls).repeat_interleave(draws, dim=0)
        return flow_loss(self.expert, target, prefix.repeated(draws), generator)

    def sequence_logprobs(self, samples: Sequence[Item], sequences: Sequences) -> tuple[Tensor, Tensor]:
        """Log-probabilities of sampled rows with gradients: reasoning [R, T] (0 where masked) and action [R, 128].

        samples: the ones that `sample_sequences` was given; for unchanged weights the numbers are the sampled ones.
        """
        return rollouts.sequence_logprobs(self, samples, sequences)

    # -- parts that decoding and losses share ---------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.expert.write.weight.device

    def text_inputs(self, batch: Batch) -> TextInputs:
        """The backbone's inputs for a batch's prefix: pictures through the vision tokenizer, numbers embedded."""
        visual = self._tokenize(self.backbone, batch.pictures)
        return self.embeddings.text_inputs(self.backbone, batch, visual, self.special)

    def id_embeddings(self, ids: Tensor) -> Tensor:
        """Embeddings [..., hidden] of ids."""
        table: Any = self.backbone.get_input_embeddings()
        return table(ids)  # type: ignore[no-any-return]

    def word_logits(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] over the whole vocabulary."""
        head: Any = self.backbone.lm_head
        return head(hidden)  # type: ignore[no-any-return]

    def reasoning_logits(self, hidden: Tensor) -> Tensor:
        """Logits […, V] with everything masked that reasoning may not say."""
        return self.word_logits(hidden).float().masked_fill(~self.may_reason, float("-inf"))

    def action_logits_at(self, hidden: Tensor, kind: int) -> Tensor:
        """Logits […, 255] over the bins of accelerations (kind 0) or curvatures (1)."""
        first = self.action_offset + kind * action_tokens.BINS
        head: Any = self.backbone.lm_head
        weight = head.weight[first : first + action_tokens.BINS]
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
        names = [item.sample_id if isinstance(item, Sample) else f"#{i}" for i, item in enumerate(items)]
        observations = [observation_of(item) for item in items]
        return build_batch(self.config.scale, self.vocabulary, observations, tails, names).to(self.device)

    def _with_action_columns(self, inputs: TextInputs, batch: Batch, ids: Tensor) -> TextInputs:
        """The prefix's inputs with action ids [B, columns] behind them."""
        furthest = batch.positions.amax(dim=(0, 2)) + 1
        steps = (furthest[:, None] + torch.arange(ids.shape[1], device=ids.device)).expand(3, -1, -1)
        after = torch.ones_like(ids, dtype=torch.bool)
        embeddings = self.id_embeddings(ids)
        assert inputs.visual is not None
        return TextInputs(
            torch.cat([inputs.embeddings, embeddings], dim=1),
            torch.cat([inputs.positions, steps], dim=2),
            causal_mask(torch.cat([batch.kept, after], dim=1)),
            torch.cat([inputs.visual, ~after], dim=1),
            inputs.deepstack,
        )


def _may_reason(vocabulary: Vocabulary, rows: int) -> Tensor:
    """[rows] True for text tokens and the end of reasoning."""
    allowed = torch.zeros(rows, dtype=torch.bool)
    allowed[: vocabulary.action_offset] = True
    reserved = {*vocabulary.special.values(), *vocabulary.tokenizer.all_special_ids}
    allowed[[i for i in reserved if i < rows]] = False
    allowed[vocabulary.action_offset :] = False
    allowed[vocabulary.special["coc_end"]] = True
    return allowed


def _local(path: str | Path) -> Path:
    """The folder of a policy: as given, or fetched when it lies in an object store."""
    if "://" not in str(path):
        return Path(path)
    from causeway.artifacts import Artifact

    return Artifact.open(str(path)).folder()
