"""A clip from above: lanes, crosswalks, stop lines, tracks as boxes with their heading, the ego's path by speed.

Knows colours and shapes. Works in any frame that poses are moved into. Does not know pictures of cameras.
"""

from typing import Any

import numpy as np

from causeway.clips.geometry import Array, to_frame
from causeway.platform.show_clip import ClipView

TYPE_COLOURS = {
    "car": "#3b6fb6",
    "truck": "#6a4ea3",
    "bus": "#8e44ad",
    "motorcycle": "#c77d0a",
    "cyclist": "#d98e04",
    "pedestrian": "#c0392b",
    "animal": "#7f5539",
    "static": "#7f8c8d",
}
OTHER_COLOUR = "#5d6d7e"
_EGO = "#1b1b1b"
_TRAIL_US = 2_000_000


def draw_map(axes: Any, view: ClipView, frame: Array) -> None:
    """Lanes, crosswalks, stop lines and the rest of the map in a frame given by its pose [3] in the clip frame."""
    for lane in view.lanes:
        for side in ("left", "right"):
            _line(axes, lane[side], frame, color="#9aa5b1", linewidth=0.9, zorder=1)
        _line(axes, lane["centre"], frame, color="#c9d1da", linewidth=0.7, linestyle=(0, (5, 5)), zorder=1)
    for element in view.elements:
        if element["kind"] == "crosswalk":
            points = moved(element["shape"], frame)
            if len(points) > 2:
                axes.fill(*points.T, facecolor="#f3e3b3", edgecolor="#c9a227", linewidth=0.8, hatch="//", zorder=1.5)
            continue
        colour = "#d62728" if element["kind"] == "stop_line" else "#8d6e63"
        style: dict[str, Any] = {"marker": "^", "markersize": 5} if len(element["shape"] or ()) == 1 else {}
        _line(axes, element["shape"], frame, color=colour, linewidth=2.2, zorder=2, **style)


def draw_tracks(axes: Any, view: ClipView, frame: Array, t_us: int) -> None:
    """Boxes of the tracks at the tick nearest to a time, with where they came from in the last 2 s."""
    times = view.tracks.column("t_us").to_numpy()
    if not len(times):
        return
    tick = times[np.argmin(np.abs(times - t_us))]
    recent = view.tracks.filter((times > tick - _TRAIL_US) & (times <= tick)).to_pylist()
    trails: dict[str, list[list[float]]] = {}
    for row in recent:
        trails.setdefault(row["track_id"], []).append([row["x_m"], row["y_m"]])
    for row in (r for r in recent if r["t_us"] == tick):
        colour = TYPE_COLOURS.get(row["type"], OTHER_COLOUR)
        _line(axes, trails[row["track_id"]], frame, color=colour, linewidth=1.0, alpha=0.5, zorder=3)
        pose = to_frame([row["x_m"], row["y_m"], row["yaw_rad"] or 0.0], frame)
        draw_box(axes, pose, row["length_m"] or 0.6, row["width_m"] or 0.6, colour)


def draw_box(axes: Any, pose: Array, length_m: float, width_m: float, colour: str, zorder: float = 4) -> None:
    """A box around a pose [3], with a line from its middle through its front."""
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * [length_m / 2, width_m / 2]
    turned = pose[:2] + corners @ np.array([[cos, sin], [-sin, cos]])
    axes.fill(*turned.T, facecolor=colour, edgecolor=colour, alpha=0.55, linewidth=1.0, zorder=zorder)
    front = pose[:2] + np.array([cos, sin]) * (length_m / 2 + 0.8)
    axes.plot([pose[0], front[0]], [pose[1], front[1]], color=colour, linewidth=1.4, zorder=zorder)


def draw_ego(axes: Any, view: ClipView, frame: Array, t_us: int) -> None:
    """The recording vehicle at a time."""
    pose = to_frame(view.motion.xy_yaw(np.array([t_us]))[0], frame)
    centre = pose + view.rear_axle_to_centre_m * np.array([np.cos(pose[2]), np.sin(pose[2]), 0.0])
    draw_box(axes, centre, view.length_m, view.width_m, _EGO, zorder=6)


def draw_path(axes: Any, view: ClipView, frame: Array, t_us: np.ndarray) -> Any:
    """The ego's path at times, coloured by speed from 0 to its highest; returns what a colour bar is made from."""
    from matplotlib.collections import LineCollection

    xy = to_frame(view.motion.xy_yaw(t_us), frame)[:, :2]
    speed = np.abs(np.interp(t_us, view.motion.t_us, view.motion.values["speed_mps"]))
    pieces = np.stack([xy[:-1], xy[1:]], axis=1)
    line = LineCollection(list(pieces), cmap="viridis", linewidths=3.0, capstyle="round", zorder=5)
    line.set_array(speed[:-1])
    line.set_clim(0.0, max(view.top_mps, 1.0))
    axes.add_collection(line)
    return line


def frame_axes(axes: Any, points: Array, margin_m: float, shape: float, least_m: float = 30.0) -> None:
    """Equal scales and limits around points [n, 2] with a margin, height = `shape` x width, `least_m` at least."""
    low, high = points.min(axis=0) - margin_m, points.max(axis=0) + margin_m
    across, up = np.maximum(high - low, least_m)
    half = np.array([max(across, up / shape), max(up, across * shape)]) / 2
    middle = (low + high) / 2
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])


def moved(points: list | None, frame: Array) -> Array:
    """Points [n, 2] of the clip frame seen from another frame; those that are none are left out."""
    known = [p[:2] for p in points or () if p is not None and len(p) > 1 and None not in p[:2]]
    xy = np.asarray(known, dtype=np.float64).reshape(-1, 2)
    return to_frame(np.column_stack([xy, np.zeros(len(xy))]), frame)[:, :2]


def _line(axes: Any, points: list | None, frame: Array, **style: Any) -> None:
    xy = moved(points, frame)
    if len(xy):
        axes.plot(*xy.T, **style)
