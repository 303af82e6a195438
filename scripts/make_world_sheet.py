"""The contact sheet of docs/images/world-sheet.jpg: each scenario of the built-in world at its moment, its cause named.

Run `.venv/bin/python scripts/make_world_sheet.py`. One row a scenario: the wide and the tele camera at t0 of a truth of
that scenario, and both two seconds later, the cause in a thin frame that the world does not have. A second sheet shows
one scene in every look. Written as good as fits the bytes that each may have.
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from causeway.clips.geometry import to_frame
from causeway.clips.lenses import project
from causeway.clips.types import Camera
from causeway.model.observation import ObservationSpec
from causeway.simulation.pictures.cameras import camera_of
from causeway.simulation.pictures.looks import LOOKS
from causeway.simulation.pictures.raster import Renderer
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.truth.truth import Moment, truth_of
from causeway.simulation.world import World, expert_trajectory

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SHEET_BYTES, LOOKS_BYTES = 330_000, 50_000
HEIGHT, WIDTH, CAPTION = 120, 200, 14
FRAME, AHEAD_M = (255, 236, 60), 2
SEEDS = range(16)
LATER_TICKS = 20
LOOKS_SCENARIO = "stop_for_control"


def main() -> None:
    """Write both sheets; with names as arguments those scenarios alone, as PNG, at the path that comes first."""
    if len(sys.argv) > 2:
        Image.fromarray(np.concatenate([_row(*_example(name)) for name in sys.argv[2:]])).save(sys.argv[1])
        return
    examples = [_example(name) for name in SCENARIOS]
    _write("world-sheet.jpg", np.concatenate([_row(*example) for example in examples]), SHEET_BYTES)
    looks = next(e for e, name in zip(examples, SCENARIOS, strict=True) if name == LOOKS_SCENARIO)
    _write("world-looks.jpg", _looks(*looks), LOOKS_BYTES)


def _example(scenario: str) -> tuple[World, Moment]:
    """The first drive with a moment of a scenario whose cause can be framed (else any); not in fog or in the dark."""
    spare = None
    for seed in SEEDS:
        world = World(scenario, seed, ObservationSpec(cameras=(), frame_offsets_s=()))
        if world.scene.look in ("fog", "dusk"):
            continue
        world.reset()
        while not world.now.events.done:
            world.step(expert_trajectory(world))
        found = [moment for moment in truth_of(world) if moment.scenario == scenario]
        for moment in found:
            if moment.record.components and moment.record.components[0].track_id != "ego":
                return world, moment
        spare = spare or (world, found[0]) if found else spare
    return spare or sys.exit(f"{scenario}: no moment of it in {len(SEEDS)} seeds")


def _row(world: World, moment: Moment) -> NDArray[np.uint8]:
    """Pictures beside each other, the cause framed, under the scenario's name, the decisions and the cause."""
    tick = moment.t0_us // 100_000
    later = min(tick + LATER_TICKS, len(world.ticks) - 1)
    shots = [(camera, i) for i in (tick, later) for camera in ("front_wide", "front_tele")]
    pictures = np.concatenate([_framed(world, moment, camera_of(c, HEIGHT, WIDTH), i) for c, i in shots], axis=1)
    return np.concatenate([_caption(" · ".join(_words(moment)), pictures.shape[1]), pictures])


def _framed(world: World, moment: Moment, camera: Camera, tick: int) -> NDArray[np.uint8]:
    """The picture of a camera with a thin frame around each thing that is a cause."""
    picture = Image.fromarray(world.picture(camera, tick))
    for part in moment.record.components:
        corners = _corners(world, part.track_id, tick)
        corners[:, :2] = to_frame(corners, world.ticks[tick].ego.pose)[:, :2]
        if len(corners) and (corners[:, 0] > camera.rig_from_camera[0, 3] + AHEAD_M).all():
            pixels, _ = project(vars(camera), corners)
            (left, top), (right, low) = pixels.min(axis=0) - 3.0, pixels.max(axis=0) + 2.0
            ImageDraw.Draw(picture).rectangle((left, top, right, low), outline=FRAME)
    return np.asarray(picture)


def _corners(world: World, thing: str | None, tick: int) -> NDArray[np.float64]:
    """Corners [n, 3] of what is around an agent, a light or an element of the map of that id; none for another."""
    for agent, (x, y, yaw) in zip(world.traffic.agents, world.ticks[tick].agents.poses, strict=True):
        if agent.track_id == thing:
            ends = [(i * agent.length_m / 2, j * agent.width_m / 2) for i in (-1, 1) for j in (-1, 1)]
            turned = [(x + a * np.cos(yaw) - b * np.sin(yaw), y + a * np.sin(yaw) + b * np.cos(yaw)) for a, b in ends]
            return np.array([(*p, z) for p in turned for z in (0.0, agent.height_m)])
    road = world.scene.layout.road
    for signal in road.signals:
        if signal.signal_id == thing:
            x, y, z = signal.position
            side = np.array([-np.sin(signal.facing_rad), np.cos(signal.facing_rad)]) * 0.5
            return np.array([(x + i * side[0], y + i * side[1], z + j * 1.2) for i in (-1, 1) for j in (-1, 1)])
    high = {"cone": 0.8, "sign": 2.8}
    shapes = [(e.shape, high.get(e.kind, 0.1)) for e in road.elements if e.element_id == thing]
    return np.array([(x, y, z) for shape, top in shapes for x, y in shape for z in (0.0, top)]).reshape(-1, 3)


def _words(moment: Moment) -> Iterator[str]:
    record = moment.record
    yield f"{moment.scenario}, {moment.t0_us / 1e6:.1f} s"
    decided = (record.longitudinal_decision, record.lateral_decision)
    yield " and ".join(d for d in decided if d != "none") or "goes on"
    for part in record.components[:2]:
        about = [part.relative_pose, part.motion]
        yield f"{part.kind} {part.track_id or ''} ({', '.join(a for a in about if a != 'none')})".replace(" ()", "")


def _looks(world: World, moment: Moment) -> NDArray[np.uint8]:
    """The same moment in every look."""
    then, camera, shown = world.ticks[moment.t0_us // 100_000], camera_of("front_tele", HEIGHT, WIDTH), []
    for look in LOOKS:
        renderer = Renderer(replace(world.scene, look=look), world.traffic)
        picture = renderer.picture(camera, then.ego.pose, then.agents, then.t_us)
        shown.append(np.concatenate([_caption(look, WIDTH), picture]))
    return np.concatenate(shown, axis=1)


def _caption(words: str, width: int) -> NDArray[np.uint8]:
    strip = Image.new("RGB", (width, CAPTION), (255, 255, 255))
    ImageDraw.Draw(strip).text((3, 1), words.replace("·", "|"), fill=(20, 20, 20))
    return np.asarray(strip)


def _write(name: str, sheet: NDArray[np.uint8], most_bytes: int) -> None:
    for quality in (88, 82, 76, 70, 62, 54, 46, 38):
        data = io.BytesIO()
        Image.fromarray(sheet).save(data, "JPEG", quality=quality, optimize=True)
        if len(data.getvalue()) <= most_bytes:
            (IMAGES / name).write_bytes(data.getvalue())
            print(f"{IMAGES / name}: {len(data.getvalue())} bytes, quality {quality}", file=sys.stderr)
            return
    sys.exit(f"{name}: larger than {most_bytes} bytes")


if __name__ == "__main__":
    main()
