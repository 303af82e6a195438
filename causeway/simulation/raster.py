"""The rasteriser: one picture of a scene's state, drawn back to front with flat polygons.

Knows how to order and draw. Does not know why anything moves. The picture is drawn at twice its size and averaged
down, so that far lights and lines do not flicker; after projection all is integers, so a state has one picture.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from causeway.clips.types import Camera
from causeway.simulation.agents import BRAKE_LIGHT_MPS2, AgentStates, Traffic
from causeway.simulation.figures import Brush, draw_gantry, draw_person, draw_prop, draw_signal, draw_vehicle
from causeway.simulation.looks import PAINT, Look, lit, look_named
from causeway.simulation.projection import ground_polygons, view_of
from causeway.simulation.scene import Scene
from causeway.simulation.shapes import paint_pieces, strip_pieces

Array = NDArray[np.float64]

ZOOM = 2


class Renderer:
    """Draws one scene; what never moves is prepared once."""

    def __init__(self, scene: Scene, traffic: Traffic) -> None:
        self._scene, self._traffic = scene, traffic
        self._look = look_named(scene.look)
        polygons, self._colours = _ground_of(scene, self._look)
        self._ground = ground_polygons(polygons)
        self._backgrounds: dict[tuple[str, int, int], Image.Image] = {}
        self._props = np.array([(p.x_m, p.y_m, 0.0) for p in scene.props]).reshape(-1, 3)
        self._signals = np.array([s.position for s in scene.layout.road.signals]).reshape(-1, 3)

    def picture(self, camera: Camera, rig_pose: Array, agents: AgentStates, t_us: int) -> NDArray[np.uint8]:
        """RGB [height, width, 3] as the camera sees the agents from the rig at `rig_pose` (x, y, yaw)."""
        view = view_of(camera, rig_pose, ZOOM)
        canvas = self._background(camera).copy()
        brush = Brush(ImageDraw.Draw(canvas), view, self._look)
        for i, polygon, depth in self._ground.seen(view):
            brush.draw.polygon(polygon, fill=lit(self._colours[i], self._look, 1.0, max(depth, 0.0)))
        self._draw_standing(brush, agents, t_us)
        return np.asarray(canvas.reduce(ZOOM))

    def _draw_standing(self, brush: Brush, agents: AgentStates, t_us: int) -> None:
        """Everything that stands on the ground, the farthest first."""
        view = brush.view
        ground = np.concatenate([agents.poses[:, :2], np.zeros((len(agents.poses), 1))], axis=1)
        at = view.to_camera(np.concatenate([ground, self._props, self._signals]))
        fixed = [8.0] * len(self._props) + [6.0] * len(self._signals)
        reach = np.concatenate([self._traffic.sizes_m[:, 0], fixed])
        shown = np.flatnonzero(view.sees(at, reach))
        n, m = len(ground), len(self._props)
        for i in sorted(shown.tolist(), key=lambda j: (-(at[j, 0] ** 2 + at[j, 2] ** 2), j)):
            if i < n:
                self._draw_agent(brush, i, agents, at[i])
            elif i < n + m:
                draw_prop(brush, self._scene.props[i - n], at[i])
            else:
                signal = self._scene.layout.road.signals[i - n - m]
                draw_gantry(brush, signal, self._scene.layout.road)
                draw_signal(brush, signal, t_us)

    def _draw_agent(self, brush: Brush, i: int, agents: AgentStates, at: Array) -> None:
        agent = self._traffic.agents[i]
        if agent.type == "pedestrian":
            draw_person(brush, agent.colour, agent.height_m, at)
            return
        slow = agents.accel_mps2[i] < BRAKE_LIGHT_MPS2 or agents.speed_mps[i] < 0.1
        draw_vehicle(brush, agent, agents.poses[i], braking=bool(slow) and not agent.stays)

    def _background(self, camera: Camera) -> Image.Image:
        """Sky and ground up to the horizon."""
        key = (camera.name, camera.width, camera.height)
        if key not in self._backgrounds:
            look, horizon = self._look, round(camera.cy * ZOOM)
            rows = np.zeros((camera.height * ZOOM, 1, 3))
            rows[:horizon, 0] = _blend(look.sky_top, look.sky_low, np.linspace(0.0, 1.0, horizon) ** 1.5)
            below = camera.height * ZOOM - horizon
            depth = camera.fy * ZOOM * 1.45 / np.maximum(np.arange(below), 0.5)
            rows[horizon:, 0] = _blend(look.ground, look.sky_low, 1.0 - 0.5 ** (depth / look.haze_m))
            wide = np.broadcast_to(rows, (camera.height * ZOOM, camera.width * ZOOM, 3))
            self._backgrounds[key] = Image.fromarray(np.ascontiguousarray(wide.astype(np.uint8)))
        return self._backgrounds[key]


def _blend(first: tuple[int, int, int], second: tuple[int, int, int], share: Array) -> Array:
    return np.asarray(first) * (1.0 - share[:, None]) + np.asarray(second) * share[:, None]


def _ground_of(scene: Scene, look: Look) -> tuple[list[Array], list[tuple[int, int, int]]]:
    """Everything flat, in drawing order: surfaces, then paint."""
    road = scene.layout.road
    surfaces = [piece for path, left, right in road.surfaces for piece in strip_pieces(path, left, right)]
    colour = tuple(round(c / look.light) for c in look.road)
    polygons, colours = list(surfaces), [colour] * len(surfaces)
    for paint in road.paint:
        pieces = paint_pieces(paint)
        polygons += pieces
        colours += [PAINT[paint.colour]] * len(pieces)
    return polygons, colours  # type: ignore[return-value]
