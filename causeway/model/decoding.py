"""Generation: reasoning token by token on a shared prefill, and 128 action tokens behind it when asked for.

Knows sampling, its constraints and the growing cache. Does not know what the words mean. Reasoning may use text
tokens and its end alone (action and special tokens are masked); action tokens may only be of their own kind.
Uniform numbers come from the caller, so that what a row draws depends on its sample number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import DynamicCache

from causeway.model import action_tokens
from causeway.model.backbone import Prefix, TextInputs, causal_mask, new_cache, prefix_of, run_text

if TYPE_CHECKING:
    from causeway.model.policy import Policy
    from causeway.model.sequence import Batch


@dataclass(eq=False)
class Decoder:
    """R rows with everything they have read so far; grows by one column a step."""

    cache: DynamicCache
    kept: Tensor  # [R, columns] bool
    positions: Tensor  # [3, R, columns]
    next_position: Tensor  # [R]
    hidden: Tensor  # [R, hidden] of each row's last kept column

    def prefix(self) -> Prefix:
        """Everything read so far, for the expert."""
        return prefix_of(self.cache, self.kept, self.positions)


@dataclass(frozen=True, eq=False)
class Generated:
    """Reasoning of R rows."""

    ids: list[list[int]]  # [R] the end token included when it was chosen
    truncated: list[bool]
    logprobs: Tensor  # [R, T] of the chosen tokens, 0 behind the end
    mask: Tensor  # [R, T] bool


def prefill(policy: Policy, batch: Batch, inputs: TextInputs) -> Decoder:
    """Read the prefix of a batch once."""
    cache = new_cache(policy.backbone)
    hidden = run_text(policy.backbone, inputs, cache)
    furthest = batch.positions.amax(dim=0).masked_fill(~batch.kept, -1).amax(dim=1)
    return Decoder(cache, batch.kept, batch.positions, furthest + 1, hidden[:, -1])


def repeat(decoder: Decoder, times: int) -> Decoder:
    """Every row `times` times in a row: n samples share one prefill."""
    if times > 1:
        decoder.cache.batch_repeat_interleave(times)
    return Decoder(
        decoder.cache,
        decoder.kept.repeat_interleave(times, dim=0),
        decoder.positions.repeat_interleave(times, dim=1),
        decoder.next_position.repeat_interleave(times),
        decoder.hidden.repeat_interleave(times, dim=0),
    )


def feed(policy: Policy, decoder: Decoder, ids: Tensor, kept: Tensor) -> None:
    """Read one more token [R] in every row; a row whose `kept` is False reads padding and stays as it was."""
    places = decoder.next_position.expand(3, -1)[..., None]
    decoder.kept = torch.cat([decoder.kept, kept[:, None]], dim=1)
    decoder.positions = torch.cat([decoder.positions, places], dim=2)
    embeddings = policy.id_embeddings(ids)[:, None]
    inputs = TextInputs(embeddings, places, decoder.kept[:, None, None, :])
    hidden = run_text(policy.backbone, inputs, decoder.cache)[:, -1]
    decoder.hidden = torch.where(kept[:, None], hidden, decoder.hidden)
    decoder.next_position = decoder.next_position + kept.long()


def pick(logits: Tensor, temperature: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Choose an id [R] from logits [R, V] by one uniform number [R] each; also its log-probability.

    Temperature 0 takes the most probable one (log-probabilities are then those at temperature 1).
    """
    logprobs = torch.log_softmax(logits / (temperature or 1.0), dim=-1)
    if temperature == 0.0:
        chosen = logits.argmax(dim=-1)
    else:
        reached = logprobs.double().exp().cumsum(dim=-1)
        chosen = (reached <= uniform[:, None] * reached[:, -1:]).sum(dim=-1).clamp(max=logits.shape[-1] - 1)
    return chosen, logprobs.gather(1, chosen[:, None])[:, 0]


def generate_reasoning(policy: Policy, decoder: Decoder, temperature: float, uniform: Tensor) -> Generated:
    """Continue behind the CoC start until each row's end token, at most uniform.shape[1] tokens.

    uniform [R, steps]. Afterwards every row has read its end token (forced on a row that was cut) and the start of
    its trajectory.
    """
    end, start = policy.special["coc_end"], policy.special["trajectory_start"]
    rows, steps = uniform.shape
    ids: list[list[int]] = [[] for _ in range(rows)]
    alive = torch.ones(rows, dtype=torch.bool, device=uniform.device)
    logprobs, masks = [], []
    for step in range(steps):
        chosen, logprob = pick(policy.reasoning_logits(decoder.hidden), temperature, uniform[:, step])
        logprobs.append(torch.where(alive, logprob, 0.0))
        masks.append(alive)
        for row in torch.nonzero(alive)[:, 0].tolist():
            ids[row].append(int(chosen[row]))
        alive = alive & (chosen != end)
        if not bool(alive.any()):
            break
        feed(policy, decoder, chosen, alive)
    truncated = [row[-1] != end for row in ids]
    everyone = torch.ones_like(alive)
    feed(policy, decoder, torch.full_like(chosen, end), everyone)
    feed(policy, decoder, torch.full_like(chosen, start), everyone)
    return Generated(ids, truncated, torch.stack(logprobs, dim=1), torch.stack(masks, dim=1))


def reread(policy: Policy, decoder: Decoder, prompt: int, ids: list[list[int]]) -> None:
    """Forget all columns behind a prompt of so many (its last is the CoC start) and read these ids [R] instead.

    Every row then ends as after `generate_reasoning`; a row without ids ends as if no reasoning had been asked for.
    """
    device, end, start = decoder.kept.device, policy.special["coc_end"], policy.special["trajectory_start"]
    decoder.cache.crop(prompt - decoder.kept.shape[1])  # a negative number: so many columns fewer
    tails = [[*row, end, start] if row else [start] for row in ids]
    width = max(len(tail) for tail in tails)
    columns = torch.tensor([[policy.special["pad"]] * (width - len(tail)) + tail for tail in tails], device=device)
    lengths = torch.tensor([len(tail) for tail in tails], device=device)[:, None]
    after = torch.arange(width, device=device) - (width - lengths)  # places behind the prompt; negative = padding
    spoken = torch.tensor([bool(row) for row in ids], device=device)
    first = decoder.positions[0, :, prompt - 1] + spoken.long()
    places = (first[:, None] + after).clamp(min=0).expand(3, -1, -1)
    before = decoder.kept[:, :prompt].clone()
    before[:, -1] = spoken
    decoder.kept = torch.cat([before, after >= 0], dim=1)
    decoder.positions = torch.cat([decoder.positions[:, :, :prompt], places], dim=2)
    decoder.next_position = first + lengths[:, 0]
    inputs = TextInputs(policy.id_embeddings(columns), places, causal_mask(decoder.kept)[:, :, prompt:])
    decoder.hidden = run_text(policy.backbone, inputs, decoder.cache)[:, -1]


def generate_actions(policy: Policy, decoder: Decoder, temperature: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """128 action tokens [R, 128] behind the start of the trajectory, and their log-probabilities; uniform [R, 128]."""
    tokens, logprobs = [], []
    everyone = torch.ones(len(uniform), dtype=torch.bool, device=uniform.device)
    for place in range(action_tokens.TOKENS):
        chosen, logprob = pick(policy.action_logits_at(decoder.hidden, place % 2), temperature, uniform[:, place])
        token = chosen + (place % 2) * action_tokens.BINS
        tokens.append(token)
        logprobs.append(logprob)
        if place + 1 < action_tokens.TOKENS:
            feed(policy, decoder, token + policy.action_offset, everyone)
    return torch.stack(tokens, dim=1), torch.stack(logprobs, dim=1)
