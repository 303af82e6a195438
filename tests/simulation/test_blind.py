"""Who does not look must fail: constant velocity, and a driver whose pictures are black."""

import numpy as np
import pytest

from causeway.model.observation import ObservationSpec
from causeway.simulation.plans import constant_velocity_trajectory
from causeway.simulation.world import World
from tests.simulation.driving import driven, expert_drive

HARM = ("collision_at_fault", "off_road", "red_light_run", "stop_sign_run")
ASK_FOR_ACTION = (
    *("slow_for_lead", "stop_for_lead", "stop_for_control", "yield_to_vru"),
    *("nudge", "bypass_construction", "risky_driving", "curve"),
)
SEEDS = range(6)
TELE = ObservationSpec(cameras=("front_tele",), frame_offsets_s=(0.0,), height=96, width=160)


def harmed(world):
    return any(world.history[event].any() for event in HARM)


@pytest.mark.parametrize("scenario", ASK_FOR_ACTION)
def test_constant_velocity_fails_where_something_must_be_done(scenario):
    failed = [harmed(driven(scenario, seed, constant_velocity_trajectory)) for seed in SEEDS]
    assert np.mean(failed) >= 0.6, failed


def test_constant_velocity_never_sets_off():
    for seed in SEEDS:
        stands = driven("resume_at_control", seed, constant_velocity_trajectory).history
        assert stands["progress_m"][-1] < 1.0
        assert expert_drive("resume_at_control", seed).history["progress_m"][-1] > 10.0


def brake_for_red(seen, dark):
    """Straight on at the measured speed; standstill at 3 m/s² for as long as something ahead shines red."""
    red, green, blue = np.moveaxis(np.zeros_like(seen.images[0, 0]) if dark else seen.images[0, 0], -1, 0)
    shines = (red > 225) & (green < 70) & (blue < 60)
    brake = 3.0 if shines[:, 50:110].sum() >= 2 else 0.0
    t = np.arange(1, 65) * 0.1
    t = np.minimum(t, seen.speed_mps / brake) if brake else t
    return np.stack([seen.speed_mps * t - brake / 2 * t**2, np.zeros(64), np.zeros(64)], axis=-1)


def test_a_driver_by_brake_lights_fails_when_its_pictures_are_black():
    failed = {False: 0, True: 0}
    for dark in failed:
        for scenario in ("slow_for_lead", "stop_for_lead"):
            for seed in range(4):
                world = World(scenario, seed, TELE)
                seen = world.reset()
                while not seen.events.done and seen.t0_us < 9_000_000:
                    seen = world.step(brake_for_red(seen, dark))
                failed[dark] += harmed(world)
    assert failed[False] <= 2
    assert failed[True] >= 6
