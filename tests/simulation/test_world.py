import hashlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from causeway.clips.geometry import from_frame
from causeway.errors import UsageError
from causeway.model.observation import ObservationSpec, check_observation
from causeway.simulation import PolicyFault, World, expert_trajectory
from causeway.simulation.conditions import Conditions
from causeway.simulation.guidance import guided_way
from causeway.simulation.pictures.cameras import camera_of
from tests.simulation.driving import BLIND, SCENARIOS, SEEDS, driven, expert_drive


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_expert_drives_cleanly_and_in_comfort(scenario, seed):
    history = expert_drive(scenario, seed).history
    assert len(history["t_us"]) == 200
    assert not history["collision"].astype(bool).any()
    for event in ("off_road", "lane_departure", "wrong_way", "red_light_run", "stop_sign_run", "collision_at_fault"):
        assert not history[event].any(), event
    accel, speed = history["accel_mps2"], history["speed_mps"]
    lateral = speed**2 * history["curvature_per_m"]
    assert accel.min() >= -4.05
    assert accel.max() <= 2.40
    assert np.abs(lateral).max() <= 4.89
    assert np.abs(np.diff(accel)).max() <= 0.413 + 0.01
    assert history["progress_m"][-1] > 40.0


def test_the_route_is_shown_to_whoever_asks_for_it():
    world = World("lane_change", 1, ObservationSpec((), (), route_points=8))
    seen = world.reset()
    assert World("lane_change", 1, BLIND).reset().route is None
    assert seen.route.shape == (8, 2)
    assert np.abs(seen.route[0]).max() < 2.0, "it begins beside the rig"
    assert np.hypot(*np.diff(seen.route, axis=0).T) == pytest.approx([4.0] * 7, abs=0.1)
    placed = from_frame(np.column_stack([seen.route, np.zeros(8)]), world.now.ego.pose)[:, :2]
    way = guided_way(world.scene)
    assert np.abs(placed[:, None] - way).sum(axis=-1).min(axis=1).max() < 1.1, "on the way that is exported"


def test_observation_is_what_a_policy_takes():
    world = World("stop_for_control", 4)
    seen = world.reset()
    check_observation(seen)
    assert seen.images.shape == (2, 2, 128, 192, 3)
    assert seen.t0_us == 2_000_000
    assert seen.frame_t_us.tolist() == [[1_700_000, 2_000_000]] * 2
    assert seen.ego_history[-1].tolist() == [0.0, 0.0, 0.0]
    assert seen.ego_history[0, 0] == pytest.approx(-1.5 * seen.speed_mps, rel=0.02)
    after = world.step(expert_trajectory(world))
    assert after.t0_us == 2_100_000
    assert not np.array_equal(after.images[:, 0], after.images[:, 1])


def test_same_seed_same_drive_same_bytes():
    first, second = (World("nudge", 3) for _ in range(2))
    a, b = first.reset(), second.reset()
    for _ in range(5):
        assert a.images.tobytes() == b.images.tobytes()
        assert a.ego_history.tobytes() == b.ego_history.tobytes()
        a, b = first.step(expert_trajectory(first)), second.step(expert_trajectory(second))
    again = first.reset()
    assert again.images.tobytes() == World("nudge", 3).reset().images.tobytes()
    assert first.reset().images.tobytes() != World("nudge", 4).reset().images.tobytes()


def _digest(scenario, seed):
    """Everything that a drive is: motion, events, pictures."""
    spec = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,), height=24, width=40)
    hard = Conditions(latency_s=0.2, picture_noise=4, lost_pictures=0.2, speed_noise_mps=0.3, position_noise_m=0.1)
    world, digest = World(scenario, seed, spec, hard), hashlib.sha256()
    seen = world.reset()
    for _ in range(15):
        digest.update(seen.images.tobytes() + seen.ego_history.tobytes() + seen.frame_t_us.tobytes())
        seen = world.step(expert_trajectory(world))
    for column in world.history.values():
        digest.update(column.tobytes())
    digest.update(np.concatenate([tick.agents.poses for tick in world.ticks]).tobytes())
    return digest.hexdigest()


def test_same_seed_same_bytes_in_any_number_of_processes():
    jobs = [("slow_for_lead", 3), ("stop_for_control", 1), ("bypass_construction", 2)]
    here = [_digest(*job) for job in jobs]
    assert len(set(here)) == len(jobs)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert list(pool.map(_digest, *zip(*reversed(jobs), strict=True))) == here[::-1]


def test_reset_with_a_seed_is_the_world_of_that_seed():
    world = World("curve", 0, BLIND)
    first = world.reset(4)
    other = World("curve", 4, BLIND).reset()
    assert first.ego_history.tobytes() == other.ego_history.tobytes()
    assert world.scene.seed == 4


def test_bad_plan_moves_nothing_and_the_run_goes_on():
    world = World("curve", 0, BLIND)
    world.reset()
    before = world.now
    with pytest.raises(PolicyFault, match="curve 0 at 2"):
        world.step(np.full((64, 3), np.nan))
    assert world.now is before
    assert world.step(expert_trajectory(world)).t0_us == 2_100_000


def test_wrong_use_is_said():
    with pytest.raises(UsageError, match="one of slow_for_lead"):
        World("moon_landing", 0)
    with pytest.raises(UsageError, match="cannot be rendered"):
        World("curve", 0, ObservationSpec(cameras=("rear_view",)))
    for seed in (-1, 1.5, "1", None):
        with pytest.raises(UsageError, match="take a whole number from 0 on"):
            World("curve", seed, BLIND)
    done = expert_drive("curve", 0)
    with pytest.raises(UsageError, match="ended"):
        done.step(expert_trajectory(done))


def test_others_react_to_the_ego():
    """A standing ego on the road is not run over by what comes from behind on its lane."""
    stand = driven("nudge", 1, lambda seen: _brake(seen.speed_mps))
    assert not stand.history["collision_at_fault"].any()
    assert stand.history["speed_mps"][-1] == pytest.approx(0.0, abs=1e-6)


def _brake(speed):
    t = np.minimum(np.arange(1, 65) * 0.1, speed / 3.0)
    x = speed * t - 1.5 * t**2
    return np.stack([x, np.zeros(64), np.zeros(64)], axis=-1)


def test_a_picture_from_before_the_drive_is_its_first():
    spec = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(-3.0, -0.5, 0.0), height=8, width=12)
    seen = World("curve", 1, spec).reset()
    assert seen.frame_t_us.tolist() == [[0, 1_500_000, 2_000_000]]
    check_observation(seen)


@pytest.mark.parametrize("latency_s", [float("nan"), float("inf"), -1.0, "soon"])
def test_a_latency_that_cannot_be_moves_nothing(latency_s):
    world = World("curve", 1, BLIND)
    world.reset()
    with pytest.raises(UsageError, match="latency_s is"):
        world.step(expert_trajectory(world), latency_s=latency_s)
    assert world.now.t_us == 2_000_000


@pytest.mark.parametrize("offsets_s", [(0.1,), (float("nan"), 0.0)])
def test_pictures_of_the_future_are_refused_at_the_start(offsets_s):
    with pytest.raises(UsageError, match="frame_offsets_s"):
        World("curve", 1, ObservationSpec(frame_offsets_s=offsets_s))


def test_before_reset_there_is_nothing_to_see():
    world = World("curve", 1, BLIND)
    for ask in (lambda: world.now, world.observe, world.expert_plan, lambda: world.step(np.zeros((64, 3)))):
        with pytest.raises(UsageError, match="call reset first"):
            ask()


def test_a_picture_is_of_its_lens_and_of_a_tick_that_was():
    world = World("curve", 1)
    world.reset()
    large, small = (camera_of("front_wide", height, width) for height, width in ((128, 192), (64, 96)))
    assert world.picture(large, 20).shape == (128, 192, 3)
    assert world.picture(small, 20).shape == (64, 96, 3)
    for tick in (-1, 21):
        with pytest.raises(UsageError, match=f"no tick {tick} yet"):
            world.picture(large, tick)
    with pytest.raises(ValueError, match="read-only"):
        world.picture(large, 20)[0, 0, 0] = 0
