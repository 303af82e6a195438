"""Vehicles as models: car, truck, bus, motorcycle, with brake lights, turn signals, headlights.

Knows what each is made of. Does not know where one stands or whether it brakes.
"""

from causeway.simulation.pictures.looks import Colour
from causeway.simulation.pictures.shapes import (
    BRAKE,
    HEAD,
    LEFT,
    REVERSE,
    RIGHT,
    THIN,
    THIRD,
    UNSHADED,
    Face,
    Model,
    block,
    face,
    front,
    rear,
    upright_disc,
)

GLASS: Colour = (46, 58, 70)
TYRE: Colour = (28, 28, 30)
RIM: Colour = (120, 122, 126)
PLATE: Colour = (225, 225, 215)
CARGO: Colour = (214, 212, 204)
LENS: Colour = (112, 22, 24)  # of a rear lamp that is off
AMBER: Colour = (150, 92, 30)
CLEAR: Colour = (224, 224, 216)
SHADOW: Colour = (34, 34, 36)
GAP_M = 0.012  # what is fixed to a wall stands before it


def vehicle(kind: str, size_m: tuple[float, float, float], colour: Colour) -> Model:
    """The model of a track type at its length, width and height; a plain box for a type that has none."""
    make = {"car": _car, "truck": _truck, "bus": _bus}.get(kind, _plain)
    return Model((_shadow(*size_m[:2]), *make(*size_m, colour)))


def _shadow(length: float, width: float) -> Face:
    x, y, z = 0.52 * length, 0.56 * width, 0.01
    return face([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)], SHADOW, flags=UNSHADED)


def _wheels(stations: tuple[float, ...], width: float, radius: float) -> list[Face]:
    faces = []
    for x in stations:
        for side in (-1.0, 1.0):
            y = side * (width / 2 + GAP_M)
            faces.append(upright_disc((x, y, radius), radius, TYRE))
            faces.append(upright_disc((x, y + side * GAP_M, radius), 0.55 * radius, RIM, 6))
    return faces


def _rear_lamps(x: float, width: float, low: float, high: float) -> list[Face]:
    """On each side, from the outside: turn signal, brake light, reversing light."""
    faces, x = [], x - GAP_M
    for side, slot in ((1.0, LEFT), (-1.0, RIGHT)):
        edge, parted, inner = side * 0.49 * width, side * 0.39 * width, side * 0.24 * width
        faces.append(rear(x, (min(edge, parted), max(edge, parted)), (low, high), AMBER, slot))
        faces.append(rear(x, (min(parted, inner), max(parted, inner)), (low, high), LENS, BRAKE))
        last = side * 0.17 * width
        faces.append(rear(x, (min(inner, last), max(inner, last)), (low, high), CLEAR, REVERSE))
    return faces


def _front_lamps(x: float, width: float, low: float, high: float) -> list[Face]:
    faces, x = [], x + GAP_M
    for side, slot in ((1.0, LEFT), (-1.0, RIGHT)):
        edge, parted, inner = side * 0.48 * width, side * 0.41 * width, side * 0.26 * width
        faces.append(front(x, (min(edge, parted), max(edge, parted)), (low, high), AMBER, slot))
        faces.append(front(x, (min(parted, inner), max(parted, inner)), (low, high), CLEAR, HEAD))
    return faces


def _repeaters(x: float, width: float, z: float) -> list[Face]:
    """Small turn signals on the flanks."""
    faces = []
    for side, slot in ((1.0, LEFT), (-1.0, RIGHT)):
        y = side * (width / 2 + GAP_M)
        corners = [(x - 0.09, y, z), (x + 0.09, y, z), (x + 0.09, y, z + 0.1), (x - 0.09, y, z + 0.1)]
        faces.append(face(corners[::-1] if side > 0 else corners, AMBER, slot, 1 | 4))
    return faces


def _car(length: float, width: float, height: float, colour: Colour) -> list[Face]:
    x, y, belt = length / 2, width / 2, 0.6 * height
    faces = block((-x, x), (-y, y), (0.14 * height, 0.44 * height), colour)[:4]
    faces += block((-x, x), (-y, y), (0.44 * height, belt), colour, (-0.97 * x, 0.94 * x, -0.95 * y, 0.95 * y))
    roof = (-0.30 * length, 0.10 * length, -0.40 * width, 0.40 * width)
    faces += block(
        (-0.42 * length, 0.26 * length), (-0.46 * width, 0.46 * width), (belt, height), GLASS, roof, top=colour
    )
    faces += _wheels((-0.30 * length, 0.31 * length), width, 0.21 * height)
    faces += _rear_lamps(-x, width, 0.36 * height, 0.5 * height) + _front_lamps(x, width, 0.33 * height, 0.46 * height)
    faces += _repeaters(0.33 * length, width, 0.5 * height)
    faces.append(rear(-x - GAP_M, (-0.14 * width, 0.14 * width), (0.24 * height, 0.34 * height), PLATE))
    faces.append(front(x + GAP_M, (-0.3 * width, 0.3 * width), (0.16 * height, 0.28 * height), TYRE))
    faces.append(rear(-0.40 * length, (-0.16 * width, 0.16 * width), (0.88 * height, 0.95 * height), LENS, THIRD))
    return faces


def _truck(length: float, width: float, height: float, colour: Colour) -> list[Face]:
    x, y = length / 2, width / 2
    faces = block((0.29 * length, x), (-0.94 * y, 0.94 * y), (0.10 * height, 0.42 * height), colour)
    roof = (0.30 * length, 0.46 * length, -0.9 * y, 0.9 * y)
    faces += block(
        (0.29 * length, x), (-0.94 * y, 0.94 * y), (0.42 * height, 0.72 * height), GLASS, roof, top=colour, rear=colour
    )
    faces += block((-x, 0.27 * length), (-y, y), (0.22 * height, height), CARGO)
    faces += block((-x, 0.4 * length), (-0.85 * y, 0.85 * y), (0.12 * height, 0.22 * height), TYRE)
    faces += _wheels((-0.35 * length, -0.2 * length, 0.38 * length), 0.98 * width, 0.14 * height)
    faces += _front_lamps(x, width, 0.16 * height, 0.23 * height) + _repeaters(0.4 * length, width, 0.3 * height)
    bar = rear(-x - GAP_M, (-y, y), (0.12 * height, 0.23 * height), TYRE)
    stripe = rear(-x - GAP_M, (-0.03 * width, 0.03 * width), (0.26 * height, 0.96 * height), (150, 150, 146))
    return [*faces, bar, stripe, *_rear_lamps(-x - GAP_M, width, 0.135 * height, 0.215 * height)]


def _bus(length: float, width: float, height: float, colour: Colour) -> list[Face]:
    x, y = length / 2, width / 2
    faces = block((-x, x), (-y, y), (0.1 * height, 0.42 * height), colour)[:4]
    faces += block((-x, x), (-y, y), (0.42 * height, 0.82 * height), GLASS)[:4]
    faces += block((-x, x), (-y, y), (0.82 * height, height), colour)
    for i in range(1, 6):  # posts between the windows
        at = -x + length * i / 6
        for side in (-1.0, 1.0):
            s = side * (y + GAP_M)
            post = [(at - 0.08, s, 0.42 * height), (at + 0.08, s, 0.42 * height), (at + 0.08, s, 0.82 * height)]
            faces.append(face([*post, (at - 0.08, s, 0.82 * height)], colour, flags=UNSHADED | THIN))
    faces += _wheels((-0.28 * length, 0.33 * length), width, 0.15 * height)
    faces += _front_lamps(x, width, 0.16 * height, 0.23 * height) + _repeaters(0.4 * length, width, 0.25 * height)
    return faces + _rear_lamps(-x, width, 0.2 * height, 0.29 * height)


def _plain(length: float, width: float, height: float, colour: Colour) -> list[Face]:
    return block((-length / 2, length / 2), (-width / 2, width / 2), (0.0, height), colour)
