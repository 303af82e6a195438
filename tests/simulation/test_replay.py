"""Recorded clips, driven again: the record itself, others as on record or minding who is ahead, what is refused."""

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.access import clips_of
from causeway.clips.ingest import IngestConfig, ingest
from causeway.errors import UsageError
from causeway.model.observation import ObservationSpec
from causeway.simulation.plans import constant_velocity_trajectory
from causeway.simulation.replay.agents import FAR_AWAY_M
from causeway.simulation.replay.replay import replay_stage
from causeway.simulation.world import World, expert_trajectory
from tests.evidence import scenes
from tests.simulation.driving import BLIND
from tests.simulation.recordings import CLIP, TICKS, moving, recorded


def driven(clips, plan=None, others="log", spec=BLIND):
    world = World.on(replay_stage(clips, CLIP, others), spec)
    seen = world.reset()
    while not seen.events.done:
        seen = world.step(plan(seen) if plan else expert_trajectory(world))
    return world


def stop(seen):
    t = np.minimum(np.arange(1, 65) * 0.1, seen.speed_mps / 3.0)
    return np.stack([seen.speed_mps * t - 1.5 * t**2, np.zeros(64), np.zeros(64)], axis=-1)


@pytest.mark.parametrize("others", ["log", "idm"])
def test_the_record_drives_as_recorded(tmp_path, others):
    tracks = [*moving("ahead", 20.0, 0.0, 8.0), *moving("behind", -12.0, 0.2, 8.0), *moving("parked", 60.0, -4.0, 0.0)]
    world = driven(recorded(tmp_path / "c", tracks), others=others)
    history = world.history
    assert len(history["t_us"]) == TICKS
    assert not history["collision"].astype(bool).any()
    for event in ("off_road", "lane_departure", "wrong_way", "red_light_run"):
        assert not history[event].any(), event
    np.testing.assert_allclose(history["x_m"], np.arange(TICKS) * 0.8, atol=0.05)
    assert history["progress_m"][-1] == pytest.approx(0.8 * (TICKS - 1), abs=0.05)
    for k, name in ((0, "ahead"), (1, "behind"), (2, "parked")):
        assert world.traffic.agents[k].track_id == name
    ends = world.now.agents.poses[:, 0]
    np.testing.assert_allclose(ends, [20.0 + 0.8 * (TICKS - 1), -12.0 + 0.8 * (TICKS - 1), 60.0], atol=0.1)


def test_who_is_behind_keeps_to_the_log_or_brakes(tmp_path):
    clips = recorded(tmp_path / "c", moving("behind", -15.0, 0.0, 8.0))
    struck = driven(clips, stop).history
    assert struck["collision"][-1] == "behind"
    assert struck["collision_where"][-1] == "rear"
    assert not struck["collision_at_fault"].any()
    world = driven(clips, stop, "idm")
    assert not world.history["collision"].astype(bool).any()
    assert world.now.agents.speed_mps[0] < 0.5
    assert 0.3 < world.history["min_distance_m"][-1] < 6.0


def test_who_is_behind_another_brakes_too(tmp_path):
    tracks = [*moving("first", -12.0, 0.0, 8.0), *moving("second", -24.0, 0.0, 8.0)]
    world = driven(recorded(tmp_path / "c", tracks), stop, "idm")
    first, second = world.now.agents.poses[:, 0]
    assert second < first - 4.0
    assert world.now.agents.speed_mps.max() < 0.6


def test_who_is_not_on_record_is_nowhere(tmp_path):
    clips = recorded(tmp_path / "c", moving("brief", 30.0, 3.6, 8.0, range(30, 50)))
    for others in ("log", "idm"):
        x = np.array([tick.agents.poses[0, 0] for tick in driven(clips, others=others).ticks])
        assert (x[:30] == FAR_AWAY_M).all()
        np.testing.assert_allclose(x[30:50], 30.0 + 0.8 * np.arange(30, 50), atol=0.05)
        assert (x[50:] == FAR_AWAY_M).all()


def test_brake_lights_know_nothing_of_what_comes(tmp_path):
    rows = moving("ahead", 20.0, 0.0, 8.0, range(40))
    rows += [scenes.track_row(CLIP, k, "ahead", 52.0, 0.0) for k in range(40, TICKS)]
    world = driven(recorded(tmp_path / "c", rows), stop)
    accel = np.array([tick.agents.accel_mps2[0] for tick in world.ticks])
    assert accel[39] == 0.0
    assert accel[40] < -1.0


def test_running_the_recorded_light_is_seen(tmp_path):
    signals = [scenes.signal_row(CLIP, k, "red" if k < 60 else "green") for k in range(TICKS)]
    fast = [15.0] * TICKS
    passed = driven(recorded(tmp_path / "a", signals=signals, speeds=fast), constant_velocity_trajectory).history
    assert passed["x_m"][-1] > 100.0
    assert not passed["red_light_run"].any()
    late = [scenes.signal_row(CLIP, k, "red") for k in range(TICKS)]
    history = driven(recorded(tmp_path / "b", signals=late, speeds=fast), constant_velocity_trajectory).history
    (tick,) = np.flatnonzero(history["red_light_run"])
    assert history["x_m"][tick - 1] < 100.0 - 3.5 <= history["x_m"][tick] + 0.01


def test_pictures_are_drawn_for_its_own_camera_and_ours(tmp_path):
    clips = recorded(tmp_path / "c", moving("ahead", 12.0, 0.0, 8.0))
    spec = ObservationSpec(cameras=("front", "front_wide"), frame_offsets_s=(0.0,), height=40, width=64)
    world = World.on(replay_stage(clips, CLIP), spec)
    seen = world.reset()
    assert seen.images.shape == (2, 1, 40, 64, 3)
    assert world.cameras[0].fx == pytest.approx(64.0)  # 100 px of a picture of 100
    empty = World.on(replay_stage(recorded(tmp_path / "e"), CLIP), spec).reset()
    for camera in range(2):
        assert not np.array_equal(seen.images[camera], empty.images[camera])


def test_the_route_is_what_the_clip_knows_of_it_and_never_what_was_driven(tmp_path):
    spec = ObservationSpec((), (), route_points=4)
    clips = recorded(tmp_path / "c")
    assert World.on(replay_stage(clips, CLIP), spec).reset().route is None
    known = recorded(tmp_path / "r", route=[[float(x), 3.6, 0.0] for x in range(0, 200, 10)])
    seen = World.on(replay_stage(known, CLIP), spec).reset()
    assert seen.route == pytest.approx(np.array([[4.0 * k, 3.6] for k in range(4)]), abs=0.1)


def test_a_lens_that_cannot_be_drawn_is_said_at_the_start(tmp_path):
    clips = recorded(tmp_path / "c", rig={"model": "ftheta", "distortion": [0.0, 1.0, 0.0, 0.0, 0.0]})
    with pytest.raises(UsageError, match="'front' cannot be rendered: its lens is ftheta"):
        World.on(replay_stage(clips, CLIP), ObservationSpec(cameras=("front",)))


def test_what_cannot_be_replayed_is_said(tmp_path):
    clips = recorded(tmp_path / "c")
    with pytest.raises(UsageError, match="no such clip"):
        replay_stage(clips, "drive-001")
    with pytest.raises(UsageError, match="'ghosts' is not one of log, idm"):
        replay_stage(clips, CLIP, "ghosts")
    with pytest.raises(UsageError, match=r"2\.1 s are too short"):
        replay_stage(recorded(tmp_path / "short", speeds=(8.0,) * 21), CLIP)
    with pytest.raises(UsageError, match="has no tracks and no map; a replay needs both"):
        replay_stage(recorded(tmp_path / "bare", has_tracks=False, has_map=False), CLIP)
    world = World.on(replay_stage(clips, CLIP), BLIND)
    with pytest.raises(UsageError, match="no other seeds"):
        world.reset(5)


@pytest.mark.parametrize(
    ("unknown", "size"),
    [
        ({"length_m": float("nan"), "width_m": None, "height_m": 0.0}, (1.0, 1.0, 1.6)),
        ({"vx_mps": None, "vy_mps": None}, (4.0, 2.0, 1.5)),
    ],
    ids=["sizes", "speeds"],
)
@pytest.mark.parametrize("others", ["log", "idm"])
def test_what_nobody_measured_of_others_is_no_number_that_spreads(tmp_path, unknown, size, others):
    rows = [row | unknown for row in moving("ahead", 20.0, 0.0, 8.0)]
    world = driven(recorded(tmp_path / "c", rows), others=others)
    assert world.traffic.sizes_m[0].tolist() == list(size)
    assert np.isfinite(world.history["min_distance_m"]).all()
    assert world.history["min_distance_m"][1:].max() < 20.0


@pytest.mark.parametrize("others", ["log", "idm"])
def test_who_has_no_heading_at_a_tick_goes_straight_on_there(tmp_path, others):
    rows = moving("ahead", 20.0, 0.0, 8.0)
    rows[30]["yaw_rad"] = float("nan")
    nowhere = [row | {"track_id": "nowhere", "yaw_rad": float("nan")} for row in rows]
    world = driven(recorded(tmp_path / "c", [*rows, *nowhere]), others=others)
    assert len(world.ticks) == TICKS
    assert not world.history["collision"].astype(bool).any()
    np.testing.assert_allclose(world.ticks[30].agents.poses[0], [44.0, 0.0, 0.0], atol=0.1)
    assert all(tick.agents.poses[1, 0] == FAR_AWAY_M for tick in world.ticks)


@pytest.mark.parametrize("lens", [{"cx": None}, {"fx": float("nan")}, {"rig_from_camera": [1.0] * 12}], ids=str)
def test_a_camera_without_calibration_is_none_of_the_rig(tmp_path, lens):
    with pytest.raises(UsageError, match="'front' cannot be rendered; the built-in world has"):
        World.on(replay_stage(recorded(tmp_path / "c", rig=lens), CLIP), ObservationSpec(cameras=("front",)))


@pytest.mark.parametrize("speeds", [(0.0,) * 40, (0.0,) * 30 + (3.0,) * 30], ids=["stands", "sets off"])
def test_a_recording_that_stands_can_be_replayed(tmp_path, speeds):
    world = driven(recorded(tmp_path / "c", moving("parked", 30.0, -4.0, 0.0), speeds=speeds), others="idm")
    assert len(world.ticks) == len(speeds)
    assert world.history["progress_m"][-1] == pytest.approx(0.1 * sum(speeds[:-1]), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["av2_logs", "commonroad_ngsim"])
@pytest.mark.parametrize("others", ["log", "idm"])
def test_real_records_drive_without_harm(tmp_path, test_drives, source, others):
    drives = {"drives": str(test_drives / source)}
    clips = Artifact(run(ingest, drives, out=str(tmp_path / "clips"), config=IngestConfig()))
    chosen, touched = list(clips_of(clips))[::12], []
    for clip_id in chosen:
        world = World.on(replay_stage(clips, clip_id, others), BLIND)
        seen = world.reset()
        while not seen.events.done:
            seen = world.step(expert_trajectory(world))
        history = world.history
        touched += [clip_id] * bool(history["collision"].astype(bool).any())
        assert not history["off_road"].any(), clip_id
        assert not history["lane_departure"].any(), clip_id
    assert len(touched) <= len(chosen) / 10, touched  # measured boxes overlap at times
