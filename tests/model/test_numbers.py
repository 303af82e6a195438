"""What a policy is given beside pictures, as numbers near one: motion and the way ahead."""

import math
from types import SimpleNamespace

import torch

from causeway.model.embeddings import history_numbers, route_numbers


def test_motion_by_hand():
    """10 m/s and gaining 1 m/s, drifting to the left by 2 cm a tick and turning by 2 mrad a tick."""
    poses = torch.tensor([[[-2.1, -0.04, -0.004], [-1.0, -0.02, -0.002], [0.0, 0.0, 0.0]]])
    oldest, before, now = history_numbers(SimpleNamespace(ego_history=poses, speed_mps=torch.tensor([10.0])))[0]
    torch.testing.assert_close(now[:7], torch.tensor([0, 0, 0, 1.0, 0.2, 0.1, 1.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(before[:7], torch.tensor([-0.1, -0.01, -0.01, 1.1, 0.2, 0.1, 1.0]), atol=1e-5, rtol=0)
    aside, turned, rates, gained = 0.1, 0.1, (1.0, 1.0), (10.0 - 11.0 * math.cos(0.002) + 0.2 * math.sin(0.002)) / 0.5
    small = torch.asinh(torch.tensor([-aside, -turned, *rates, gained]))
    torch.testing.assert_close(before[7:], small, atol=1e-4, rtol=0)
    assert torch.equal(oldest[3:6], before[3:6])  # a rate needs two poses


def test_backing_steadily_gains_nothing_and_what_is_absurd_stays_finite():
    backing = torch.tensor([[[0.3, 0.0, 0.0], [0.0, 0.0, 0.0]], [[1e20, 1e20, 1e20], [0.0, 0.0, 0.0]]])
    numbers = history_numbers(SimpleNamespace(ego_history=backing, speed_mps=torch.tensor([-3.0, 0.0])))
    torch.testing.assert_close(numbers[0, 1, 11], torch.tensor(0.0), atol=1e-5, rtol=0)
    assert float(numbers.abs().max()) == 10.0


def test_a_step_aside_is_as_large_as_a_turn_is_far():
    lane, turn = route_numbers(torch.tensor([[40.0, 0.5], [20.0, -20.0]]))
    torch.testing.assert_close(lane, torch.tensor([2.0, 0.025, 0.881374]))
    torch.testing.assert_close(turn, torch.tensor([1.0, -1.0, -4.382183]), atol=1e-5, rtol=0)
