"""Attention over shared columns against plain attention over copies of them."""

import pytest
import torch

from causeway.model.attention import Prefix, Reading, Stretch, attend

KV, HEADS, WIDTH, LENGTH = 2, 4, 8, 3


def columns(rows, count, seed, padded=0):
    """A stretch of one layer; the first columns of row 0 are padding."""
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(rows, KV, count, WIDTH, generator=generator) for _ in range(2))
    kept = torch.ones(rows, count, dtype=torch.bool)
    kept[0, :padded] = False
    return Stretch((keys,), (values,), kept)


class Layer(torch.nn.Module):
    layer_idx = 0


@pytest.mark.parametrize("padded", [0, 2])
def test_shared_columns_are_as_good_as_copies(padded):
    """Two prompts, three rows at each, every row with columns of its own: one softmax over all of them."""
    prompt, own, now = columns(2, 5, 0, padded), columns(6, 4, 1, padded), columns(6, LENGTH, 2)
    query = torch.randn(6, HEADS, LENGTH, WIDTH, generator=torch.Generator().manual_seed(3))
    mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril().expand(6, 1, -1, -1)
    shared = attend(Layer(), query, now.keys[0], now.values[0], mask, 0.3, reading=Reading((prompt, own)))[0]
    whole = prompt.repeated(3).joined(own)
    every = whole.joined(now)
    seen = torch.cat([whole.kept[:, None, None, :].expand(-1, 1, LENGTH, -1), mask], dim=-1)
    keys, values = (t.repeat_interleave(HEADS // KV, 1) for t in (every.keys[0], every.values[0]))
    weights = (query @ keys.transpose(2, 3) * 0.3).masked_fill(~seen, float("-inf")).softmax(-1)
    assert shared.shape == (6, LENGTH, HEADS, WIDTH)
    assert torch.allclose(shared, (weights @ values).transpose(1, 2), atol=1e-5)
    gathered = Prefix((prompt, own), torch.zeros(6)).gathered().stretches
    copied = attend(Layer(), query, now.keys[0], now.values[0], mask, 0.3, reading=Reading(gathered))[0]
    assert torch.allclose(copied, shared, atol=1e-5)


def test_a_reading_keeps_what_it_read_without_gradients():
    now, reading = columns(1, LENGTH, 2), Reading()
    keys = now.keys[0].requires_grad_(True)
    query, mask = torch.ones(1, HEADS, LENGTH, WIDTH), torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool)
    attend(Layer(), query, keys, now.values[0], mask, 0.3, reading=reading)
    kept = reading.stretch(now.kept, 2)
    assert torch.equal(kept.keys[0], keys[:, :, :2])
    assert not kept.keys[0].requires_grad
    assert not kept.padded
