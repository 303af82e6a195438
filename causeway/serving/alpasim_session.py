"""One simulated drive as its driver has been told of it, and what a policy may see of it at a time.

Knows pictures, ego poses and the route of one AlpaSim session, and which of them belong to a moment: nothing later than
it. Does not know gRPC, other sessions or policies. The recording's ground truth never comes here.
"""

from __future__ import annotations

import bisect
import io
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from causeway.clips.geometry import TICK_US, from_frame, multiply, quaternion_from_yaw, to_frame
from causeway.errors import CausewayError, UnusableInput
from causeway.model.observation import HISTORY_POSES, Observation, ObservationSpec
from causeway.serving.alpasim_frames import EgoPose
from causeway.serving.pictures import check_sizes, from_raw
from causeway.serving.tensors import InvalidRequest
from causeway.training.sample_parts import chosen_cameras, rig_numbers, route_from

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

KEPT_US = 2_500_000  # poses and pictures of so long are kept: a second more than a history
GAP_US = 500_000  # poses farther apart say nothing of what was between
AGE_US = 1_000_000  # a camera whose last picture is older is taken for lost, as in samples
ROUTE_POINTS = 20


class NotYet(CausewayError):
    """What the call needs has not been told yet; the session goes on."""


@dataclass(eq=False)
class Session:
    """`plays`: the logical id of each camera that is used, and which camera of the policy it plays."""

    seed: int
    spec: ObservationSpec
    known: frozenset[str]  # logical ids of all cameras of the vehicle
    plays: dict[str, str]
    rig: dict[str, NDArray[np.float32]]  # of each camera that is played, [16]
    lock: threading.Lock = field(default_factory=threading.Lock)
    poses: list[EgoPose] = field(default_factory=list)
    frames: dict[str, list[tuple[int, Picture]]] = field(default_factory=dict)
    told_route: tuple[int, Array] | None = None  # [n, 2] in the rig frame of its time, until that is known in `local`
    route: Array | None = None  # [n, 2] in `local`
    driven_us: int = 0

    def add_picture(self, logical_id: str, start_us: int, end_us: int, content: bytes) -> None:
        """A camera's picture, whose exposure was from `start_us` to `end_us`. UnusableInput when it cannot be used."""
        if logical_id not in self.known:
            raise UnusableInput(f"camera {logical_id!r} is none of the session's: {', '.join(sorted(self.known))}")
        if start_us > end_us:
            raise UnusableInput(f"camera {logical_id}: exposure from {start_us} to {end_us} us ends before it begins")
        if logical_id not in self.plays:
            return
        frames = self.frames.setdefault(self.plays[logical_id], [])
        _in_order(f"camera {logical_id}", [t_us for t_us, _ in frames], end_us)
        picture = decoded(content, self.spec.height, self.spec.width, f"camera {logical_id} at {end_us} us")
        frames[:] = [*(f for f in frames if end_us - KEPT_US < f[0] < end_us), (end_us, picture)]

    def add_poses(self, poses: Sequence[EgoPose]) -> None:
        """Poses in the order of time; one at the time of the latest takes its place. UnusableInput for earlier ones."""
        kept = list(self.poses)
        for pose in poses:
            _in_order("egomotion", [p.t_us for p in kept[-1:]], pose.t_us)
            if kept and kept[-1].t_us == pose.t_us:
                kept.pop()
            kept.append(pose)
        self.poses = [p for p in kept if p.t_us > kept[-1].t_us - KEPT_US]
        self._place_route()

    def add_route(self, t_us: int, points: Array) -> None:
        """The way to go [n, 2], in the rig frame of a time; it counts from when the pose of that time is there."""
        self.told_route = (t_us, points)
        self._place_route()

    def _place_route(self) -> None:
        """Put the route that was told into `local`, by the pose of its time, as soon as there is one."""
        if self.told_route is None:
            return
        t_us, points = self.told_route
        near = min(self.poses, key=lambda pose: abs(pose.t_us - t_us), default=None)
        if near is not None and abs(near.t_us - t_us) < TICK_US and t_us <= self.poses[-1].t_us:
            there = np.column_stack([points, np.zeros(len(points))])
            self.route = from_frame(there, [*near.xyz_m[:2], near.yaw_rad])[:, :2]
            self.told_route = None

    def check_drive(self, now_us: int, query_us: int) -> None:
        """UnusableInput for a plan asked for at times that go backwards."""
        if now_us < self.driven_us:
            raise UnusableInput(f"drive: time_now {now_us} us is before the last drive's, {self.driven_us} us")
        if query_us < now_us:
            raise UnusableInput(f"drive: time_query {query_us} us is before time_now {now_us} us")

    def pose_at(self, now_us: int) -> EgoPose:
        """The rig's pose at a time: as told, or carried on from at most 0.1 s before. NotYet without any."""
        told = [pose for pose in self.poses if pose.t_us <= now_us]
        if not told or now_us - told[-1].t_us > TICK_US:
            raise NotYet(f"no egomotion of the 0.1 s up to {now_us} us; submit it before")
        last = told[-1]
        if last.t_us == now_us:
            return last
        seconds, turn = (now_us - last.t_us) / 1e6, last.yaw_rate_radps or 0.0
        step = np.array([_speed_mps(told) * seconds, 0.0, turn * seconds])
        x, y, _ = from_frame(step, [*last.xyz_m[:2], last.yaw_rad]).tolist()
        wxyz = multiply(quaternion_from_yaw(turn * seconds), last.wxyz)
        return EgoPose(now_us, np.array([x, y, last.xyz_m[2]]), wxyz, last.speed_mps, last.yaw_rate_radps)

    def observation(self, now_us: int) -> Observation | None:
        """What a policy may see; None while the session warms up: before 1.5 s of poses and a first picture are there.

        Of each camera the latest pictures up to the wanted times, before its first one that one. A camera without a
        picture, or without one in the last second, is left out. NotYet where egomotion has a hole or all pictures are
        old.
        """
        now = self.pose_at(now_us)
        told = [*(pose for pose in self.poses if pose.t_us < now_us), now]
        if told[0].t_us > now_us - (HISTORY_POSES - 1) * TICK_US:
            return None
        seen = {name: [f for f in frames if f[0] <= now_us] for name, frames in self.frames.items()}
        if not any(seen.values()):
            return None
        fresh = {name: frames for name, frames in seen.items() if frames and now_us - frames[-1][0] <= AGE_US}
        names = tuple(name for name in self.spec.cameras if name in fresh)
        if not names:
            raise NotYet(f"no picture of the last second at {now_us} us; submit pictures before a drive")
        chosen = [[_latest(fresh[n], now_us + round(s * 1e6)) for s in self.spec.frame_offsets_s] for n in names]
        return Observation(
            images=np.stack([np.stack([picture for _, picture in frames]) for frames in chosen]),
            frame_t_us=np.array([[t_us for t_us, _ in frames] for frames in chosen], dtype=np.int64),
            cameras=names,
            rig=np.stack([self.rig[name] for name in names]),
            ego_history=_history_rig(told, now),
            speed_mps=_speed_mps(told),
            t0_us=now_us,
            route=self._route_rig(now),
        )

    def _route_rig(self, now: EgoPose) -> NDArray[np.float32] | None:
        """The way to go from now on, every 4 m. NotYet for a route of a time whose pose never came."""
        if self.told_route is not None and self.told_route[0] < now.t_us - TICK_US:
            raise NotYet(f"no egomotion within 0.1 s of the route of {self.told_route[0]} us; submit the route again")
        if self.route is None or len(self.route) < 2:
            return None
        return route_from(np.array([*now.xyz_m[:2], now.yaw_rad]), self.route, ROUTE_POINTS)


def untold(policy: Any) -> str:
    """What a policy reads and AlpaSim tells no driver of, in words: 3D points, which of several rigs it is; or ""."""
    config = getattr(policy, "config", None)
    rigs, points = getattr(config, "rigs", ()), getattr(config, "point_blocks", ())
    whose = [f"the name of the rig ({', '.join(rigs)})"] if len(rigs) > 1 else []  # the only one need not be named
    return " and ".join([*whose, *(["3D points"] if points else [])])


def session_of(rows: dict[str, dict], seed: int, spec: ObservationSpec) -> Session:
    """A session with cameras (rows of a rig by logical id) that play those of a policy as in samples.

    UnusableInput when none of them can play any.
    """
    chosen = chosen_cameras(list(rows.values()), spec.cameras)
    if not chosen:
        have = ", ".join(sorted(rows)) or "none"
        raise UnusableInput(f"available_cameras: {have}; the policy knows {', '.join(spec.cameras)}")
    logical = {row["camera"]: logical_id for logical_id, row in rows.items()}
    return Session(
        seed=seed,
        spec=spec,
        known=frozenset(rows),
        plays={logical[row["camera"]]: name for name, row in chosen.items()},
        rig={name: rig_numbers(row, row["width"], row["height"]) for name, row in chosen.items()},
    )


def decoded(content: bytes, height: int, width: int, what: str) -> Picture:
    """A JPEG or PNG as RGB [height, width, 3]; UnusableInput for anything else, damaged or too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_sizes` is stricter
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
                check_sizes([(image.height, image.width)])
                array = np.asarray(image.convert("RGB"))
    except InvalidRequest as error:
        raise UnusableInput(f"{what}: {error}") from error
    except Exception as error:  # Pillow raises many kinds of errors on damaged bytes: all of them mean the same here
        raise UnusableInput(f"{what}: {len(content)} bytes are no whole JPEG or PNG") from error
    return from_raw(array[None], height, width)[0]


def _in_order(what: str, times_us: Sequence[int], t_us: int) -> None:
    if times_us and t_us < times_us[-1]:
        raise UnusableInput(f"{what}: {t_us} us comes after {times_us[-1]} us; times must not go backwards")


def _latest(frames: Sequence[tuple[int, Picture]], until_us: int) -> tuple[int, Picture]:
    """The last frame up to a time; before the first one, that one."""
    place = bisect.bisect_right([t_us for t_us, _ in frames], until_us)
    return frames[max(place - 1, 0)]


def _history_rig(told: Sequence[EgoPose], now: EgoPose) -> NDArray[np.float32]:
    """The last 1.5 s [16, 3] in the rig frame now, straight between the poses that were told. NotYet for a hole."""
    first_us = now.t_us - (HISTORY_POSES - 1) * TICK_US
    t_us = np.array([pose.t_us for pose in told], dtype=np.int64)
    first = max(int(np.searchsorted(t_us, first_us, "right")) - 1, 0)
    gaps = np.diff(t_us[first:])
    if len(gaps) and gaps.max() > GAP_US:
        raise NotYet(f"egomotion has a hole of {gaps.max() / 1e6:.1f} s before {now.t_us} us")
    x, y = (np.array([pose.xyz_m[axis] for pose in told]) for axis in (0, 1))
    yaw = np.unwrap([pose.yaw_rad for pose in told])
    wanted = first_us + np.arange(HISTORY_POSES) * TICK_US
    since = (t_us - now.t_us).astype(np.float64)
    poses = np.stack([np.interp((wanted - now.t_us).astype(np.float64), since, v) for v in (x, y, yaw)], axis=-1)
    return to_frame(poses, poses[-1]).astype(np.float32)


def _speed_mps(told: Sequence[EgoPose]) -> float:
    """Along the rig's x axis: as told, else from the last two poses, else 0."""
    last = told[-1]
    if last.speed_mps is not None:
        return last.speed_mps
    if len(told) < 2:
        return 0.0
    before = told[-2]
    moved = to_frame([*last.xyz_m[:2], last.yaw_rad], [*before.xyz_m[:2], before.yaw_rad])
    return float(moved[0] / ((last.t_us - before.t_us) / 1e6))
