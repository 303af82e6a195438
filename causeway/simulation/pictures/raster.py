"""The renderer: pictures of a scene's state, from any pinhole rig, without a GPU.

Knows which model stands where and which of its lamps shine. Does not know why anything moves, nor how a face becomes
pixels (`fill`) or a canvas a picture (`finish`). The canvas is twice the picture's size; all is whole numbers once
placed, so a state has one picture.
"""

import zlib
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from causeway.clips.types import Camera
from causeway.simulation.pictures import figures, roadside
from causeway.simulation.pictures.ground import ground_of
from causeway.simulation.pictures.looks import LAMPS, Colour, Look, haze_of, lit, look_named, packed, sky_of
from causeway.simulation.pictures.projection import ZOOM, Lens, cos_sin, fixed, ground_depth, lens_of, view_of
from causeway.simulation.pictures.shapes import (
    BRAKE,
    GREEN,
    HEAD,
    LEFT,
    RED,
    REVERSE,
    RIGHT,
    SLOTS,
    STREET,
    THIRD,
    WINDOW,
    YELLOW,
    Model,
    packed_models,
)
from causeway.simulation.pictures.vehicles import AMBER, CLEAR, LENS, vehicle
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import BRAKE_LIGHT_MPS2, Agent, AgentStates, Traffic

Ints = NDArray[np.int64]
Things = tuple[Ints, Ints, Ints, Ints]

BLINK_US = 300_000  # a turn signal is on for so long, then off for as long, from when it began
SHINES, SKY = 1 << 24, 1 << 25  # as in `fill`
GONE = -1
RAY_STEP, DEPTH_REACH_M = 4, 80.0  # of the depth sensor: pixels between rays, metres
BACKWARDS_MPS = 0.05
PANE: Colour = roadside.PANE


class Renderer:
    """Draws one scene; what never moves is prepared once, at the first picture. UsageError for an unknown look."""

    def __init__(self, scene: Scene, traffic: Traffic) -> None:
        self._scene, self._traffic = scene, traffic
        self._look = look_named(scene.look)
        self._drawn: tuple[AgentStates, int, tuple[Things, Things]] | None = None
        self._lenses: dict[tuple, tuple[Lens, NDArray[np.int32], NDArray[np.int32]]] = {}

    def picture(self, camera: Camera, rig_pose: NDArray, agents: AgentStates, t_us: int) -> NDArray[np.uint8]:
        """RGB [height, width, 3] as the camera sees the agents from the rig at `rig_pose` (x, y, yaw).

        UsageError, naming the camera, for one that cannot be rendered.
        """
        from causeway.simulation.pictures import finish

        canvas, depth = self._drawn_from(camera, rig_pose, agents, t_us)
        look, seed = self._look, zlib.crc32(f"{camera.name} {t_us} {self._scene.seed}".encode())
        haze, haze_colour = self._haze
        picture = finish.reduced(canvas, depth, haze, haze_colour, look.noise, seed)
        if look.drops:
            finish.rain(picture, look.drops * picture.shape[0] * picture.shape[1] // 20_000, seed ^ 0x5BD1E995)
        return picture

    def points(self, camera: Camera, rig_pose: NDArray, agents: AgentStates, t_us: int) -> NDArray[np.float64]:
        """What a depth sensor in the camera's place sees of the same state: [n, 3] metres in the rig frame.

        One ray for each `RAY_STEP` x `RAY_STEP` pixels, up to `DEPTH_REACH_M`; what lies in the sky has no point.
        """
        _, depth = self._drawn_from(camera, rig_pose, agents, t_us)
        step = ZOOM * RAY_STEP
        down, across = np.mgrid[step // 2 : depth.shape[0] : step, step // 2 : depth.shape[1] : step]
        inverse = depth[down, across].astype(np.float64)
        seen = inverse > 2.0**28 / DEPTH_REACH_M
        far_m = 2.0**28 / inverse[seen]
        right = ((across[seen] + 0.5) / ZOOM - camera.cx) / camera.fx
        below = ((down[seen] + 0.5) / ZOOM - camera.cy) / camera.fy
        pose = np.asarray(camera.rig_from_camera, dtype=np.float64)
        return np.stack([right * far_m, below * far_m, far_m], axis=-1) @ pose[:3, :3].T + pose[:3, 3]

    def _drawn_from(
        self, camera: Camera, rig_pose: NDArray, agents: AgentStates, t_us: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The canvas and its inverse depth, 2²⁸ over metres."""
        from causeway.simulation.pictures import fill

        lens, canvas, depth = self._background(camera)
        view, canvas, depth = view_of(lens, rig_pose), canvas.copy(), depth.copy()
        seen_from = (view.turn, view.eye, lens.numbers)
        fill.draw_ground(canvas, depth, *seen_from, self._ground)
        models, static = self._models
        for things in self._things(static, agents, t_us):
            fill.draw_things(canvas, depth, *seen_from, models, things)
        return canvas, depth

    def _things(self, static: Things, agents: AgentStates, t_us: int) -> tuple[Things, Things]:
        """What stands and who moves at a time; all cameras of a tick ask for the same."""
        if self._drawn is None or self._drawn[0] is not agents or self._drawn[1] != t_us:
            self._drawn = agents, t_us, (self._with_lights(static, t_us), self._moving(agents, t_us))
        return self._drawn[2]

    def _background(self, camera: Camera) -> tuple[Lens, NDArray[np.int32], NDArray[np.int32]]:
        """The lens, and a canvas with sky and bare ground and its inverse depth."""
        lens_key = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, camera.model)
        key = (*lens_key, camera.distortion, np.asarray(camera.rig_from_camera).tobytes())
        if key not in self._lenses:
            lens = lens_of(camera)
            inverse, height = ground_depth(view_of(lens, np.zeros(3)))
            sky = sky_of(self._look) | SKY
            canvas = np.where(inverse > 0, np.int32(packed(self._look.ground)), sky[np.minimum(height, 255)])
            self._lenses[key] = (lens, canvas.astype(np.int32), inverse)
        return self._lenses[key]

    @cached_property
    def _haze(self) -> tuple[Ints, Ints]:
        return haze_of(self._look), np.array(self._look.sky_low, dtype=np.int64)

    @cached_property
    def _ground(self) -> tuple[NDArray, ...]:
        return ground_of(self._scene.layout.road, self._look)

    @cached_property
    def _models(self) -> tuple[tuple[NDArray, ...], Things]:
        """All models of the scene packed, those of the agents first; and where those stand that never move."""
        road = self._scene.layout.road
        own = [model for agent in self._traffic.agents for model in _models_of(agent)]
        arms = roadside.arm_lengths(road)
        stands = [roadside.traffic_light(signal, arm) for signal, arm in zip(road.signals, arms, strict=True)]
        stands += [stand for element in road.elements for stand in roadside.standing(element, road)]
        stands += _props(self._scene)
        models = own + [stand[0] for stand in stands]
        colours = {f.colour: lit(f.colour, self._look) for model in models for f in model.faces}
        places = fixed([(x, y, 0.0) for _, x, y, _ in stands]).reshape(-1, 3)
        turned = cos_sin([yaw for *_, yaw in stands]).reshape(-1, 2)
        which = np.arange(len(own), len(models), dtype=np.int64)
        return packed_models(models, colours), (which, places, turned, _slots(len(stands), self._look))

    @cached_property
    def _first_model(self) -> list[int]:
        """Where each agent's models begin."""
        return np.cumsum([0, *(len(_models_of(agent)) for agent in self._traffic.agents)]).tolist()

    def _with_lights(self, static: Things, t_us: int) -> Things:
        """What never moves, with the lenses of the lights that shine now."""
        which, places, turned, slots = static
        slots = slots.copy()
        for i, signal in enumerate(self._scene.layout.road.signals):
            state = signal.state_at(t_us)
            for name, slot in (("red", RED), ("yellow", YELLOW), ("green", GREEN)):
                red, green, blue = LAMPS[name]
                dark = (red // 7 + 14, green // 7 + 14, blue // 7 + 14)
                slots[i, slot] = packed(LAMPS[name]) | SHINES if name == state else packed(dark)
        return which, places, turned, slots

    def _moving(self, agents: AgentStates, t_us: int) -> Things:
        """The agents as things: which pose, where, and which of their lamps shine."""
        n, look = len(self._traffic.agents), self._look
        places = np.zeros((n, 3), dtype=np.int64)
        places[:, :2] = fixed(agents.poses[:n, :2])
        which = np.array(self._first_model[:n], dtype=np.int64)
        for i in self._walkers:
            which[i] += figures.pose_at(float(agents.speed_mps[i]), t_us, i)
        slots = self._dark_slots.copy()
        awake = self._awake
        braking = awake & ((agents.accel_mps2 < BRAKE_LIGHT_MPS2) | (np.abs(agents.speed_mps) < 0.1))
        rear = np.where(awake & look.lamps_on, packed(LAMPS["tail"]) | SHINES, lit(LENS, look))
        slots[:, BRAKE] = np.where(braking, packed(LAMPS["brake"]) | SHINES, rear)
        slots[:, THIRD] = np.where(braking, packed(LAMPS["brake"]) | SHINES, GONE)
        backwards = agents.speed_mps < -BACKWARDS_MPS
        slots[:, REVERSE] = np.where(backwards, packed(LAMPS["head"]) | SHINES, GONE)
        slots[:, HEAD] = np.where(awake & look.lamps_on, packed(LAMPS["head"]) | SHINES, lit(CLEAR, look))
        for i in np.flatnonzero(agents.indicator).tolist():
            if (t_us - self._signals_since(i, agents, t_us)) // BLINK_US % 2 == 0:
                slots[i, LEFT if agents.indicator[i] > 0 else RIGHT] = packed(LAMPS["indicator"]) | SHINES
        return which, places, cos_sin(agents.poses[:n, 2]).reshape(-1, 2), slots

    @cached_property
    def _dark_slots(self) -> Ints:
        return _slots(len(self._traffic.agents), self._look)

    def _signals_since(self, index: int, agents: AgentStates, t_us: int) -> int:
        """When the turn signal of an agent came on: it is bright from the first picture on. 0 where nobody knows."""
        if not len(agents.began_us):
            return 0
        began = self._traffic.began_us(agents, index, "indicator")
        return max((us for us in began if us is not None and us <= t_us), default=0)

    @cached_property
    def _walkers(self) -> list[int]:
        return [i for i, agent in enumerate(self._traffic.agents) if agent.type == "pedestrian"]

    @cached_property
    def _awake(self) -> NDArray[np.bool_]:
        """Whose lamps may be on: not of what is parked."""
        return np.array([not agent.stays for agent in self._traffic.agents], dtype=bool)


def _models_of(agent: Agent) -> list[Model]:
    """The model of an agent; of a pedestrian one for each pose."""
    if agent.type == "pedestrian":
        return figures.walking(agent.height_m, agent.colour)
    if agent.type == "cyclist":
        return [figures.cyclist(agent.length_m, agent.height_m, agent.colour)]
    if agent.type == "motorcycle":
        return [figures.motorcycle(agent.length_m, agent.height_m, agent.colour)]
    if agent.type == "static":
        small = max(agent.length_m, agent.width_m) < 0.9
        return [roadside.cone(agent.height_m) if small else roadside.barrier(*_size(agent))]
    return [vehicle(agent.type, _size(agent), agent.colour)]


def _size(agent: Agent) -> tuple[float, float, float]:
    return agent.length_m, agent.width_m, agent.height_m


def _slots(count: int, look: Look) -> Ints:
    """The colours [count, slots] of lamps and panes when nothing shines that need not."""
    slots = np.zeros((count, SLOTS), dtype=np.int64)
    for slot, colour in ((BRAKE, LENS), (LEFT, AMBER), (RIGHT, AMBER), (HEAD, CLEAR), (STREET, CLEAR), (WINDOW, PANE)):
        slots[:, slot] = lit(colour, look)
    if look.light < 0.5:
        slots[:, STREET] = packed(LAMPS["street"]) | SHINES
        slots[::2, WINDOW] = packed(LAMPS["window"]) | SHINES
    return slots


def _props(scene: Scene) -> list[roadside.Stand]:
    """What stands beside the ego's road: turned along it, with the road to its right."""
    if not scene.props:
        return []
    path = scene.layout.routes["ego"]
    station, lateral = path.project(np.array([(thing.x_m, thing.y_m) for thing in scene.props])).T
    yaws = path.pose_at(station)[:, 2] + np.where(lateral > 0, 0.0, np.pi)
    return [(roadside.prop(t), t.x_m, t.y_m, float(yaw)) for t, yaw in zip(scene.props, yaws, strict=True)]
