"""Roads whose lanes change: a lane that ends, and a ramp that joins a larger road.

Knows how lanes, edges and paint are placed there. Does not know traffic or scenarios.
"""

import numpy as np

from causeway.simulation.roads.layout import CrossSection, Layout, lane_lines, lane_names, routes_along
from causeway.simulation.roads.road import Array, Lane, Paint, Path, Road, path_through

TAPER_M = 36.0  # over which the edge comes in
USABLE_M = 22.0  # before a lane's end: from here on it is too narrow to drive in
PIECE_M, OVERLAP_M = 5.0, 0.5
LINE_M = 0.15


def road_with_lane_end(path: Path, section: CrossSection, end_m: float) -> Layout:
    """A road whose outermost lane on the right ends at a station of `path`; the edge comes in before it.

    Where `section.right` is 0 that lane is the ego's own; its route goes on straight, over what is no road any more.
    """
    routes = routes_along(path, section)
    last = f"right{section.right}" if section.right else "ego"
    width = section.lane_width_m
    lanes = [Lane(n, r, width) for n, r in routes.items() if n != last]
    lanes.append(Lane(last, routes[last].piece(0.0, end_m), width))
    inner = section.right_edge_m - width
    surfaces = [(path.piece(0.0, end_m - TAPER_M), section.left_edge_m, section.right_edge_m)]
    for from_m in np.arange(end_m - TAPER_M, end_m, PIECE_M).tolist():
        right = section.right_edge_m - width * (from_m - end_m + TAPER_M) / TAPER_M
        piece = path.piece(from_m - OVERLAP_M, min(from_m + PIECE_M, end_m))
        surfaces.append((piece, section.left_edge_m, right))
    surfaces.append((path.piece(end_m - OVERLAP_M, path.length_m), section.left_edge_m, inner))
    left_only = CrossSection(width, section.left, max(section.right - 1, 0), section.shoulder_m)
    paint = list(lane_lines(path, section, [(0.0, end_m - TAPER_M)]))
    paint += _after(path, section, left_only, end_m)
    edge = -(section.right + 0.5) * width
    paint.append(Paint(_slant(path, end_m - TAPER_M, end_m, edge, edge + width), LINE_M))
    return Layout(Road(tuple(lanes), tuple(surfaces), paint=tuple(paint)), routes)


def _after(path: Path, section: CrossSection, narrow: CrossSection, end_m: float) -> tuple[Paint, ...]:
    """Paint from where the edge begins to come in: as before, but for the lane that ends."""
    if section.right:
        lines = lane_lines(path, narrow, [(end_m - TAPER_M, path.length_m)])
        return tuple(p for p in lines if p.dash_m) + lane_lines(path, narrow, [(end_m, path.length_m)])[:2]
    base = path.offset(section.lane_width_m)
    shifted = CrossSection(section.lane_width_m, section.left[1:], 0, section.shoulder_m)
    return lane_lines(base, shifted, [(end_m, base.length_m - 1.0)])


def _slant(path: Path, from_m: float, to_m: float, from_off_m: float, to_off_m: float) -> Path:
    """A line that goes over from one offset to another."""
    stations = np.linspace(from_m, to_m, 12)
    points = path.pose_at(stations, np.linspace(from_off_m, to_off_m, 12))[:, :2]
    return through(points)


def through(points: Array) -> Path:
    """A path through points [n, 2], headed from each to the next."""
    steps = np.diff(points, axis=0)
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    return path_through(points, np.append(heading, heading[-1]))


def road_with_ramp(path: Path, section: CrossSection, nose_m: float, end_m: float, before_m: float = 260.0) -> Layout:
    """A ramp that joins a larger road: the ego's lane runs beside it from `nose_m` and ends at `end_m` of `path`.

    `section.left` are the lanes of the larger road, all of our direction; from `nose_m` on `path` must be straight.
    They begin `before_m` before the nose.
    """
    x, y, yaw = path.pose_at(nose_m).tolist()
    along = np.arange(-before_m, path.length_m - nose_m, 1.0)
    ahead, left = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    width = section.lane_width_m
    main = path_through(np.array([x, y]) + width * left + along[:, None] * ahead, np.full(len(along), yaw))
    names = [name for name, index in lane_names(section).items() if index > 0]
    routes = {"ego": path, **{name: main.offset(i * width) if i else main for i, name in enumerate(names)}}
    lanes = [Lane(name, routes[name], width) for name in names]
    lanes.append(Lane("ego", path.piece(0.0, nose_m), width, ("ego.merge",), "ramp"))
    lanes.append(Lane("ego.merge", path.piece(nose_m, end_m), width))
    half, shoulder = width / 2, section.shoulder_m
    surfaces = [(main, (len(names) - 0.5) * width + shoulder, half + shoulder)]
    surfaces += [(path.piece(0.0, end_m - TAPER_M), half + 0.4, half + shoulder)]
    for from_m in np.arange(end_m - TAPER_M, end_m, PIECE_M).tolist():
        right = half + shoulder - width * (from_m - end_m + TAPER_M) / TAPER_M
        surfaces.append((path.piece(from_m - OVERLAP_M, min(from_m + PIECE_M, end_m)), half, right))
    paint = _ramp_paint(path, main, names, width, nose_m, end_m)
    return Layout(Road(tuple(lanes), tuple(surfaces), paint=paint), routes)


def _ramp_paint(
    path: Path, main: Path, names: list[str], width: float, nose_m: float, end_m: float
) -> tuple[Paint, ...]:
    half = width / 2
    nose, end = (float(main.project(path.pose_at(s)[:2])[0]) for s in (nose_m, end_m))
    paint = [
        Paint(main.offset((len(names) - 0.5) * width), LINE_M, "yellow"),
        Paint(main.piece(0.0, nose).offset(-half), LINE_M),
        Paint(main.piece(nose, end - TAPER_M / 2).offset(-half), LINE_M, "white", 1.5, 1.5),
        Paint(main.piece(end, main.length_m - 1.0).offset(-half), LINE_M),
        Paint(path.piece(0.0, end_m - TAPER_M).offset(-half), LINE_M),
        Paint(path.piece(0.0, nose_m - 18.0).offset(half), LINE_M),
        Paint(_slant(path, end_m - TAPER_M, end_m, -half, half), LINE_M),
    ]
    paint += [Paint(main.offset((i + 0.5) * width), LINE_M, "white", 3.0, 6.0) for i in range(len(names) - 1)]
    return tuple(paint)
