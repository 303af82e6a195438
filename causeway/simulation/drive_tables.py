"""A finished drive of the world as the tables of the PhysicalAI-AV layout.

Knows columns, frames and what a vehicle would have observed (range, lights that face it). Does not know files, zips or
videos (`export`). Names and conventions are those of `causeway.clips.readers.physicalai.layout`.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US, quaternion_from_matrix, quaternion_from_yaw, to_frame
from causeway.clips.readers.physicalai import layout
from causeway.clips.types import Camera
from causeway.simulation.guidance import guided_way
from causeway.simulation.vehicle import EGO, SUB_STEPS, sub_states
from causeway.simulation.visibility import in_view, seen_within_m
from causeway.simulation.world import World

Array = NDArray[np.float64]

TRACKED_WITHIN_M = 130.0
FACING_COS = 0.5  # a light is read within 60° of its direction


def egomotion(world: World) -> pa.Table:
    """Pose, velocity and acceleration at 100 Hz: the very sub-steps that the vehicle took."""
    first = world.ticks[0].ego
    rows = [np.array([[first.x_m, first.y_m, first.yaw_rad, first.speed_mps]])]
    controls = [np.array([[first.accel_mps2, first.curvature_per_m]])]
    for before, after in zip(world.ticks[:-1], world.ticks[1:], strict=True):
        ego = after.ego
        rows.append(sub_states(before.ego, ego.accel_mps2, ego.curvature_per_m))
        controls.append(np.tile([ego.accel_mps2, ego.curvature_per_m], (SUB_STEPS, 1)))
    x, y, yaw, speed = np.concatenate(rows).T
    accel, curvature = np.concatenate(controls).T
    cos, sin, sideways = np.cos(yaw), np.sin(yaw), speed**2 * curvature
    q, zero = quaternion_from_yaw(yaw), np.zeros(len(x))
    columns = [
        np.arange(len(x), dtype=np.int64) * (TICK_US // SUB_STEPS),
        *(q[:, 1], q[:, 2], q[:, 3], q[:, 0], x, y, zero, speed * cos, speed * sin, zero),
        *(accel * cos - sideways * sin, accel * sin + sideways * cos, zero, curvature),
    ]
    return pa.table(dict(zip(layout.EGOMOTION_COLUMNS, columns, strict=True)))


def obstacles(world: World) -> pa.Table:
    """Boxes of agents within 130 m, cones and barriers among them, in the rig frame of their tick."""
    agents = world.traffic.agents
    seen = [to_frame(tick.agents.poses, tick.ego.pose) for tick in world.ticks]
    near = [_within_reach(at) for at in seen]
    index = np.concatenate(near)
    x, y, yaw = np.concatenate([at[shown] for at, shown in zip(seen, near, strict=True)]).T
    t_us = np.repeat([tick.t_us for tick in world.ticks], [len(shown) for shown in near]).astype(np.int64)
    sizes = world.traffic.sizes_m[index]
    q, zero = quaternion_from_yaw(yaw), np.zeros(len(index))
    names = np.array([agent.track_id for agent in agents], dtype=object)[index]
    labels = np.array([layout.CLASS_OF_TRACK_TYPE[agent.type] for agent in agents], dtype=object)[index]
    columns = [
        *(t_us, ["world"] * len(index), names, x, y, sizes[:, 2] / 2, *sizes.T, zero, zero, q[:, 3], q[:, 0]),
        *(labels, [layout.OBSTACLE_FRAME] * len(index), t_us),
    ]
    named = zip(layout.OBSTACLE_COLUMNS, columns, _OBSTACLE_TYPES, strict=True)
    return pa.table({name: pa.array(values, kind) for name, values, kind in named})


_OBSTACLE_TYPES = (pa.int64(), pa.string(), pa.string(), *[pa.float64()] * 10, pa.string(), pa.string(), pa.int64())


def _within_reach(seen_from_us: Array) -> NDArray[np.int64]:
    return np.flatnonzero(np.hypot(seen_from_us[:, 0], seen_from_us[:, 1]) <= TRACKED_WITHIN_M)


def indicators(world: World) -> pa.Table:
    """The turn signals, on or off, of the vehicles that `obstacles` has."""
    agents, rows = world.traffic.agents, []
    for tick in world.ticks:
        for i in _within_reach(to_frame(tick.agents.poses, tick.ego.pose)).tolist():
            if agents[i].type in _SIGNALLING:
                rows.append((tick.t_us, agents[i].track_id, _INDICATOR[int(tick.agents.indicator[i])]))
    return _table(rows, layout.INDICATORS_COLUMNS, (pa.int64(), pa.string(), pa.string()))


_SIGNALLING = ("car", "truck", "bus", "motorcycle")
_INDICATOR = {0: "off", 1: "left", -1: "right"}


def lanes(world: World) -> pa.Table:
    """The lane graph, whole."""
    rows = []
    for lane in world.scene.layout.road.lanes:
        shapes = (_points(lane.centre.points), _points(lane.left), _points(lane.right))
        rows.append((lane.lane_id, *shapes, list(lane.successors), lane.kind))
    points, names = pa.list_(pa.list_(pa.float64())), pa.list_(pa.string())
    return _table(rows, layout.LANES_COLUMNS, (pa.string(), points, points, points, names, pa.string()))


def road_elements(world: World) -> pa.Table:
    """Everything of the map that is painted or stands: stop lines, crosswalks, bumps, signs, cones."""
    rows = [(e.element_id, e.kind, _points(e.shape), list(e.lane_ids)) for e in world.scene.layout.road.elements]
    types = (pa.string(), pa.string(), pa.list_(pa.list_(pa.float64())), pa.list_(pa.string()))
    return _table(rows, layout.ROAD_ELEMENTS_COLUMNS, types)


def signals(world: World) -> pa.Table:
    """The state of each light at each tick at which it could be read."""
    rows, within_m = [], seen_within_m(world.scene.look)
    for tick in world.ticks:
        for signal in world.scene.layout.road.signals:
            faces = np.cos(tick.ego.yaw_rad - signal.facing_rad) > FACING_COS
            xy, height_m = np.array(signal.position[:2]), signal.position[2]
            if faces and in_view(tick.ego, world.traffic, tick.agents, xy, height_m, within_m=within_m):
                rows.append((tick.t_us, signal.signal_id, signal.state_at(tick.t_us), list(signal.lane_ids)))
    types = (pa.int64(), pa.string(), pa.string(), pa.list_(pa.string()))
    return _table(rows, layout.SIGNALS_COLUMNS, types)


def route(world: World) -> pa.Table:
    """The way to go as a navigation system draws it before the drive."""
    points = _points(guided_way(world.scene))
    return _table([(points,)], layout.ROUTE_COLUMNS, (pa.list_(pa.list_(pa.float64())),))


def points(world: World, hz: int) -> pa.Table:
    """Scans of the depth sensor, so many a second."""
    ticks = range(0, len(world.ticks), max(1, 1_000_000 // TICK_US // hz))
    rows = [(world.ticks[i].t_us, np.round(world.points(i), 3).ravel().tolist()) for i in ticks]
    return _table(rows, layout.POINTS_COLUMNS, (pa.int64(), pa.list_(pa.float64())))


# r / f as a polynomial of the angle, without constant and with 1 x angle, and the other way round: tan and atan to 64°
# (least largest error, 0.011 and 0.006 rad), and to 18° (Taylor, 0.0004 and 0.001 rad)
_WIDE = ((0.445868, -1.11964, 1.240604), (-0.098611, -0.161538, 0.049521))
_NARROW = ((0.0, 0.333333, 0.0), (0.0, -0.333333, 0.0))
_NARROW_REACH = 0.35


def intrinsics(clip_id: str, cameras: Sequence[Camera]) -> pa.Table:
    """Pinhole lenses; the polynomial columns of the public data come near to them."""
    columns = layout.CAMERA_INTRINSICS_COLUMNS + layout.CAMERA_INTRINSICS_EXTRA
    rows = []
    for c in cameras:
        name = layout.feature_of_camera(c.name)
        rows.append((clip_id, name, c.width, c.height, c.cx, c.cy, *_polynomials(c), c.model, c.fx, c.fy))
    types = (pa.string(), pa.string(), pa.int64(), pa.int64(), *[pa.float64()] * 12, pa.string(), *[pa.float64()] * 2)
    return indexed(_table(rows, columns, types), "clip_id", "camera_name")


def _polynomials(camera: Camera) -> list[float]:
    """Pixels from the middle by angle, then angle by pixels: five numbers each."""
    narrow = max(camera.width, camera.height) / 2 <= _NARROW_REACH * camera.fx
    forward, backward = _NARROW if narrow else _WIDE
    there = [0.0, camera.fx, *(camera.fx * c for c in forward)]
    return [*there, 0.0, 1.0 / camera.fx, *(c / camera.fx**k for k, c in enumerate(backward, 2))]


def extrinsics(clip_id: str, cameras: Sequence[Camera]) -> pa.Table:
    """Where the cameras sit in the rig."""
    rows = []
    for c in cameras:
        w, x, y, z = quaternion_from_matrix(c.rig_from_camera[:3, :3]).tolist()
        rows.append((clip_id, layout.feature_of_camera(c.name), x, y, z, w, *c.rig_from_camera[:3, 3].tolist()))
    types = (pa.string(), pa.string(), *[pa.float64()] * 7)
    return indexed(_table(rows, layout.SENSOR_EXTRINSICS_COLUMNS, types), "clip_id", "sensor_name")


def dimensions(clip_id: str) -> pa.Table:
    """The ego vehicle."""
    size = (EGO.length_m, EGO.width_m, EGO.height_m)
    row = (clip_id, *size, EGO.rear_axle_to_centre_m, EGO.wheelbase_m, EGO.track_width_m)
    types = (pa.string(), *[pa.float64()] * 6)
    return indexed(_table([row], layout.VEHICLE_DIMENSIONS_COLUMNS, types), "clip_id")


def indexed(table: pa.Table, *index: str) -> pa.Table:
    """The table with a note for pandas that these columns are its index, as in the public data."""
    frame = table.to_pandas().set_index(list(index))
    return pa.Table.from_pandas(frame)


def _points(points: Array) -> list[list[float]]:
    return np.round(points, 4).tolist()


def _table(rows: list[tuple], names: tuple[str, ...], types: tuple[pa.DataType, ...]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table(
        {n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)},
    )
