"""Filling polygons: convex faces with depth into a canvas, in whole numbers.

Knows the fixed units of `projection` and nothing of what a face belongs to. Positions are integers of 2⁻¹⁶ m, turns
integers of 2⁻³⁰, canvas coordinates sixteenths of a canvas pixel, inverse depth 2⁴⁴ over the depth. The only floating
numbers are the slopes of a face's inverse depth: single IEEE operations, the same on every processor.
A canvas value is a packed colour (red << 16 | green << 8 | blue) with the marks SHINES and SKY above it.
"""

import math
from typing import Any

import numpy as np

from causeway.simulation.compiled import compiled

SHINES, SKY = 1 << 24, 1 << 25
SOLID, THIN, LAMP, UNSHADED, SMALL = 1, 2, 4, 8, 16  # what a face is, as bits
NEAR = 19_661  # 0.3 m
FAR, FAR_ASIDE = 250 << 16, 1_000 << 16
SUN = (5_519, 3_942, 14_192)  # a unit vector in 2⁻¹⁴
LAMP_SIXTEENTHS, LAMP_GROWS = 36, 3  # a lamp that shines is drawn at least so wide, but grows at most so many times
MOST_CORNERS = 32


@compiled
def mixed(below: int, above: int, share: int) -> int:
    """Two packed colours, the upper one with `share` / 256; the marks are the lower one's."""
    red = ((below >> 16 & 255) * (256 - share) + (above >> 16 & 255) * share) >> 8
    green = ((below >> 8 & 255) * (256 - share) + (above >> 8 & 255) * share) >> 8
    blue = ((below & 255) * (256 - share) + (above & 255) * share) >> 8
    return below & (SHINES | SKY) | red << 16 | green << 8 | blue


@compiled
def _slopes(u: Any, v: Any, q: Any, n: int) -> tuple[float, float]:
    """How inverse depth grows per sixteenth to the right and down, from the largest triangle of the fan."""
    best, at = 0, 1
    for i in range(1, n - 1):
        area = (u[i] - u[0]) * (v[i + 1] - v[0]) - (u[i + 1] - u[0]) * (v[i] - v[0])
        if abs(area) > abs(best):
            best, at = area, i
    if best == 0:
        return 0.0, 0.0
    q1, q2 = q[at] - q[0], q[at + 1] - q[0]
    right = (q1 * (v[at + 1] - v[0]) - q2 * (v[at] - v[0])) / best
    down = ((u[at] - u[0]) * q2 - (u[at + 1] - u[0]) * q1) / best
    return right, down


@compiled
def _crossing(u: Any, v: Any, n: int, level: int, touch: bool) -> tuple[int, int]:
    """Leftmost and rightmost point of the outline on one level; left > right where it has none."""
    left, right = 1 << 40, -(1 << 40)
    for i in range(n):
        j = i - 1 if i > 0 else n - 1
        a, b = (i, j) if v[i] <= v[j] else (j, i)
        if v[a] == v[b]:
            if touch and v[a] == level:
                left, right = min(left, u[a], u[b]), max(right, u[a], u[b])
        elif v[a] <= level and (level < v[b] or (touch and level == v[b])):
            x = u[a] + (u[b] - u[a]) * (level - v[a]) // (v[b] - v[a])
            left, right = min(left, x), max(right, x)
    return left, right


@compiled
def _span(
    canvas: Any, depth: Any, y: int, begin: int, end: int, colour: int, share: int, ramp: Any, tested: bool
) -> None:
    """One row of a face. `ramp`: inverse depth at `begin` and its step, both × 256, and its bounds."""
    value, step, low, high = ramp
    for x in range(begin, end):
        if tested:
            inverse = min(max(value >> 8, low), high)
            value += step
            if inverse <= depth[y, x]:
                continue
            if share > 127:
                depth[y, x] = inverse
        if share >= 256:
            canvas[y, x] = colour
        else:
            canvas[y, x] = mixed(canvas[y, x], colour, share)


@compiled
def fill(canvas: Any, depth: Any, u: Any, v: Any, q: Any, n: int, colour: int, thin: bool, tested: bool) -> None:
    """Draw one convex polygon; a pixel is inside when its middle is, left and upper edges included.

    A thin one is drawn at least one pixel wide, fainter by as much; so a far line fades and does not break up.
    `tested`: only where it is nearer than what is there.
    """
    height, width = canvas.shape
    top, bottom, low, high = v[0], v[0], q[0], q[0]
    for i in range(1, n):
        top, bottom = min(top, v[i]), max(bottom, v[i])
        low, high = min(low, q[i]), max(high, q[i])
    first, last, flat = (top + 7) >> 4, ((bottom + 7) >> 4) - 1, thin and bottom - top < 16
    if flat:
        first = (top + bottom) >> 5
        last = first
    if first > last:
        return
    right_slope, down_slope = 0.0, 0.0
    if tested:
        right_slope, down_slope = _slopes(u, v, q, n)
    step = int(min(max(right_slope * 4096.0, -1e13), 1e13))
    for y in range(max(first, 0), min(last, height - 1) + 1):
        level = (top + bottom) >> 1 if flat else (y << 4) + 8
        left, right = _crossing(u, v, n, level, flat)
        if left > right:
            continue
        share = max((bottom - top) << 4, 16) if flat else 256
        begin, end = (left + 7) >> 4, (right + 7) >> 4
        if thin and right - left < 16:
            begin = (left + right) >> 5
            end, share = begin + 1, share * max(right - left, 1) >> 4
        begin, end = max(begin, 0), min(end, width)
        start = q[0] + right_slope * float((begin << 4) + 8 - u[0]) + down_slope * float(level - v[0])
        ramp = (int(min(max(start, low - 1.0), high + 1.0) * 256.0), step, low, high)
        _span(canvas, depth, y, begin, end, colour, share, ramp, tested)


@compiled
def _clipped(corners: Any, n: int, spare: Any) -> int:
    """Cut a camera-frame polygon at the near plane, in place; returns how many corners are left."""
    kept = 0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        inside, next_inside = corners[i, 2] >= NEAR, corners[j, 2] >= NEAR
        if inside:
            for k in range(3):
                spare[kept, k] = corners[i, k]
            kept += 1
        if inside != next_inside:
            a, b = (i, j) if inside else (j, i)
            for k in range(3):
                along = (corners[b, k] - corners[a, k]) * (corners[a, 2] - NEAR) // (corners[a, 2] - corners[b, 2])
                spare[kept, k] = corners[a, k] + along
            spare[kept, 2] = NEAR
            kept += 1
    for i in range(kept):
        for k in range(3):
            corners[i, k] = spare[i, k]
    return kept


@compiled
def _projected(corners: Any, n: int, spare: Any, lens: Any, u: Any, v: Any, q: Any) -> int:
    """Camera-frame corners on the canvas; returns how many are left beyond the near plane."""
    nearest = corners[0, 2]
    for i in range(1, n):
        nearest = min(nearest, corners[i, 2])
    if nearest < NEAR:
        n = _clipped(corners, n, spare)
    for i in range(n):
        z = corners[i, 2]
        u[i] = (lens[0] * corners[i, 0] // z >> 8) + lens[2]
        v[i] = (lens[1] * corners[i, 1] // z >> 8) + lens[3]
        q[i] = (1 << 44) // z
    return n


@compiled
def _to_camera(turn: Any, shift: Any, point: Any, corner: Any) -> None:
    for k in range(3):
        corner[k] = ((turn[k, 0] * point[0] + turn[k, 1] * point[1] + turn[k, 2] * point[2]) >> 30) + shift[k]


@compiled
def normals_of(corners: Any, starts: Any) -> Any:
    """Outward normals [faces, 3] in 2⁻¹⁴, each from the largest triangle of its face's fan; 0 without an area."""
    normals = np.zeros((len(starts) - 1, 3), np.int64)
    for face in range(len(starts) - 1):
        first, best = starts[face], 0.0
        for i in range(first + 1, starts[face + 1] - 1):
            ax, bx = float(corners[i, 0] - corners[first, 0]), float(corners[i + 1, 0] - corners[first, 0])
            ay, by = float(corners[i, 1] - corners[first, 1]), float(corners[i + 1, 1] - corners[first, 1])
            az, bz = float(corners[i, 2] - corners[first, 2]), float(corners[i + 1, 2] - corners[first, 2])
            x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            square = x * x + y * y + z * z
            if square > best:
                best, scale = square, 16384.0 / math.sqrt(square)
                normals[face, 0], normals[face, 1] = int(np.rint(x * scale)), int(np.rint(y * scale))
                normals[face, 2] = int(np.rint(z * scale))
    return normals


@compiled
def in_picture(point: Any, radius: int, lens: Any) -> bool:
    """Whether a camera-frame ball may be seen: before the near plane, near enough, not beside the picture."""
    z = point[2]
    if z < NEAR - radius or z > FAR:
        return False
    reach = max(z, 0)
    across, down = (reach * lens[4] >> 16) + radius, (reach * lens[5] >> 16) + radius
    return abs(point[0]) <= across + (radius * lens[4] >> 16) and abs(point[1]) <= down + (radius * lens[5] >> 16)


@compiled
def _is_speck(point: Any, radius: int, lens: Any) -> bool:
    """Whether a ball before the camera is less than a canvas pixel across."""
    return (lens[0] >> 8) * radius < 8 * point[2]


@compiled
def _too_far(point: Any, eye: Any, apart: Any) -> bool:
    """Write how far a point is from the eye; true where products with it would not fit into an integer."""
    for k in range(3):
        apart[k] = point[k] - eye[k]
    return abs(apart[0]) > FAR_ASIDE or abs(apart[1]) > FAR_ASIDE


@compiled
def draw_ground(canvas: Any, depth: Any, turn: Any, eye: Any, lens: Any, pieces: Any) -> None:
    """Flat pieces (corners, where each begins, middles, radii, colours, flags) in order, each over those before."""
    corners_of, starts, middles, radii, colours, flags = pieces
    corners, spare = np.empty((MOST_CORNERS, 3), np.int64), np.empty((MOST_CORNERS, 3), np.int64)
    u, v, q = np.empty(MOST_CORNERS, np.int64), np.empty(MOST_CORNERS, np.int64), np.empty(MOST_CORNERS, np.int64)
    middle, apart, origin = np.empty(3, np.int64), np.empty(3, np.int64), np.zeros(3, np.int64)
    for i in range(len(starts) - 1):
        if _too_far(middles[i], eye, apart):
            continue
        _to_camera(turn, origin, apart, middle)
        if not in_picture(middle, radii[i], lens):
            continue
        if flags[i] & SMALL and _is_speck(middle, radii[i] >> 3, lens):  # seen aslant, it is a speck far earlier
            continue
        n = starts[i + 1] - starts[i]
        for j in range(n):
            _too_far(corners_of[starts[i] + j], eye, apart)
            _to_camera(turn, origin, apart, corners[j])
        n = _projected(corners, n, spare, lens, u, v, q)
        if n > 2:
            fill(canvas, depth, u, v, q, n, colours[i], flags[i] & THIN > 0, False)


@compiled
def _grown(u: Any, n: int) -> None:
    """Widen a lamp that has become too small to be seen."""
    low, high = u[0], u[0]
    for i in range(1, n):
        low, high = min(low, u[i]), max(high, u[i])
    wide = max(high - low, 1)
    if wide < LAMP_SIXTEENTHS:
        new, middle = min(LAMP_SIXTEENTHS, LAMP_GROWS * wide + 8), (low + high) >> 1
        for i in range(n):
            u[i] = middle + (u[i] - middle) * new // wide


@compiled
def shaded(colour: int, normal: Any, cos: int, sin: int) -> int:
    """A colour as the sun lights a face with this normal (2⁻¹⁴) of a thing that is turned."""
    x, y = (cos * normal[0] - sin * normal[1]) >> 30, (sin * normal[0] + cos * normal[1]) >> 30
    light = 176 + (80 * max((x * SUN[0] + y * SUN[1] + normal[2] * SUN[2]) >> 14, 0) >> 14)
    return mixed(0, colour, min(light, 256))


@compiled
def _turned_away(normal: Any, corner: Any, seen_from: Any) -> bool:
    facing = 0
    for k in range(3):
        facing += normal[k] * (seen_from[k] - corner[k])
    return facing <= 0


@compiled
def _own_view(turn: Any, apart: Any, cos: int, sin: int, own: Any, seen_from: Any) -> None:
    """Of a thing that stands turned and so far from the eye: the turn from its frame to the camera's, and the eye in
    its frame."""
    for k in range(3):
        own[k, 0] = (turn[k, 0] * cos + turn[k, 1] * sin) >> 30
        own[k, 1] = (turn[k, 1] * cos - turn[k, 0] * sin) >> 30
        own[k, 2] = turn[k, 2]
    seen_from[0] = -(cos * apart[0] + sin * apart[1]) >> 30
    seen_from[1] = -(cos * apart[1] - sin * apart[0]) >> 30
    seen_from[2] = -apart[2]


@compiled
def draw_things(canvas: Any, depth: Any, turn: Any, eye: Any, lens: Any, models: Any, things: Any) -> None:
    """What stands on the ground, in any order.

    models: corners [v, 3], where each face begins, normals, colours, slots and flags of faces, where each model's
    faces begin, its height of the middle and radius. things: model, place [n, 3], cos and sin [n, 2], and the colours
    of the slots [n, s]; a slot colour of −1 = this face is not there; slot 0 = the face's own colour.
    """
    corners_of, starts, normals, colours, slots, flags, faces, balls = models
    which, places, turned, slot_colours = things
    corners, spare = np.empty((MOST_CORNERS, 3), np.int64), np.empty((MOST_CORNERS, 3), np.int64)
    u, v, q = np.empty(MOST_CORNERS, np.int64), np.empty(MOST_CORNERS, np.int64), np.empty(MOST_CORNERS, np.int64)
    own, shift, seen_from = np.empty((3, 3), np.int64), np.empty(3, np.int64), np.empty(3, np.int64)
    apart, middle, origin = np.empty(3, np.int64), np.empty(3, np.int64), np.zeros(3, np.int64)
    for i in range(len(which)):
        model, cos, sin = which[i], turned[i, 0], turned[i, 1]
        if _too_far(places[i], eye, apart):
            continue
        apart[2] += balls[model, 0]
        _to_camera(turn, origin, apart, middle)
        if not in_picture(middle, balls[model, 1], lens) or _is_speck(middle, balls[model, 1], lens):
            continue
        apart[2] -= balls[model, 0]
        _to_camera(turn, origin, apart, shift)
        _own_view(turn, apart, cos, sin, own, seen_from)
        for face in range(faces[model], faces[model + 1]):
            colour = colours[face] if slots[face] == 0 else slot_colours[i, slots[face]]
            start, n = starts[face], starts[face + 1] - starts[face]
            hidden = flags[face] & SOLID > 0 and _turned_away(normals[face], corners_of[start], seen_from)
            if colour < 0 or hidden:
                continue
            for j in range(n):
                _to_camera(own, shift, corners_of[start + j], corners[j])
            n = _projected(corners, n, spare, lens, u, v, q)
            if n < 3:
                continue
            if flags[face] & LAMP and colour & SHINES:
                _grown(u, n)
                _grown(v, n)
            if not (flags[face] & UNSHADED or colour & SHINES):
                colour = shaded(colour, normals[face], cos, sin)
            fill(canvas, depth, u, v, q, n, colour, flags[face] & THIN > 0, True)
