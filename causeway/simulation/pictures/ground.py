"""What lies flat on the ground, as convex pieces in drawing order: surfaces, paint, stop lines and crosswalks.

Knows geometry and colours. Does not know cameras. Long strips are cut so that far pieces can be left out.
"""

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.pictures.asphalt import ASPHALT, marks_on, shaded
from causeway.simulation.pictures.looks import PAINT, Look, lit, packed
from causeway.simulation.pictures.projection import fixed
from causeway.simulation.pictures.shapes import SMALL, THIN
from causeway.simulation.roads.road import Element, Paint, Path, Road

Array = NDArray[np.float64]
Piece = tuple[Array, int, int]  # corners [4, 2], packed colour, what it is as bits

STOP_LINE_M = 0.4
BAR_M, BAR_EVERY_M = 0.55, 1.1  # of a crosswalk
PIECE_M, BENT_PIECE_M = 16.0, 2.0


def strip_pieces(path: Path, left_m: float, right_m: float) -> list[Array]:
    """A strip along a path as quads [4, 2], short ones where it bends."""
    stations = [0.0]
    for start in np.arange(0.0, path.length_m, PIECE_M):
        end = min(start + PIECE_M, path.length_m)
        bends = abs(np.interp(end, path.s_m, path.yaw_rad) - np.interp(start, path.s_m, path.yaw_rad)) > 0.01
        parts = max(round((end - start) / BENT_PIECE_M), 1) if bends else 1
        stations += [start + (end - start) * (i + 1) / parts for i in range(parts)]
    left, right = path.pose_at(stations, left_m)[:, :2], path.pose_at(stations, -right_m)[:, :2]
    return list(np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1))


def paint_pieces(paint: Paint) -> list[Array]:
    """A painted line as quads [4, 2]: one a dash, or pieces of an unbroken line."""
    half = paint.width_m / 2
    if not paint.dash_m:
        return strip_pieces(paint.path, half, half)
    starts = np.arange(0.0, paint.path.length_m - paint.dash_m, paint.dash_m + paint.gap_m)
    ends = np.stack([starts, starts + paint.dash_m, starts + paint.dash_m, starts], axis=-1)
    return list(paint.path.pose_at(ends, [half, half, -half, -half])[..., :2])


def element_pieces(element: Element) -> list[Array]:
    """A stop line or crosswalk of the map as painted quads [4, 2]; none for what stands up."""
    shape = np.asarray(element.shape, dtype=np.float64)[:, :2]
    if element.kind == "stop_line" and len(shape) >= 2:
        return _band(shape[0], shape[-1], STOP_LINE_M)
    if element.kind == "crosswalk" and len(shape) == 4:
        return _bars(shape)
    return []


def _band(a: Array, b: Array, width_m: float) -> list[Array]:
    along = b - a
    length = float(np.sqrt((along * along).sum()))
    if length < 1e-6:
        return []
    side = np.array([-along[1], along[0]]) * (width_m / 2 / length)
    return [np.stack([a + side, b + side, b - side, a - side])]


def _bars(corners: Array) -> list[Array]:
    """A crosswalk's bars: beside each other along its long side, from the second corner on."""
    if np.square(corners[1] - corners[0]).sum() < np.square(corners[2] - corners[1]).sum():
        corners = np.roll(corners, -1, axis=0)
    length = float(np.sqrt(np.square(corners[1] - corners[0]).sum()))
    bars = []
    for middle in np.arange(0.5, length, BAR_EVERY_M):
        from_share, to_share = max(middle - BAR_M / 2, 0.0) / length, min(middle + BAR_M / 2, length) / length
        near, far = corners[0] - corners[1], corners[3] - corners[2]
        ends = (near * from_share, near * to_share, far * to_share, far * from_share)
        bars.append(np.stack([corners[1] + ends[0], corners[1] + ends[1], corners[2] + ends[2], corners[2] + ends[3]]))
    return bars


def ground_of(road: Road, look: Look) -> tuple[NDArray, ...]:
    """The arrays that `fill.draw_ground` wants."""
    pieces = [*_bare(road, look), *_painted(road, look)]
    corners = [piece for piece, _, _ in pieces]
    middles = np.array([c.mean(axis=0) for c in corners]).reshape(-1, 2)
    radii = [float(np.sqrt(np.square(c - m).sum(axis=1).max())) for c, m in zip(corners, middles, strict=True)]
    flat = np.concatenate(corners) if corners else np.empty((0, 2))
    return (
        _on_ground(flat),
        np.cumsum([0, *(len(c) for c in corners)], dtype=np.int64),
        _on_ground(middles),
        fixed(radii) + 64,
        np.array([colour for _, colour, _ in pieces], dtype=np.int64),
        np.array([flags for _, _, flags in pieces], dtype=np.int64),
    )


def _bare(road: Road, look: Look) -> list[Piece]:
    """The surfaces, then what time has left on them; of a recorded map that has lanes only, its lanes."""
    wider = [(lane.centre, lane.width_m / 2 + 0.3, lane.width_m / 2 + 0.3) for lane in road.lanes]
    surfaces = road.surfaces or wider
    asphalt = [(piece, packed(look.road), 0) for surface in surfaces for piece in strip_pieces(*surface)]
    marks = marks_on(surfaces, ASPHALT)
    return asphalt + [(quad, packed(shaded(look.road, shade)), THIN | SMALL) for quad, shade in marks]


def _painted(road: Road, look: Look) -> list[Piece]:
    lines = [(piece, lit(PAINT[paint.colour], look), THIN) for paint in road.paint for piece in paint_pieces(paint)]
    white = lit(PAINT["white"], look)
    return lines + [(piece, white, THIN) for element in road.elements for piece in element_pieces(element)]


def _on_ground(points: Array) -> NDArray[np.int64]:
    return fixed(np.concatenate([points, np.zeros((len(points), 1))], axis=1)).reshape(-1, 3)
