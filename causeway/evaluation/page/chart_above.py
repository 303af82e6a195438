"""A moment seen from above as inline SVG: road, agents, the recorded path and the predicted ones.

Knows metres in the rig frame and pixels: x is up, y is left, one scale. Does not know policies or samples.
"""

from collections.abc import Mapping, Sequence
from math import ceil, cos, floor, sin
from typing import Any

from causeway.artifacts.markup import Markup, el

Points = Sequence[Sequence[float]]
WIDTH, HEIGHT, EDGE = 200, 240, 8
CAR = (4.7, 1.9, 1.4)  # length, width, rear axle to middle: where nothing is known of the vehicle


def from_above(recorded: Points, predicted: Sequence[Points], around: Mapping[str, Any] | None = None) -> Markup:
    """Paths [n, 2] in the rig frame with a grid line every 10 m (50 m when far); agents and road where they are known.

    around: {"agents": [{kind, pose [3], size [2], way [m, 2]}], "road": [ring [p, 2]], "car": [length, width, offset]}.
    """
    everything = [(0.0, 0.0), *recorded, *(p for path in predicted for p in path)]
    far, near = max(14.0, *(p[0] for p in everything)) + 6.0, min(0.0, *(p[0] for p in everything)) - 8.0
    wide = max(14.0, 2.4 * max(abs(p[1]) for p in everything))
    scale = min((HEIGHT - 2 * EDGE) / (far - near), (WIDTH - 2 * EDGE) / wide)

    def at(path: Points) -> list[tuple[float, float]]:
        return [(WIDTH / 2 - scale * p[1], HEIGHT - EDGE - scale * (p[0] - near)) for p in path]

    seen = around or {"agents": [], "road": [], "car": CAR}
    drawn = [_area(at(ring), "road") for ring in seen["road"]]
    drawn += _grid(near, far, at)
    for agent in seen["agents"]:
        drawn += [_line(at(agent["way"]), "faint agent"), _area(at(box(agent["pose"], agent["size"])), "agent")]
    drawn += [_line(at([(0, 0), *path]), "faint predicted") for path in predicted]
    drawn.append(_line(at([(0, 0), *recorded]), "strong recorded"))
    length, width, offset = seen["car"]
    drawn.append(_area(at(box((offset, 0.0, 0.0), (length, width))), "car"))
    size = f"0 0 {WIDTH} {HEIGHT}"
    return el("svg", drawn, viewBox=size, role="img", aria_label="seen from above", class_="chart above")


def box(pose: Sequence[float], size: Sequence[float]) -> list[tuple[float, float]]:
    """The four corners of a box from its middle (x, y, yaw) and (length, width), in metres."""
    x, y, yaw = pose
    c, s = cos(yaw), sin(yaw)
    corners = [(dx * size[0] / 2, dy * size[1] / 2) for dx, dy in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    return [(x + c * a - s * b, y + s * a + c * b) for a, b in corners]


def _grid(near: float, far: float, at: Any) -> list[Markup]:
    drawn = []
    for x in range(ceil(near / 10) * 10, floor(far) + 1, 10 if far < 100 else 50):
        y = at([(x, 0)])[0][1]
        drawn.append(el("line", x1=0, x2=WIDTH, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="axis"))
        drawn.append(el("text", f"{x} m", x=WIDTH - 2, y=f"{y - 2:.1f}", text_anchor="end"))
    return drawn


def _line(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    return el("polyline", points=_written(points), class_=class_)


def _area(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    return el("polygon", points=_written(points), class_=class_)


def _written(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
