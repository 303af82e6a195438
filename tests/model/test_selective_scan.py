"""Mamba's recurrence beside the library's own, and by hand."""

import torch
from transformers import MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer

from causeway.model.selective_scan import Scan, mix


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_recurrence_by_hand():
    decay = torch.tensor([9.0, 0.5, 2.0])  # the first has nothing before it to decay
    added = torch.tensor([1.0, 1.0, -1.0])
    assert Scan.apply(decay, added).tolist() == [1.0, 1.5, 2.0]


def test_its_gradients_are_those_of_finite_differences():
    decay, added = (torch.rand(4, 3, dtype=torch.float64, generator=seeded(n), requires_grad=True) for n in (0, 1))
    assert torch.autograd.gradcheck(Scan.apply, (decay, added))


def test_columns_are_mixed_as_the_library_does_it_gradients_included():
    torch.manual_seed(0)
    mixer = MambaMixer(MambaConfig(hidden_size=8, state_size=4, num_hidden_layers=1), 0).eval()
    hidden = torch.randn(2, 6, 8, generator=seeded())
    kept = torch.ones(2, 6, dtype=torch.bool)
    kept[1, :2] = False
    weights = dict(mixer.named_parameters())
    found = []
    for way in (mix, lambda layer, columns, mask: layer(columns, attention_mask=mask)):
        mixed = way(mixer, hidden, kept)
        found.append([mixed, *torch.autograd.grad(mixed[kept].square().sum(), list(weights.values()))])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    assert float(found[0][0].detach().abs().max()) > 1e-3
