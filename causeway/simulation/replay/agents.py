"""The other road users of a recorded clip: as recorded, or each on its recorded way but minding who is ahead.

Knows track rows of a clip and the car-following law. Does not know maps, lights or pictures. Whoever is not on record
at a tick stands far away from everything.

Those who react keep to their recorded way and hold to the place and speed that the record has for the time. Where
whoever is in their way, the ego included, leaves them less room than on record, they brake: by as much as the
interaction term of the car-following law (`agents`) answers less now than it does to the record of the same time. So
nobody reacts to what did happen, though people drive closer than the law would have them. Whatever the record, they
brake as hard as it takes not to run into somebody, once it takes more than 1.5 m/s².
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US
from causeway.simulation.compiled import compiled
from causeway.simulation.events.footing import Strips, strips_of
from causeway.simulation.replay.road import way_of
from causeway.simulation.roads import path_kernel
from causeway.simulation.traffic.agents import IDM_ACCEL, IDM_BRAKE, IDM_GAP_M, IDM_HEADWAY_S, Agent, AgentStates
from causeway.simulation.vehicle import EgoState, VehicleShape

Array = NDArray[np.float64]

FAR_AWAY_M = 50_000.0
MOVES_MPS, MOVES_M = 0.5, 1.0  # who never does more than this stands
BACK_TICKS = 5  # accelerations look back half a second, as a brake light may not know the future
HARDEST_MPS2 = 8.0
ON_SPEED_PER_S, ON_PLACE_PER_S2 = 2.0, 1.0
AVOIDS_MPS2, STANDS_OFF_M = 1.5, 0.5
ROOM_M = 0.1  # beside each other with less than this they are in each other's way
BEYOND_M, MINDS_M = 60.0, 60.0
HEIGHT_M, UNKNOWN_M = 1.6, 1.0  # of whom nobody measured
COLOURS = ((176, 178, 182), (60, 62, 68), (232, 232, 230), (38, 66, 118), (120, 34, 40), (64, 92, 74))


@dataclass(frozen=True, eq=False)
class Log:
    """Recorded agents: poses [ticks, n, 3], speed along the heading and acceleration [ticks, n]; from `first` to
    `last` [n] they are on record, elsewhere far away and still."""

    agents: tuple[Agent, ...]
    poses: Array
    speed_mps: Array
    accel_mps2: Array
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def states(self, tick: int) -> AgentStates:
        """All agents as recorded at a tick."""
        return _states(self.poses[tick], self.speed_mps[tick], self.accel_mps2[tick], np.zeros(len(self.agents)))


def log_of(rows: pa.Table, start_us: int, ticks: int) -> Log:
    """The recorded agents of a clip, from its track rows (on the clip's ticks), by track id.

    A row without a whole pose is none; between others the way goes straight on.
    """
    column = {name: rows.column(name).to_numpy(zero_copy_only=False) for name in rows.column_names}
    placed = np.isfinite([column[name].astype(np.float64) for name in ("x_m", "y_m", "yaw_rad")]).all(axis=0)
    tick = (column["t_us"].astype(np.int64) - start_us) // TICK_US
    names = sorted(set(column["track_id"].tolist()))
    poses = np.full((ticks, len(names), 3), FAR_AWAY_M)
    poses[..., 2] = 0.0
    speed, agents = np.zeros((ticks, len(names))), []
    first, last = np.zeros(len(names), dtype=np.int64), np.zeros(len(names), dtype=np.int64)
    for i, name in enumerate(names):
        own = np.flatnonzero((column["track_id"] == name) & placed & (tick >= 0) & (tick < ticks))
        own = own[np.argsort(tick[own], kind="stable")]
        if len(own):
            first[i], last[i] = tick[own[0]], tick[own[-1]]
            span = slice(first[i], last[i] + 1)
            poses[span, i], speed[span, i] = _filled(column, own, tick[own])
        agents.append(_agent(i, name, column, own, poses[first[i] : last[i] + 1, i], speed[:, i]))
    accel = np.zeros_like(speed)
    for i in range(len(names)):
        on = speed[first[i] : last[i] + 1, i]
        before = on[np.maximum(np.arange(len(on)) - BACK_TICKS, 0)]
        accel[first[i] : last[i] + 1, i] = (on - before) / (BACK_TICKS * TICK_US / 1e6)
    return Log(tuple(agents), poses, speed, accel, first, last)


def _filled(column: dict[str, NDArray], own: NDArray, tick: NDArray[np.int64]) -> tuple[Array, Array]:
    """Poses and speeds from the first to the last tick of a track, straight across gaps."""
    every = np.arange(tick[0], tick[-1] + 1)
    x, y = (np.interp(every, tick, column[name][own].astype(np.float64)) for name in ("x_m", "y_m"))
    yaw = np.interp(every, tick, np.unwrap(column["yaw_rad"][own].astype(np.float64)))
    vx, vy = (column[name][own].astype(np.float64) for name in ("vx_mps", "vy_mps"))
    along = vx * np.cos(column["yaw_rad"][own]) + vy * np.sin(column["yaw_rad"][own])
    known = np.isfinite(along)
    speed = np.interp(every, tick[known], along[known]) if known.any() else np.zeros(len(every))
    return np.column_stack([x, y, yaw]), speed


def _agent(i: int, name: str, column: dict[str, NDArray], own: NDArray, poses: Array, speed: Array) -> Agent:
    sizes = {"length_m": UNKNOWN_M, "width_m": UNKNOWN_M, "height_m": HEIGHT_M}
    size = {side: _size_m(column[side][own], otherwise) for side, otherwise in sizes.items()}
    moved = float(np.hypot(*np.ptp(poses[:, :2], axis=0))) if len(own) else 0.0
    fastest = float(np.abs(speed).max())
    stays = fastest < MOVES_MPS or moved < MOVES_M
    kind = str(column["type"][own[0]]) if len(own) else "unknown"
    where = {"route": "ego", "s_m": 0.0, "speed_mps": float(speed[0]), "desired_mps": 0.0 if stays else fastest}
    return Agent(name, kind, **where, **size, colour=COLOURS[i % len(COLOURS)])  # type: ignore[arg-type]


def _size_m(sizes: NDArray, otherwise: float) -> float:
    """The usual one of recorded sizes; another where none is known."""
    known = sizes.astype(np.float64)
    known = known[np.isfinite(known) & (known > 0.0)]
    return float(np.median(known)) if len(known) else otherwise


def _states(poses: Array, speed: Array, accel: Array, station: Array) -> AgentStates:
    return AgentStates(station, speed, accel, poses, np.zeros(len(speed), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Reacting:
    """Recorded agents that mind each other: their ways, where on them [ticks, n] they were recorded, and the ego's
    record: poses [ticks, 3] of its middle and speed [ticks]."""

    log: Log
    ways: Strips
    station_m: Array
    reacts: NDArray[np.bool_]  # the rest does what is on record: who stands, and who drives backwards
    moves: NDArray[np.bool_]
    sizes_m: Array  # [n + 1, 2], the ego last
    ego_poses: Array
    ego_speed_mps: Array
    shape: VehicleShape  # of the ego

    def start(self) -> AgentStates:
        """The states at tick 0."""
        log = self.log
        return _states(log.poses[0], log.speed_mps[0], log.accel_mps2[0], self.station_m[0])

    def later(self, now: AgentStates, ego: EgoState, tick: int) -> AgentStates:
        """The states at `tick`, one tick after `now`."""
        log, then = self.log, tick - 1
        on = (log.first <= then) & self.reacts
        law, must = self._law(on, now.poses, now.speed_mps, now.s_m, ego.box_of(self.shape)[:3], ego.speed_mps)
        recorded = (log.poses[then], log.speed_mps[then], self.station_m[then])
        law_then, _ = self._law(on, *recorded, self.ego_poses[then], float(self.ego_speed_mps[then]))
        return self._moved(now, law, law_then, must, tick)

    def _law(
        self, on: NDArray[np.bool_], poses: Array, speed: Array, station: Array, ego_pose: Array, ego_speed: float
    ) -> tuple[Array, Array]:
        every, ways = np.vstack([poses, ego_pose]), self.ways
        at = np.empty((len(poses), len(every), 3))
        shape = (ways.points, ways.yaw_rad, ways.curvature_per_m, ways.s_m, ways.firsts)
        path_kernel.project_onto_own(*shape, on, every, MINDS_M, at)
        return _limits(at, on, self.moves, station, np.append(speed, ego_speed), self.sizes_m, _LAW)

    def _moved(self, now: AgentStates, law: Array, law_then: Array, must: Array, tick: int) -> AgentStates:
        log, step_s = self.log, TICK_US / 1e6
        behind = self.station_m[tick] - now.s_m - now.speed_mps * step_s
        wish = ON_PLACE_PER_S2 * behind + ON_SPEED_PER_S * (log.speed_mps[tick] - now.speed_mps)
        wish = np.clip(wish, -HARDEST_MPS2, 1.5 * IDM_ACCEL)
        limit = np.minimum(np.maximum(law, wish + law - law_then), must)
        accel = np.maximum(np.minimum(wish, limit), -HARDEST_MPS2)
        speed = np.maximum(now.speed_mps + accel * step_s, 0.0)
        station = now.s_m + (now.speed_mps + speed) / 2 * step_s
        poses = np.zeros_like(now.poses)
        every = np.arange(len(speed), dtype=np.int64)
        ways, zero = self.ways, np.zeros(len(speed))
        path_kernel.place(ways.points, ways.yaw_rad, ways.s_m, ways.firsts, every, station, zero, zero, poses)
        gone = (tick > log.last) & (~self.reacts | (station >= self.station_m[-1]))
        recorded = (tick <= log.first) | ~self.reacts | gone
        accel = np.where(recorded, log.accel_mps2[tick], (speed - now.speed_mps) / step_s)
        speed = np.where(recorded, log.speed_mps[tick], speed)
        station = np.where(recorded, self.station_m[tick], station)
        return _states(np.where(recorded[:, None], log.poses[tick], poses), speed, accel, station)


def reacting(log: Log, ego_poses: Array, ego_speed_mps: Array, shape: VehicleShape) -> Reacting:
    """Recorded agents that mind each other and the ego, whose record is poses [ticks, 3] of its middle and speeds."""
    spans = [log.poses[first : last + 1, i] for i, (first, last) in enumerate(zip(log.first, log.last, strict=True))]
    ways = [way_of(span, BEYOND_M) for span in spans]
    station = np.zeros(log.speed_mps.shape)
    for i, (way, span) in enumerate(zip(ways, spans, strict=True)):
        here = np.maximum.accumulate(way.project(span[:, :2])[:, 0])
        held = np.concatenate([np.full(log.first[i], here[0]), here])
        station[:, i] = np.concatenate([held, np.full(len(station) - len(held), here[-1])])
    own = (shape.length_m, shape.width_m)
    sizes = np.array([*((agent.length_m, agent.width_m) for agent in log.agents), own], dtype=np.float64)
    strips = strips_of([(way, 0.0, 0.0) for way in ways])
    moves = np.array([not a.stays for a in log.agents], dtype=np.bool_)
    reacts = moves & (log.speed_mps.min(axis=0) > -MOVES_MPS)
    return Reacting(log, strips, station, reacts, moves, sizes, ego_poses, ego_speed_mps, shape)


_LAW = (IDM_ACCEL, IDM_BRAKE, IDM_GAP_M, IDM_HEADWAY_S)  # a kernel takes no constant from another file


@compiled
def _limits(
    at: Array, on: NDArray[np.bool_], moves: NDArray[np.bool_], station: Array, speed: Array, sizes: Array, law: Any
) -> tuple[Array, Array]:
    """What the interaction term of the law answers [n] to whoever is next on one's own way, at least −8 m/s², and the
    acceleration [n] that just avoids them, where that is a braking of more than 1.5 m/s²."""
    most, brake, least_m, headway_s = law
    out, must = np.full(len(on), most), np.full(len(on), HARDEST_MPS2)
    for i in range(len(on)):
        if not on[i]:
            continue
        v = speed[i]
        for j in range(len(speed)):
            ahead = at[i, j, 0] - station[i]
            cos, sin = abs(math.cos(at[i, j, 2])), abs(math.sin(at[i, j, 2]))
            across = (cos * sizes[j, 1] + sin * sizes[j, 0] + sizes[i, 1]) / 2 + ROOM_M
            if j < len(moves) and not moves[j]:  # the recorded way leads past whoever stood throughout
                continue
            if at[i, j, 0] <= 0.0 or ahead <= 0.0 or abs(at[i, j, 1]) >= across:
                continue
            gap = ahead - (cos * sizes[j, 0] + sin * sizes[j, 1] + sizes[i, 0]) / 2
            closing = v - speed[j] * math.cos(at[i, j, 2])
            wanted = least_m + max(v * headway_s + v * closing / (2 * math.sqrt(most * brake)), 0.0)
            out[i] = min(out[i], max(most * (1 - (wanted / max(gap, 0.1)) ** 2), -HARDEST_MPS2))
            needs = max(closing, 0.0) ** 2 / (2 * max(gap - STANDS_OFF_M, 0.1))
            needs = HARDEST_MPS2 if gap < STANDS_OFF_M and closing > 0.0 else needs
            if needs > AVOIDS_MPS2:
                must[i] = min(must[i], -needs)
    return out, must
