"""Recorded clips as stages of the world: a policy drives on, the others replay the log or react.

Knows how a clip of an artifact becomes a stage. Does not know stepping (`world`). Pictures of it are drawn from boxes
and map by the world's own rasteriser; none shows what a camera saw, and who reports on them says "drawn".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.clips.access import clips_of, ego_of_clip, rows_of_clip, tracks_of_clip
from causeway.clips.geometry import TICK_US, to_frame
from causeway.clips.types import Camera, Clip, EgoMotion
from causeway.errors import UsageError
from causeway.model.observation import HORIZON_STEPS
from causeway.simulation.expert.expert import Plan
from causeway.simulation.expert.mind import Mind
from causeway.simulation.replay.agents import Log, Reacting, log_of, reacting
from causeway.simulation.replay.road import road_of
from causeway.simulation.roads.layout import Layout
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.stage import WARM_UP_TICKS, Stage, Tick
from causeway.simulation.traffic.agents import AgentStates, traffic_of
from causeway.simulation.vehicle import EGO, EgoState, VehicleShape
from causeway.training.sample_parts import chosen_cameras

Array = NDArray[np.float64]

OTHERS = ("log", "idm")
RECORDED = "recorded"  # the reason of a recorded driver: nobody knows another


def replay_stage(clips: Artifact, clip_id: str, others: str = "log", cameras: Sequence[str] = ()) -> Stage:
    """The stage of a recorded clip; times count from its first tick, its frame is the clip's.

    `others`: `log`, everybody does what is on record, whatever the ego does; `idm`, everybody keeps to the recorded
    way but brakes for who is ahead. The first 2.0 s follow the record, and so does the stage's expert. The rig's own
    cameras can be asked for by name, and by those of `cameras` that they play in samples (`chosen_cameras`).
    UsageError for a clip that is not there, too short, or without boxes or a map.
    """
    check_others(others)
    (clip, vehicle_id), ego = _usable(clips, clip_id), ego_of_clip(clips, clip_id)
    poses = np.column_stack([ego.x_m, ego.y_m, ego.yaw_rad])
    rigs = rows_of_clip(clips, "rigs", clip_id).to_pylist()
    log, shape = log_of(tracks_of_clip(clips, clip_id), clip.start_us, clip.ticks), _shape(rigs)
    react = reacting(log, _middles(poses, shape), ego.speed_mps, shape) if others == "idm" and log.agents else None
    scene = Scene(
        *(f"replay {others}", 0, _road(clips, clip, poses), Driver(max(float(ego.speed_mps.max()), 1.0))),
        *(0.0, float(ego.speed_mps[0]), log.agents),
    )
    return Stage(
        name=f"{clip_id} ({others})",
        scene=scene,
        traffic=traffic_of(log.agents, scene.layout.routes, ()),
        ego=_first(ego, poses),
        agents=react.start() if react else log.states(0),
        others=partial(_later, log, react),
        plan=partial(_recorded_plan, poses),
        last_tick=clip.ticks - 1,
        rig=_rig(clips, clip_id, rigs, cameras),
        shape=shape,
        rig_id=vehicle_id,
        route_xy=_route(clips, clip_id),
    )


def check_others(others: str) -> None:
    """UsageError for a way of moving that others do not have."""
    if others not in OTHERS:
        raise UsageError(f"others {others!r} is not one of {', '.join(OTHERS)}")


def _route(clips: Artifact, clip_id: str) -> Array:
    """The way that was to be taken, as far as the clip knows one [n, 2]; never the way that was."""
    points = [p[:2] for row in rows_of_clip(clips, "route", clip_id).to_pylist() for p in row["points"] or ()]
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _road(clips: Artifact, clip: Clip, poses: Array) -> Layout:
    names = ("lanes", "road_elements", "signals")
    lanes, elements, signals = (rows_of_clip(clips, name, clip.clip_id).to_pylist() for name in names)
    return road_of(poses, lanes, elements, signals, clip.start_us)


def _later(log: Log, react: Reacting | None, now: AgentStates, car: EgoState, t_us: int) -> AgentStates:
    """The others a tick after `t_us`."""
    tick = t_us // TICK_US + 1
    return react.later(now, car, tick) if react else log.states(tick)


def _usable(clips: Artifact, clip_id: str) -> tuple[Clip, str]:
    """A clip that can have a stage, and the vehicle that recorded it, "" where nobody says."""
    clip = clips_of(clips).get(clip_id)
    if clip is None:
        raise UsageError(f"{clip_id}: no such clip in {clips.location}")
    (row,) = rows_of_clip(clips, "clips", clip_id).to_pylist()
    if why := unfit(row):
        raise UsageError(f"{clip_id}: {why}")
    return clip, row["vehicle_id"] or ""


def unfit(row: Mapping) -> str:
    """Why a clip (a row of `clips`) can have no stage; empty when it can."""
    if row["ticks"] <= WARM_UP_TICKS + 1:
        return f"{row['ticks'] / 10:.1f} s are too short; the first 2.0 s are the recording's"
    missing = [what for what in ("tracks", "map") if not row[f"has_{what}"]]
    return f"has no {' and no '.join(missing)}; a replay needs both" if missing else ""


def _first(ego: EgoMotion, poses: Array) -> EgoState:
    x, y, yaw = poses[0].tolist()
    return EgoState(x, y, yaw, max(float(ego.speed_mps[0]), 0.0))


def _middles(poses: Array, shape: VehicleShape) -> Array:
    """The middle of the ego's box where its rear axle is at poses [n, 3]."""
    shift = shape.rear_axle_to_centre_m * np.column_stack([np.cos(poses[:, 2]), np.sin(poses[:, 2])])
    return np.column_stack([poses[:, :2] + shift, poses[:, 2]])


def _recorded_plan(poses: Array, ticks: Sequence[Tick]) -> Plan:
    """The recorded way of the next 6.4 s as the ego stands now; past the end of the record at its last velocity."""
    at = len(ticks) + np.arange(HORIZON_STEPS)
    last, step = len(poses) - 1, np.append(poses[-1, :2] - poses[-2, :2], 0.0)
    world = poses[np.minimum(at, last)] + np.maximum(at - last, 0)[:, None] * step
    return Plan(to_frame(world, ticks[-1].ego.pose), RECORDED, None, 0.0, Mind())


def _shape(rigs: Sequence[Mapping]) -> VehicleShape:
    """The recording vehicle; the world's own car where the rig does not say."""
    sized = (row for row in rigs if _known([row["length_m"], row["width_m"]]))
    known = next((row for row in sized if min(row["length_m"], row["width_m"]) > 0.0), None)
    if known is None:
        return EGO
    names = ("length_m", "width_m", "wheelbase_m", "rear_axle_to_centre_m")
    return replace(EGO, **{name: known[name] for name in names if _known([known[name]])})


def _rig(clips: Artifact, clip_id: str, rigs: Sequence[dict], wanted: Sequence[str]) -> dict[str, Camera]:
    """The calibrated cameras of the clip's own rig by name, and by what of `wanted` they play."""
    lenses = ("fx", "fy", "cx", "cy")
    named = [row for row in rigs if _known([row[n] for n in lenses]) and len(row["rig_from_camera"] or ()) == 16]
    sizes = _picture_sizes(clips, clip_id)
    playing = {row["camera"]: row for row in named} | (chosen_cameras(named, wanted) if wanted else {})
    return {name: _camera(name, row, sizes.get(row["camera"])) for name, row in playing.items()}


def _camera(name: str, row: Mapping, size: tuple[int, int] | None) -> Camera:
    """A camera from its row of the rig; where no picture says how large they are, the lens is in their middle."""
    width, height = size or (round(2 * row["cx"]), round(2 * row["cy"]))
    pose = np.array(row["rig_from_camera"], dtype=np.float64).reshape(4, 4)
    lens = (row["fx"], row["fy"], row["cx"], row["cy"])
    return Camera(name, width, height, *lens, pose, row["model"], tuple(row["distortion"] or ()))


def _known(numbers: Sequence[float | None]) -> bool:
    """Whether all numbers are there."""
    return all(number is not None and math.isfinite(number) for number in numbers)


def _picture_sizes(clips: Artifact, clip_id: str) -> dict[str, tuple[int, int]]:
    """Width and height of each camera's pictures."""
    columns = ["camera", "width", "height"]
    table = pq.read_table(clips.path("frames.parquet"), columns=columns, filters=[("clip_id", "=", clip_id)])
    return {row["camera"]: (row["width"], row["height"]) for row in table.group_by(columns).aggregate([]).to_pylist()}
