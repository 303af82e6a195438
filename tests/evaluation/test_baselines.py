from dataclasses import replace

import numpy as np
import pytest

from causeway.evaluation.baselines import BaselinePolicy, arcs, constant_turn_rate, constant_velocity
from causeway.model.observation import example_observation


def turning(speed_mps: float, rate: float):
    """An observation whose history lies on a circle."""
    history = np.zeros((16, 3), dtype=np.float32)
    history[:, 2] = rate * 0.1 * np.arange(-15, 1)
    return replace(example_observation(speed_mps=speed_mps), ego_history=history)


def test_constant_velocity_goes_straight():
    path = constant_velocity([turning(5.0, 0.4)])[0]
    assert path[0] == pytest.approx([0.5, 0, 0])
    assert path[-1] == pytest.approx([32.0, 0, 0])


def test_turn_rate_follows_the_circle():
    path = constant_turn_rate([turning(5.0, 0.25)])[0]
    radius, turned = 20.0, 0.25 * 6.4
    assert path[-1] == pytest.approx([radius * np.sin(turned), radius * (1 - np.cos(turned)), turned], abs=1e-4)


def test_standing_does_not_turn():
    assert constant_turn_rate([turning(0.2, 0.5)])[0][:, 2] == pytest.approx(np.zeros(64))


def test_a_quarter_circle_by_hand():
    path = arcs(np.array([np.pi / 2]), np.array([np.pi / 2 / 6.4]))[0]  # radius 6.4 m, a quarter in 6.4 s
    assert path[-1] == pytest.approx([6.4, 6.4, np.pi / 2])


def test_as_a_policy():
    answer = BaselinePolicy().predict([turning(5.0, 0.0)] * 3, n=2)
    assert answer.trajectory_rig.shape == (3, 2, 64, 3)
    assert answer.decision[2] == [("none", "none")] * 2
