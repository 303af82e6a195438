"""The built-in world: a scene that moves when a trajectory is given, seen through cameras, with events on record.

Knows stepping, what has happened so far and what may be observed now. Does not know who plans, how pictures are drawn
or how a rollout is scored. The first 2.0 s of a drive are the expert's, so that history is there when a policy starts.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.geometry import TICK_US, to_frame
from causeway.clips.types import Camera
from causeway.errors import UsageError
from causeway.model.observation import HISTORY_POSES, Observation, ObservationSpec
from causeway.simulation import events, expert
from causeway.simulation.agents import AgentStates, advance_agents, traffic_of
from causeway.simulation.cameras import cameras_of, numbers_of
from causeway.simulation.events import Events
from causeway.simulation.expert import Plan
from causeway.simulation.plans import check_trajectory
from causeway.simulation.raster import Renderer
from causeway.simulation.scenarios import build_scene
from causeway.simulation.scene import DURATION_US
from causeway.simulation.vehicle import EGO, EgoState, advance, track

WARM_UP_TICKS = 20
LAST_TICK = DURATION_US // TICK_US - 1


@dataclass(frozen=True, eq=False)
class WorldObservation(Observation):
    """What the policy may see, and beside it the events of the tick that led here (a policy must not read those)."""

    events: Events = field(default_factory=Events)


@dataclass(frozen=True, eq=False)
class Tick:
    """One moment of the world. `plan` is what the expert wanted at this moment, where it was asked."""

    t_us: int
    ego: EgoState
    agents: AgentStates
    events: Events
    plan: Plan | None = None


class World:
    """One scene in closed loop at 10 Hz, from 2.0 s to 19.9 s of its clock.

    `scenario` is a name of `causeway.simulation.scenarios.SCENARIOS`; the same seed gives the same scene, motion and
    pictures. UsageError for an unknown scenario or camera.
    """

    def __init__(self, scenario: str, seed: int, spec: ObservationSpec | None = None) -> None:
        self.spec = spec or ObservationSpec()
        self.cameras: tuple[Camera, ...] = cameras_of(self.spec.cameras, self.spec.height, self.spec.width)
        self.scene = build_scene(scenario, seed)
        layout = self.scene.layout
        self.traffic = traffic_of(self.scene.agents, layout.routes, layout.stops)
        self.expert = expert.expert_for(self.scene, self.traffic)
        self._renderer = Renderer(self.scene, self.traffic)
        self._pictures: dict[tuple[str, int], NDArray[np.uint8]] = {}
        self.ticks: list[Tick] = []

    def reset(self) -> WorldObservation:
        """Begin anew; returns the observation at 2.0 s."""
        x, y, yaw = self.scene.layout.routes["ego"].pose_at(self.scene.start_m)
        ego = EgoState(float(x), float(y), float(yaw), self.scene.start_mps)
        self._pictures.clear()
        self.ticks = [Tick(0, ego, self.traffic.start(), Events())]
        for _ in range(WARM_UP_TICKS):
            self._move(self.expert_plan().trajectory_rig)
        return self.observe()

    def step(self, trajectory_rig: ArrayLike) -> WorldObservation:
        """Follow a plan [64, 3] for 0.1 s; returns what is seen then, with the events of the tick.

        PolicyFault (nothing moves) for a plan of another shape, with NaN, or that jumps; UsageError before `reset` and
        after the end.
        """
        if not self.ticks:
            raise UsageError("world.step came before world.reset")
        if self.now.events.done:
            raise UsageError(f"{self.scene.scenario} {self.scene.seed}: the drive has ended; call reset")
        where = f"{self.scene.scenario} {self.scene.seed} at {self.now.t_us / 1e6:.1f} s"
        self._move(check_trajectory(trajectory_rig, self.now.ego.speed_mps, where))
        return self.observe()

    @property
    def now(self) -> Tick:
        """The latest tick."""
        return self.ticks[-1]

    def expert_plan(self) -> Plan:
        """What the expert would do now; kept on record for the truth of this tick."""
        delay = round(self.scene.driver.reaction_s * 1e6 / TICK_US)
        seen = self.ticks[max(len(self.ticks) - 1 - delay, 0)]
        plan = expert.plan(self.expert, self.now.ego, seen.agents, seen.t_us, self.now.t_us)
        self.ticks[-1] = replace(self.now, plan=plan)
        return plan

    def _move(self, trajectory_rig: NDArray[np.float64]) -> None:
        before = self.now
        ego = advance(before.ego, *track(before.ego, trajectory_rig))
        road = self.scene.layout.road
        agents = advance_agents(self.traffic, road, before.agents, before.ego.box, before.ego.speed_mps, before.t_us)
        t_us = before.t_us + TICK_US
        self.ticks.append(Tick(t_us, ego, agents, self._events(before, ego, agents, t_us)))

    def _events(self, before: Tick, ego: EgoState, agents: AgentStates, t_us: int) -> Events:
        layout = self.scene.layout
        touched, at_fault, distance_m = events.contact(ego, self.traffic, agents)
        centre = layout.routes["ego"].project(ego.box[:2])
        half_lane_m = layout.road.lanes[0].width_m / 2
        return Events(
            collision=touched,
            collision_at_fault=at_fault,
            off_road=events.left_road(layout, ego),
            lane_departure=bool(abs(centre[1]) > half_lane_m),
            red_light_run=events.red_light_run(layout, before.ego, ego, t_us),
            progress_m=float(centre[0]) - self.scene.start_m - EGO.rear_axle_to_centre_m,
            min_distance_m=distance_m,
            done=bool(touched) or t_us >= LAST_TICK * TICK_US,
        )

    def observe(self) -> WorldObservation:
        """What may be seen now."""
        now, last = self.now, len(self.ticks) - 1
        at = [max(last + round(s * 1e6 / TICK_US), 0) for s in self.spec.frame_offsets_s]  # before the drive: its first
        poses = np.stack([tick.ego.pose for tick in self.ticks[-HISTORY_POSES:]])
        pictures = [[self.picture(camera, tick) for tick in at] for camera in self.cameras]
        shape = (len(self.cameras), len(at), self.spec.height, self.spec.width, 3)
        return WorldObservation(
            images=np.array(pictures, dtype=np.uint8).reshape(shape),
            frame_t_us=np.tile([self.ticks[i].t_us for i in at], (len(self.cameras), 1)).astype(np.int64),
            cameras=self.spec.cameras,
            rig=np.array([numbers_of(c) for c in self.cameras], dtype=np.float32).reshape(-1, 16),
            ego_history=to_frame(poses, now.ego.pose).astype(np.float32),
            speed_mps=now.ego.speed_mps,
            t0_us=now.t_us,
            events=now.events,
        )

    def picture(self, camera: Camera, tick: int) -> NDArray[np.uint8]:
        """The picture [height, width, 3] of a camera at a tick that has been."""
        key = (camera.name, tick)
        if key not in self._pictures:
            for old in [k for k in self._pictures if k[1] < tick - WARM_UP_TICKS]:
                del self._pictures[old]
            then = self.ticks[tick]
            self._pictures[key] = self._renderer.picture(camera, then.ego.pose, then.agents, then.t_us)
        return self._pictures[key]

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


def expert_trajectory(world: World) -> NDArray[np.float64]:
    """The expert's plan [64, 3] in the rig frame now: the upper baseline, and what drives exported scenes."""
    return world.expert_plan().trajectory_rig
