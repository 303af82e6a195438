import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from causeway.quality.facts.cameras import camera_facts, gap_facts
from causeway.quality.facts.duplicates import SeenClips
from causeway.quality.facts.pictures import BLACK, BLURRED, look_at
from causeway.quality.facts.rigs import rig_facts
from tests.quality.planted import HEIGHT, POSE, TICK_US, WIDTH, clip_row, frame_rows, jpeg, rig_row, table, track_rows


def facts(frames, speed=8.0, cameras=("f",)):
    times = np.arange(60) * TICK_US
    found = camera_facts(
        clip_row(cameras=list(cameras)), table("clips", "frames", frames), {"f"}, times, np.full(60, speed)
    )
    return found, {row["subject"]: row for row in found.cameras}["c f"]


def test_good_pictures(rng):
    found, camera = facts(frame_rows(rng))
    assert camera["pictures"] == 12
    for name in ("black_share", "blurred_share", "frozen_share", "frozen", "missing_share"):
        assert camera[name] == 0, name
    assert camera["longest_gap_s"] == pytest.approx(0.5)
    assert camera["one_size"]
    assert camera["rig_present"]
    assert all(row["decodable"] and row["size_agrees"] and row["in_clip"] for row in found.pictures)
    assert found.sizes == {"f": (WIDTH, HEIGHT)}
    assert len(found.tiny) == 3


def test_black_pictures_count_and_are_neither_plain_nor_blurred(rng):
    frames = frame_rows(rng)
    frames[2]["image"] = frames[5]["image"] = frames[9]["image"] = jpeg(grey=0)
    found, camera = facts(frames)
    assert camera["black_share"] == 0.25
    dark = found.pictures[2]
    assert dark["brightest"] < BLACK
    assert (dark["spread"], dark["sharpness"]) == (None, None)


def test_brightness_and_spread_are_percentiles_between_neighbours():
    pixels = np.full((10, 10), 100, np.uint8)
    pixels.flat[:2], pixels.flat[98:] = [10, 20], [220, 240]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    look = look_at(buffer.getvalue())
    assert look.brightest == pytest.approx(220.2)  # place 98.01 of 0 .. 99
    assert look.spread == pytest.approx(220.2 - 19.9)  # place 0.99


def test_a_picture_of_one_colour_has_no_spread_and_no_sharpness(rng):
    frames = frame_rows(rng)
    frames[2]["image"] = jpeg(grey=200)
    found, camera = facts(frames)
    assert found.pictures[2]["spread"] == 0
    assert found.pictures[2]["sharpness"] is None
    assert camera["black_share"] == 0


def test_frozen_pictures_count_only_while_the_car_moves(rng):
    frames = frame_rows(rng)
    for row in frames[4:7]:
        row["image"] = frames[3]["image"]
    assert facts(frames)[1]["frozen"] == 3
    assert facts(frames)[1]["frozen_share"] == pytest.approx(3 / 11)
    standing = facts(frames, speed=0.0)[1]
    assert (standing["frozen"], standing["frozen_share"]) == (0, None)


def test_blurred_pictures_show(rng):
    lines = np.zeros((480, 640), np.uint8)
    lines[:, ::16] = 255
    lines[::20] = rng.integers(0, 255, (24, 640))

    def packed(picture):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    sharp = Image.fromarray(lines).convert("RGB")
    blurred = sharp.filter(ImageFilter.GaussianBlur(12))
    assert look_at(packed(sharp)).sharpness > 10 * BLURRED
    assert look_at(packed(blurred)).sharpness < BLURRED


def test_bytes_that_are_no_picture_and_pictures_of_another_size(rng):
    frames = frame_rows(rng)
    frames[1]["image"] = b"no picture"
    frames[2]["image"] = jpeg(rng, size=(32, 32))
    frames[3] |= {"width": 50}
    found, camera = facts(frames)
    assert [row["decodable"] for row in found.pictures[:4]] == [True, False, True, True]
    assert [row["size_agrees"] for row in found.pictures[:4]] == [True, None, False, False]
    assert found.pictures[2]["sizes"] == "told 96 × 64, is 32 × 32"
    assert not camera["one_size"]
    assert look_at(b"") is None
    assert look_at(None) is None


def test_a_camera_that_took_none_and_one_without_rig(rng):
    found, _ = facts(frame_rows(rng), cameras=("f", "silent"))
    silent = found.cameras[1]
    assert (silent["subject"], silent["pictures"], silent["rig_present"]) == ("c silent", 0, False)
    assert "black_share" not in silent


def test_two_pictures_at_one_time_and_outside_the_clip(rng):
    frames = frame_rows(rng)
    frames[1]["t_us"] = frames[0]["t_us"]
    frames[-1]["t_us"] = 60 * TICK_US
    found, _ = facts(frames)
    assert [row["first_of_its_time"] for row in found.pictures[:3]] == [True, False, True]
    assert not found.pictures[-1]["in_clip"]


def test_gaps_are_counted_against_the_own_period():
    times = np.delete(np.arange(0, 60) * TICK_US, slice(20, 30))
    found = gap_facts(times, 0, 59 * TICK_US)
    assert found["missing_share"] == pytest.approx(10 / 60)
    assert found["longest_gap_s"] == pytest.approx(1.1)
    assert found["gaps"] == "1.10 s at 1.9 s"


def test_what_is_missing_at_the_ends_counts():
    found = gap_facts(np.arange(20, 60) * TICK_US, 0, 59 * TICK_US)
    assert found["missing_share"] == pytest.approx(19 / 59)
    assert found["longest_gap_s"] == pytest.approx(2.0)


@settings(deadline=None)
@given(st.integers(30, 600), st.integers(0, 99), st.floats(0, 0.2))
def test_an_even_camera_misses_nothing_whatever_its_rate_and_phase(period_ms, phase, jitter):
    rng = np.random.default_rng(phase)
    times = np.arange(phase / 100 * period_ms * 1000, 20_000_000, period_ms * 1000)
    times = times + rng.uniform(-0.5, 0.5, len(times)) * jitter * period_ms * 1000
    assert gap_facts(times.astype(np.int64), 0, 20_000_000)["missing_share"] == 0


def test_too_few_pictures_have_no_rhythm():
    found = gap_facts(np.array([0, 500_000]), 0, 6_000_000)
    assert found == {"missing_share": None, "longest_gap_s": 5.5, "gaps": "2 pictures"}


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"fx": 0.96, "fy": 0.96}, "focal_share", 0.01),
        ({"fx": float("nan")}, "focal_share", 1e9),
        ({"fx": 160.0}, "pixel_aspect", 2.0),
        ({"cx": 144.0}, "centre_offset", 1.0),
        ({"rig_from_camera": []}, "rotation_error", 1e9),
        ({"rig_from_camera": np.diag([2, 2, 2, 1.0]).ravel().tolist()}, "rotation_error", 3.0),
        ({"rig_from_camera": np.eye(4).ravel().tolist()}, "upright", 0.0),  # looks at the sky
        ({"rig_from_camera": [*POSE[:11], -0.2, *POSE[12:]]}, "mount_height_m", -0.2),
        ({"rig_from_camera": [*POSE[:3], 30.0, *POSE[4:]]}, "mount_reach_m", 30.0),
        ({"wheelbase_m": 45.0}, "wheelbase_share", 10.0),
    ],
)
def test_rigs(changes, name, value):
    good = rig_facts(table("clips", "rigs", [rig_row()]), {"f": (WIDTH, HEIGHT)})[0]
    assert (good["focal_share"], good["pixel_aspect"], good["centre_offset"]) == (pytest.approx(80 / 96), 1.0, 0.0)
    assert (good["rotation_error"], good["upright"], good["mount_height_m"], good["mount_reach_m"]) == (0, 1, 1.4, 1.5)
    found = rig_facts(table("clips", "rigs", [rig_row(**changes)]), {"f": (WIDTH, HEIGHT)})[0]
    assert found[name] == pytest.approx(value)


def test_a_mirrored_rotation_is_none():
    pose = np.array(POSE).reshape(4, 4)
    pose[:, 0] *= -1
    assert (
        rig_facts(table("clips", "rigs", [rig_row(rig_from_camera=pose.ravel().tolist())]), {})[0]["rotation_error"]
        == 1e9
    )


def test_cameras_that_are_all_alike_show():
    two = table("clips", "rigs", [rig_row(), rig_row(camera="g")])
    assert [row["differs"] for row in rig_facts(two, {})] == [False, False]
    turned = table("clips", "rigs", [rig_row(), rig_row(camera="g", fx=81.0)])
    assert [row["differs"] for row in rig_facts(turned, {})] == [True, True]


def test_a_lens_that_is_not_finite():
    rows = [rig_row(distortion=k) for k in (None, [], [0.1, -0.2], [0.1, float("nan")], [float("inf")], [None])]
    found = [row["distortion_finite"] for row in rig_facts(table("clips", "rigs", rows), {})]
    assert found == [True, True, True, False, False, False]
    assert rig_facts(table("clips", "rigs", [rig_row(camera="", rig_from_camera=[])]), {})[0]["differs"]


def test_a_clip_is_known_again_by_motion_and_pictures(rng):
    seen, path = SeenClips(), np.stack([np.arange(50) * 0.8, np.zeros(50)], axis=-1)
    none = table("clips", "tracks", [])
    tiny = [rng.uniform(0, 255, (8, 12)).astype(np.float32) for _ in range(3)]
    assert seen.same_motion_as("a", path, none, tiny) == "no"
    assert seen.same_motion_as("b", path, none, [t + 2 for t in tiny]) == "a"  # encoded anew
    assert seen.same_motion_as("c", path, none, [255 - t for t in tiny]) == "no"  # elsewhere at the same speed
    assert seen.same_motion_as("d", path + 0.1, none, tiny) == "no"
    assert seen.same_motion_as("e", path * 0, none, tiny) == "no"  # it stands: its pictures tell


def test_without_pictures_the_traffic_tells(rng):
    seen, path = SeenClips(), np.stack([np.arange(50) * 0.8, np.zeros(50)], axis=-1)
    traffic = table("clips", "tracks", track_rows())
    assert seen.same_motion_as("a", path, traffic, []) == "no"
    assert seen.same_motion_as("b", path, table("clips", "tracks", track_rows(side_m=9.0)), []) == "no"
    assert seen.same_motion_as("c", path, traffic, []) == "a"


def test_the_same_bytes_are_known_again(rng):
    seen, frames = SeenClips(), table("clips", "frames", frame_rows(rng))
    assert seen.same_pictures_as("a", frames) == "no"
    assert seen.same_pictures_as("b", frames) == "a"
    assert seen.same_pictures_as("c", frames.slice(1)) == "no"
    assert seen.same_pictures_as("d", frames.slice(0, 0)) == "no"
