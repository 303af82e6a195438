"""AlpaSim's driver: many sessions on one policy, each told of its own drive and asked for plans.

Knows the eight calls, whose session is whose, and which status a refusal has. Does not know ports (`alpasim_server`) or
what belongs to a moment (`alpasim_session`). The policy is asked about one session at a time: an answer is a function
of what its own session was told and of its seed, whoever else is driving.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from causeway import __version__
from causeway.errors import CausewayError, UnusableInput, UsageError
from causeway.model.observation import HORIZON_STEPS, Observation, ObservationSpec
from causeway.model.prediction import Prediction
from causeway.serving import alpasim_pb2 as pb
from causeway.serving.alpasim_frames import camera_row, ego_poses, plan_message, time_us, waypoints_rig
from causeway.serving.alpasim_session import NotYet, Session, session_of, untold
from causeway.serving.answering import Predicts

SERVICE = "egodriver.EgodriverService"
API = (0, 54, 0)  # the version of AlpaSim's interface that this restates
MOST_SESSIONS = 64
IDLE_S = 1800.0  # a session that nobody spoke of for so long gives its place to a new one

_LOG = logging.getLogger("causeway.serving")
_CODES = grpc.StatusCode


@dataclass(frozen=True)
class Noise:
    """How the policy is asked. `samples`: plans for each question, the first is driven, all are reported."""

    samples: int = 1
    temperature: float = 0.6

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 16 or not 0.0 <= self.temperature <= 10.0:
            raise UsageError(f"{self}: 1 to 16 samples at a temperature of 0 to 10")


class Refusal(CausewayError):
    """A call that is refused, with its gRPC status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(eq=False)
class _Place:
    session: Session
    used_s: float = field(default_factory=time.monotonic)


class Driver:
    """The service: one method for each call, which takes its message and returns one; Refusal with a status else."""

    def __init__(self, policy: Predicts, spec: ObservationSpec, version: str, noise: Noise | None = None) -> None:
        self._policy, self._spec, self._version, self._noise = policy, spec, version, noise or Noise()
        self._untold = untold(policy)
        self._places: dict[str, _Place] = {}
        self._places_lock, self._policy_lock = threading.Lock(), threading.Lock()

    def start_session(self, request: pb.DriveSessionRequest) -> pb.SessionRequestStatus:
        """Open a session. ALREADY_EXISTS for an id that is open, RESOURCE_EXHAUSTED when no place is free.

        FAILED_PRECONDITION for a policy that reads what AlpaSim does not tell: no session of it could be answered.
        """
        if self._untold:
            why = f"this policy reads {self._untold}, of which AlpaSim tells nothing; drive with one that does not"
            raise Refusal(_CODES.FAILED_PRECONDITION, why)
        name = request.session_uuid
        if not name:
            raise Refusal(_CODES.INVALID_ARGUMENT, "session_uuid is empty")
        rows = {}
        for camera in request.rollout_spec.vehicle.available_cameras:
            if camera.logical_id in rows:
                raise UnusableInput(f"available_cameras: {camera.logical_id} is there twice")
            rows[camera.logical_id] = camera_row(camera)
        session = session_of(rows, request.random_seed, self._spec)
        with self._places_lock:
            if name in self._places:
                raise Refusal(_CODES.ALREADY_EXISTS, f"session {name} is open already; close it first")
            self._make_room()
            self._places[name] = _Place(session)
        return pb.SessionRequestStatus()

    def _make_room(self) -> None:
        if len(self._places) < MOST_SESSIONS:
            return
        idle = min(self._places, key=lambda name: self._places[name].used_s)
        if time.monotonic() - self._places[idle].used_s < IDLE_S:
            raise Refusal(_CODES.RESOURCE_EXHAUSTED, f"{MOST_SESSIONS} sessions are open; close one first")
        _LOG.warning("session %s was left open and gives its place to another", idle)
        del self._places[idle]

    def close_session(self, request: pb.DriveSessionCloseRequest) -> pb.Empty:
        """Forget a session."""
        self._session(request.session_uuid)
        with self._places_lock:
            self._places.pop(request.session_uuid, None)
        return pb.Empty()

    def submit_image_observation(self, request: pb.RolloutCameraImage) -> pb.Empty:
        """A picture."""
        session, image = self._session(request.session_uuid), request.camera_image
        start, end = (time_us(t, "camera_image") for t in (image.frame_start_us, image.frame_end_us))
        with session.lock:
            session.add_picture(image.logical_id, start, end, image.image_bytes)
        return pb.Empty()

    def submit_egomotion_observation(self, request: pb.RolloutEgoTrajectory) -> pb.Empty:
        """Where the vehicle is said to be."""
        session, poses = self._session(request.session_uuid), ego_poses(request)
        with session.lock:
            session.add_poses(poses)
        return pb.Empty()

    def submit_route(self, request: pb.RouteRequest) -> pb.Empty:
        """The way to go; the latest one counts."""
        session, route = self._session(request.session_uuid), request.route
        told = time_us(route.timestamp_us, "route"), waypoints_rig(route)
        with session.lock:
            session.add_route(*told)
        return pb.Empty()

    def submit_recording_ground_truth(self, request: pb.GroundTruthRequest) -> pb.Empty:
        """Taken and thrown away: a policy is never shown what was driven."""
        self._session(request.session_uuid)
        return pb.Empty()

    def drive(self, request: pb.DriveRequest) -> pb.DriveResponse:
        """The plan from now on; an empty one while the session warms up."""
        session = self._session(request.session_uuid)
        now_us, query_us = (time_us(t, "drive") for t in (request.time_now_us, request.time_query_us))
        with session.lock:
            session.check_drive(now_us, query_us)
            seen, now = session.observation(now_us), session.pose_at(now_us)
            session.driven_us = now_us
        if seen is None:
            return pb.DriveResponse(debug_info=_debug({"warming_up": "1.5 s of egomotion and a first picture"}))
        answer = self._ask(seen, session.seed)
        plans = [plan_message(path, now) for path in answer.trajectory_rig[0]]
        words = {"reasoning_text": answer.reasoning[0][0], "decision": list(answer.decision[0][0])}
        debug = _debug(words | {"timing_ms": {k: round(float(v), 3) for k, v in answer.timing_ms.items()}})
        debug.sampled_trajectories.extend(plans)
        return pb.DriveResponse(trajectory=plans[0], debug_info=debug)

    def get_version(self, request: pb.Empty) -> pb.VersionId:
        """Ours, the policy's content hash, and the interface's."""
        api = pb.VersionId.ApiVersion(major=API[0], minor=API[1], patch=API[2])
        return pb.VersionId(version_id=f"causeway-{__version__}", git_hash=self._version, grpc_api_version=api)

    def _session(self, name: str) -> Session:
        with self._places_lock:
            place = self._places.get(name)
            if place is None:
                raise Refusal(_CODES.NOT_FOUND, f"session {name[:64]!r} is not open; start it first")
            place.used_s = time.monotonic()
            return place.session

    def _ask(self, seen: Observation, seed: int) -> Prediction:
        samples = self._noise.samples
        with self._policy_lock:
            try:
                answer = self._policy.predict([seen], samples, seed, temperature=self._noise.temperature)
            except UnusableInput:
                raise
            except Exception as error:
                _LOG.exception("policy failed")
                raise Refusal(_CODES.INTERNAL, f"the policy failed: {type(error).__name__}") from error
        shape = (1, samples, HORIZON_STEPS, 3)
        if np.shape(answer.trajectory_rig) != shape or not np.isfinite(answer.trajectory_rig).all():
            raise Refusal(_CODES.INTERNAL, f"the policy answered with no whole, finite plan {list(shape)}")
        return answer


def _debug(said: dict[str, Any]) -> pb.DriveResponse.DebugInfo:
    """What is said beside a plan, as JSON: never a pickle."""
    return pb.DriveResponse.DebugInfo(unstructured_debug_info=json.dumps(said).encode())


CALLS: dict[str, Any] = {
    "start_session": pb.DriveSessionRequest,
    "close_session": pb.DriveSessionCloseRequest,
    "submit_image_observation": pb.RolloutCameraImage,
    "submit_egomotion_observation": pb.RolloutEgoTrajectory,
    "submit_route": pb.RouteRequest,
    "submit_recording_ground_truth": pb.GroundTruthRequest,
    "drive": pb.DriveRequest,
    "get_version": pb.Empty,
}


def handlers_of(driver: Driver) -> grpc.GenericRpcHandler:
    """The service for a gRPC server. Refusals become their status; whatever else goes wrong is INTERNAL and logged."""
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(
            _guarded(getattr(driver, name)),
            request_deserializer=message.FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )
        for name, message in CALLS.items()
    }
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def _guarded(call: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(request)
        except Refusal as refusal:
            code, says = refusal.code, str(refusal)
        except NotYet as early:
            code, says = _CODES.FAILED_PRECONDITION, str(early)
        except UnusableInput as error:
            code, says = _CODES.INVALID_ARGUMENT, str(error)
        except Exception as error:
            _LOG.exception("%s failed", call.__name__)
            code, says = _CODES.INTERNAL, f"{call.__name__} failed: {type(error).__name__}"
        return context.abort(code, says)

    return answer
