import os
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causeway.clips import lenses
from causeway.clips.types import Camera
from causeway.errors import UsageError
from causeway.simulation.pictures import fill, finish
from causeway.simulation.pictures.cameras import (
    MOUNTS,
    camera_of,
    cameras_of,
    check_camera,
    numbers_of,
)
from causeway.simulation.pictures.looks import LAMPS, LOOKS, haze_of, look_named
from causeway.simulation.pictures.projection import TURN, ZOOM, cos_sin, fixed, lens_of, view_of
from causeway.simulation.pictures.roadside import BUMP_YELLOW, ORANGE, STOP_RED
from causeway.simulation.roads.road import Paint, path_from_curvature
from causeway.simulation.scene import Prop
from causeway.simulation.visibility import seen_within_m
from tests.simulation.stage import TELE, WIDE, agent, element, full_stage, light, pictured

ROOT = Path(__file__).parents[2]


def close_to(picture, colour, within=40):
    return int((np.abs(picture.astype(int) - np.array(colour)).max(axis=-1) < within).sum())


# The rig


def test_the_default_rig_is_the_methods_four_cameras():
    assert list(MOUNTS) == ["front_wide", "front_tele", "cross_left", "cross_right"]
    fields = [2 * np.degrees(np.arctan(160 / camera.fx)) for camera in cameras_of(tuple(MOUNTS), 192, 320)]
    np.testing.assert_allclose(fields, [120, 30, 120, 120])


def test_camera_numbers():
    half = 0.5 / np.tan(np.radians(60.0))
    numbers = numbers_of(WIDE)
    assert numbers[:4] == pytest.approx([half, half * 320 / 192, 0.5, 0.45])
    # camera z (forward) is rig x; camera x (right) is rig −y; camera y (down) is rig −z
    np.testing.assert_allclose(numbers[4:].reshape(3, 4), [[0, 0, 1, 1.9], [-1, 0, 0, 0], [0, -1, 0, 1.45]], atol=1e-9)


def drawn_at(camera, pose, points):
    """Pixels [n, 2] at which points [n, 3] of the world are drawn."""
    view = view_of(lens_of(camera), pose)
    corners, spare = np.empty((len(points), 3), np.int64), np.empty((len(points), 3), np.int64)
    u, v, q = np.empty((3, len(points)), np.int64)
    for apart, corner in zip(fixed(points) - view.eye, corners, strict=True):
        fill._to_camera(view.turn, np.zeros(3, np.int64), apart, corner)
    fill._projected(corners, len(points), spare, view.lens.numbers, u, v, q)
    return np.stack([u, v], axis=-1) / 16.0 / ZOOM


def test_point_ahead_projects_to_the_middle():
    pose = np.array([10.0, 5.0, 0.7])
    ahead = pose[:2] + 31.9 * np.array([np.cos(0.7), np.sin(0.7)])
    assert drawn_at(WIDE, pose, [[*ahead, 1.45]])[0] == pytest.approx([160.0, 192 * 0.45], abs=0.05)


@pytest.mark.parametrize("name", list(MOUNTS))
def test_whole_numbers_project_as_the_pinhole_does(name):
    camera, pose = camera_of(name, 192, 320), np.array([-3.0, 8.0, 2.4])
    rng = np.random.default_rng(3)
    before = np.column_stack([rng.uniform(-20, 20, 50), rng.uniform(-5, 5, 50), rng.uniform(5, 80, 50)])
    rig = before @ camera.rig_from_camera[:3, :3].T + camera.rig_from_camera[:3, 3]
    expected, seen = lenses.project(vars(camera), rig)
    assert seen.all()
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    world = rig @ np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]) + [*pose[:2], 0.0]
    np.testing.assert_allclose(drawn_at(camera, pose, world), expected, atol=0.05)


def test_own_cosine_and_sine():
    angles = np.linspace(-20.0, 20.0, 2001)
    assert np.abs(cos_sin(angles) / TURN - np.stack([np.cos(angles), np.sin(angles)], -1)).max() < 1e-9
    assert cos_sin([0.0, np.pi / 2]).tolist() == [[TURN, 0], [0, TURN]]


def _bad(**changes):
    return replace(WIDE, **changes)


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        (_bad(model="ftheta", distortion=(0.0, 1.0, 0.0, 0.0, 0.0)), "only a pinhole"),
        (_bad(distortion=(0.1,)), "only a pinhole"),
        (_bad(width=0), "0 x 192"),
        (_bad(height=-1), "320 x -1"),
        (_bad(width=10_000), "10000 x 192"),
        (_bad(fx=float("nan")), "NaN"),
        (_bad(rig_from_camera=np.full((4, 4), np.nan)), "NaN"),
        (_bad(rig_from_camera=np.eye(3)), "shape"),
        (_bad(fy=0.0), "focal length"),
        (_bad(fx=1e6), "focal length"),
        (_bad(rig_from_camera=np.zeros((4, 4))), "no rotation"),
        (
            _bad(
                rig_from_camera=WIDE.rig_from_camera - np.diag([0, 0, 0, 0]) - [[0] * 4, [0] * 4, [0, 0, 0, 2], [0] * 4]
            ),
            "above ground",
        ),
    ],
)
def test_a_camera_that_cannot_be_rendered_is_named_with_its_reason(camera, reason):
    for attempt in (check_camera, lambda c: pictured(camera=c)):
        with pytest.raises(UsageError, match="'front_wide' cannot be rendered") as error:
            attempt(camera)
        assert reason in str(error.value)


def test_names_and_sizes_are_checked_at_the_start():
    with pytest.raises(UsageError, match="'rear' cannot be rendered"):
        cameras_of(("front_wide", "rear"), 192, 320)
    with pytest.raises(UsageError, match="'front_wide' cannot be rendered: its picture is 320 x 0"):
        cameras_of(("front_wide",), 0, 320)


def test_any_pinhole_rig_renders():
    pose = np.array([[0, 0.5, 0.8660254, 1.0], [-1, 0, 0, 0], [0, -0.8660254, 0.5, 2.0], [0, 0, 0, 1.0]])
    camera = Camera("odd", 65, 33, 40.0, 44.0, 20.0, 10.0, pose)  # looks 30° up
    picture = pictured(camera=camera)
    assert picture.shape == (33, 65, 3)
    assert picture.dtype == np.uint8


# What a person must see


@pytest.mark.parametrize(("colour", "width_m"), [("white", 0.6), ("yellow", 0.6)])
def test_paint_lies_where_the_projection_says(colour, width_m):
    path = path_from_curvature([(80.0, 0.004)])
    picture = pictured(paint=[Paint(path.offset(1.0), width_m, colour)])
    points = path.offset(1.0).pose_at(np.arange(6.0, 40.0, 2.0))
    at = drawn_at(WIDE, np.zeros(3), np.column_stack([points[:, :2], np.zeros(len(points))]))
    for u, v in at:
        red, _, blue = picture[int(v), int(u)].astype(int)
        assert red > 160 if colour == "white" else red > blue + 30
        beside = picture[int(v), int(u) + 24].astype(int)
        assert abs(beside - beside.mean()).max() < 25  # grey road


def test_dashes_have_gaps():
    road = pictured(paint=[Paint(path_from_curvature([(80.0, 0.0)]), 0.4, "white", 3.0, 6.0)])
    column = road[90:, 160].astype(int).mean(axis=1) > 130
    assert np.abs(np.diff(column.astype(int))).sum() >= 4


@pytest.mark.parametrize("state", ["red", "yellow", "green"])
@pytest.mark.parametrize("look", list(LOOKS))
def test_light_state_can_be_seen(state, look):
    picture = pictured(signals=[light(state)], camera=TELE, look=look)
    others = [name for name in ("red", "yellow", "green") if name != state]
    dark = pictured(signals=[light("off")], camera=TELE, look=look)
    changed = np.abs(picture.astype(int) - dark).max(axis=-1) > 40
    assert changed.sum() > 20
    hue = picture[changed].astype(int).mean(axis=0)
    apart = {
        name: np.abs(hue / hue.max() - np.array(LAMPS[name]) / max(LAMPS[name])).sum() for name in (state, *others)
    }
    assert min(apart, key=lambda name: apart[name]) == state


def test_a_light_seen_from_behind_shows_nothing():
    on, off = (pictured(signals=[light(state, facing_rad=np.pi)], camera=TELE) for state in ("red", "off"))
    assert np.array_equal(on, off)


@pytest.mark.parametrize("kind", ["car", "truck", "bus", "motorcycle"])
@pytest.mark.parametrize("look", list(LOOKS))
def test_brake_lights_show(kind, look):
    braking = pictured([agent(kind)], TELE, look, accel_mps2=-2.0)
    rolling = pictured([agent(kind)], TELE, look, accel_mps2=0.0)
    brighter = braking[..., 0].astype(int) - rolling[..., 0]
    assert (brighter > 40).sum() >= 8
    standing = pictured([agent(kind)], TELE, look, speed_mps=0.0)
    np.testing.assert_array_equal(standing, braking)


def test_what_is_parked_shows_no_brake_lights():
    parked = pictured([agent(desired_mps=0.0)], TELE, speed_mps=0.0)
    assert close_to(parked, LAMPS["brake"]) == 0


@pytest.mark.parametrize(("side", "left"), [(1, True), (-1, False)])
def test_turn_signals_blink_on_their_side(side, left):
    dark, on, off = (
        pictured([agent()], TELE, t_us=t_us, indicator=np.array([value])).astype(int)
        for t_us, value in ((0, 0), (0, side), (300_000, side))
    )
    np.testing.assert_array_equal(off, dark)
    rows, columns = np.nonzero(np.abs(on - dark).max(axis=-1) > 30)
    assert len(columns) >= 8
    assert (columns < 160).all() if left else (columns > 160).all()
    red, green, blue = on[rows, columns].max(axis=0)
    assert red > 200 > green > 100 > blue


def test_turn_signals_come_from_the_agents_where_they_have_them():
    assert close_to(pictured([agent()], TELE, indicator=None), LAMPS["indicator"]) == 0


def test_a_turn_signal_is_bright_from_the_first_picture_on():
    signals = agent(indicator=((450_000, 3.0, 1),))
    shown = [
        close_to(pictured([signals], TELE, t_us=t, indicator=np.array([1]), began_us=450_000), LAMPS["indicator"]) > 0
        for t in range(450_000, 1_650_000, 100_000)
    ]
    assert shown == [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3


def test_a_reversing_light_is_white_and_no_brake_light():
    back, ahead = (pictured([agent()], TELE, speed_mps=v) for v in (-1.0, 8.0))
    assert close_to(back, LAMPS["head"], 30) > close_to(ahead, LAMPS["head"], 30) + 4
    assert close_to(back, LAMPS["brake"]) == 0
    assert close_to(pictured([agent("truck")], TELE, speed_mps=-1.0), LAMPS["head"], 30) > 4


@pytest.mark.parametrize(
    ("name", "colour", "least"), [("stop_sign", STOP_RED, 30), ("yield_sign", STOP_RED, 15), ("work_sign", ORANGE, 30)]
)
def test_signs_face_the_traffic_of_their_lane(name, colour, least):
    facing = pictured(elements=[element("sign", [(20.0, -3.5)], name)], camera=TELE)
    behind = pictured(elements=[element("sign", [(20.0, -3.5)], name)], camera=TELE, pose=(40.0, 0.0, np.pi))
    assert close_to(facing, colour) > least
    assert close_to(behind, colour) == 0


def test_cones_bumps_crosswalks_and_barriers():
    assert close_to(pictured(elements=[element("cone", [(8.0, 0.0), (11.0, 0.5)])]), ORANGE, 90) > 20
    bump = pictured(elements=[element("bump", [(10.0, -1.7), (10.0, 1.7)])])
    assert close_to(bump, BUMP_YELLOW) > 20
    assert close_to(bump, (26, 26, 28), 20) > 20
    bare = pictured()
    corners = [(12.0, 5.0), (12.0, -1.7), (15.0, -1.7), (15.0, 5.0)]
    crossing = pictured(elements=[element("crosswalk", corners)])
    row = np.abs(crossing.astype(int) - bare).max(axis=-1)[97] > 60
    assert np.abs(np.diff(row.astype(int))).sum() == 12  # six bars
    barrier = agent("static", 15.0, length_m=0.4, width_m=2.5, height_m=1.1)
    assert close_to(pictured([barrier]), STOP_RED, 30) > 15


def test_walking_is_another_pose_than_standing():
    person = agent("pedestrian", 10.0, turned_rad=np.pi / 2)
    times = [0, 150_000, 300_000, 450_000]
    standing = {pictured([person], speed_mps=0.0, t_us=t).tobytes() for t in times}
    walking = {pictured([person], speed_mps=1.4, t_us=t).tobytes() for t in times}
    assert len(standing) == 1
    assert len(walking) == 4
    assert not standing & walking


@pytest.mark.parametrize("kind", ["cyclist", "motorcycle", "animal", "unknown", "static", "bus"])
def test_every_type_is_drawn(kind):
    changed = np.abs(pictured([agent(kind, 8.0)]).astype(int) - pictured()).max(axis=-1) > 20
    assert changed.sum() > 40


# Depth


def test_nearer_hides_farther():
    near, far = agent("truck", 14.0, colour=(200, 20, 20)), agent("pedestrian", 30.0, colour=(20, 220, 20))
    alone, both = pictured([near], TELE), pictured([near, far], TELE)
    assert close_to(pictured([far], TELE), (20, 220, 20), 110) > 20
    np.testing.assert_array_equal(alone, both)
    np.testing.assert_array_equal(both, pictured([far, near], TELE))


def test_a_person_before_a_truck_is_seen():
    truck, person = agent("truck", 30.0, colour=(40, 80, 160)), agent("pedestrian", 12.0, colour=(230, 40, 160))
    assert close_to(pictured([truck, person], TELE), (230, 40, 160), 110) > 60


def test_what_stands_where_the_camera_is_does_no_harm():
    inside = pictured([agent(s_m=1.9), agent("pedestrian", 2.2)])
    beside = pictured([agent("truck", 2.0, turned_rad=0.4)], camera_of("cross_left", 192, 320))
    assert not np.array_equal(inside, pictured())
    assert beside.shape == (192, 320, 3)


@pytest.mark.parametrize("seed", range(30))
def test_any_pose_and_lens_draws(seed):
    """Compiled loops check no bounds: what comes near, beside and behind must not leave the canvas."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    pose = np.eye(4)
    pose[:3, :3] = turn * np.sign(np.linalg.det(turn))
    pose[:3, 3] = [*rng.uniform(-2, 2, 2), rng.uniform(0.2, 3.0)]
    height, width = (int(n) for n in rng.integers(1, 90, 2))
    focal = float(rng.choice([5.0, 60.0, 4096.0]))
    camera = Camera("any", width, height, focal, 0.9 * focal, *rng.uniform(-50, 150, 2), pose)
    people = [agent(kind, *rng.uniform(-3, 3, 2), turned_rad=rng.uniform(-3, 3)) for kind in ("truck", "pedestrian")]
    picture = pictured(people, camera, "rain", elements=[element("cone", rng.uniform(-2, 2, (5, 2)))])
    assert picture.shape == (height, width, 3)


def test_far_from_the_origin_it_looks_the_same():
    """Recorded worlds may count from a country's corner."""
    far, people = (500_000.0, 4_000_000.0), [agent(), agent("pedestrian", 9.0, 2.0, turned_rad=1.0)]
    here = pictured(people, props=[Prop("house", 30.0, 9.0, 6.0, 0)])
    there = pictured(people, props=[Prop("house", 500_030.0, 4_000_009.0, 6.0, 0)], origin=far, pose=(*far, 0.0))
    assert np.array_equal(here, there)


# Looks


def test_haze_hides_what_is_far():
    for look in LOOKS.values():
        haze = haze_of(look)
        assert haze[0] == 256
        assert (np.diff(haze) <= 0).all()
        at_half = round(2.0**28 / look.haze_m) >> 12
        assert abs(int(haze[at_half]) - 128) < 4
    day, fog = (
        np.abs(pictured([agent(s_m=90.0, desired_mps=0.0)], TELE, look).astype(int) - pictured((), TELE, look)).max()
        for look in ("day", "fog")
    )
    assert day > 60
    assert fog < day / 2


def test_looks_differ_and_unknown_ones_are_refused():
    pictures = {look: pictured(look=look).tobytes() for look in LOOKS}
    assert {"day", "dusk", "rain", "fog"} <= set(LOOKS)
    assert len(set(pictures.values())) == len(LOOKS)
    with pytest.raises(UsageError, match="look 'snow' is not one of"):
        look_named("snow")


def test_one_sees_less_far_in_fog():
    assert [seen_within_m(look) for look in ("day", "rain", "fog")] == [120.0, 120.0, 80.0]


def test_lamps_are_on_at_dusk():
    oncoming = agent(s_m=25.0, turned_rad=np.pi)
    assert close_to(pictured([oncoming], TELE, "dusk"), LAMPS["head"], 30) > 20
    assert close_to(pictured([agent(desired_mps=0.0, turned_rad=np.pi)], TELE, "dusk"), LAMPS["head"], 30) == 0


def test_rain_moves_but_not_between_two_looks_at_one_moment():
    assert pictured(look="rain", t_us=100_000).tobytes() == pictured(look="rain", t_us=100_000).tobytes()
    assert pictured(look="rain", t_us=100_000).tobytes() != pictured(look="rain", t_us=200_000).tobytes()


def test_noise_has_no_bias():
    canvas, depth = np.full((128, 128), 0x646464, np.int32), np.full((128, 128), 1 << 27, np.int32)
    clear = haze_of(look_named("day"))
    still, noisy = (finish.reduced(canvas, depth, clear, np.zeros(3, np.int64), n, 99).astype(int) for n in (0, 3))
    assert set((noisy - still).ravel().tolist()) == {-3, -2, -1, 0, 1, 2, 3}
    assert (noisy - still).mean() == pytest.approx(0, abs=0.15)


# The same bytes


def all_sums():
    return {
        f"{look}/{name}": zlib.crc32(full_stage(look, camera_of(name, 96, 160)).tobytes())
        for look in LOOKS
        for name in MOUNTS
    }


PLAINEST = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3",
    "OPENBLAS_CORETYPE": "Prescott",
}


def test_the_same_bytes_on_other_processors(tmp_path):
    """Another process, compiled anew without this processor's own instructions."""
    code = "from tests.simulation.test_rendering import all_sums; print(all_sums())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path), **PLAINEST}
    command = [sys.executable, "-W", "ignore", "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, cwd=ROOT)
    assert ran.stdout.strip() == str(all_sums())


def test_the_known_bytes():
    """Pictures are part of a data set's content hash: whoever changes them must know it, and change these."""
    sums = all_sums()
    assert zlib.crc32(str(sums).encode()) == KNOWN


KNOWN = 1629378731


def test_a_place_that_cannot_be_written_still_draws(tmp_path):
    """Compiled code is kept where it can be; where nowhere, it is compiled anew."""
    place = tmp_path / "kept"
    place.write_text("a file stands where the folder should be")
    code = "from causeway.simulation.pictures.finish import scrambled; print(scrambled(5))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(place)}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(finish.scrambled(5))
