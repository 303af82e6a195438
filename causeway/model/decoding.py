"""Generation: reasoning token by token on a shared prefill, and 128 action tokens behind it when asked for.

Knows sampling, its constraints and the growing columns. Does not know what the words mean. Reasoning is held to the
sentences of the grammar; where only one token can follow, it is said without asking the backbone, and read together
with the next choice. Action tokens may only be of their own kind. Uniform numbers come from the caller, so that what
a row draws depends on its sample number alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from causeway.model import action_tokens
from causeway.model.attention import Prefix, Reading, Stretch
from causeway.model.backbone import TextInputs, causal_mask, run_text
from causeway.model.beside import Beside

if TYPE_CHECKING:
    from causeway.model.policy import Policy
    from causeway.model.sequence import Batch


_BELOW_ONE = 1.0 - 2.0**-40  # a number that was rounded up to 1 would choose the last id, also a forbidden one


@dataclass(eq=False)
class Decoder:
    """R rows with everything they have read so far; R = n times the rows of the prompt that they share."""

    prompt: Stretch
    own: Stretch | None  # what each row has read behind the prompt
    next_position: Tensor  # [R]
    hidden: Tensor  # [R, hidden] of each row's last kept column
    beside: Beside | None = None  # what a head is told of the prompt's rows beside all this

    def prefix(self) -> Prefix:
        """Everything read so far, for the expert."""
        return Prefix(self.stretches(), self.next_position, self.beside)

    def stretches(self) -> tuple[Stretch, ...]:
        """Everything read so far."""
        return (self.prompt,) if self.own is None else (self.prompt, self.own)


@dataclass(frozen=True, eq=False)
class Generated:
    """Reasoning of R rows."""

    ids: list[list[int]]  # [R] the end token included when it was reached
    truncated: list[bool]  # [R] the length bound came before the end
    logprobs: Tensor  # [R, T] of the tokens, 0 where the grammar left no choice and behind the end
    mask: Tensor  # [R, T] bool


def prefill(policy: Policy, batch: Batch, inputs: TextInputs) -> Decoder:
    """Read the prefix of a batch once."""
    reading = Reading()
    hidden = run_text(policy.backbone, inputs, reading)
    prompt = stretch_of(policy, reading, hidden, batch.input_ids, batch.kept)
    return Decoder(prompt, None, behind(batch.positions, batch.kept), hidden[:, -1], batch.beside)


def stretch_of(policy: Policy, reading: Reading, hidden: Tensor, ids: Tensor, kept: Tensor) -> Stretch:
    """The first columns read in a pass, as many as `kept` [S, columns] has, with what the action head reads of them."""
    how, columns = policy.conditioning, kept.shape[1]
    read = reading.stretch(kept, columns, how.gradients)
    return replace(read, hidden=hidden[:, :columns], words=policy.is_text(ids)) if how.reads_hidden else read


def behind(positions: Tensor, kept: Tensor) -> Tensor:
    """The position [R] behind the last kept one of positions [3, R, L]."""
    return positions.amax(dim=0).masked_fill(~kept, -1).amax(dim=1) + 1


def repeat(decoder: Decoder, times: int) -> Decoder:
    """Every row `times` times in a row; the prompt is shared, not copied."""
    return Decoder(
        decoder.prompt,
        None,
        decoder.next_position.repeat_interleave(times),
        decoder.hidden.repeat_interleave(times, dim=0),
        decoder.beside,
    )


def feed(policy: Policy, decoder: Decoder, ids: Sequence[Sequence[int]]) -> None:
    """Read these ids [R], any number in each row; a row without any stays as it was."""
    width = max((len(row) for row in ids), default=0)
    if not width:
        return
    pad, device = policy.special["pad"], decoder.hidden.device
    columns = torch.tensor([[pad] * (width - len(row)) + list(row) for row in ids], device=device)
    lengths = torch.tensor([len(row) for row in ids], device=device)
    after = torch.arange(width, device=device) - (width - lengths)[:, None]  # places behind; negative = padding
    kept = after >= 0
    places = (decoder.next_position[:, None] + after.clamp(min=0)).expand(3, -1, -1)
    _read(policy, decoder, columns, TextInputs(policy.id_embeddings(columns), places, causal_mask(kept)), kept)
    decoder.next_position = decoder.next_position + lengths


def feed_embeddings(policy: Policy, decoder: Decoder, embeddings: Tensor) -> None:
    """Read columns [R, C, hidden] that are no ids."""
    kept = torch.ones(embeddings.shape[:2], dtype=torch.bool, device=embeddings.device)
    steps = torch.arange(embeddings.shape[1], device=embeddings.device)
    places = (decoder.next_position[:, None] + steps).expand(3, -1, -1)
    no_ids = torch.full(kept.shape, policy.special["pad"], device=embeddings.device)
    _read(policy, decoder, no_ids, TextInputs(embeddings, places, causal_mask(kept)), kept)
    decoder.next_position = decoder.next_position + len(steps)


def _read(policy: Policy, decoder: Decoder, ids: Tensor, inputs: TextInputs, kept: Tensor) -> None:
    """One pass behind what was read; a row without a kept column keeps its last state."""
    reading = Reading(decoder.stretches())
    hidden = run_text(policy.backbone, inputs, reading)
    read = stretch_of(policy, reading, hidden, ids, kept)
    decoder.own = read if decoder.own is None else decoder.own.joined(read)
    decoder.hidden = torch.where(kept.any(dim=1, keepdim=True), hidden[:, -1], decoder.hidden)


def pick(logits: Tensor, temperature: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Choose an id [R] from logits [R, V] by one uniform number [R] each; also its log-probability.

    Temperature 0 takes the most probable one (log-probabilities are then those at temperature 1).
    """
    logprobs = torch.log_softmax(logits / (temperature or 1.0), dim=-1)
    if temperature == 0.0:
        chosen = logits.argmax(dim=-1)
    else:
        reached = logprobs.double().exp().cumsum(dim=-1)
        below = uniform.double().clamp(max=_BELOW_ONE)[:, None] * reached[:, -1:]
        chosen = (reached <= below).sum(dim=-1)
    return chosen, logprobs.gather(1, chosen[:, None])[:, 0]


@dataclass(eq=False)
class _Row:
    """One row's sentence while it grows."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    state: int = 0
    ended: bool = False


def generate_reasoning(policy: Policy, decoder: Decoder, temperature: float, uniform: Tensor) -> Generated:
    """Continue behind the CoC start until each row's end token, at most uniform.shape[1] tokens.

    uniform [R, steps], one for each token. Afterwards every row has read its end token (also a row that was cut) and
    the start of its trajectory.
    """
    steps = uniform.shape[1]
    rows = [_Row() for _ in range(len(uniform))]
    while waiting := [i for i, row in enumerate(rows) if not row.ended]:
        at = torch.tensor(waiting, device=uniform.device)
        masks = policy.vocabulary.sentences.masks([rows[i].state for i in waiting], policy.vocabulary_rows)
        draws = uniform[at, torch.tensor([len(rows[i].ids) for i in waiting], device=uniform.device)]
        logits = policy.reasoning_logits(decoder.hidden[at], masks.to(uniform.device))
        chosen, logprobs = pick(logits, temperature, draws)
        said: list[list[int]] = [[] for _ in rows]
        for i, token, logprob in zip(waiting, chosen.tolist(), logprobs.tolist(), strict=True):
            said[i] = _say(policy, rows[i], token, logprob, steps)
        feed(policy, decoder, said)
    end = policy.special["coc_end"]
    width = max(len(row.ids) for row in rows)
    filled = [row.logprobs + [0.0] * (width - len(row.ids)) for row in rows]
    mask = [[place < len(row.ids) for place in range(width)] for row in rows]
    return Generated(
        [row.ids for row in rows],
        [row.ids[-1] != end for row in rows],
        torch.tensor(filled, device=uniform.device),
        torch.tensor(mask, device=uniform.device),
    )


def _say(policy: Policy, row: _Row, token: int, logprob: float, steps: int) -> list[int]:
    """Append a chosen token and all that must follow it, within the bound; what the row is to read now."""
    sentences, start = policy.vocabulary.sentences, len(row.ids)
    while True:
        row.ids.append(token)
        row.logprobs.append(logprob if len(row.ids) == start + 1 else 0.0)
        row.state = sentences.moves(row.state)[token]
        moves = sentences.moves(row.state)
        row.ended = not moves or len(row.ids) == steps
        if row.ended or len(moves) > 1:
            break
        (token,) = moves
    return closed(policy, row.ids)[start:] if row.ended else row.ids[start:]


def closed(policy: Policy, ids: Sequence[int]) -> list[int]:
    """A reasoning's ids as a row reads them: with its end token, also where it was cut, and the trajectory's start."""
    end = policy.special["coc_end"]
    return [*(i for i in ids if i != end), end, policy.special["trajectory_start"]]


def generate_actions(policy: Policy, decoder: Decoder, temperature: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """128 action tokens [R, 128] behind the start of the trajectory, and their log-probabilities; uniform [R, 128]."""
    tokens, logprobs = [], []
    for place in range(action_tokens.TOKENS):
        chosen, logprob = pick(policy.action_logits_at(decoder.hidden, place % 2), temperature, uniform[:, place])
        token = chosen + (place % 2) * action_tokens.BINS
        tokens.append(token)
        logprobs.append(logprob)
        if place + 1 < action_tokens.TOKENS:
            feed(policy, decoder, [[one] for one in (token + policy.action_offset).tolist()])
    return torch.stack(tokens, dim=1), torch.stack(logprobs, dim=1)
