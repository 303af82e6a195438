"""Mamba's mixing of columns, at a cost that grows linearly with their number, learning included.

Knows the weights of the transformers' `MambaMixer` and the recurrence over columns. Does not know blocks or words. The
library's own path without CUDA kernels takes each column's share out of one large tensor, so that its backward pass
writes such a tensor for every column: quadratic. Here the recurrence has a backward pass of its own. Source: Mamba
(arXiv 2312.00752), algorithm 2 (S6) and fig. 3 (the block).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Scan(torch.autograd.Function):
    """States [L, …] of h_t = decay_t · h_(t-1) + added_t, from nothing; both [L, …]."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, added: Tensor) -> Tensor:
        """One product and sum a column, into memory that is there."""
        states = added.clone()
        columns = states.unbind()
        for before, now, kept in zip(columns, columns[1:], decay.unbind()[1:], strict=False):
            now.addcmul_(kept, before)
        ctx.save_for_backward(decay, states)
        return states

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The same recurrence backwards: what a state adds to all later ones."""
        decay, states = ctx.saved_tensors
        of_added = gradient.clone()
        columns = of_added.unbind()[::-1]
        for after, now, kept in zip(columns, columns[1:], decay.unbind()[::-1], strict=False):
            now.addcmul_(kept, after)
        of_decay = torch.zeros_like(decay)
        torch.mul(of_added[1:], states[:-1], out=of_decay[1:])
        return of_decay, of_added


def mix(mixer: Any, hidden: Tensor, kept: Tensor) -> Tensor:
    """What a `MambaMixer` makes of columns [R, L, width]; kept [R, L], False = padding, which leaves no trace."""
    there = kept[..., None].to(hidden.dtype)
    inner, gate = mixer.in_proj(hidden * there).chunk(2, dim=-1)
    inner = mixer.act(mixer.conv1d(inner.transpose(1, 2))[..., : hidden.shape[1]]).transpose(1, 2) * there
    sizes = [mixer.time_step_rank, mixer.ssm_state_size, mixer.ssm_state_size]
    step, into, out = (part.transpose(0, 1).float() for part in mixer.x_proj(inner).split(sizes, dim=-1))
    width = nn.functional.softplus(nn.functional.linear(step, mixer.dt_proj.weight.float(), mixer.dt_proj.bias.float()))
    decay = torch.exp(width[..., None] * -torch.exp(mixer.A_log.float()))  # [L, R, channels, states]
    added = (width * inner.transpose(0, 1).float())[..., None] * into[:, :, None, :]
    states: Tensor = Scan.apply(decay, added)  # type: ignore[no-untyped-call]
    read = (states @ out[..., None])[..., 0].transpose(0, 1)
    mixed = (read + inner * mixer.D) * nn.functional.silu(gate)
    return mixer.out_proj(mixed.to(hidden.dtype))  # type: ignore[no-any-return]
