"""AlpaSim's side of the driver's port, played: a runtime that calls a driver in AlpaSim's order at each control step.

At each 0.1 s: pictures whose exposure ended; a barrier; egomotion, route and recorded truth at once; a barrier; drive;
and the ego is put on its plan at the next time (perfect control). In the first 1.7 s it follows the recording.
"""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import grpc
import numpy as np
from PIL import Image

from causeway.clips.geometry import from_frame, quaternion_from_yaw, to_frame, yaw_from_quaternion
from causeway.serving import alpasim_pb2 as pb

STEP_US = 100_000
FORCE_GT_US = 1_700_000
SHUTTER_US = 30_000
FRONT = "camera_front_wide_120fov"
ROUTE_STEP_M, ROUTE_POINTS = 4.21, 20
LOOKS_AHEAD = (0.5, -0.5, 0.5, -0.5)  # w x y z of a camera (x right, y down, z forward) that looks along the rig's x


class Calls:
    """The driver's calls over a channel."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        answers = {"drive": pb.DriveResponse, "get_version": pb.VersionId, "start_session": pb.SessionRequestStatus}
        names = ("start_session", "close_session", "submit_image_observation", "submit_egomotion_observation")
        for name in (*names, "submit_route", "submit_recording_ground_truth", "drive", "get_version", "shut_down"):
            call = self.channel.unary_unary(
                f"/egodriver.EgodriverService/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=answers.get(name, pb.Empty).FromString,
            )
            setattr(self, name, call)

    def close(self):
        self.channel.close()


def camera(logical_id=FRONT, width=48, height=32, focal_px=30.0):
    lens = {"focal_length_x": focal_px, "focal_length_y": focal_px, "principal_point_x": 24.0, "principal_point_y": 16.0}
    return pb.AvailableCamera(
        logical_id=logical_id,
        intrinsics=pb.CameraSpec(
            opencv_pinhole_param=pb.OpenCVPinholeCameraParam(**lens),
            logical_id=logical_id,
            resolution_h=height,
            resolution_w=width,
        ),
        rig_to_camera=pose((1.5, 0.0, 1.4), LOOKS_AHEAD),
    )


def pose(xyz, wxyz):
    return pb.Pose(vec=pb.Vec3(x=xyz[0], y=xyz[1], z=xyz[2]), quat=pb.Quat(**dict(zip("wxyz", wxyz, strict=True))))


def at(xy_yaw, t_us):
    x, y, yaw = (float(v) for v in xy_yaw)
    return pb.PoseAtTime(timestamp_us=t_us, pose=pose((x, y, 0.3), quaternion_from_yaw(yaw).tolist()))


def opening(session, seed=0, cameras=None):
    vehicle = pb.DriveSessionRequest.RolloutSpec.VehicleDefinition(available_cameras=cameras or [camera()])
    spec = pb.DriveSessionRequest.RolloutSpec(vehicle=vehicle)
    return pb.DriveSessionRequest(session_uuid=session, random_seed=seed, rollout_spec=spec)


def picture(number, size=(48, 32), kind="JPEG"):
    """A picture whose brightness tells its number."""
    file = io.BytesIO()
    Image.new("RGB", size, (number % 200 + 20, 90, 60)).save(file, kind)
    return file.getvalue()


def image(session, t_us, content, logical_id=FRONT):
    frame = pb.RolloutCameraImage.CameraImage(
        frame_start_us=max(t_us - SHUTTER_US, 0), frame_end_us=t_us, image_bytes=content, logical_id=logical_id
    )
    return pb.RolloutCameraImage(session_uuid=session, camera_image=frame)


def egomotion(session, poses, speed_mps=8.0):
    states = [pb.DynamicState(linear_velocity=pb.Vec3(x=speed_mps)) for _ in poses]
    return pb.RolloutEgoTrajectory(
        session_uuid=session, trajectory=pb.Trajectory(poses=poses), dynamic_states=states
    )


def question(session, now_us):
    return pb.DriveRequest(session_uuid=session, time_now_us=now_us, time_query_us=now_us + STEP_US)


@dataclass
class Runtime:
    """One rollout: begins at (0, 0) along x at 8 m/s; `noise_m` on each pose that the driver is told, from its seed."""

    calls: Calls
    session: str
    seed: int = 0
    start_us: int = 1_000_000
    noise_m: float = 0.0
    speed_mps: float = 8.0
    skips_warm_up: bool = False
    plans: list = field(default_factory=list)  # (time, poses [n, 4]: x, y, yaw, t)
    answers: list = field(default_factory=list)

    def drive(self, steps):
        """The rollout from start_session to close_session."""
        for _ in self.steps(steps):
            pass

    def steps(self, steps):
        """One control step at a time, so that several rollouts can be driven in turns."""
        self.calls.start_session(opening(self.session, self.seed))
        rng, ego = np.random.default_rng(self.seed), np.zeros(3)
        with ThreadPoolExecutor(3) as together:
            for step in range(steps):
                now_us = self.start_us + step * STEP_US
                told = ego + np.array([*(2 * rng.random(2) - 1) * self.noise_m, 0.0])
                self._observe(together, step, now_us, told)
                forced = now_us - self.start_us < FORCE_GT_US
                plan = np.empty((0, 4))
                if not (forced and self.skips_warm_up):
                    plan = self._plan(now_us)
                ego = self._next(ego, told, plan, now_us, forced)
                yield ego
        self.calls.close_session(pb.DriveSessionCloseRequest(session_uuid=self.session))

    def _observe(self, together, step, now_us, told):
        self.calls.submit_image_observation(image(self.session, now_us, picture(step + 7 * self.seed)))
        truth = pb.GroundTruth(trajectory=pb.Trajectory(poses=[at((99.0, 99.0, 0.0), now_us)]), timestamp_us=now_us)
        ahead = [pb.Vec3(x=i * ROUTE_STEP_M) for i in range(15)] + [pb.Vec3(x=np.nan, y=np.nan)] * 5
        route = pb.Route(waypoints=ahead, timestamp_us=now_us)
        sent = [
            together.submit(self.calls.submit_egomotion_observation, egomotion(self.session, [at(told, now_us)], self.speed_mps)),
            together.submit(self.calls.submit_route, pb.RouteRequest(session_uuid=self.session, route=route)),
            together.submit(
                self.calls.submit_recording_ground_truth,
                pb.GroundTruthRequest(session_uuid=self.session, ground_truth=truth),
            ),
        ]
        wait(sent)
        assert [call.exception() for call in sent] == [None, None, None]

    def _plan(self, now_us):
        answer = self.calls.drive(question(self.session, now_us))
        self.answers.append(answer)
        self.plans.append((now_us, plan := poses_of(answer.trajectory)))
        return plan

    def _next(self, ego, told, plan, now_us, forced):
        """The recording while it is forced, else the plan as it lies from the pose that was told, at the next time."""
        if forced:
            return ego + np.array([self.speed_mps * 0.1, 0.0, 0.0])
        assert len(plan), "the controller takes no empty plan"
        then = np.array([np.interp(now_us + STEP_US, plan[:, 3], plan[:, i]) for i in range(3)])
        return from_frame(to_frame(then, told), ego)


def poses_of(trajectory):
    """x, y, yaw, time [n, 4]."""
    rows = [
        [p.pose.vec.x, p.pose.vec.y, float(yaw_from_quaternion(quat(p))), p.timestamp_us] for p in trajectory.poses
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def quat(posed):
    q = posed.pose.quat
    return [q.w, q.x, q.y, q.z]


def in_turns(runtimes, steps):
    """Several rollouts, one control step of each after the other."""
    for _ in itertools.zip_longest(*(runtime.steps(steps) for runtime in runtimes)):
        pass
