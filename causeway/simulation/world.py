"""The world: a stage that moves when a trajectory is given, seen through cameras, with events on record.

Knows stepping, what has happened so far and what may be observed now. Does not know who plans, how pictures are drawn,
how a rollout is scored or where a stage comes from. The first 2.0 s of a drive are the expert's, so that history is
there when a policy starts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.geometry import TICK_US
from causeway.clips.types import Camera
from causeway.errors import UsageError
from causeway.model.observation import HISTORY_POSES, Observation, ObservationSpec
from causeway.simulation import conditions as sensed
from causeway.simulation.conditions import PERFECT, Conditions
from causeway.simulation.events.events import STANDING_MPS, Events, grounds_of, judged
from causeway.simulation.expert.expert import Plan
from causeway.simulation.pictures.cameras import camera_of, check_camera, numbers_of
from causeway.simulation.pictures.raster import Renderer
from causeway.simulation.plans import carried_on, check_trajectory
from causeway.simulation.stage import LAST_TICK, WARM_UP_TICKS, Stage, Tick, built_in
from causeway.simulation.vehicle import EgoState, follow, poses_rig
from causeway.training.sample_parts import route_from

__all__ = ["LAST_TICK", "WARM_UP_TICKS", "Tick", "World", "WorldObservation", "expert_trajectory"]

DEPTH_SENSOR = camera_of("front_wide", 192, 320)  # looks out where the first camera does


@dataclass(frozen=True, eq=False)
class WorldObservation(Observation):
    """What the policy may see, and beside it the events of the tick that led here (a policy must not read those)."""

    events: Events = field(default_factory=Events)


@dataclass(frozen=True, eq=False)
class _Answer:
    """A plan that was accepted: made at a tick, followed from a tick on."""

    made: int
    due: int
    trajectory_rig: NDArray[np.float64]


_Picture = tuple[int, str, int, int, float, bytes]


class World:
    """One scene in closed loop at 10 Hz, from 2.0 s to 19.9 s of its clock.

    `scenario` is a name of `causeway.simulation.scenarios.SCENARIOS`; the same seed gives the same scene, motion and
    pictures. `conditions`: latency, noise, lost pictures. UsageError for an unknown scenario or a camera that cannot
    be rendered. `World.on` begins on any other stage (a recorded clip: `causeway.simulation.replay.replay`).
    """

    def __init__(
        self, scenario: str, seed: int, spec: ObservationSpec | None = None, conditions: Conditions = PERFECT
    ) -> None:
        self._begin(built_in(scenario, seed), spec, conditions)

    @classmethod
    def on(cls, stage: Stage, spec: ObservationSpec | None = None, conditions: Conditions = PERFECT) -> "World":
        """A world on a stage that is there already. UsageError for a camera that cannot be rendered."""
        world = cls.__new__(cls)
        world._begin(stage, spec, conditions)
        return world

    def _begin(self, stage: Stage, spec: ObservationSpec | None, conditions: Conditions) -> None:
        self.spec, self.conditions = spec or ObservationSpec(), conditions
        if not all(-math.inf < offset_s <= 0.0 for offset_s in self.spec.frame_offsets_s):
            raise UsageError(f"frame_offsets_s {self.spec.frame_offsets_s}: give 0 (now) or less (before)")
        self.cameras = _cameras(self.spec, stage.rig)
        self._rig = np.array([numbers_of(c) for c in self.cameras], dtype=np.float32).reshape(-1, 16)
        self._stage = stage
        self.scene, self.traffic, self.expert, self.shape = stage.scene, stage.traffic, stage.expert, stage.shape
        self._grounds = grounds_of(stage.scene.layout, stage.traffic, stage.scene.start_m, stage.shape)
        self._renderer = Renderer(stage.scene, stage.traffic)
        self._pictures: dict[_Picture, NDArray[np.uint8]] = {}  # by tick and lens
        self._answers: list[_Answer] = []
        self.ticks: list[Tick] = []
        self._driven = np.zeros((stage.last_tick + 2, 3))  # the poses of all ticks

    def reset(self, seed: int | None = None) -> WorldObservation:
        """Begin anew, or with another seed of the same scenario; returns the observation at 2.0 s.

        UsageError for another seed of what is no scenario of the built-in world.
        """
        if seed is not None and seed != self.scene.seed:
            if self.expert is None:
                raise UsageError(f"{self._stage.name} is a recorded drive; it has no other seeds")
            self._begin(built_in(self.scene.scenario, seed), self.spec, self.conditions)
        self._pictures.clear()
        self._answers.clear()
        self.ticks = [Tick(0, self._stage.ego, self._stage.agents, Events())]
        self._driven[0] = self._stage.ego.pose
        for tick in range(WARM_UP_TICKS):
            self._answers = [_Answer(tick, tick, self.expert_plan().trajectory_rig)]
            self._move()
        return self.observe()

    def step(self, trajectory_rig: ArrayLike, latency_s: float | None = None) -> WorldObservation:
        """Take a plan [64, 3] made for what was seen last, and go on 0.1 s; returns what is seen then, with events.

        The plan is followed from `latency_s` on (measured; default: that of the conditions), to a tick; until then
        the world moves on under the last plan that is due, at first the expert's. PolicyFault (nothing moves) for a
        plan of another shape, with NaN, or that jumps; UsageError before `reset`, after the end and for a latency that
        cannot be.
        """
        if self.now.events.done:
            raise UsageError(f"{self._stage.name}: the drive has ended; call reset")
        where = f"{self._stage.name} at {self.now.t_us / 1e6:.1f} s"
        plan = check_trajectory(trajectory_rig, self.now.ego.speed_mps, where)
        late_s = (self.conditions if latency_s is None else replace(self.conditions, latency_s=latency_s)).latency_s
        made = len(self.ticks) - 1
        self._answers.append(_Answer(made, made + round(late_s * 1e6 / TICK_US), plan))
        self._move()
        return self.observe()

    @property
    def now(self) -> Tick:
        """The latest tick. UsageError before `reset`."""
        if not self.ticks:
            raise UsageError(f"{self._stage.name}: the drive has not begun; call reset first")
        return self.ticks[-1]

    def expert_plan(self) -> Plan:
        """What the expert would do now; kept on record for the truth of this tick."""
        now = self.now
        plan = self._stage.plan(self.ticks)
        self.ticks[-1] = replace(now, plan=plan)
        return plan

    def _move(self) -> None:
        before, stage = self.now, self._stage
        ego = follow(before.ego, self._plan_in_force())
        agents = stage.others(before.agents, before.ego, before.t_us)
        t_us, last = before.t_us + TICK_US, len(self.ticks) >= stage.last_tick
        happened = judged(self._grounds, before.ego, ego, agents, t_us, last, self._stood)
        self._driven[len(self.ticks)] = ego.x_m, ego.y_m, ego.yaw_rad
        self.ticks.append(Tick(t_us, ego, agents, happened))

    def _stood(self) -> EgoState | None:
        """The ego where it stood last."""
        egos = (tick.ego for tick in reversed(self.ticks))
        return next((ego for ego in egos if ego.speed_mps <= STANDING_MPS), None)

    def _plan_in_force(self) -> NDArray[np.float64]:
        """The youngest plan that is due, as it lies in the rig frame now; older ones are forgotten."""
        tick = len(self.ticks) - 1
        while len(self._answers) > 1 and any(answer.due <= tick for answer in self._answers[1:]):
            del self._answers[0]
        answer = self._answers[0]
        if answer.made == tick:
            return answer.trajectory_rig
        then = self.ticks[answer.made].ego.pose
        return carried_on(answer.trajectory_rig, then, self.now.ego.pose, tick - answer.made)

    def observe(self) -> WorldObservation:
        """What may be seen now."""
        now, last = self.now, len(self.ticks) - 1
        frames = [self._frames(camera) for camera in range(len(self.cameras))]
        shape = (len(self.cameras), len(self.spec.frame_offsets_s))
        images = np.empty((*shape, self.spec.height, self.spec.width, 3), dtype=np.uint8)
        for camera, ticks in enumerate(frames):
            for i, tick in enumerate(ticks):
                images[camera, i] = self._seen(camera, tick)
        _, _, speed_noise_mps = sensed.motion_noise(self.conditions, self.scene.seed, last)
        return WorldObservation(
            images=images,
            frame_t_us=np.array(frames, dtype=np.int64).reshape(shape) * TICK_US,
            cameras=self.spec.cameras,
            rig=self._rig,
            ego_history=self._history_rig(),
            speed_mps=max(now.ego.speed_mps + speed_noise_mps, 0.0),
            t0_us=now.t_us,
            route=self._route_rig(),
            rig_id=self.spec.rig_id or self._stage.rig_id,
            points=self._points_rig(),
            events=now.events,
        )

    def _route_rig(self) -> NDArray[np.float32] | None:
        """The way to go as far as `spec` asks for it; None where no route is known."""
        if self.spec.route_points < 1 or len(self._stage.route_xy) < 2:
            return None
        return route_from(self.now.ego.pose, self._stage.route_xy, self.spec.route_points)

    def _points_rig(self) -> NDArray[np.float32] | None:
        """What the depth sensor sees now, as many points as `spec` asks for; None where it asks for none."""
        if self.spec.points < 1:
            return None
        seen = self.points(len(self.ticks) - 1)
        return seen[:: max(1, -(-len(seen) // self.spec.points))].astype(np.float32)

    def _history_rig(self) -> NDArray[np.float32]:
        """The last 1.5 s as measured, [16, 3] in the rig frame now."""
        first = max(len(self.ticks) - HISTORY_POSES, 0)
        poses = self._driven[first : len(self.ticks)]
        if self.conditions.position_noise_m:
            poses = poses.copy()
            for row in range(len(poses) - 1):
                poses[row, :2] += sensed.motion_noise(self.conditions, self.scene.seed, first + row)[:2]
        return poses_rig(poses)

    def _frames(self, camera: int) -> list[int]:
        """The ticks of the pictures that a camera gives now; before the drive and for lost ones, those before."""
        last, ticks = len(self.ticks) - 1, []
        for offset_s in self.spec.frame_offsets_s:
            tick = max(last + round(offset_s * 1e6 / TICK_US), 0)
            while sensed.lost(self.conditions, self.scene.seed, camera, tick):
                tick -= 1
            ticks.append(tick)
        return ticks

    def _seen(self, camera: int, tick: int) -> NDArray[np.uint8]:
        """The picture of a camera by its number, as the sensor gives it."""
        clean = self.picture(self.cameras[camera], tick)
        return sensed.noisy_picture(clean, self.conditions, self.scene.seed, camera, tick)

    def picture(self, camera: Camera, tick: int) -> NDArray[np.uint8]:
        """The picture [height, width, 3] of a camera at a tick that has been, without noise, not to be written to.

        UsageError for a tick that has not been.
        """
        if not 0 <= tick < len(self.ticks):
            raise UsageError(f"{self._stage.name}: no tick {tick} yet; there are {len(self.ticks)}")
        key = (tick, camera.name, camera.width, camera.height, camera.fx, camera.rig_from_camera.tobytes())
        if key not in self._pictures:
            for old in [k for k in self._pictures if k[0] < tick - WARM_UP_TICKS]:
                del self._pictures[old]
            then = self.ticks[tick]
            drawn = self._renderer.picture(camera, then.ego.pose, then.agents, then.t_us)
            drawn.flags.writeable = False
            self._pictures[key] = drawn
        return self._pictures[key]

    def points(self, tick: int) -> NDArray[np.float64]:
        """What the depth sensor saw at a tick that has been, [n, 3] metres in the rig frame of that tick."""
        then = self.ticks[tick]
        return self._renderer.points(DEPTH_SENSOR, then.ego.pose, then.agents, then.t_us)

    def forget_pictures(self) -> None:
        """Free the memory of pictures that were drawn; they are drawn again when they are asked for."""
        self._pictures.clear()

    @property
    def history(self) -> dict[str, NDArray]:
        """Per tick from 0.0 s on, arrays [n]: t_us, x_m, y_m, yaw_rad, speed_mps, accel_mps2, curvature_per_m, the
        fields of `Events`, and `by_policy` (False in the expert's first 2.0 s).
        """
        columns: dict[str, list] = {"t_us": [tick.t_us for tick in self.ticks]}
        for name in ("x_m", "y_m", "yaw_rad", "speed_mps", "accel_mps2", "curvature_per_m"):
            columns[name] = [getattr(tick.ego, name) for tick in self.ticks]
        for name in Events.__dataclass_fields__:
            columns[name] = [getattr(tick.events, name) for tick in self.ticks]
        columns["by_policy"] = [i > WARM_UP_TICKS for i in range(len(self.ticks))]
        return {name: np.array(values) for name, values in columns.items()}


def _cameras(spec: ObservationSpec, rig: Mapping[str, Camera]) -> tuple[Camera, ...]:
    """The cameras of a rig where it has them, at the size asked for, else the world's own of that name."""
    size = (spec.height, spec.width)
    return tuple(_at_size(rig[name], *size) if name in rig else camera_of(name, *size) for name in spec.cameras)


def _at_size(camera: Camera, height: int, width: int) -> Camera:
    across, down = width / camera.width, height / camera.height
    sized = replace(camera, width=width, height=height, fx=camera.fx * across, fy=camera.fy * down)
    return check_camera(replace(sized, cx=camera.cx * across, cy=camera.cy * down))


def expert_trajectory(world: World) -> NDArray[np.float64]:
    """The expert's plan [64, 3] in the rig frame now: the upper baseline, and what drives exported scenes."""
    return world.expert_plan().trajectory_rig
