"""The AlpaSim driver over gRPC: AlpaSim's order of calls, many sessions, and a status for everything that is wrong."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from causeway import cli
from causeway.errors import UsageError
from causeway.model.observation import ObservationSpec
from causeway.model.prediction import Prediction
from causeway.serving import alpasim_driver
from causeway.serving import alpasim_pb2 as pb
from causeway.serving.alpasim_driver import Driver, Noise, Refusal
from causeway.serving.alpasim_server import start
from causeway.serving.process import free_ports
from tests.serving.alpasim_runtime import (
    FRONT,
    STEP_US,
    Calls,
    Runtime,
    at,
    camera,
    egomotion,
    image,
    in_turns,
    opening,
    picture,
    poses_of,
    question,
)

SPEC = ObservationSpec(cameras=("front_wide", "front_tele"), height=16, width=24)
SERVING = Path(__file__).parents[2] / "causeway" / "serving"


class Swerving:
    """Plans a straight line at the measured speed and aside by what it sees, the seed and the sample's number."""

    def __init__(self):
        self.seen, self.breaks = [], ""

    def predict(self, samples, n=1, seed=0, *, temperature=0.6, use_reasoning=True, flow_steps=10):
        if self.breaks == "crash":
            raise RuntimeError("out of memory")
        self.seen += samples
        t = np.arange(1, 65) * 0.1
        aside = [[float(s.images.mean()) / 500 + seed % 7 * 0.1 + i * 0.01 for i in range(n)] for s in samples]
        paths = np.zeros((len(samples), n, 64, 3), dtype=np.float32)
        paths[..., 0] = np.array([s.speed_mps for s in samples])[:, None, None] * t
        paths[..., 1] = np.array(aside)[..., None] * t
        if self.breaks == "nan":
            paths[0, 0, 3, 1] = np.nan
        words = [["Track the set speed."] * n for _ in samples]
        return Prediction(words, [[("set_speed_tracking", "none")] * n for _ in samples], paths, paths[..., :2], {})


@pytest.fixture
def policy():
    return Swerving()


@pytest.fixture
def calls(policy):
    (port,) = free_ports(1)
    server = start(Driver(policy, SPEC, "a" * 64, Noise(samples=2)), port)
    calls = Calls(f"127.0.0.1:{port}")
    yield calls
    calls.close()
    server.stop(None).wait()


def status(call, request):
    """(status, details) that a call is refused with."""
    with pytest.raises(grpc.RpcError) as error:
        call(request)
    return error.value.code().name, error.value.details()


def warm(calls, session="s", steps=16, seed=0):
    """A session with pictures and egomotion of so many steps; the time of the last."""
    calls.start_session(opening(session, seed))
    for step in range(steps):
        calls.submit_image_observation(image(session, step * STEP_US, picture(step)))
        calls.submit_egomotion_observation(egomotion(session, [at((0.8 * step, 0, 0), step * STEP_US)]))
    return (steps - 1) * STEP_US


@pytest.mark.parametrize("name", ["alpasim_pb2.py", "alpasim_pb2.pyi"])
def test_the_messages_are_generated(name, tmp_path):
    grpc_tools = pytest.importorskip("grpc_tools")
    assert grpc_tools
    from importlib.metadata import version

    if version("grpcio-tools") != "1.81.1":
        pytest.skip("the messages were generated with grpcio-tools 1.81.1")
    root = SERVING.parents[1]
    out = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", *out, "causeway/serving/alpasim.proto"]
    subprocess.run(command, check=True, cwd=root)
    generated = (tmp_path / "causeway" / "serving" / name).read_text()
    assert (SERVING / name).read_text() == "# ruff: noqa\n# fmt: off\n" + generated


def test_a_whole_rollout_in_alpasims_order(calls, policy):
    runtime = Runtime(calls, "rollout", seed=3)
    runtime.drive(22)
    lengths = [len(plan) for _, plan in runtime.plans]
    assert lengths == [0] * 15 + [65] * 7, "empty while it warms up: 1.5 s of history"
    assert "warming_up" in json.loads(runtime.answers[0].debug_info.unstructured_debug_info)
    now_us, plan = runtime.plans[-1]
    assert plan[:, 3].tolist() == [now_us + k * STEP_US for k in range(65)]
    said = runtime.answers[-1].debug_info
    assert json.loads(said.unstructured_debug_info)["reasoning_text"] == "Track the set speed."
    assert len(said.sampled_trajectories) == 2
    assert said.sampled_trajectories[0] == runtime.answers[-1].trajectory
    assert status(calls.drive, question("rollout", now_us))[0] == "NOT_FOUND", "closed at the end"
    seen = policy.seen[-1]
    assert (seen.cameras, seen.t0_us) == (("front_wide",), now_us)
    assert np.abs(seen.ego_history[:, 0] - np.arange(-15, 1) * 0.8).max() < 1e-3
    assert seen.route[:, 0].tolist() == pytest.approx([4.0 * i for i in range(15)], abs=1e-3)


def test_plans_lie_in_the_frame_that_was_told(calls):
    now_us = warm(calls, steps=15)
    turned = at((100.0, -50.0, np.pi / 2), now_us + STEP_US)
    calls.submit_egomotion_observation(egomotion("s", [turned], speed_mps=5.0))
    plan = poses_of(calls.drive(question("s", now_us + STEP_US)).trajectory)
    assert plan[0, :3].tolist() == pytest.approx([100.0, -50.0, np.pi / 2], abs=1e-5)
    assert plan[-1, 1] == pytest.approx(-50.0 + 5.0 * 6.4, abs=1e-3), "along the nose, which points to +y"
    assert plan[-1, 0] < 100.0, "aside is left"


def test_interleaved_sessions_answer_as_alone(calls):
    settings = [{"seed": 1, "noise_m": 0.05}, {"seed": 2}, {"seed": 1, "speed_mps": 3.0, "skips_warm_up": True}]
    together = [Runtime(calls, f"t{i}", **how) for i, how in enumerate(settings)]
    in_turns(together, 20)
    for i, how in enumerate(settings):
        alone = Runtime(calls, f"a{i}", **how)
        alone.drive(20)
        assert [a.trajectory for a in alone.answers] == [t.trajectory for t in together[i].answers]
    assert together[0].answers[-1] != together[1].answers[-1]


def test_sessions_at_once_from_many_threads(calls):
    together = [Runtime(calls, f"t{i}", seed=i % 3) for i in range(6)]
    threads = [threading.Thread(target=runtime.drive, args=(18,)) for runtime in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for first, second in zip(together[:3], together[3:], strict=True):
        assert [a.trajectory for a in first.answers] == [a.trajectory for a in second.answers]


def test_ids_are_strict(calls):
    calls.start_session(opening("s"))
    assert status(calls.start_session, opening("s"))[0] == "ALREADY_EXISTS"
    assert status(calls.start_session, opening(""))[0] == "INVALID_ARGUMENT"
    unknown = {
        calls.close_session: pb.DriveSessionCloseRequest(session_uuid="no"),
        calls.submit_image_observation: image("no", 0, picture(0)),
        calls.submit_egomotion_observation: egomotion("no", []),
        calls.submit_route: pb.RouteRequest(session_uuid="no"),
        calls.submit_recording_ground_truth: pb.GroundTruthRequest(session_uuid="no"),
        calls.drive: question("no", 0),
    }
    assert {status(call, request)[0] for call, request in unknown.items()} == {"NOT_FOUND"}
    calls.close_session(pb.DriveSessionCloseRequest(session_uuid="s"))
    assert status(calls.close_session, pb.DriveSessionCloseRequest(session_uuid="s"))[0] == "NOT_FOUND"
    calls.start_session(opening("s"))
    assert status(calls.shut_down, pb.Empty())[0] == "UNIMPLEMENTED", "no caller stops a server that others use"


def test_a_full_house_refuses_and_idle_sessions_make_room(calls, monkeypatch):
    monkeypatch.setattr(alpasim_driver, "MOST_SESSIONS", 2)
    calls.start_session(opening("a"))
    calls.start_session(opening("b"))
    assert status(calls.start_session, opening("c"))[0] == "RESOURCE_EXHAUSTED"
    monkeypatch.setattr(alpasim_driver, "IDLE_S", 0.0)
    calls.start_session(opening("c"))
    assert status(calls.close_session, pb.DriveSessionCloseRequest(session_uuid="a"))[0] == "NOT_FOUND"


def test_the_version_names_the_policy(calls):
    found = calls.get_version(pb.Empty())
    assert found.version_id.startswith("causeway-")
    assert found.git_hash == "a" * 64
    assert (found.grpc_api_version.major, found.grpc_api_version.minor) == (0, 54)


BAD_POSE = at((0.0, np.nan, 0.0), 2_000_000)
LONG_QUATERNION = pb.PoseAtTime(timestamp_us=2_000_000, pose=pb.Pose(quat=pb.Quat(w=2.0)))


@pytest.mark.parametrize(
    ("call", "request_", "code", "says"),
    [
        ("submit_image_observation", image("s", 1_600_000, picture(1)[:200]), "INVALID_ARGUMENT", "no whole JPEG"),
        ("submit_image_observation", image("s", 1_600_000, b""), "INVALID_ARGUMENT", "0 bytes"),
        ("submit_image_observation", image("s", 1_600_000, b"GIF89a"), "INVALID_ARGUMENT", "no whole JPEG or PNG"),
        (
            "submit_image_observation",
            image("s", 1_600_000, picture(1), "rear"),
            "INVALID_ARGUMENT",
            "'rear' is none of",
        ),
        ("submit_image_observation", image("s", 1_000_000, picture(1)), "INVALID_ARGUMENT", "must not go backwards"),
        ("submit_egomotion_observation", egomotion("s", [BAD_POSE]), "INVALID_ARGUMENT", "NaN or infinity"),
        ("submit_egomotion_observation", egomotion("s", [LONG_QUATERNION]), "INVALID_ARGUMENT", "have length 1"),
        ("submit_egomotion_observation", egomotion("s", [at((0, 0, 0), 0)]), "INVALID_ARGUMENT", "go backwards"),
        ("submit_egomotion_observation", egomotion("s", [at((0, 0, 0), 2**63)]), "INVALID_ARGUMENT", "every clock"),
        (
            "submit_egomotion_observation",
            egomotion("s", [at((0, 0, 0), 1_600_000)], np.inf),
            "INVALID_ARGUMENT",
            "state",
        ),
        (
            "submit_route",
            pb.RouteRequest(session_uuid="s", route=pb.Route(waypoints=[pb.Vec3(x=np.nan), pb.Vec3(x=1.0)])),
            "INVALID_ARGUMENT",
            "before the end of the route",
        ),
        ("drive", question("s", 1_900_000), "FAILED_PRECONDITION", "no egomotion of the 0.1 s up to 1900000"),
        ("drive", question("s", 1_400_000), "INVALID_ARGUMENT", "before the last drive's"),
        ("drive", pb.DriveRequest(session_uuid="s", time_now_us=1_500_000), "INVALID_ARGUMENT", "before time_now"),
    ],
)
def test_what_is_wrong_is_said_and_the_session_goes_on(calls, call, request_, code, says):
    now_us = warm(calls)
    before = calls.drive(question("s", now_us)).trajectory
    found = status(getattr(calls, call), request_)
    assert found[0] == code
    assert says in found[1]
    assert calls.drive(question("s", now_us)).trajectory == before, "the session is as it was"


@pytest.mark.parametrize(
    ("cameras", "says"),
    [
        ([camera("")], "no logical_id"),
        ([camera(), camera()], "is there twice"),
        ([camera(width=0)], "none of them may be 0"),
        ([camera(focal_px=np.nan)], "none of them may be 0"),
        ([pb.AvailableCamera(logical_id=FRONT)], "without a lens"),
    ],
)
def test_cameras_that_cannot_be_are_refused(calls, cameras, says):
    code, found = status(calls.start_session, opening("s", cameras=cameras))
    assert (code, says in found) == ("INVALID_ARGUMENT", True), found


@pytest.mark.parametrize(
    ("rigs", "point_blocks", "lacks"),
    [
        (("north", "south"), (), "the name of the rig (north, south)"),
        ((), (3,), "3D points"),
        (("north", "south"), (1, 2), "the name of the rig (north, south) and 3D points"),
        (("north",), (), ""),  # the only rig need not be named
    ],
)
def test_a_policy_that_reads_what_alpasim_does_not_tell_gets_no_session(policy, rigs, point_blocks, lacks):
    policy.config = SimpleNamespace(rigs=rigs, point_blocks=point_blocks)
    driver = Driver(policy, SPEC, "a" * 64)
    if not lacks:
        assert driver.start_session(opening("s")) == pb.SessionRequestStatus()
        return
    with pytest.raises(Refusal) as refused:
        driver.start_session(opening("s"))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    said = f"this policy reads {lacks}, of which AlpaSim tells nothing; drive with one that does not"
    assert str(refused.value) == said


def test_bytes_that_are_no_message_are_refused(calls):
    drive = calls.channel.unary_unary("/egodriver.EgodriverService/drive")
    with pytest.raises(grpc.RpcError) as error:
        drive(b"\xff\xff\xff")
    assert error.value.code() is grpc.StatusCode.INTERNAL
    assert calls.get_version(pb.Empty()).version_id, "the server goes on"


@pytest.mark.parametrize(
    ("breaks", "says"), [("nan", "no whole, finite plan"), ("crash", "policy failed: RuntimeError")]
)
def test_a_policy_that_fails_is_internal_and_others_go_on(calls, policy, breaks, says):
    now_us = warm(calls)
    policy.breaks = breaks
    code, found = status(calls.drive, question("s", now_us))
    assert (code, says in found) == ("INTERNAL", True)
    policy.breaks = ""
    assert len(calls.drive(question("s", now_us)).trajectory.poses) == 65


def test_a_hole_in_the_egomotion_and_old_pictures_are_said(calls):
    warm(calls)
    calls.submit_egomotion_observation(egomotion("s", [at((20.0, 0, 0), 2_200_000)]))
    code, says = status(calls.drive, question("s", 2_200_000))
    assert (code, "a hole of 0.7 s" in says) == ("FAILED_PRECONDITION", True)
    calls.start_session(opening("old"))
    calls.submit_image_observation(image("old", 100_000, picture(1)))
    poses = [at((0.8 * i, 0, 0), i * STEP_US) for i in range(30)]
    calls.submit_egomotion_observation(egomotion("old", poses))
    code, says = status(calls.drive, question("old", 2_900_000))
    assert (code, "no picture of the last second" in says) == ("FAILED_PRECONDITION", True)


@pytest.mark.parametrize("noise", [{"samples": 0}, {"samples": 17}, {"temperature": -1.0}, {"temperature": np.nan}])
def test_settings_that_cannot_be_are_refused(noise):
    with pytest.raises(UsageError, match="1 to 16 samples"):
        Noise(**noise)


def test_the_verb_drops_no_option_silently():
    with pytest.raises(UsageError, match="--alpasim-port goes with no other option"):
        cli.serve("policy", alpasim_port=6789, host="0.0.0.0")


PROGRAM = """
import sys
from causeway.model.observation import ObservationSpec
from causeway.serving import alpasim_server, server
from tests.serving.test_alpasim_driver import SPEC, Swerving
server.load_policy = lambda location: (Swerving(), SPEC, location * 64)
sys.exit(alpasim_server.main())
"""


@pytest.mark.slow
def test_the_program_serves_until_it_is_told_to_stop():
    (port,) = free_ports(1)
    command = [sys.executable, "-c", PROGRAM, "--policy", "c", "--port", str(port)]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=SERVING.parents[1])
    try:
        said = next((line for line in program.stderr if "driving" in line), "")
        assert f"driving for AlpaSim with cccccccccccc on gRPC 127.0.0.1:{port}" in said
        calls = Calls(f"127.0.0.1:{port}")
        assert calls.get_version(pb.Empty()).git_hash == "c" * 64
        calls.close()
        program.terminate()
        assert program.wait(60) == 0
    finally:
        program.kill()
        program.stderr.close()


def test_a_port_that_is_taken_is_said(policy):
    (port,) = free_ports(1)
    first = start(Driver(policy, SPEC, "a" * 64), port)
    with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is in use"):
        start(Driver(policy, SPEC, "a" * 64), port)
    first.stop(None).wait()
