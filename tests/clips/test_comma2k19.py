import numpy as np
import pytest

from causeway.clips.geometry import quaternion_from_matrix, rotate, yaw_from_quaternion
from causeway.clips.readers.comma2k19 import reader as comma2k19
from causeway.clips.readers.comma2k19.mount import CAMERA_M
from causeway.clips.readers.geodesy import enu_from_ecef, geodetic
from causeway.clips.readers.layouts import reader_of
from causeway.errors import UnusableInput

ROUTE = "b0c9d2329ad1606b|2018-08-02--08-34-47"
START = np.array([-2712087.5, -4261670.1, 3881014.5])  # south of San Francisco


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, values)


def turned(across_rad, down_rad):
    """device_from_rig of a device that looks to the left of the car's course and above it by these angles."""
    ahead = np.array([1.0, np.tan(across_rad), np.tan(down_rad)])
    ahead /= np.linalg.norm(ahead)
    left = np.cross([0.0, 0.0, -1.0], ahead)
    left /= np.linalg.norm(left)
    return np.stack([ahead, left, np.cross(ahead, left)], axis=-1)


def segment(folder, n=100, speed=12.0, device_from_rig=None, moving_from=0):
    """A car that drives north-east on level ground, after standing for `moving_from` poses."""
    device_from_rig = np.diag([1.0, -1.0, -1.0]) if device_from_rig is None else device_from_rig
    times = 500.0 + np.arange(n) * 0.05
    (enu,) = enu_from_ecef(*(v[:1] for v in geodetic(START[None])[:2]))
    yaw = np.pi / 4
    course = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    enu_from_rig = np.stack([course, [-course[1], course[0], 0.0], [0.0, 0.0, 1.0]], axis=-1)
    moving = np.arange(n) >= moving_from
    along = np.cumsum(moving) * speed * 0.05
    positions = START + (along[:, None] * course) @ enu
    quaternion = quaternion_from_matrix((enu.T @ enu_from_rig @ device_from_rig.T)[None])
    pose, bus = folder / "global_pose", folder / "processed_log" / "CAN" / "speed"
    save(pose / "frame_times", times)
    save(pose / "frame_gps_times", np.stack([np.full(n, 2012.0), 404106.4 + times - times[0]], axis=-1))
    save(pose / "frame_positions", positions)
    save(pose / "frame_velocities", moving[:, None] * speed * course @ enu)
    save(pose / "frame_orientations", quaternion.repeat(n, axis=0))
    can = np.arange(times[0] - 0.003, times[-1], 0.012)
    save(bus / "t", can)
    save(bus / "value", np.arange(len(can))[:, None] * 0.01)
    return folder


def only(root):
    (recording,) = comma2k19.recordings(root)
    return recording.open()


def test_a_drive_along_its_course_with_the_rear_axle_behind_the_camera(tmp_path):
    drive = only(segment(tmp_path / ROUTE / "40").parents[1])
    assert drive.drive_id == "comma2k19-b0c9d2329ad1606b_2018-08-02--08-34-47-40"
    assert drive.rig.vehicle.vehicle_id == "comma2k19-rav4"
    assert (drive.world, drive.licence, drive.tracks) == ("utm-10n", "MIT", None)
    ego = drive.ego
    np.testing.assert_array_equal(np.diff(ego.t_us), 50_000)
    steps = np.diff(ego.xyz_m, axis=0)
    np.testing.assert_allclose(np.linalg.norm(steps[:, :2], axis=1), 0.6, rtol=1e-3)
    yaw = yaw_from_quaternion(ego.wxyz)
    np.testing.assert_allclose(np.arctan2(steps[:, 1], steps[:, 0]), yaw[1:], atol=1e-4)
    np.testing.assert_allclose(np.degrees(yaw), 45 + 0.32, atol=0.02)  # the zone's middle is 0.53° east of here
    np.testing.assert_allclose(rotate(ego.wxyz, np.tile([0.0, 0.0, 1.0], (100, 1)))[:, 2], 1.0, atol=1e-9)
    # the height of the camera less its mounting
    assert ego.xyz_m[0, 2] == pytest.approx(geodetic(START[None])[2][0] - CAMERA_M[2], abs=1e-3)


def test_speed_is_the_last_message_at_or_before_the_pose(tmp_path):
    drive = only(segment(tmp_path / "s"))
    last = np.floor((np.arange(100) * 0.05 + 0.003 + 1e-9) / 0.012)
    assert drive.ego.speed_mps == pytest.approx(last * 0.01, rel=1e-7, abs=1e-9)


def test_the_mount_is_measured_in_the_first_two_seconds_only(tmp_path):
    tilt = turned(np.radians(-2.0), np.radians(3.0))
    level = only(segment(tmp_path / "a")).ego
    tilted = segment(tmp_path / "b", device_from_rig=tilt)
    assert only(tilted).ego.wxyz == pytest.approx(level.wxyz, rel=1e-7, abs=1e-9)
    assert only(tilted).ego.xyz_m == pytest.approx(level.xyz_m, rel=1e-7, abs=1e-6)
    path = tilted / "global_pose" / "frame_velocities"
    velocities = np.load(path)
    velocities[41:] = 99.0  # after 2 s
    save(path, velocities)
    assert np.array_equal(only(tilted).ego.wxyz, only(segment(tmp_path / "c", device_from_rig=tilt)).ego.wxyz)


def test_a_car_that_stands_at_first_has_its_device_taken_as_level(tmp_path):
    tilt = turned(0.0, np.radians(3.0))
    ego = only(segment(tmp_path / "s", device_from_rig=tilt, moving_from=50)).ego
    ahead = rotate(ego.wxyz, np.tile([1.0, 0.0, 0.0], (100, 1)))
    assert np.degrees(np.arcsin(ahead[:, 2])) == pytest.approx(3.0, rel=1e-7, abs=1e-3)  # the earth is round


def test_video_pictures_have_the_times_of_the_poses_and_the_published_lens(tmp_path):
    av = pytest.importorskip("av")
    folder = segment(tmp_path / "s", n=12)
    container = av.open(str(folder / "video.hevc"), "w", format="hevc")
    try:
        stream = container.add_stream("libx265", rate=20)
    except Exception:
        pytest.skip("this PyAV has no HEVC encoder")
    stream.width, stream.height, stream.pix_fmt, stream.options = 64, 48, "yuv420p", {"x265-params": "log-level=none"}
    for index in range(12):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8), format="rgb24")
        for packet in stream.encode(picture):
            container.mux(packet)
    for packet in stream.encode(None):
        container.mux(packet)
    container.close()
    drive = only(folder)
    (camera,) = drive.rig.cameras
    assert (camera.fx, camera.cx, camera.cy) == (910.0, 582.0, 437.0)
    # the camera looks ahead from behind the windscreen: its z is the rig's x
    np.testing.assert_allclose(camera.rig_from_camera @ [0, 0, 1, 1], [3.07, 0, 1.22, 1], atol=1e-9)
    np.testing.assert_allclose(camera.rig_from_camera @ [1, 0, 0, 1], [2.07, -1, 1.22, 1], atol=1e-9)
    frames = list(drive.frames("road"))
    assert [f.t_us for f in frames] == (500_000_000 + 50_000 * np.arange(12)).tolist()
    assert abs(float(np.mean(frames[7].load())) - 140) < 6
    save(folder / "global_pose" / "frame_times", 500.0 + np.arange(11) * 0.05)
    for name, width in (("frame_positions", 3), ("frame_velocities", 3), ("frame_orientations", 4)):
        save(folder / "global_pose" / name, np.load(folder / "global_pose" / name)[:11].reshape(11, width))
    with pytest.raises(UnusableInput, match=r"video.hevc: 12 pictures but 11 frame_times"):
        only(folder)


def test_rows_that_are_no_pose_are_quarantined(tmp_path):
    folder = segment(tmp_path / "s")
    path = folder / "global_pose" / "frame_positions"
    positions = np.load(path)
    positions[[0, 7]] = np.nan
    positions[8] = 1e300
    save(path, positions)
    save(folder / "processed_log/CAN/speed/t", np.load(folder / "processed_log/CAN/speed/t") + 0.08)
    drive = only(folder)
    assert [row[:2] for row in drive.quarantined] == [
        ("frame_positions row 0", "pose_unusable"),
        ("frame_times row 1", "no_speed"),
    ]
    assert "3 of 100 rows" in drive.quarantined[0][2]
    assert len(drive.ego.t_us) == 96
    assert drive.ego.row[:7].tolist() == [2, 3, 4, 5, 6, 9, 10]


def test_without_a_bus_log_no_speed_is_claimed(tmp_path):
    folder = segment(tmp_path / "s")
    for name in ("t", "value"):
        (folder / "processed_log/CAN/speed" / name).unlink()
    (folder / "processed_log/CAN/speed").rmdir()
    drive = only(folder)
    assert drive.ego.speed_mps is None
    assert len(drive.ego.t_us) == 100


def broken(values):
    return lambda path: save(path, values)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("frame_times", lambda p: p.unlink(), "frame_times: missing"),
        ("frame_times", lambda p: p.write_bytes(b""), "frame_times: not a readable array"),
        ("frame_times", lambda p: p.write_bytes(p.read_bytes()[:-9]), "frame_times: not a readable array"),
        ("frame_times", broken(np.array([{"a": 1}], dtype=object)), "frame_times: not a readable array"),
        ("frame_times", broken(np.array(["a", "b"])), "frame_times: holds <U1, not numbers"),
        ("frame_times", broken(np.zeros((100, 2))), "frame_times: its shape is 100x2, not n"),
        ("frame_times", broken(np.zeros(0)), "frame_times: its shape is 0"),
        ("frame_times", broken(500 + np.arange(99.0)), "frame_positions: 100 rows but frame_times has 99"),
        ("frame_times", broken(np.full(100, np.nan)), "0 of 100 poses can be used"),
        ("frame_times", broken(500 + np.r_[np.arange(40.0) * 0.05, np.zeros(60)]), "60 of 100 ego rows are unusable"),
        ("frame_positions", broken(np.zeros((100, 3))), "0 of 100 poses can be used"),
        ("frame_orientations", broken(np.zeros((100, 3))), "frame_orientations: its shape is 100x3, not nx4"),
    ],
)
def test_arrays_that_cannot_be_used_are_named(tmp_path, name, spoil, message):
    folder = segment(tmp_path / "s")
    spoil(folder / "global_pose" / name)
    with pytest.raises(UnusableInput) as error:
        only(folder)
    assert message in str(error.value)


def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path):
    folder = segment(tmp_path / "s")
    path = folder / "global_pose" / "frame_times"
    path.write_bytes(path.read_bytes().replace(b"(100,), }", b"(10000000000,), }"[:17]))
    with pytest.raises(UnusableInput, match="frame_times: not a readable array"):
        only(folder)


def test_times_that_are_none_or_go_back_take_only_their_own_rows(tmp_path):
    tilt = turned(np.radians(-2.0), np.radians(3.0))
    whole = only(segment(tmp_path / "a", device_from_rig=tilt)).ego
    folder = segment(tmp_path / "s", device_from_rig=tilt)
    times, velocities = (np.load(folder / "global_pose" / name) for name in ("frame_times", "frame_velocities"))
    times[[50, 51, 52]] = np.nan, 1e300, np.inf
    times[60:90] = 501.0  # in the two seconds in which the mount is measured, where they must have no say
    velocities[60:90] = 99.0
    save(folder / "global_pose" / "frame_times", times)
    save(folder / "global_pose" / "frame_velocities", velocities)
    drive = only(folder)
    kept = np.r_[0:50, 53:60, 90:100]
    np.testing.assert_array_equal(drive.ego.row, kept)
    np.testing.assert_array_equal(drive.ego.t_us, whole.t_us[kept])
    np.testing.assert_allclose(drive.ego.xyz_m, whole.xyz_m[kept], atol=1e-6)
    assert [row[:2] for row in drive.quarantined] == [
        ("frame_times row 50", "no_time"),
        ("ego rows 60 to 89", "time_goes_back"),
    ]


def test_bus_messages_without_a_time_or_a_speed_are_quarantined(tmp_path):
    folder = segment(tmp_path / "s")
    bus = folder / "processed_log/CAN/speed"
    times, speeds = np.load(bus / "t"), np.load(bus / "value")
    times[[20, 21, 22]] = 0, np.nan, 1e8
    speeds[30] = np.nan
    save(bus / "t", times)
    save(bus / "value", speeds)
    drive = only(folder)
    ((where, reason, detail),) = drive.quarantined
    assert (where, reason) == ("speed row 20", "message_unusable")
    assert f"(4 of {len(times)} rows, the first is 20)" in detail
    last = np.floor((np.arange(100) * 0.05 + 0.003 + 1e-9) / 0.012)
    last = np.where((last >= 20) & (last <= 22), 19, np.where(last == 30, 29, last))
    np.testing.assert_allclose(drive.ego.speed_mps, last * 0.01, atol=1e-9)
    save(bus / "t", times[:-1])
    with pytest.raises(UnusableInput, match=r"value: \d+ rows but t has"):
        only(folder)


def test_segments_are_found_in_a_tree_in_order_and_links_out_refused(tmp_path):
    for number in (10, 9):
        segment(tmp_path / "d" / "Chunk_1" / ROUTE.replace("|", "_") / str(number), n=3)
    found = comma2k19.recordings(tmp_path / "d")
    assert [r.drive_id.rsplit("-", 1)[1] for r in found] == ["9", "10"]
    outside = segment(tmp_path / "e", n=3)
    link = tmp_path / "d" / "Chunk_1" / ROUTE.replace("|", "_") / "9" / "global_pose" / "frame_times"
    link.unlink()
    link.symlink_to(outside / "global_pose" / "frame_times")
    with pytest.raises(UnusableInput, match="a link that leads out of"):
        found[0].open()


def test_recorded_segment(test_drives):
    reader, root = reader_of(str(test_drives / "comma2k19_example1"), "auto")
    assert reader is comma2k19
    (recording,) = reader.recordings(root)
    assert recording.drive_id == "comma2k19-2012-404106"
    drive = recording.open()
    ego = drive.ego
    assert (len(ego.t_us), drive.rig.cameras, drive.world) == (1199, (), "utm-10n")
    assert [row[1] for row in drive.quarantined] == ["no_speed"]  # the bus begins 42 ms after the poses
    velocity = np.gradient(ego.xyz_m, ego.t_us * 1e-6, axis=0)
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    assert abs(np.mean(ego.speed_mps - speed) + 0.14) < 0.03  # measured by another way, see the folder's README
    course = np.arctan2(velocity[:, 1], velocity[:, 0]) - yaw_from_quaternion(ego.wxyz)
    assert abs(np.degrees(np.median(course))) < 0.2
    derived = np.load(root / "raw/global_pose/frame_velocities")
    np.testing.assert_allclose(np.median(speed), np.median(np.linalg.norm(derived, axis=1)), rtol=0.005)
