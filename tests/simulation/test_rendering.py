from dataclasses import replace

import numpy as np
import pytest

from causeway.simulation.cameras import camera_from_world, camera_of, numbers_of
from causeway.simulation.looks import LAMPS, lit, look_named
from causeway.simulation.projection import NEAR_M, clipped, view_of
from causeway.simulation.raster import Renderer
from causeway.simulation.world import World
from tests.simulation.driving import BLIND, SEEDS, expert_drive

WIDE, TELE = camera_of("front_wide", 192, 320), camera_of("front_tele", 192, 320)


def close_to(picture, colour, within=40):
    return (np.abs(picture.astype(int) - np.array(colour)).max(axis=-1) < within).sum()


def test_camera_numbers():
    half = 0.5 / np.tan(np.radians(60.0))
    numbers = numbers_of(WIDE)
    assert numbers[:4] == pytest.approx([half, half * 320 / 192, 0.5, 0.45])
    # camera z (forward) is rig x; camera x (right) is rig −y; camera y (down) is rig −z
    np.testing.assert_allclose(numbers[4:].reshape(3, 4), [[0, 0, 1, 1.9], [-1, 0, 0, 0], [0, -1, 0, 1.45]], atol=1e-9)


def test_point_ahead_projects_to_the_middle():
    pose = np.array([10.0, 5.0, 0.7])
    ahead = pose[:2] + 31.9 * np.array([np.cos(0.7), np.sin(0.7)])
    rotation, translation = camera_from_world(WIDE, pose)
    np.testing.assert_allclose(rotation @ np.array([*ahead, 1.45]) + translation, [0.0, 0.0, 30.0], atol=1e-9)
    view = view_of(WIDE, pose, 1)
    np.testing.assert_allclose(view.pixels(view.to_camera(np.array([[*ahead, 1.45]]))), [[160.0, 192 * 0.45]])


def test_clipping_cuts_at_the_near_plane():
    square = np.array([[-1, 1, -5.0], [1, 1, -5.0], [1, 1, 5.0], [-1, 1, 5.0]])
    cut = clipped(square)
    assert cut[:, 2].min() == pytest.approx(NEAR_M)
    assert len(cut) == 4
    assert len(clipped(square - [0, 0, 20.0])) == 0


def test_haze_hides_what_is_far():
    look = look_named("day")
    assert lit((100, 100, 100), look) == (100, 100, 100)
    assert lit((0, 0, 0), look, 1.0, 1e6) == look.sky_low


def _picture(world, tick, camera):
    then = world.ticks[tick]
    return Renderer(world.scene, world.traffic).picture(camera, then.ego.pose, then.agents, then.t_us)


@pytest.mark.parametrize("seed", SEEDS)
def test_light_state_can_be_seen(seed):
    world = expert_drive("traffic_light", seed)
    signal = next(s for s in world.scene.layout.road.signals if s.signal_id == "signal_ego")
    green_us = signal.phases[-1][0]
    alone = Renderer(_with_signals(world.scene, (signal,)), world.traffic)
    for tick, colour in ((green_us // 100_000 - 2, "red"), (green_us // 100_000 + 1, "green")):
        then = world.ticks[tick]
        picture = alone.picture(TELE, then.ego.pose, then.agents, then.t_us)
        assert close_to(picture, LAMPS[colour]) > 40
        other = "green" if colour == "red" else "red"
        assert close_to(picture[:96], LAMPS[other], 25) == 0


def _with_signals(scene, signals):
    layout = replace(scene.layout, road=replace(scene.layout.road, signals=signals))
    return replace(scene, layout=layout, agents=scene.agents)


@pytest.mark.parametrize("seed", SEEDS)
def test_brake_lights_show_when_the_lead_brakes(seed):
    world = expert_drive("lead_braking", seed)
    start = world.scene.agents[0].script[0][0] // 100_000
    renderer = Renderer(world.scene, world.traffic)
    counts = []
    for braking in (0.0, -3.0):
        then = world.ticks[start]
        accel = then.agents.accel_mps2.copy()
        accel[0] = braking
        agents = replace(then.agents, accel_mps2=accel)
        counts.append(close_to(renderer.picture(TELE, then.ego.pose, agents, then.t_us), LAMPS["brake"], 30))
    assert counts[1] >= counts[0] + 4


def test_nearer_hides_farther():
    world = World("lead_braking", 0, BLIND)
    world.reset()
    then = world.now
    poses = then.agents.poses.copy()
    empty = _drawn(world, then.agents, poses, {})
    near = _drawn(world, then.agents, poses, {0: 8.0})
    both = _drawn(world, then.agents, poses, {0: 8.0, 1: 30.0})
    assert not np.array_equal(empty, near)
    assert np.array_equal(near[60:], both[60:])


def _drawn(world, agents, poses, ahead):
    """A picture with the agents named put `ahead` metres before the ego, all others far behind."""
    ego, moved = world.now.ego, poses.copy()
    heading = np.array([np.cos(ego.yaw_rad), np.sin(ego.yaw_rad)])
    for i in range(len(moved)):
        moved[i] = [*(ego.pose[:2] + ahead.get(i, -400.0) * heading), ego.yaw_rad]
    renderer = Renderer(world.scene, world.traffic)
    return renderer.picture(WIDE, ego.pose, replace(agents, poses=moved), world.now.t_us)


def test_two_renders_are_the_same_bytes():
    world = expert_drive("curve", 1)
    assert _picture(world, 60, WIDE).tobytes() == _picture(world, 60, WIDE).tobytes()
    assert _picture(world, 60, WIDE).shape == (192, 320, 3)
