"""The vectorised detectors say what the plain loop over ticks says, for drives of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bench_meta_actions import made_drive, plain_detect
from causeway.meta_actions import detect

KINDS = {
    "calm": {"speed_noise_mps": 0.0, "yaw_noise_rad": 0.0},
    "usual": {"speed_noise_mps": 0.03, "yaw_noise_rad": 5e-4},
    "noisy": {"speed_noise_mps": 0.4, "yaw_noise_rad": 0.02},
}


def both(t_us, x, y, yaw, speed):
    """The longitudinal and lateral names of a drive, by the detectors and by the plain loop."""
    ours, plain = detect(t_us, x, y, yaw, speed), plain_detect(t_us.tolist(), yaw.tolist(), speed.tolist())
    return [names.tolist() for names in ours], list(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_long_drives(kind):
    ours, plain = both(*made_drive(6_000, seed=5, **KINDS[kind]))
    assert ours == plain


@given(st.integers(0, 10**6), st.integers(1, 400), st.sampled_from(sorted(KINDS)))
@settings(max_examples=80, deadline=None)
def test_drives_of_any_length(seed, ticks, kind):
    ours, plain = both(*made_drive(ticks, seed, **KINDS[kind]))
    assert ours == plain


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_ticks_that_are_not_even(seed):
    _t_us, *path = made_drive(300, seed)
    steps = np.random.default_rng(seed).integers(20_000, 300_000, 300)
    ours, plain = both(np.cumsum(steps), *path)
    assert ours == plain


@given(st.lists(st.sampled_from([-2.0, -0.4, -0.12, 0.0, 0.1, 0.12, 0.3, 1.0, 5.0, 25.0]), min_size=1, max_size=60))
@settings(max_examples=80, deadline=None)
def test_speeds_that_jump(levels):
    speed = np.repeat(levels, 5)
    yaw = np.cumsum(speed) * 0.01 % 6.28 - 3.14
    ours, plain = both(np.arange(len(speed)) * 100_000, speed, speed, yaw, speed)
    assert ours == plain
