"""What scenarios share: the taste of the driver, the look of the place, and bystanders that cause nothing.

Knows distributions. Does not know any scenario's cause.
"""

import numpy as np

from causeway.simulation.roads.layout import CrossSection
from causeway.simulation.roads.road import Path
from causeway.simulation.scene import Driver, Prop
from causeway.simulation.traffic.agents import Agent

START_M = 70.0  # road behind the ego at the start
WALK_FREE_M = 1.5  # beside the middle of a way across
LOOKS = ("day", "day", "overcast", "dusk", "rain", "fog")
CAR_COLOURS = (
    (176, 178, 182),
    (60, 62, 68),
    (232, 232, 230),
    (38, 66, 118),
    (120, 34, 40),
    (64, 92, 74),
    (168, 142, 96),
)


def look_of(rng: np.random.Generator) -> str:
    """How the light is."""
    return str(rng.choice(LOOKS))


def clear_look_of(rng: np.random.Generator) -> str:
    """How the light is where one has to see farther than fog lets anybody: it is overcast instead."""
    look = look_of(rng)
    return "overcast" if look == "fog" else look


def driver_of(rng: np.random.Generator, set_speed_mps: float) -> Driver:
    """A driver's taste."""
    return Driver(
        set_speed_mps=set_speed_mps,
        reaction_s=float(rng.choice([0.7, 0.8, 0.9, 1.0, 1.1])),
        brake_mps2=float(rng.uniform(1.6, 2.4)),
        headway_s=float(rng.uniform(1.6, 2.2)),
        lateral_accel_mps2=float(rng.uniform(1.6, 2.3)),
        nudge_s=float(rng.uniform(2.6, 3.8)),
        clearance_m=float(rng.uniform(0.6, 1.0)),
    )


def section_of(rng: np.random.Generator) -> CrossSection:
    """A cross-section of a town road with at least one lane to the left."""
    left = [("oncoming",), ("oncoming", "oncoming"), ("same", "oncoming"), ("same",)][int(rng.integers(4))]
    return CrossSection(float(rng.uniform(3.3, 3.8)), left, int(rng.integers(0, 2)), float(rng.uniform(0.4, 1.6)))


def gentle_bends(rng: np.random.Generator, length_m: float) -> list[tuple[float, float]]:
    """(length, curvature) pieces of a road on which nobody has to slow down."""
    pieces, left = [(START_M + 30.0, 0.0)], length_m - START_M - 30.0
    while left > 0:
        pieces.append((float(rng.uniform(40.0, 120.0)), float(rng.normal(0.0, 0.0008))))
        left -= pieces[-1][0]
    return pieces


def car_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """The paint of a car."""
    return CAR_COLOURS[int(rng.integers(len(CAR_COLOURS)))]


def car(rng: np.random.Generator, track_id: str, route: str, s_m: float, speed_mps: float, **more: object) -> Agent:
    """A car that wants to go on at its speed; sizes vary. `more` overrides fields of `Agent`."""
    fields: dict = {
        "desired_mps": speed_mps,
        "length_m": float(rng.uniform(4.1, 5.0)),
        "width_m": float(rng.uniform(1.75, 1.95)),
        "height_m": float(rng.uniform(1.42, 1.75)),
        "colour": car_colour(rng),
        **more,
    }
    return Agent(track_id, "car", route, s_m, speed_mps, **fields)


def truck(rng: np.random.Generator, track_id: str, route: str, s_m: float, speed_mps: float, **more: object) -> Agent:
    """A box truck."""
    fields: dict = {"desired_mps": speed_mps, "colour": (205, 205, 198), **more}
    return Agent(
        *(track_id, "truck", route, s_m, speed_mps),
        **{"length_m": float(rng.uniform(7.0, 9.0)), "width_m": 2.4, "height_m": 3.2, **fields},
    )


def cyclist(rng: np.random.Generator, track_id: str, route: str, s_m: float, speed_mps: float, **more: object) -> Agent:
    """Somebody on a bicycle who rides on at their speed."""
    fields: dict = {"desired_mps": speed_mps, "length_m": 1.8, "width_m": 0.65, "height_m": 1.75, **more}
    return Agent(track_id, "cyclist", route, s_m, speed_mps, colour=car_colour(rng), **fields)


def wide_section(rng: np.random.Generator, left: tuple[str, ...], right: int = 0) -> CrossSection:
    """A cross-section of a larger road with these lanes."""
    return CrossSection(float(rng.uniform(3.4, 3.75)), left, right, float(rng.uniform(0.8, 1.8)))


def us(seconds: float) -> int:
    """Seconds as µs, to a tick."""
    return round(seconds * 10) * 100_000


def bystanders(
    rng: np.random.Generator, section: CrossSection, from_m: float, to_m: float, walk_m: float = -WALK_FREE_M
) -> list[Agent]:
    """Pedestrians who stay on the pavement; nobody stands in the way of those who cross at station `walk_m`."""
    people = []
    for i in range(int(rng.integers(0, 4))):
        side = 1.0 if rng.random() < 0.3 else -1.0
        edge = section.left_edge_m if side > 0 else section.right_edge_m
        people.append(
            Agent(
                *(f"person{i}", "pedestrian", "ego", float(rng.uniform(from_m, to_m)), 0.0, 0.0),
                lateral_m=side * (edge + float(rng.uniform(0.5, 2.0))),
                turned_rad=float(rng.uniform(-3.1, 3.1)),
                length_m=0.5,
                width_m=0.6,
                height_m=float(rng.uniform(1.55, 1.9)),
                colour=tuple(int(c) for c in rng.integers(40, 200, 3)),  # type: ignore[arg-type]
            )
        )
    return [person for person in people if abs(person.s_m - walk_m) > WALK_FREE_M]


def other_traffic(
    rng: np.random.Generator, section: CrossSection, routes: dict[str, Path], speed_mps: float
) -> list[Agent]:
    """Cars on the other lanes, far enough apart to drive freely."""
    cars: list[Agent] = []
    for i, direction in enumerate(section.left):
        name, density = f"left{i + 1}", 0.75 if direction == "oncoming" else 0.5
        s = float(rng.uniform(10.0, 40.0)) if direction == "oncoming" else START_M + float(rng.uniform(10.0, 30.0))
        while s < routes[name].length_m - 60.0 and rng.random() < density:
            speed = speed_mps * float(rng.uniform(0.9, 1.1))
            make = truck if rng.random() < 0.15 else car
            cars.append(make(rng, f"{name}_{len(cars)}", name, s, speed))
            s += float(rng.uniform(35.0, 110.0))
    return cars


def props_along(
    rng: np.random.Generator, path: Path, section: CrossSection, keep_free: tuple[float, float] = (-1.0, -1.0)
) -> tuple[Prop, ...]:
    """Trees, poles and houses on both sides; none within the stations of `keep_free`."""
    props = []
    for side, edge in ((1.0, section.left_edge_m), (-1.0, section.right_edge_m)):
        s = float(rng.uniform(0.0, 20.0))
        while s < path.length_m:
            kind = str(rng.choice(["tree", "tree", "pole", "house", "hedge"]))
            away = edge + (9.0 if kind == "house" else 3.5) + float(rng.uniform(0.0, 5.0))
            if not keep_free[0] < s < keep_free[1]:
                x, y, _ = path.pose_at(s, side * away)
                size = float(rng.uniform(6.0, 10.0) if kind == "house" else rng.uniform(3.0, 7.0))
                props.append(Prop(kind, float(x), float(y), size, int(rng.integers(-18, 19))))
            s += float(rng.uniform(9.0, 30.0))
    return tuple(props)
