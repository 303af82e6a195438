"""Rollouts for reinforcement learning: sampled reasoning, action tokens and expert paths, and their scores again.

Knows both directions, so that they agree: what was sampled under which constraints, and the same numbers with
gradients. Does not know rewards or advantages. Source: arXiv 2511.00088, section on GRPO (reasoning and discrete tokens
learn); the expert's walks are Flow-GRPO's (`exploration`). Every walk is behind the reasoning that was sampled,
replayed and not sampled again, so that what is said and what is driven belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from causeway.model import action_tokens, decoding, exploration
from causeway.model.attention import Prefix, Reading, Stretch
from causeway.model.backbone import TextInputs, causal_mask, run_text
from causeway.model.exploration import Walk, Walked
from causeway.model.inference import driven
from causeway.model.observation import HORIZON_STEPS, Observation, Sample
from causeway.model.prediction import Explored, Sequences
from causeway.model.sequence import Batch, open_tail, reasoning_tail

if TYPE_CHECKING:
    from causeway.model.policy import Policy

Items = Sequence[Observation | Sample]
RAN_AWAY = 1e4  # normalised controls, of which drives have some ±10; squares of more leave float32


@dataclass(frozen=True, eq=False)
class Scores:
    """What a policy makes of rollouts, with gradients; R rows, row = sample · group + member."""

    reasoning: Tensor  # [R, T] log-probabilities of the words, 0 where none was said or the grammar left no choice
    chosen: Tensor  # [R, T] bool: where there was a choice
    actions: Tensor  # [R, 128] log-probabilities of the action tokens; [R, 0] where none were sampled
    prefix: Prefix  # of R rows, detached: what the expert reads behind each reasoning
    means: Tensor | None  # [E, steps, 64, 2] where each step of the expert's walks leads, when there are any


@torch.no_grad()
def sample_sequences(
    policy: Policy,
    samples: Items,
    group: int,
    temperature: float,
    generator: torch.Generator,
    walk: Walk | None,
    actions: bool = True,
) -> Sequences:
    """See `Policy.sample_sequences`."""
    rows, steps = len(samples) * group, policy.config.scale.max_reasoning_tokens
    batch = policy.batch_of(samples, [open_tail(policy.vocabulary)] * len(samples))
    decoder = decoding.repeat(decoding.prefill(policy, batch, policy.text_inputs(batch)), group)
    uniform = torch.rand(rows, steps + action_tokens.TOKENS, generator=generator).to(policy.device)
    said = decoding.generate_reasoning(policy, decoder, temperature, uniform[:, :steps])
    explored = _explored(policy, walk, samples, decoder.prefix(), generator) if walk else None
    acted = _acted(policy, decoder, temperature, uniform[:, steps:], samples) if actions else _nothing(rows)
    return Sequences(
        reasoning_ids=tuple(tuple(ids) for ids in said.ids),
        reasoning_text=tuple(policy.vocabulary.text(ids) for ids in said.ids),
        truncated=np.array(said.truncated, dtype=bool),
        reasoning_logprobs=said.logprobs.float().cpu().numpy(),
        reasoning_mask=said.mask.cpu().numpy(),
        temperature=temperature,
        group=group,
        explored=explored,
        **acted,
    )


def _acted(
    policy: Policy, decoder: decoding.Decoder, temperature: float, uniform: Tensor, samples: Items
) -> dict[str, np.ndarray]:
    """The action tokens of R rows, their log-probabilities, and what they drive."""
    tokens, logprobs = decoding.generate_actions(policy, decoder, temperature, uniform)
    numbers, rows = tokens.cpu().numpy(), len(uniform)
    controls = torch.from_numpy(action_tokens.decode(numbers).astype(np.float32))
    controls_out, trajectory = driven(policy, controls, samples, rows // len(samples))
    return {
        "action_tokens": numbers,
        "action_logprobs": logprobs.float().cpu().numpy(),
        "controls": controls_out.reshape(rows, HORIZON_STEPS, 2),
        "trajectory_rig": trajectory.reshape(rows, HORIZON_STEPS, 3),
    }


def _nothing(rows: int) -> dict[str, np.ndarray]:
    return {
        "action_tokens": np.zeros((rows, 0), np.int64),
        "action_logprobs": np.zeros((rows, 0), np.float32),
        "controls": np.zeros((rows, 0, 2), np.float32),
        "trajectory_rig": np.zeros((rows, 0, 3), np.float32),
    }


def _explored(policy: Policy, walk: Walk, samples: Items, prefix: Prefix, generator: torch.Generator) -> Explored:
    """A walk that ran away drives NaN, for rewards to count; its states are zeros, so that no score is NaN."""
    walked = exploration.explore(policy.expert, walk, prefix.repeated(walk.draws), generator)
    broken = ~(walked.states.abs() < RAN_AWAY).flatten(1).all(dim=1)  # NaN is no number below it either
    states, logprobs = walked.states.clone(), walked.logprobs.clone()
    states[broken], logprobs[broken] = 0.0, 0.0
    each = len(states) // len(samples)
    controls, trajectory = driven(policy, policy.controls_of(states[:, -1]), samples, each)
    controls, trajectory = controls.reshape(-1, HORIZON_STEPS, 2), trajectory.reshape(-1, HORIZON_STEPS, 3)
    rows = broken.cpu().numpy()
    controls[rows], trajectory[rows] = np.nan, np.nan
    return Explored(states.cpu().numpy(), logprobs.cpu().numpy(), controls, trajectory, walk.draws)


@torch.no_grad()
def drive(
    policy: Policy, samples: Items, temperature: float, generator: torch.Generator, walk: Walk
) -> tuple[list[list[int]], Explored]:
    """A reasoning for each observation and the expert's walks behind it: [B] ids without their end, B · draws walks.

    What drives in closed loop; no action tokens are made.
    """
    batch = policy.batch_of(samples, [open_tail(policy.vocabulary)] * len(samples))
    decoder = decoding.prefill(policy, batch, policy.text_inputs(batch))
    uniform = torch.rand(len(samples), policy.config.scale.max_reasoning_tokens, generator=generator)
    said = decoding.generate_reasoning(policy, decoder, temperature, uniform.to(policy.device))
    end = policy.special["coc_end"]
    ids = [[i for i in row if i != end] for row in said.ids]
    return ids, _explored(policy, walk, samples, decoder.prefix(), generator)


def driven_again(
    policy: Policy, samples: Items, ids: Sequence[Sequence[int]], explored: Explored, walk: Walk
) -> Tensor:
    """Log-probabilities [B · draws, steps] of what `drive` did, with gradients of the expert alone.

    The reasoning is replayed: read as it was said, not sampled again.
    """
    batch = policy.batch_of(samples, [reasoning_tail(policy.vocabulary, row) for row in ids])
    walked = walked_of(explored, policy.device)
    with torch.no_grad():
        prefix = decoding.prefill(policy, batch, policy.text_inputs(batch)).prefix()
    means = exploration.means(policy.expert, walk, walked, prefix.repeated(walk.draws))
    return exploration.step_logprobs(walk, walked, means)


def walked_of(explored: Explored, device: torch.device) -> Walked:
    """The walks of a rollout as tensors."""
    return Walked(torch.from_numpy(explored.states).to(device), torch.from_numpy(explored.logprobs).to(device))


def rescored(policy: Policy, samples: Items, sequences: Sequences, walk: Walk | None) -> Scores:
    """See `Policy.rescored`. The prompt is read once for each sample, with gradients, and shared by its group."""
    heat, rows = sequences.temperature or 1.0, len(sequences.reasoning_ids)
    batch = policy.batch_of(samples, [open_tail(policy.vocabulary)] * len(samples))
    prompt = _read_prompt(policy, batch)
    behind = _columns(policy, sequences, decoding.behind(batch.positions, batch.kept), policy.device)
    hidden, own = _read_behind(policy, prompt, behind, rows)
    reasoning, free = _words(policy, hidden, behind, sequences, heat)
    words_end = behind.ids.shape[1] - max(sequences.action_tokens.shape[1] - 1, 0)
    prefix = Prefix((_cut(prompt.stretch), _cut(own, words_end)), behind.after_words)
    means = None
    if walk is not None and sequences.explored is not None and walk.level:
        walked = walked_of(sequences.explored, policy.device)
        means = exploration.means(policy.expert, walk, walked, prefix.repeated(walk.draws))
    return Scores(reasoning, free, _actions(policy, hidden[:, words_end:], sequences, heat), prefix, means)


@dataclass(frozen=True, eq=False)
class _Prompt:
    """The prompts of S samples, with gradients."""

    stretch: Stretch
    last: Tensor  # [S, hidden] of the last column


@dataclass(frozen=True, eq=False)
class _Columns:
    """What each of R rows reads behind its prompt: a reasoning with its end, the trajectory's start, its tokens."""

    ids: Tensor  # [R, C], padded on the left
    kept: Tensor  # [R, C] bool
    positions: Tensor  # [R, C]
    words: Tensor  # [R, C] bool: the sampled words among them, the end token where it was sampled
    after_words: Tensor  # [R] the position behind the trajectory's start


def _read_prompt(policy: Policy, batch: Batch) -> _Prompt:
    reading = Reading()
    hidden = run_text(policy.backbone, policy.text_inputs(batch), reading)
    return _Prompt(_stretch(reading, batch.kept), hidden[:, -1])


def _columns(policy: Policy, sequences: Sequences, start: Tensor, device: torch.device) -> _Columns:
    """start [S]: the position behind each sample's prompt."""
    said = [decoding.closed(policy, ids) for ids in sequences.reasoning_ids]
    width, rows = max(map(len, said)), len(said)
    ids = np.full((rows, width), policy.special["pad"], dtype=np.int64)
    words = np.zeros((rows, width), dtype=bool)
    for row, (closed, sampled) in enumerate(zip(said, sequences.reasoning_ids, strict=True)):
        ids[row, width - len(closed) :] = closed
        words[row, width - len(closed) : width - len(closed) + len(sampled)] = True
    tokens = sequences.action_tokens[:, :-1] + policy.action_offset  # nothing follows the last one
    lengths = torch.tensor([len(closed) for closed in said], device=device)
    places = torch.arange(width + tokens.shape[1], device=device) - (width - lengths)[:, None]
    first = start.repeat_interleave(rows // len(start))
    return _Columns(
        ids=torch.from_numpy(np.concatenate([ids, tokens], axis=1)).to(device),
        kept=places >= 0,
        positions=first[:, None] + places.clamp(min=0),
        words=torch.from_numpy(np.pad(words, ((0, 0), (0, tokens.shape[1])))).to(device),
        after_words=first + lengths,
    )


def _read_behind(policy: Policy, prompt: _Prompt, behind: _Columns, rows: int) -> tuple[Tensor, Stretch]:
    """Hidden states [R, 1 + C, hidden], column c those that predict column c, and the columns read."""
    reading = Reading((prompt.stretch,))
    places = behind.positions.expand(3, -1, -1)
    inputs = TextInputs(policy.id_embeddings(behind.ids), places, causal_mask(behind.kept))
    hidden = run_text(policy.backbone, inputs, reading)
    before = torch.cat([torch.zeros_like(hidden[:, :1]), hidden], dim=1)
    begins = torch.nn.functional.pad(behind.kept & (behind.positions == behind.positions[:, :1]), (0, 1))
    asked = prompt.last.repeat_interleave(rows // len(prompt.last), dim=0)
    return torch.where(begins[..., None], asked[:, None], before), _stretch(reading, behind.kept)


def _stretch(reading: Reading, kept: Tensor) -> Stretch:
    """The columns read in a pass, with their gradients: rows behind them teach what was read there too."""
    layers = sorted(reading.keys)
    return Stretch(tuple(reading.keys[i] for i in layers), tuple(reading.values[i] for i in layers), kept)


def _cut(stretch: Stretch, columns: int | None = None) -> Stretch:
    """The first columns without gradients, as the expert reads them (the paper's stop)."""
    keys, values = (tuple(t[:, :, :columns].detach() for t in part) for part in (stretch.keys, stretch.values))
    return Stretch(keys, values, stretch.kept[:, :columns])


def _actions(policy: Policy, hidden: Tensor, sequences: Sequences, heat: float) -> Tensor:
    """Log-probabilities [R, 128] of the action tokens from the states that predict them; [R, 0] without tokens."""
    tokens = torch.from_numpy(sequences.action_tokens).to(hidden.device)
    if not tokens.shape[1]:
        return hidden.new_zeros(tokens.shape)
    logprobs = torch.log_softmax(policy.action_logits(hidden).float() / heat, dim=-1)
    return logprobs.gather(-1, action_tokens.bins_of(tokens)[..., None])[..., 0]


def _words(
    policy: Policy, before: Tensor, behind: _Columns, sequences: Sequences, heat: float
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the words [R, T], and where the grammar left a choice.

    Words are scored among those that the sampler could have said there.
    """
    sentences = policy.vocabulary.sentences
    states = [state for row in sequences.reasoning_ids for state in sentences.path(row)]
    allowed = sentences.masks(states, policy.vocabulary_rows).to(before.device)
    logits = policy.reasoning_logits(before[:, :-1][behind.words], allowed)
    each = torch.log_softmax(logits / heat, dim=-1).gather(1, behind.ids[behind.words][:, None])[:, 0]
    said = torch.from_numpy(sequences.reasoning_mask).to(before.device)
    empty = each.new_zeros(said.shape)
    free = torch.zeros_like(said).masked_scatter(said, allowed.sum(dim=1) > 1)
    return empty.masked_scatter(said, each), free
