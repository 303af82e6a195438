"""The road as areas on the ground: one ring of points for each lane of a map.

Knows how two borders become a ring of few points that overlaps its neighbours' rings. Does not know maps' tables,
frames or vehicles. Lanes of every kind are road, shoulders and bicycle lanes too: to leave the road is to leave what
is paved, as in the built-in world; to leave the lane is another matter.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BEND_M = 0.05  # a border may be so far from its own points: straight lanes keep four
GROWN_M = 2 * BEND_M  # so far a ring reaches out, so that borders that two lanes share leave no crack between them
_SHARPEST = 0.5  # a corner's point moves out by no more than twice as far as its edges


def lane_ring(left: ArrayLike, right: ArrayLike) -> Floats | None:
    """The ring [p, 2] of a lane from its borders [n, 2] and [m, 2] in metres, both along the lane, grown by 0.1 m.

    None when a border has fewer than two points or holds NaN: then the map does not say where the road ends.
    """
    borders = []
    for border in (left, right):
        points = np.asarray(border, dtype=np.float64)
        if points.ndim != 2 or len(points) < 2 or points.shape[1] < 2 or not np.isfinite(points[:, :2]).all():
            return None
        borders.append(simplified(points[:, :2], BEND_M))
    ring = np.concatenate([borders[0], borders[1][::-1]])
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    return grown(ring, GROWN_M) if len(ring) > 2 else None


def simplified(line: Floats, within_m: float) -> Floats:
    """The fewest points of a line [n, 2] from which none is farther than `within_m` (Douglas and Peucker, 1973)."""
    kept = np.zeros(len(line), dtype=bool)
    kept[[0, -1]] = True
    spans = [(0, len(line) - 1)]
    while spans:
        low, high = spans.pop()
        if high - low < 2:
            continue
        off = _off(line[low + 1 : high], line[low], line[high])
        worst = int(off.argmax())
        if off[worst] > within_m:
            middle = low + 1 + worst
            kept[middle] = True
            spans += [(low, middle), (middle, high)]
    return line[kept]


def _off(points: Floats, start: Floats, end: Floats) -> Floats:
    """Distance of points [n, 2] from the segment start – end."""
    leg = end - start
    share = np.clip((points - start) @ leg / max(float(leg @ leg), 1e-12), 0.0, 1.0)
    return np.hypot(*(points - start - share[:, None] * leg).T)


def grown(ring: Floats, by_m: float) -> Floats:
    """A ring [p, 2] whose edges all lie `by_m` farther out."""
    edge = np.roll(ring, -1, axis=0) - ring
    area = float((ring[:, 0] * np.roll(ring[:, 1], -1) - np.roll(ring[:, 0], -1) * ring[:, 1]).sum())
    length = np.hypot(*edge.T)[:, None]
    out = np.stack([edge[:, 1], -edge[:, 0]], axis=-1) / np.maximum(length, 1e-9) * (1.0 if area > 0 else -1.0)
    before = np.roll(out, 1, axis=0)
    along = 1.0 + (out * before).sum(axis=1, keepdims=True)
    return ring + by_m * (out + before) / np.maximum(along, _SHARPEST)
