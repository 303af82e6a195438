"""Pictures of the built-in world: milliseconds each, and how much faster than real time it steps with them.

Run `.venv/bin/python benchmarks/bench_world_cameras.py`. One process; all times are processor time, so a busy machine
matters less. Goals: 20 × real time per core with two cameras of 320 x 192 at 10 Hz; the first compile within 10 s.
Both sides of the rasteriser's choice: with `pybullet` installed (not in the lock) its TinyRenderer draws a like scene.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from causeway.model.observation import ObservationSpec
from causeway.simulation.pictures.cameras import MOUNTS, camera_of
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.world import World, expert_trajectory

HEIGHT, WIDTH, HZ = 192, 320, 10
RIGS = {"none": (), "two": ("front_wide", "front_tele"), "four": tuple(MOUNTS)}
DRIVES_S = 8.0


def main() -> None:
    _first_picture()
    _pictures()
    for rig, cameras in RIGS.items():
        times = [_real_time(name, cameras) for name in SCENARIOS]
        print(
            f"stepping, {rig} cameras: {np.median(times):.1f} x real time (median), {min(times):.1f} (slowest scenario)"
        )
    _other_side()


def _first_picture() -> None:
    """What a fresh process pays before its first picture: nothing kept on disk, then all kept."""
    code = (
        "import time, numba; t = time.process_time()\n"
        "from benchmarks.bench_world_cameras import first; first(); print(time.process_time() - t)"
    )
    with tempfile.TemporaryDirectory() as place:
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        environment = {**os.environ, "NUMBA_CACHE_DIR": place, "PYTHONPATH": root}
        for what in ("compiled", "kept on disk"):
            ran = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            print(f"first picture of a process, {what}: {float(ran.stdout):.2f} s")


def first() -> None:
    """One picture of one scene."""
    world = World(next(iter(SCENARIOS)), 0, ObservationSpec((), ()))
    world.reset()
    world.picture(camera_of("front_wide", HEIGHT, WIDTH), 0)


def _pictures() -> None:
    for name in MOUNTS:
        camera, spent = camera_of(name, HEIGHT, WIDTH), []
        for scenario in SCENARIOS:
            world = World(scenario, 1, ObservationSpec((), ()))
            world.reset()
            world.picture(camera, 0)
            spent += [_spent(lambda w=world, c=camera, i=i: w.picture(c, i)) for i in range(1, 20)]
        print(f"{name}: {1e3 * np.median(spent):.2f} ms a picture of {WIDTH} x {HEIGHT} (median)")


def _real_time(scenario: str, cameras: tuple[str, ...]) -> float:
    world = World(scenario, 2, ObservationSpec(cameras, (0.0,) if cameras else (), HEIGHT, WIDTH))
    world.reset()
    start, ticks = time.process_time(), 0
    while ticks < DRIVES_S * HZ and not world.now.events.done:
        world.step(expert_trajectory(world))
        ticks += 1
    return ticks / HZ / (time.process_time() - start)


def _spent(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _other_side() -> None:
    """pybullet's TinyRenderer, which too needs neither GPU nor GL: a road with 210 boxes, 2 500 triangles."""
    try:
        import pybullet
    except ImportError:
        print("pybullet is not installed: its TinyRenderer is not measured")
        return
    pybullet.connect(pybullet.DIRECT)
    rng = np.random.default_rng(1)
    sizes = [(200, 10, 0.01)] + [(1.5, 0.07, 0.01)] * 120 + [(2.3, 0.9, 0.75)] * 30 + [(0.3, 0.3, 3.0)] * 60
    for size in sizes:
        shape = pybullet.createVisualShape(pybullet.GEOM_BOX, halfExtents=size)
        where = [float(rng.uniform(8, 120)), float(rng.uniform(-9, 9)), size[2]]
        pybullet.createMultiBody(0, -1, shape, where)
    view = pybullet.computeViewMatrix([0, 0, 1.45], [10, 0, 1.45], [0, 0, 1])
    for field in (120, 30):
        high = 2 * math.degrees(math.atan(math.tan(math.radians(field / 2)) * HEIGHT / WIDTH))
        lens = pybullet.computeProjectionMatrixFOV(high, WIDTH / HEIGHT, 0.3, 250)
        draw = lambda lens=lens: pybullet.getCameraImage(  # noqa: E731
            WIDTH, HEIGHT, view, lens, shadow=0, renderer=pybullet.ER_TINY_RENDERER
        )
        print(f"pybullet TinyRenderer, {field}°: {1e3 * min(_spent(draw) for _ in range(10)):.2f} ms a picture")


if __name__ == "__main__":
    main()
