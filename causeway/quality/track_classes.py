"""What each class of road user can be: how large and how fast, with room for loads, trailers and rough boxes.

Knows numbers only. Widest and narrowest are those of the real drives at hand (NGSIM, nuScenes, Argoverse 2,
PandaSet), widened; legal limits where there are any (a road train of 25.25 m, EU directive 96/53).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackClass:
    """Least and largest length, width and height in metres, and the fastest a member can be in m/s."""

    length_m: tuple[float, float]
    width_m: tuple[float, float]
    height_m: tuple[float, float]
    fastest_mps: float


_THING = TrackClass((0.02, 60.0), (0.02, 60.0), (0.01, 30.0), 75.0)  # anything from a cone to a wall
TRACK_CLASSES: dict[str, TrackClass] = {
    # sources with one class for all motor vehicles (ScenarioNet, some of NGSIM) call a bus or a truck a car
    "car": TrackClass((1.5, 20.0), (0.9, 3.8), (0.7, 5.0), 75.0),
    "truck": TrackClass((2.5, 30.0), (1.2, 4.5), (1.0, 8.0), 50.0),
    "bus": TrackClass((3.5, 30.0), (1.5, 4.0), (1.5, 6.0), 50.0),
    "motorcycle": TrackClass((0.8, 4.0), (0.2, 2.2), (0.5, 2.8), 75.0),
    "cyclist": TrackClass((0.5, 4.0), (0.15, 2.0), (0.4, 2.8), 25.0),
    "pedestrian": TrackClass((0.15, 2.5), (0.15, 2.5), (0.3, 2.6), 12.0),
    "animal": TrackClass((0.1, 4.0), (0.05, 2.5), (0.05, 3.0), 25.0),
    "static": _THING,
    "unknown": _THING,
}
