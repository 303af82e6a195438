"""`causeway show`: pictures, recordings, and what it says to wrong use."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causeway.artifacts import Artifact, write_artifact
from causeway.errors import UnusableInput, UsageError
from causeway.meta_actions.step import meta_actions_of
from causeway.platform.show import Wish, show
from causeway.platform.show_above import above
from causeway.platform.show_camera import band, drawn
from causeway.platform.show_clip import load_clip, pictures
from causeway.platform.show_moment import moment_page
from causeway.platform.show_strip import strip
from tests.platform.shown import (
    FOCAL,
    HEIGHT,
    HEIGHT_M,
    RADIUS,
    SPEED,
    WIDTH,
    jpeg,
    write_clips,
    write_moments,
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return write_clips(tmp_path_factory.mktemp("shown") / "clips")


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return write_moments(tmp_path_factory.mktemp("shown") / "moments")


def test_the_band_is_the_circle_that_is_driven_and_reaches_into_the_next_clip(clips):
    view = load_clip(clips, "bend-000")
    left, right = band(view.motion, 8_000_000, 1.8)
    assert len(left) == 321
    turned = SPEED * 6.4 / RADIUS
    np.testing.assert_allclose(
        left[-1, :2], [(RADIUS - 0.9) * np.sin(turned), RADIUS - (RADIUS - 0.9) * np.cos(turned)], atol=2e-3
    )
    np.testing.assert_allclose(np.linalg.norm(left - right, axis=1), 1.8, atol=1e-9)
    last = load_clip(clips, "bend-001")
    assert len(band(last.motion, int(last.motion.t_us[-1]) - 1_000_000, 1.8)[0]) == 51  # no more is known


def test_both_clips_of_a_drive_tell_the_same_motion(clips):
    first, second = load_clip(clips, "bend-000"), load_clip(clips, "bend-001")
    for name in ("speed_mps", "curvature_per_m"):
        np.testing.assert_array_equal(first.motion.values[name], second.motion.values[name])
    steps = [np.linalg.norm(np.diff(view.motion.xyz_m, axis=0), axis=1) for view in (first, second)]
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-5)
    assert len(first.ticks) == 100


def test_the_band_lies_on_the_road_in_the_picture(clips):
    view = load_clip(clips, "bend-000")
    image = np.asarray(drawn(jpeg(0), view.cameras["front"], view.motion, 0, 1.8, WIDTH))
    green = image[..., 1] > 40
    assert not green[: HEIGHT // 2].any()  # nothing above the horizon
    yaw = np.arcsin(8.0 / RADIUS)  # where the band passes 8 m ahead of the rear axle, 7 m ahead of the camera
    row = round(HEIGHT / 2 + FOCAL * HEIGHT_M / 7.0)
    middle = WIDTH / 2 - FOCAL * RADIUS * (1 - np.cos(yaw)) / 7.0
    half = FOCAL * 0.9 / np.cos(yaw) / 7.0
    columns = np.flatnonzero(green[row])
    assert columns[0] == pytest.approx(middle - half, abs=2.5)
    assert columns[-1] == pytest.approx(middle + half, abs=2.5)


def test_a_standing_vehicle_has_no_band_and_a_broken_picture_is_one_line(clips):
    view = load_clip(clips, "bend-000")
    end_us = int(view.motion.t_us[-1])
    still = np.asarray(drawn(jpeg(0), view.cameras["front"], view.motion, end_us, 1.8, WIDTH))
    assert still[..., 1].max() < 10
    with pytest.raises(UnusableInput, match="cannot be decoded"):
        drawn(b"\xff\xd8 no picture", view.cameras["front"], view.motion, 0, 1.8, WIDTH)


def _size(data: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(data)).size


def test_pages_are_1280_wide_and_the_same_each_time(clips, moments):
    view, row = load_clip(clips, "bend-001"), moments.table("moments").to_pylist()[0]
    for draw in (lambda: strip(clips, view), lambda: above(view, [row]), lambda: moment_page(clips, view, row)):
        page = draw()
        assert _size(page)[0] == 1280
        assert page == draw()


def test_pictures_nearest_to_a_time(clips):
    found = pictures(clips, "bend-000", "front", np.array([1_000_000, 1_100_000, 9_990_000]))
    assert [t_us for t_us, _ in found] == [1_020_000, 9_520_000]
    assert len(pictures(clips, "bend-000", "front")) == 20


def test_meta_actions_are_those_of_the_step_also_of_the_lane(clips):
    view = load_clip(clips, "bend-000")
    own = view.motion.t_us <= view.end_us
    rows = meta_actions_of(clips).to_pylist()
    for channel in ("longitudinal", "lateral", "lane"):
        wanted = [row[channel] or "" for row in rows if row["clip_id"] == "bend-000"]
        assert view.meta[channel][own].tolist() == wanted
    assert view.names_at(5_000_000) == ["maintain_speed", "steer_left", "lane_keep"]


def test_a_camera_without_calibration_shows_its_pictures_alone(clips):
    view = load_clip(clips, "bend-000")
    blind = {**view.cameras["front"], "fx": None}
    assert np.asarray(drawn(jpeg(90), blind, view.motion, 0, 1.8, WIDTH)).std() == 0.0
    assert np.asarray(drawn(jpeg(90), view.cameras["front"], view.motion, 0, 1.8, WIDTH)).std() > 1.0


@pytest.mark.parametrize("t0_us", [None, 10_000_000, 2**60])
def test_a_moment_outside_its_clip_is_one_line(clips, moments, t0_us):
    row = {**moments.table("moments").to_pylist()[0], "t0_us": t0_us}
    with pytest.raises(UnusableInput, match="is not in its clip bend-000"):
        moment_page(clips, load_clip(clips, "bend-000"), row)


def test_clips_with_holes_are_drawn_or_refused_in_one_line(tmp_path):
    whole = write_clips(tmp_path / "whole", pictures=False)
    tables = {name: whole.table(name).to_pylist() for name in ("clips", "ego", "tracks", "rigs", "lanes", "road_elements")}

    def shown(name: str, table: str, **changed: object) -> None:
        rows = [{**row, **changed} for row in tables[table]]
        made = write_artifact("clips", {**tables, table: rows}, tmp_path / name).location
        show(made, Wish(out=str(tmp_path / "out"), first=1))

    shown("tracks", "tracks", yaw_rad=None, length_m=None, type=None, x_m=float("nan"))
    shown("lanes", "lanes", left=[[1.0], None, [1.0, None]], centre=None)
    shown("elements", "road_elements", kind=None, shape=None)
    shown("numbers", "ego", accel_mps2=None, curvature_per_m=float("nan"))
    with pytest.raises(UnusableInput, match="no ego poses, or some that are no numbers"):
        shown("poses", "ego", qw=None)
    with pytest.raises(UnusableInput, match="does not say when and where it is"):
        shown("origin", "clips", origin_x_m=float("inf"))


def test_nothing_to_draw_is_said(clips, tmp_path):
    empty = write_artifact("moments", {"moments": []}, tmp_path / "empty").location
    with pytest.raises(UsageError, match="holds nothing that could be drawn"):
        show(empty, Wish(out=str(tmp_path / "o"), clips=clips.location))


def test_show_writes_what_was_chosen(clips, moments, tmp_path):
    values, text = show(clips.location, Wish(out=str(tmp_path / "a"), first=1))
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["bend-000-above.png", "bend-000-strip.png"]
    assert values["wrote"] == [str(tmp_path / "a" / f"bend-000-{n}.png") for n in ("strip", "above")]
    assert text.endswith("bend-000-above.png")
    show(moments.location, Wish(clips=clips.location, out=str(tmp_path / "b"), clip_ids=("bend-001",)))
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["bend-001-above.png", "bend_12000000.png"]


def test_clips_without_pictures_are_drawn_from_above_alone(tmp_path):
    bare = write_clips(tmp_path / "clips", pictures=False)
    show(bare.location, Wish(out=str(tmp_path / "out"), first=5))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["bend-000-above.png", "bend-001-above.png"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"out": "o", "clip_ids": ("nope",)}, "it holds bend-000, bend-001"),
        ({"rerun": "o.rrd", "clip_ids": ("nope",)}, "it holds bend-000, bend-001"),
        ({"clip_ids": ("bend-000",)}, "add --out DIR or --rerun FILE"),
        ({"out": "s3://bucket/x"}, "on this machine"),
        ({"out": "o", "first": 0}, "at least 1"),
    ],
)
def test_wrong_wishes_for_clips(clips, wish, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=says):
        show(clips.location, Wish(**wish))
    assert list(tmp_path.iterdir()) == []


def test_wrong_wishes_for_other_kinds(clips, moments, tmp_path):
    meta = write_artifact("meta_actions", {"meta_actions": []}, tmp_path / "meta").location
    with pytest.raises(UsageError, match="no pictures of meta_actions; show draws clips, moments, evidence, labels"):
        show(meta, Wish(out="o"))
    with pytest.raises(UsageError, match="no recording of meta_actions; show records clips, rollouts, report"):
        show(meta, Wish(rerun="o"))
    with pytest.raises(UsageError, match="name them with --clips"):
        show(moments.location, Wish(out="o"))
    with pytest.raises(UsageError, match="holds meta_actions, not clips"):
        show(moments.location, Wish(out="o", clips=meta))


def test_the_command_line_draws_and_says_so(clips, tmp_path):
    command = [sys.executable, "-m", "causeway.cli", "show", clips.location, "--out", str(tmp_path / "o"), "--json"]
    done = subprocess.run([*command, "--first", "1"], capture_output=True, text=True, timeout=120, check=True)
    values = json.loads(done.stdout.splitlines()[-1])
    assert values["kind"] == "clips"
    assert [Path(f).is_file() for f in values["wrote"]] == [True, True]
    assert values["holds"]["clips"][0]["fastest_mps"] == SPEED
    wrong = subprocess.run([*command, "--clip", "x"], capture_output=True, text=True, timeout=120, check=False)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_a_summary_brings_nothing_heavy_in(clips):
    program = (
        "import sys\n"
        "from causeway.platform.show import Wish, show\n"
        f"show({clips.location!r}, Wish())\n"
        "print(sorted({'pandas', 'matplotlib', 'rerun', 'torch', 'PIL', 'numba', 'scipy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
