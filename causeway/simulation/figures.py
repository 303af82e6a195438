"""How each thing that stands on the road is drawn: vehicles, people, lights, and what lines the road.

Knows one figure at a time and a brush. Does not know the order of figures or the ground.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from causeway.simulation.agents import Agent
from causeway.simulation.looks import LAMPS, Colour, Look, lit
from causeway.simulation.projection import NEAR_M, View
from causeway.simulation.road import Road, Signal
from causeway.simulation.scene import Prop
from causeway.simulation.shapes import shape_of

Array = NDArray[np.float64]

SUN = np.array([0.35, 0.25, 0.9])
MATERIALS: dict[str, Colour] = {
    "glass": (46, 58, 70),
    "tyre": (28, 28, 30),
    "plate": (225, 225, 215),
    "cargo": (214, 212, 204),
}
HOUSING: Colour = (30, 32, 34)
LIGHT_WIDTH_M, LIGHT_HEIGHT_M, LENS_M = 0.9, 2.4, 0.36
POLE: Colour = (88, 90, 92)
LEAVES: Colour = (62, 98, 52)


@dataclass(frozen=True, eq=False)
class Brush:
    """What to draw with: the canvas, the view and the light."""

    draw: ImageDraw.ImageDraw
    view: View
    look: Look

    def fill(self, camera_points: Array, colour: Colour) -> None:
        """Fill a camera-frame polygon [k, 3]."""
        polygon = self.view.polygon(camera_points)
        if polygon:
            self.draw.polygon(polygon, fill=colour)

    def upright(self, at: Array, left_m: float, right_m: float, low_m: float, high_m: float, colour: Colour) -> None:
        """Fill a rectangle that faces the camera; `at` is its foot in the camera frame, heights are above it."""
        x, y, depth = at
        if depth < NEAR_M:
            return
        px, py = self.view.fx / depth, self.view.fy / depth
        left, right = self.view.cx + (x - left_m) * px, self.view.cx + (x + right_m) * px
        top, bottom = self.view.cy + (y - high_m) * py, self.view.cy + (y - low_m) * py
        self.draw.rectangle((round(left), round(top), round(right), round(bottom)), fill=colour)

    def disc(self, at: Array, radius_m: float, colour: Colour, least_px: float = 0.0) -> None:
        """Fill a circle around a camera-frame point, at least `least_px` canvas pixels in radius."""
        if at[2] < NEAR_M:
            return
        radius = max(self.view.fx * radius_m / at[2], least_px)
        u, v = self.view.cx + at[0] / at[2] * self.view.fx, self.view.cy + at[1] / at[2] * self.view.fy
        self.draw.ellipse((round(u - radius), round(v - radius), round(u + radius), round(v + radius)), fill=colour)


def draw_vehicle(brush: Brush, agent: Agent, pose: Array, braking: bool) -> None:
    """A vehicle as a shaded box with windows, wheels and lamps; `pose` x, y, yaw of its centre in the world."""
    shape, size = shape_of(agent.type), np.array([agent.length_m, agent.width_m, agent.height_m])
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    place = np.array([pose[0], pose[1], 0.0])
    world = (shape.quads * size) @ turn.T + place
    normals = (shape.normals / size) @ turn.T
    facing = np.einsum("ij,ij->i", normals, brush.view.position - world[:, 0]) > 0.0
    shades = 0.62 + 0.38 * np.maximum(normals @ SUN, 0.0) / np.linalg.norm(normals, axis=1)
    points = brush.view.to_camera(world)
    distance = float(np.linalg.norm(brush.view.position[:2] - pose[:2]))
    shadow = np.array([[-0.52, -0.56, 0.0], [0.52, -0.56, 0.0], [0.52, 0.56, 0.0], [-0.52, 0.56, 0.0]])
    brush.fill(brush.view.to_camera((shadow * size) @ turn.T + place), lit((34, 34, 36), brush.look, 1.0, distance))
    for i in np.flatnonzero(facing).tolist():
        colour = _material(shape.materials[i], agent, brush.look, float(shades[i]), distance, braking)
        if colour:
            brush.fill(points[i], colour)


def _material(material: str, agent: Agent, look: Look, shade: float, distance_m: float, braking: bool) -> Colour | None:
    """The colour of one face; None when it is not there (a third brake light that is off)."""
    if material == "brake":
        if braking:
            return LAMPS["brake"]
        return LAMPS["tail"] if look.tail_lamps_on and not agent.stays else lit((112, 22, 24), look, shade, distance_m)
    if material == "third":
        return LAMPS["brake"] if braking else None
    if material == "head":
        shines = look.tail_lamps_on and not agent.stays
        return LAMPS["head"] if shines else lit((224, 224, 216), look, shade, distance_m)
    return lit(agent.colour if material == "body" else MATERIALS[material], look, shade, distance_m)


def draw_person(brush: Brush, coat: Colour, height_m: float, at: Array) -> None:
    """A standing person; `at` is where they stand, in the camera frame."""
    distance, look = float(np.hypot(at[0], at[2])), brush.look
    trousers = lit((44, 48, 66), look, 1.0, distance)
    brush.upright(at, 0.17, -0.02, 0.0, 0.48 * height_m, trousers)
    brush.upright(at, -0.02, 0.17, 0.0, 0.48 * height_m, trousers)
    brush.upright(at, 0.27, 0.27, 0.45 * height_m, 0.83 * height_m, lit(coat, look, 1.0, distance))
    head = at - np.array([0.0, 0.92 * height_m, 0.0])
    brush.disc(head, 0.08 * height_m, lit((206, 164, 136), look, 1.0, distance))


def draw_signal(brush: Brush, signal: Signal, t_us: int) -> None:
    """A traffic light: its housing, and its lenses when they face the camera."""
    x, y, z = signal.position
    side = np.array([-np.sin(signal.facing_rad), np.cos(signal.facing_rad), 0.0])
    middle, up = np.array([x, y, z]), np.array([0.0, 0.0, 1.0])
    towards = brush.view.position - middle
    ahead = np.array([np.cos(signal.facing_rad), np.sin(signal.facing_rad), 0.0])
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    quad = np.array([middle + a * side * LIGHT_WIDTH_M / 2 + b * up * LIGHT_HEIGHT_M / 2 for a, b in corners])
    brush.fill(brush.view.to_camera(quad), HOUSING)
    if float(towards @ ahead) > -0.3 * float(np.linalg.norm(towards)):
        return
    state = signal.state_at(t_us)
    for colour, height in (("red", 0.78), ("yellow", 0.0), ("green", -0.78)):
        at = brush.view.to_camera(middle + height * up)
        dark = tuple(c // 7 + 14 for c in LAMPS[colour])
        brush.disc(at, LENS_M, LAMPS[colour] if colour == state else dark, 1.6 if colour == state else 0.0)  # type: ignore[arg-type]


def draw_gantry(brush: Brush, signal: Signal, road: Road) -> None:
    """The arm that holds a light, from the right edge of the road, with its pole."""
    x, y, z = signal.position
    _, _, right_m = road.surfaces[1 if signal.signal_id.startswith("signal_cross") else 0]
    side = np.array([-np.sin(signal.facing_rad), np.cos(signal.facing_rad), 0.0])
    top, foot = np.array([x, y, z + LIGHT_HEIGHT_M / 2]), np.array([x, y, 0.0])
    reach = right_m + 0.6
    colour = lit(POLE, brush.look)
    end, thick = top - side * reach, np.array([0.0, 0.0, 0.16])
    arm = np.array([top, end, end + thick, top + thick])
    brush.fill(brush.view.to_camera(arm), colour)
    brush.upright(brush.view.to_camera(foot - side * reach), 0.1, 0.1, 0.0, z + LIGHT_HEIGHT_M / 2, colour)


def draw_prop(brush: Brush, prop: Prop, at: Array) -> None:
    """A tree, pole, house or hedge; `at` is its foot in the camera frame."""
    distance, look, size = float(np.hypot(at[0], at[2])), brush.look, prop.size_m
    leaves = lit(tuple(c + prop.shade for c in LEAVES), look, 1.0, distance)  # type: ignore[arg-type]
    if prop.kind == "tree":
        brush.upright(at, 0.18, 0.18, 0.0, 0.5 * size, lit((86, 66, 48), look, 1.0, distance))
        brush.disc(at - np.array([0.0, 0.68 * size, 0.0]), 0.34 * size, leaves)
    elif prop.kind == "pole":
        brush.upright(at, 0.09, 0.09, 0.0, size + 2.0, lit(POLE, look, 1.0, distance))
    elif prop.kind == "hedge":
        brush.upright(at, 1.6, 1.6, 0.0, 1.1, leaves)
    else:
        wall = lit((168 + prop.shade, 150, 132 - prop.shade), look, 1.0, distance)
        brush.upright(at, 0.6 * size, 0.6 * size, 0.0, 0.8 * size, wall)
        for i in (-1, 1):
            window = lit((70, 80, 92), look, 1.0, distance)
            brush.upright(at, 0.45 * size * -i + 0.5, 0.45 * size * i + 0.5, 0.35 * size, 0.6 * size, window)
