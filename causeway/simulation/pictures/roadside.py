"""What stands at the road and never moves, as models: trees, houses, lamps, traffic lights, signs, cones, bumps.

Knows what each is made of and which element of the map becomes which. Does not know cameras or light.
"""

import math

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.pictures.looks import Colour
from causeway.simulation.pictures.shapes import (
    GREEN,
    LAMP,
    RED,
    SOLID,
    STREET,
    THIN,
    UNSHADED,
    WINDOW,
    YELLOW,
    Face,
    Model,
    blob,
    block,
    column,
    face,
    facing_disc,
    moved,
    ring,
)
from causeway.simulation.roads.road import Element, Road, Signal
from causeway.simulation.scene import Prop

Array = NDArray[np.float64]
Stand = tuple[Model, float, float, float]  # a model, where it stands (m), its heading (rad)

POLE: Colour = (88, 90, 92)
HOUSING: Colour = (30, 32, 34)
LEAVES: Colour = (62, 98, 52)
BARK: Colour = (86, 66, 48)
PANE: Colour = (70, 80, 92)
WHITE: Colour = (238, 238, 234)
STOP_RED: Colour = (200, 24, 30)
ORANGE: Colour = (244, 110, 24)
BLACK: Colour = (26, 26, 28)
BUMP_YELLOW: Colour = (240, 196, 40)
LENS_M = 0.3
LIGHT_HEIGHT_M = 2.4
BUMP_LONG_M, BUMP_HIGH_M = 1.4, 0.1


def prop(thing: Prop) -> Model:
    """A tree, pole (a street lamp), house or hedge."""
    size, shade = thing.size_m, thing.shade
    leaves = (LEAVES[0] + shade, LEAVES[1] + shade, LEAVES[2] + shade)
    if thing.kind == "tree":
        crown = blob((0.0, 0.0, 0.66 * size), (0.33 * size, 0.33 * size, 0.36 * size), leaves)
        return Model((*column(0.16, (0.0, 0.5 * size), BARK, count=4), *crown))
    if thing.kind == "pole":
        arm = block((-0.05, 0.05), (-1.3, 0.0), (size + 1.9, size + 2.0), POLE)
        glass = block((-0.15, 0.15), (-1.5, -0.9), (size + 1.76, size + 1.88), WHITE)
        lamp = [Face(f.corners, f.colour, STREET, SOLID | LAMP) for f in glass]
        return Model((*_thin(column(0.09, (0.0, size + 2.0), POLE, count=4)), *_thin(arm), *lamp))
    if thing.kind == "hedge":
        return Model(tuple(block((-1.6, 1.6), (-0.6, 0.6), (0.0, 1.1), leaves)))
    return _house(size, (168 + shade, 150, 132 - shade))


def _thin(faces: list[Face]) -> list[Face]:
    return [Face(f.corners, f.colour, f.slot, f.flags | THIN) for f in faces]


def _house(size: float, wall: Colour) -> Model:
    half, high = 0.6 * size, 0.7 * size
    faces = block((-half, half), (-half, half), (0.0, high), wall)
    faces += block((-half, half), (-half, half), (high, 1.05 * size), (134, 72, 58), (-half, half, -0.02, 0.02))
    for quarter in range(4):
        panes = []
        for y in (-0.55 * half, 0.2 * half):
            low, top = 0.3 * size, 0.5 * size
            pane = [(half + 0.02, y, low), (half + 0.02, y + 0.35 * half, low)]
            panes.append(face([*pane, (half + 0.02, y + 0.35 * half, top), (half + 0.02, y, top)], PANE, WINDOW))
        faces += moved(panes, (0.0, 0.0, 0.0), quarter * math.pi / 2)
    return Model(tuple(faces))


def traffic_light(signal: Signal, arm_m: float) -> Stand:
    """A light on its arm; the pole stands `arm_m` to the right. Its lenses look at the traffic that reads it."""
    x, y, z = signal.position
    low, high = z - LIGHT_HEIGHT_M / 2, z + LIGHT_HEIGHT_M / 2
    faces = block((-0.12, 0.25), (-0.45, 0.45), (low, high), HOUSING)
    for slot, up in ((RED, 0.78), (YELLOW, 0.0), (GREEN, -0.78)):
        faces.append(facing_disc((-0.14, 0.0, z + up), LENS_M, BLACK, slot, 10))
    faces += _thin(block((0.26, 0.4), (-arm_m, 0.1), (high - 0.1, high + 0.06), POLE))
    pole = column(0.11, (0.0, high), POLE, count=4)
    return Model((*faces, *_thin(moved(pole, (0.33, -arm_m, 0.0))))), x, y, signal.facing_rad


def arm_lengths(road: Road) -> list[float]:
    """How far right of each light the road ends and its pole can stand; beside the light where there is no surface."""
    reach = np.arange(0.0, 24.0, 0.5)
    found = []
    for signal in road.signals:
        x, y, _ = signal.position
        right = np.array([math.sin(signal.facing_rad), -math.cos(signal.facing_rad)])
        free = ~road.on_surface(np.array([x, y]) + reach[:, None] * right)
        found.append(float(reach[int(np.argmax(free))]) + 0.6)
    return found


def sign(element_id: str) -> Model:
    """A sign on its post, which looks backwards: the word in its name says which (stop, yield, work, bump)."""
    plates = {"stop": _stop, "yield": _yield, "work": _work, "bump": _work}
    make = next((plates[word] for word in plates if word in element_id), _blank)
    return Model((*_thin(column(0.04, (0.0, 2.2), POLE, count=4)), *make()))


def _plate(outline: Array, z: float, colour: Colour, before_m: float, slot: int = 0) -> Face:
    """A flat outline (to the right, up) at a height, that looks backwards."""
    corners = np.stack([np.full(len(outline), -before_m), -outline[:, 0], outline[:, 1] + z], axis=1)
    return face(corners, colour, slot, SOLID | UNSHADED)


def _box(left: float, right: float, low: float, high: float) -> Array:
    return np.array([(left, low), (right, low), (right, high), (left, high)])


def _back(outline: Array, z: float) -> Face:
    corners = np.stack([np.full(len(outline), -0.05), -outline[:, 0], outline[:, 1] + z], axis=1)
    return face(corners[::-1], POLE, 0, SOLID | UNSHADED)


def _stop() -> list[Face]:
    octagon = ring(8, 0.5)
    faces = [_back(octagon * 0.42, 2.3), _plate(octagon * 0.42, 2.3, WHITE, 0.06)]
    faces.append(_plate(octagon * 0.38, 2.3, STOP_RED, 0.07))
    for i in range(4):  # four letters, as far as one can read them
        left = -0.26 + 0.135 * i
        faces.append(_plate(_box(left, left + 0.1, -0.1, 0.1), 2.3, WHITE, 0.08))
        if i in (1, 2, 3):
            faces.append(_plate(_box(left + 0.035, left + 0.065, -0.06 if i > 0 else 0.0, 0.06), 2.3, STOP_RED, 0.09))
    return faces


def _yield() -> list[Face]:
    triangle = np.array([(0.0, -0.5), (0.46, 0.3), (-0.46, 0.3)])
    return [_back(triangle, 2.3), _plate(triangle, 2.3, STOP_RED, 0.06), _plate(triangle * 0.6, 2.32, WHITE, 0.07)]


def _work() -> list[Face]:
    diamond = ring(4) * 0.55
    faces = [_back(diamond, 2.2), _plate(diamond, 2.2, BLACK, 0.06), _plate(diamond * 0.92, 2.2, ORANGE, 0.07)]
    faces.append(_plate(np.array([(-0.26, -0.2), (0.26, -0.2), (0.12, -0.02), (-0.02, -0.06)]), 2.2, BLACK, 0.08))
    return [
        *faces,
        _plate(_box(-0.12, 0.0, -0.1, 0.18), 2.2, BLACK, 0.08),
        _plate(_box(-0.1, -0.02, 0.2, 0.3), 2.2, BLACK, 0.08),
    ]


def _blank() -> list[Face]:
    disc = ring(10) * 0.34
    return [_back(disc, 2.3), _plate(disc, 2.3, STOP_RED, 0.06), _plate(disc * 0.8, 2.3, WHITE, 0.07)]


def cone(height_m: float = 0.75) -> Model:
    """An orange cone with white bands."""
    h, foot = height_m, 0.24 * height_m
    faces = block((-0.28 * h, 0.28 * h), (-0.28 * h, 0.28 * h), (0.0, 0.05 * h), ORANGE)
    bands = ((0.05, 0.35, ORANGE), (0.35, 0.55, WHITE), (0.55, 0.75, ORANGE), (0.75, 0.88, WHITE), (0.88, 1.0, ORANGE))
    for low, high, colour in bands:
        faces += column(foot * (1.06 - low), (low * h, high * h), colour, foot * (1.06 - high), 6)
    return Model(tuple(faces))


def barrier(length_m: float, width_m: float, height_m: float) -> Model:
    """A board across, striped in red and white, as long and wide as it is said to be."""
    x, y, h = length_m / 2, width_m / 2, height_m
    faces = block((-x, x), (-y, y), (0.0, 0.3 * h), POLE) + block((-x, x), (-y, y), (0.3 * h, h), WHITE)
    for side in (-1.0, 1.0):
        for at, half, along in ((x + 0.012, y, False), (y + 0.012, x, True)):
            for left in np.arange(-half, half - 0.1, 0.5):
                right, lean = min(left + 0.25, half), 0.12 if left + 0.37 < half else 0.0
                flat = [(left, 0.35 * h), (right, 0.35 * h), (right + lean, 0.95 * h), (left + lean, 0.95 * h)]
                corners = [(p, side * at, z) if along else (side * at, p, z) for p, z in flat]
                faces.append(face(corners, STOP_RED, flags=UNSHADED))
    return Model(tuple(faces))


def bump(width_m: float, long_m: float = BUMP_LONG_M) -> Model:
    """A hump across the lane, in black and yellow stripes."""
    x, h = long_m / 2, BUMP_HIGH_M
    faces = []
    count = max(round(width_m / 0.5), 2)
    for i in range(count):
        a, b = -width_m / 2 + width_m * i / count, -width_m / 2 + width_m * (i + 1) / count
        colour = (BUMP_YELLOW, BLACK)[i % 2]
        faces.append(face([(-x, b, 0.0), (-x, a, 0.0), (-0.5 * x, a, h), (-0.5 * x, b, h)], colour, flags=UNSHADED))
        faces.append(
            face([(-0.5 * x, b, h), (-0.5 * x, a, h), (0.5 * x, a, h), (0.5 * x, b, h)], colour, flags=UNSHADED)
        )
        faces.append(face([(0.5 * x, b, h), (0.5 * x, a, h), (x, a, 0.0), (x, b, 0.0)], colour, flags=UNSHADED))
    return Model(tuple(faces))


def standing(element: Element, road: Road) -> list[Stand]:
    """What of an element of the map stands up, and where: nothing for what is only painted."""
    shape = np.asarray(element.shape, dtype=np.float64).reshape(len(element.shape), -1)[:, :2]
    if element.kind == "cone":
        return [(cone(), float(x), float(y), 0.0) for x, y in shape]
    if element.kind == "sign":
        x, y = shape.mean(axis=0)
        return [(sign(element.element_id), float(x), float(y), _heading(element, road, shape))]
    if element.kind == "bump":
        return [_bump_at(shape, _heading(element, road, shape))]
    return []


def _bump_at(shape: Array, heading: float) -> Stand:
    """A bump from its line or outline: as wide and long as the points reach across and along the lane."""
    x, y = (shape.min(axis=0) + shape.max(axis=0)) / 2 if len(shape) < 3 else shape.mean(axis=0)
    apart = shape - [x, y]
    along = apart[:, 0] * math.cos(heading) + apart[:, 1] * math.sin(heading)
    across = apart[:, 1] * math.cos(heading) - apart[:, 0] * math.sin(heading)
    long_m = float(np.ptp(along))
    return bump(max(float(np.ptp(across)), 2.0), long_m if long_m > 0.5 else BUMP_LONG_M), float(x), float(y), heading


def _heading(element: Element, road: Road, shape: Array) -> float:
    """The heading of the traffic that the element is for: its lane's there, or the first lane's."""
    lanes = [lane for lane in road.lanes if lane.lane_id in element.lane_ids] or list(road.lanes[:1])
    if not lanes:
        return 0.0
    path = lanes[0].centre
    return float(path.pose_at(path.project(shape.mean(axis=0))[0])[2])
