"""What makes driving harder: plans that come late, noise, pictures that never come; and that all of it has a seed."""

import numpy as np
import pytest

from causeway.errors import UsageError
from causeway.model.observation import ObservationSpec, check_observation
from causeway.simulation.conditions import PERFECT, Conditions, lost
from causeway.simulation.plans import constant_velocity_trajectory
from causeway.simulation.world import World
from tests.simulation.driving import BLIND

SMALL = ObservationSpec(cameras=("front_wide", "cross_left"), frame_offsets_s=(-0.2, 0.0), height=16, width=24)


def stop_now(seen):
    t = np.minimum(np.arange(1, 65) * 0.1, seen.speed_mps / 4.0)
    return np.stack([seen.speed_mps * t - 2.0 * t**2, np.zeros(64), np.zeros(64)], axis=-1)


def first_brake(conditions, latency_s=None):
    """Ticks from the first plan, which brakes hard, to the first hard braking."""
    world = World("curve", 1, BLIND, conditions)
    seen = world.reset()
    for tick in range(20):
        seen = world.step(stop_now(seen), latency_s)
        if world.now.ego.accel_mps2 < -3.5:
            return tick
    return None


@pytest.mark.parametrize(("latency_s", "ticks"), [(0.0, 0), (0.1, 1), (0.34, 3), (0.5, 5)])
def test_the_world_moves_on_under_the_last_plan_while_the_policy_thinks(latency_s, ticks):
    assert first_brake(Conditions(latency_s=latency_s)) == ticks
    assert first_brake(PERFECT, latency_s) == ticks


def test_a_late_plan_is_followed_from_where_the_ego_has_come():
    """Straight on at the measured speed, made anew at each tick: late or not, it is the same way."""
    ends = []
    for latency_s in (0.0, 0.4):
        world = World("slow_for_lead", 0, BLIND, Conditions(latency_s=latency_s))
        seen = world.reset()
        for _ in range(10):
            seen = world.step(constant_velocity_trajectory(seen))
        ends.append(world.now.ego.pose)
    assert np.abs(ends[0] - ends[1]).max() < 0.6


def test_of_two_plans_that_are_due_the_younger_holds():
    world = World("curve", 1, BLIND)
    seen = world.reset()
    world.step(stop_now(seen), latency_s=0.3)
    seen = world.step(constant_velocity_trajectory(world.observe()), latency_s=0.0)
    for _ in range(4):
        assert world.now.ego.accel_mps2 > -1.0
        seen = world.step(constant_velocity_trajectory(seen))


def test_noise_is_bounded_and_belongs_to_the_picture():
    clean, noisy = World("curve", 1, SMALL), World("curve", 1, SMALL, Conditions(picture_noise=9, speed_noise_mps=0.5))
    a, b = clean.reset(), noisy.reset()
    apart = b.images.astype(int) - a.images.astype(int)
    assert 5 <= np.abs(apart).max() <= 9
    assert 0.0 < abs(b.speed_mps - a.speed_mps) <= 0.5
    assert not np.array_equal(apart[0, 1], apart[1, 1])
    for _ in range(2):
        later = noisy.step(constant_velocity_trajectory(a))
    np.testing.assert_array_equal(later.images[:, 0], b.images[:, 1])
    again = World("curve", 1, SMALL, Conditions(picture_noise=9, speed_noise_mps=0.5)).reset()
    assert again.images.tobytes() == b.images.tobytes()
    assert again.speed_mps == b.speed_mps


def test_places_are_noisy_but_the_frame_is_the_ego_now():
    clean, noisy = World("curve", 1, BLIND).reset(), World("curve", 1, BLIND, Conditions(position_noise_m=0.2)).reset()
    apart = np.abs(noisy.ego_history - clean.ego_history)
    assert apart[-1].tolist() == [0.0, 0.0, 0.0]
    assert 0.0 < apart[:-1].max() <= np.hypot(0.2, 0.2)


def test_a_lost_picture_shows_the_one_before_with_its_own_time():
    hard = Conditions(lost_pictures=0.5)
    world = World("curve", 1, SMALL, hard)
    seen, times = world.reset(), []
    for _ in range(30):
        check_observation(seen)
        times.append(seen.frame_t_us[:, 1] - seen.t0_us)
        tick = seen.t0_us // 100_000
        for camera in range(2):
            assert (times[-1][camera] < 0) == lost(hard, 1, camera, tick)
            shown = world.picture(world.cameras[camera], int(seen.frame_t_us[camera, 1]) // 100_000)
            np.testing.assert_array_equal(seen.images[camera, 1], shown)
        seen = world.step(constant_velocity_trajectory(seen))
    late = np.array(times) < 0
    assert 0.2 < late.mean() < 0.8
    assert (late[:, 0] != late[:, 1]).any()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"latency_s": -0.1}, {"latency_s": float("nan")}, {"latency_s": "1"}, {"picture_noise": 300}),
        *({"picture_noise": 2.5}, {"lost_pictures": 1.0}, {"speed_noise_mps": None}),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(wrong):
    with pytest.raises(UsageError, match="it must be"):
        Conditions(**wrong)
