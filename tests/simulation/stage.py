"""A small stage for pictures: one straight road with what a test puts on it, independent of any scenario."""

from dataclasses import replace

import numpy as np

from causeway.simulation.pictures.cameras import camera_of
from causeway.simulation.pictures.raster import Renderer
from causeway.simulation.roads.layout import CrossSection, plain_road
from causeway.simulation.roads.road import Element, Signal, path_from_curvature
from causeway.simulation.scene import Driver, Prop, Scene
from causeway.simulation.traffic.agents import Agent, traffic_of

WIDE, TELE = camera_of("front_wide", 192, 320), camera_of("front_tele", 192, 320)
STRAIGHT = path_from_curvature([(200.0, 0.0)])
AT = np.zeros(3)


def agent(kind="car", s_m=20.0, lateral_m=0.0, **more):
    size = {
        "pedestrian": (0.5, 0.6, 1.8),
        "cyclist": (1.8, 0.6, 1.75),
        "motorcycle": (2.1, 0.8, 1.7),
        "truck": (8.0, 2.4, 3.2),
        "bus": (11.0, 2.5, 3.1),
    }.get(kind, (4.6, 1.85, 1.5))
    names = dict(zip(("length_m", "width_m", "height_m"), size, strict=True))
    return Agent(kind, kind, "ego", s_m, 0.0, **{"desired_mps": 8.0, "lateral_m": lateral_m, **names, **more})


def light(state, s_m=30.0, facing_rad=0.0):
    line = np.array([[s_m - 10.0, 1.75], [s_m - 10.0, -1.75]])
    return Signal("signal_ego", ("ego",), (s_m, 0.0, 4.0), facing_rad, line, ((0, state),))


def element(kind, points, name=""):
    return Element(name or kind, kind, np.array(points, dtype=float), ("ego",))


def pictured(
    agents=(),
    camera=WIDE,
    look="day",
    elements=(),
    signals=(),
    props=(),
    t_us=0,
    speed_mps=8.0,
    accel_mps2=0.0,
    indicator=None,
    pose=AT,
    paint=None,
    origin=(0.0, 0.0),
    began_us=None,
):
    path = replace(STRAIGHT, points=STRAIGHT.points + np.asarray(origin))
    layout = plain_road(path, CrossSection(3.5, ("same", "oncoming"), 0, 1.0))
    road = replace(layout.road, elements=tuple(elements), signals=tuple(signals))
    if paint is not None:
        road = replace(road, paint=tuple(paint))
    scene = Scene("stage", 7, replace(layout, road=road), Driver(10.0), 0.0, 8.0, tuple(agents), tuple(props), look)
    traffic = traffic_of(scene.agents, layout.routes, ())
    n = len(scene.agents)
    states = replace(traffic.start(), speed_mps=np.full(n, speed_mps), accel_mps2=np.full(n, accel_mps2))
    states = states if indicator is None else replace(states, indicator=np.asarray(indicator))
    states = states if began_us is None else replace(states, began_us=np.full_like(states.began_us, began_us))
    return Renderer(scene, traffic).picture(camera, np.asarray(pose), states, t_us)


def scanned(agents=(), pose=AT):
    """What a depth sensor in the place of the wide camera sees on a bare stage."""
    layout = plain_road(STRAIGHT, CrossSection(3.5, ("same", "oncoming"), 0, 1.0))
    scene = Scene("stage", 7, layout, Driver(10.0), 0.0, 8.0, tuple(agents), (), "day")
    traffic = traffic_of(scene.agents, layout.routes, ())
    return Renderer(scene, traffic).points(WIDE, np.asarray(pose), traffic.start(), 0)


def full_stage(look, camera):
    """Something of everything."""
    kinds = ("car", "truck", "bus", "motorcycle", "cyclist", "pedestrian", "static", "unknown")
    agents = [agent(kind, 12.0 + 7.0 * i, 3.5 * (i % 3), turned_rad=0.3 * i) for i, kind in enumerate(kinds)]
    elements = [
        element("sign", [(18.0, -3.0)], "stop_sign"),
        element("sign", [(24.0, -3.0)], "yield_sign"),
        element("sign", [(12.0, -3.0)], "work_sign"),
        element("bump", [(14.0, -1.7), (14.0, 1.7)]),
        element("crosswalk", [(40.0, 9.0), (40.0, -2.0), (43.0, -2.0), (43.0, 9.0)]),
        element("stop_line", [(38.0, 1.7), (38.0, -1.7)]),
        element("cone", [(14.0, -1.2), (17.0, -0.8)]),
    ]
    props = [Prop(kind, 20.0 + 8 * i, -9.0, 6.0, 3 * i) for i, kind in enumerate(("tree", "house", "pole", "hedge"))]
    blinks = np.arange(len(agents)) % 3 - 1
    pose = np.array([0.3, -0.1, 0.05])
    return pictured(agents, camera, look, elements, [light("red")], props, 150_000, 5.0, -2.0, blinks, pose)
