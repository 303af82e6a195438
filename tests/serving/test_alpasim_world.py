"""What the driver makes of AlpaSim's messages is what the built-in world itself would show, and real policies drive."""

import io

import numpy as np
import pytest
from PIL import Image

from causeway.clips.geometry import from_frame, quaternion_from_matrix
from causeway.errors import UnusableInput
from causeway.model import Policy
from causeway.model.observation import ObservationSpec, check_observation
from causeway.serving import alpasim_pb2 as pb
from causeway.serving.alpasim_driver import Driver
from causeway.serving.alpasim_frames import EgoPose, camera_row, plan_message, waypoints_rig
from causeway.serving.alpasim_server import start
from causeway.serving.alpasim_session import NotYet, decoded, session_of
from causeway.serving.process import free_ports
from causeway.simulation import World
from causeway.simulation.pictures.cameras import camera_of
from causeway.simulation.plans import constant_velocity_trajectory
from tests.serving.alpasim_runtime import LOOKS_AHEAD, Calls, Runtime, camera, picture, pose, poses_of

SPEC = ObservationSpec(cameras=("front_wide", "front_tele"), height=32, width=48, route_points=20)
NAMES = {"front_wide": "camera_front_wide_120fov", "front_tele": "camera_front_tele_30fov"}


def told(name):
    """A camera of the world as AlpaSim announces it, at twice the size of its pictures."""
    seen = camera_of(name, 64, 96)
    lens = {"focal_length_x": seen.fx, "focal_length_y": seen.fy, "principal_point_x": seen.cx}
    pinhole = pb.OpenCVPinholeCameraParam(**lens, principal_point_y=seen.cy)
    wxyz = quaternion_from_matrix(seen.rig_from_camera[:3, :3]).tolist()
    return pb.AvailableCamera(
        logical_id=NAMES[name],
        intrinsics=pb.CameraSpec(opencv_pinhole_param=pinhole, resolution_h=64, resolution_w=96),
        rig_to_camera=pose(seen.rig_from_camera[:3, 3].tolist(), wxyz),
    )


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_the_driver_sees_what_the_world_shows():
    world = World("curve", 4, SPEC)
    seen = world.reset()
    for _ in range(3):
        seen = world.step(constant_velocity_trajectory(seen))
    session = session_of({NAMES[n]: camera_row(told(n)) for n in SPEC.cameras}, 0, SPEC)
    local = np.array([310.0, -120.0, 2.0])  # where the scene has its origin
    for number, tick in enumerate(world.ticks):
        for name in SPEC.cameras if number >= len(world.ticks) - 5 else ():  # older ones are not looked at
            shown = world.picture(camera_of(name, SPEC.height, SPEC.width), number)
            session.add_picture(NAMES[name], tick.t_us, tick.t_us, png(shown))
        x, y, yaw = from_frame(tick.ego.pose, local).tolist()
        wxyz = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
        session.add_poses([EgoPose(tick.t_us, np.array([x, y, 7.0]), wxyz, tick.ego.speed_mps, 0.0)])
    session.add_route(seen.t0_us, np.asarray(seen.route, dtype=np.float64))
    found = check_observation(session.observation(seen.t0_us))
    assert (found.images == seen.images).all()
    assert (found.frame_t_us == seen.frame_t_us).all()
    assert (found.cameras, found.t0_us, found.speed_mps) == (seen.cameras, seen.t0_us, seen.speed_mps)
    assert np.abs(found.rig - seen.rig).max() < 1e-5
    assert np.abs(found.ego_history - seen.ego_history).max() < 1e-4
    assert np.abs(found.route - seen.route[: len(found.route)]).max() < 0.05


@pytest.mark.slow
def test_a_tiny_policy_drives_the_same_whoever_else_drives():
    policy = Policy.from_scale("tiny", seed=0).eval()
    scale = policy.config.scale
    spec = ObservationSpec(policy.config.cameras, height=scale.image_height, width=scale.image_width)
    (port,) = free_ports(1)
    server = start(Driver(policy, spec, "b" * 64), port)
    calls = Calls(f"127.0.0.1:{port}")
    first, second = (Runtime(calls, name, seed=5, speed_mps=6.0, skips_warm_up=True) for name in ("a", "b"))
    first.drive(18)
    turns = [second.steps(18), Runtime(calls, "c", seed=6, skips_warm_up=True).steps(18)]
    for _ in zip(*turns, strict=True):
        pass
    calls.close()
    server.stop(None).wait()
    assert len(first.answers) == 1, "the warm-up was skipped"
    assert len(first.answers[0].trajectory.poses) == 65
    assert first.answers[0].trajectory == second.answers[0].trajectory
    plan = poses_of(first.answers[0].trajectory)
    assert np.hypot(*(plan[1, :2] - plan[0, :2])) == pytest.approx(0.6, abs=0.1), "the measured speed goes on"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"angle_to_pixeldist_poly": [0.0, 900.0, -20.0]}, (900.0, 900.0)),
        ({"pixeldist_to_angle_poly": [0.0, 0.001]}, (1000.0, 1000.0)),
        (
            {
                "angle_to_pixeldist_poly": [0.0, 900.0],
                "linear_cde": pb.FthetaCameraParam.LinearCde(linear_c=1.02),
            },
            (918.0, 900.0),
        ),
    ],
)
def test_a_ftheta_lens_is_as_long_as_its_polynomial_is_steep(given, wanted):
    lens = pb.FthetaCameraParam(principal_point_x=960.0, principal_point_y=540.0, **given)
    spec = pb.CameraSpec(ftheta_param=lens, resolution_h=1080, resolution_w=1920)
    row = camera_row(
        pb.AvailableCamera(logical_id=NAMES["front_wide"], intrinsics=spec, rig_to_camera=pose((1, 0, 1), LOOKS_AHEAD))
    )
    assert (row["fx"], row["fy"]) == pytest.approx(wanted)
    assert row["camera"] == "front_wide"
    axis = np.reshape(row["rig_from_camera"], (4, 4))[:3, 2]
    assert axis.tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-6), "it looks along the rig's x"


def session_with(seconds=2.0, speed_mps=8.0, said=True, from_us=0):
    """A session that drove so long at 10 Hz along x."""
    session = session_of({NAMES["front_wide"]: camera_row(camera())}, 0, SPEC)
    for step in range(round(seconds * 10) + 1):
        t_us = from_us + step * 100_000
        session.add_picture(NAMES["front_wide"], t_us, t_us, picture(step))
        where = np.array([speed_mps * step * 0.1, 0.0, 0.0])
        said_mps = speed_mps if said else None
        session.add_poses([EgoPose(t_us, where, np.array([1.0, 0, 0, 0]), said_mps, 0.0 if said else None)])
    return session


def test_nothing_later_than_the_moment_is_seen():
    session, shorter = session_with(2.0), session_with(1.7)
    found, known_then = session.observation(1_700_000), shorter.observation(1_700_000)
    assert (found.images == known_then.images).all()
    assert (found.ego_history == known_then.ego_history).all()
    assert found.frame_t_us.max() <= 1_700_000


def test_a_pose_is_carried_on_for_a_tenth_of_a_second():
    session = session_with(2.0, speed_mps=5.0)
    assert session.pose_at(2_060_000).xyz_m.tolist() == pytest.approx([10.3, 0.0, 0.0])
    with pytest.raises(NotYet, match=r"no egomotion of the 0.1 s up to 2100001 us"):
        session.pose_at(2_100_001)


def test_a_speed_that_is_not_told_comes_from_the_poses():
    assert session_with(2.0, speed_mps=5.0, said=False).observation(2_000_000).speed_mps == pytest.approx(5.0)


def test_a_camera_that_never_came_is_left_out_and_memory_is_bounded():
    session = session_with(30.0)
    found = session.observation(30_000_000)
    assert found.cameras == ("front_wide",)
    assert len(session.frames["front_wide"]) <= 26
    assert len(session.poses) <= 26


def test_a_later_word_at_the_same_time_counts():
    session = session_with(2.0)
    session.add_poses([EgoPose(2_000_000, np.array([99.0, 0, 0]), np.array([1.0, 0, 0, 0]), 1.0, 0.0)])
    assert session.pose_at(2_000_000).xyz_m[0] == 99.0
    assert len(session.poses) == 21


def test_a_front_camera_of_another_name_plays_the_policys_first():
    rows = {"my_front": camera_row(camera("my_front"))}
    assert session_of(rows, 0, SPEC).plays == {"my_front": "front_wide"}
    with pytest.raises(UnusableInput, match="none; the policy knows front_wide, front_tele"):
        session_of({}, 0, SPEC)


def test_a_route_that_was_told_once_stays_where_it_was():
    session = session_with(2.0, speed_mps=10.0)
    session.add_route(2_100_000, np.array([[0.0, 0.0], [40.0, 0.0]]))
    assert session.observation(2_000_000).route is None, "it is of a time that has not come"
    for t_us in (2_100_000, 2_500_000, 3_000_000):
        where = np.array([10.0 * t_us / 1e6, 0.0, 0.0])
        session.add_poses([EgoPose(t_us, where, np.array([1.0, 0, 0, 0]), 10.0, 0.0)])
    session.add_picture(NAMES["front_wide"], 3_000_000, 3_000_000, picture(1))
    ahead = session.observation(3_000_000).route
    assert ahead[:, 0].tolist() == pytest.approx([4.0 * i for i in range(8)]), "31 m of it are left"
    session.add_route(100_000, np.array([[0.0, 0.0], [40.0, 0.0]]))
    with pytest.raises(NotYet, match="submit the route again"):
        session.observation(3_000_000)


def test_padding_of_a_route_is_cut_off():
    nan = float("nan")
    route = pb.Route(waypoints=[pb.Vec3(x=0.0), pb.Vec3(x=4.0, y=1.0), pb.Vec3(x=nan, y=nan), pb.Vec3(x=nan, y=nan)])
    assert waypoints_rig(route).tolist() == [[0.0, 0.0], [4.0, 1.0]]


def test_pitch_and_height_stay_in_a_plan():
    pitched = np.array([np.cos(0.05), 0.0, np.sin(0.05), 0.0])
    now = EgoPose(5_000_000, np.array([1.0, 2.0, 3.0]), pitched)
    plan = plan_message(np.array([[1.0, 0.0, np.pi / 2]]), now).poses
    assert [p.timestamp_us for p in plan] == [5_000_000, 5_100_000]
    assert [p.pose.vec.z for p in plan] == [3.0, 3.0]
    assert [plan[0].pose.quat.w, plan[0].pose.quat.y] == pytest.approx(pitched[[0, 2]].tolist(), abs=1e-6)
    assert poses_of(pb.Trajectory(poses=plan))[1, :3].tolist() == pytest.approx([2.0, 2.0, np.pi / 2], abs=0.02)


def test_a_bomb_is_refused_before_it_is_decoded():
    small = io.BytesIO()
    Image.new("1", (8000, 8000)).save(small, "PNG")
    with pytest.raises(UnusableInput, match="8000 × 8000"):
        decoded(small.getvalue(), 32, 48, "camera front at 0 us")
