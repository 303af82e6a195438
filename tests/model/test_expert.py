import pytest
import torch

from causeway.model.attention import Prefix, Stretch
from causeway.model.expert import Guidance, draw_time, flow_loss, integrate


def test_time_is_drawn_towards_the_noise():
    time = draw_time(20_000, torch.Generator().manual_seed(0))
    assert 0.0 <= float(time.min()) <= float(time.max()) <= 0.999
    assert float(time.mean()) == pytest.approx(0.999 * 0.4, abs=0.01)  # Beta(1.5, 1) has mean 0.6


def nothing(rows):
    """A prefix without columns."""
    return Prefix((Stretch((), (), torch.ones(rows, 0, dtype=torch.bool)),), torch.zeros(rows))


class Straight(torch.nn.Module):
    """The vector field that leads from anywhere to 2 when all noise is `noise`."""

    def __init__(self, noise):
        super().__init__()
        self.noise = noise

    def forward(self, noisy, time, prefix):
        return 2.0 - self.noise


def test_flow_by_hand():
    noise = torch.randn(3, 64, 2, generator=torch.Generator().manual_seed(0))
    reached = integrate(Straight(noise), noise, nothing(3), steps=4)
    torch.testing.assert_close(reached, torch.full((3, 64, 2), 2.0))

    class Perfect(torch.nn.Module):
        def forward(self, noisy, time, prefix):
            return (torch.ones_like(noisy) - noisy) / (1.0 - time[:, None, None])  # knows that the target is 1

    loss = flow_loss(Perfect(), torch.ones(5, 64, 2), nothing(5), torch.Generator().manual_seed(0))
    assert float(loss) < 1e-6


def test_guidance_by_hand():
    """A field that is 2 with the route and 1 without: weight 3 drives on to 1 + 3 · (2 − 1) = 4."""
    routed, plain = nothing(2), nothing(2)

    class Field(torch.nn.Module):
        def forward(self, noisy, time, prefix):
            return torch.full_like(noisy, 2.0 if prefix.stretches == routed.stretches else 1.0)

    noise = torch.zeros(2, 64, 2)
    for weight, reached in ((0.0, 1.0), (1.0, 2.0), (3.0, 4.0)):
        controls = integrate(Field(), noise, routed, 4, Guidance(plain, weight))
        assert torch.allclose(controls, torch.full_like(noise, reached))
