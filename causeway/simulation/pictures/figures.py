"""People as models: who stands, who walks (in four steps), who rides a bicycle or a motorcycle.

Knows bodies. Does not know who moves: the rasteriser takes the pose that fits speed and time.
"""

from causeway.simulation.pictures.looks import Colour
from causeway.simulation.pictures.shapes import (
    BRAKE,
    HEAD,
    LEFT,
    RIGHT,
    THIN,
    UNSHADED,
    Face,
    Model,
    blob,
    block,
    face,
    front,
    moved,
    rear,
    swung,
    upright_disc,
)
from causeway.simulation.pictures.vehicles import AMBER, CLEAR, LENS, SHADOW, TYRE

SKIN: Colour = (206, 164, 136)
HAIR: Colour = (58, 44, 36)
TROUSERS: Colour = (44, 48, 66)
SHOES: Colour = (24, 24, 26)
HELMET: Colour = (226, 226, 222)
FRAME: Colour = (178, 40, 38)
STRIDE_RAD = (0.5, 0.2, -0.5, -0.2)  # of the left leg, one after the other
STEP_US = 150_000  # from one pose of walking to the next


def pedestrian(height_m: float, coat: Colour, swing_rad: float = 0.0) -> Model:
    """A person who looks along x; `swing_rad`: how far the left leg is forwards and the right one back (0 = stands)."""
    h = height_m
    faces = []
    for side, angle in ((1.0, swing_rad), (-1.0, -swing_rad)):
        y = side * 0.055 * h
        leg = block((-0.05 * h, 0.05 * h), (y - 0.042 * h, y + 0.042 * h), (0.03 * h, 0.5 * h), TROUSERS)
        leg += block((-0.05 * h, 0.1 * h), (y - 0.042 * h, y + 0.042 * h), (0.0, 0.03 * h), SHOES)
        arm = block(
            (-0.035 * h, 0.035 * h),
            (side * 0.145 * h - 0.03 * h, side * 0.145 * h + 0.03 * h),
            (0.46 * h, 0.8 * h),
            coat,
        )
        arm += block(
            (-0.03 * h, 0.03 * h),
            (side * 0.145 * h - 0.025 * h, side * 0.145 * h + 0.025 * h),
            (0.41 * h, 0.46 * h),
            SKIN,
        )
        faces += swung(leg, (0.0, 0.0, 0.5 * h), angle) + swung(arm, (0.0, 0.0, 0.8 * h), -angle)
    faces += block((-0.07 * h, 0.07 * h), (-0.115 * h, 0.115 * h), (0.47 * h, 0.83 * h), coat)
    faces += _head((0.0, 0.0, 0.92 * h), 0.075 * h, HAIR)
    shadow = face([(-0.3, -0.3, 0.01), (0.3, -0.3, 0.01), (0.3, 0.3, 0.01), (-0.3, 0.3, 0.01)], SHADOW, flags=UNSHADED)
    return Model((shadow, *faces))


def walking(height_m: float, coat: Colour) -> list[Model]:
    """The poses of a person: standing, then the four of walking."""
    return [pedestrian(height_m, coat, angle) for angle in (0.0, *STRIDE_RAD)]


def pose_at(speed_mps: float, t_us: int, phase: int) -> int:
    """Which pose of `walking` fits; `phase` keeps people from walking in step."""
    return 0 if speed_mps < 0.2 else 1 + (t_us // STEP_US + phase) % len(STRIDE_RAD)


def _head(middle: tuple[float, float, float], radius: float, hair: Colour) -> list[Face]:
    """A head with its face to the front."""
    x, y, z = middle
    faces = blob(middle, (radius, 0.9 * radius, 1.15 * radius), SKIN)
    return faces + blob((x - 0.25 * radius, y, z + 0.3 * radius), (0.95 * radius, 0.98 * radius, radius), hair)


def _rider(seat_m: float, hands: tuple[float, float], height_m: float, coat: Colour) -> list[Face]:
    """A person who sits above the middle and leans to the handlebar at `hands` (x, z)."""
    h, x, z = 0.5 * height_m / 1.75, hands[0], hands[1]
    torso = block((-0.12, 0.12), (-0.2, 0.2), (seat_m, seat_m + 1.1 * h), coat)
    faces = swung(torso, (0.0, 0.0, seat_m), 0.35)
    shoulder = seat_m + 0.95 * h
    for side in (-1.0, 1.0):
        y = 0.2 * side
        faces.append(
            face(
                [(0.3, y, shoulder), (0.3, y, shoulder - 0.14), (x, y, z - 0.05), (x, y, z + 0.06)],
                coat,
                flags=UNSHADED | THIN,
            )
        )
        legs = [(0.0, 0.14 * side, seat_m + 0.05), (0.32, 0.14 * side, seat_m - 0.1), (0.38, 0.14 * side, seat_m - 0.2)]
        faces.append(face([*legs, (-0.05, 0.14 * side, seat_m - 0.12)], TROUSERS, flags=UNSHADED | THIN))
        shin = [(0.24, 0.14 * side, seat_m - 0.12), (0.38, 0.14 * side, seat_m - 0.12), (0.2, 0.14 * side, 0.22)]
        faces.append(face([*shin, (0.08, 0.14 * side, 0.22)], TROUSERS, flags=UNSHADED | THIN))
    return faces + _head((0.42, 0.0, seat_m + 1.25 * h), 0.13, HELMET)


def cyclist(length_m: float, height_m: float, coat: Colour) -> Model:
    """A person on a bicycle."""
    radius, base = 0.34, 0.29 * length_m
    faces = []
    for x in (-base, base):
        faces.append(upright_disc((x, 0.0, radius), radius, TYRE, 12))
        faces += [upright_disc((x, side * 0.012, radius), 0.86 * radius, (128, 130, 132), 12) for side in (-1.0, 1.0)]
        tread = block((x - radius, x + radius), (-0.03, 0.03), (0.02, 2 * radius), TYRE)
        faces += tread[2:4]
    for a, b in (((-base, radius), (0.0, 0.85)), ((0.0, 0.85), (0.8 * base, 0.9)), ((0.05, 0.3), (0.8 * base, 0.85))):
        corners = [(a[0], 0.0, a[1]), (b[0], 0.0, b[1]), (b[0], 0.0, b[1] + 0.06), (a[0], 0.0, a[1] + 0.06)]
        faces.append(face(corners, FRAME, flags=UNSHADED | THIN))
    faces += block((0.78 * base, 0.86 * base), (-0.26, 0.26), (1.0, 1.05), TYRE)
    faces += [rear(-0.12, (-0.05, 0.05), (0.7, 0.78), LENS, BRAKE)]
    return Model(tuple(faces + _rider(0.92, (0.8 * base, 1.05), height_m, coat)))


def motorcycle(length_m: float, height_m: float, coat: Colour) -> Model:
    """A person on a motorcycle, with lamps."""
    radius, base = 0.31, 0.34 * length_m
    faces = block((-0.45 * length_m, 0.3 * length_m), (-0.16, 0.16), (0.38, 0.78), coat)
    for x in (-base, base):
        faces += moved(block((-radius, radius), (-0.07, 0.07), (0.02, 0.55), TYRE), (x, 0.0, 0.0))
        faces += [upright_disc((x, side * 0.08, radius), radius, TYRE, 10) for side in (-1.0, 1.0)]
    at = -0.45 * length_m - 0.012
    faces.append(rear(at, (-0.1, 0.1), (0.62, 0.74), LENS, BRAKE))
    faces += [rear(at, (0.14, 0.24), (0.62, 0.74), AMBER, LEFT), rear(at, (-0.24, -0.14), (0.62, 0.74), AMBER, RIGHT)]
    faces.append(front(0.3 * length_m + 0.012, (-0.1, 0.1), (0.6, 0.76), CLEAR, HEAD))
    faces += block((0.26 * length_m, 0.29 * length_m), (-0.34, 0.34), (0.95, 1.0), TYRE)
    return Model(tuple(faces + _rider(0.78, (0.27 * length_m, 1.0), height_m, coat)))
