"""How long it takes to write one drive of 20 s of the built-in world, with two and with four cameras at 10 fps.

Run `.venv/bin/python benchmarks/bench_world_export.py`. One process; processor time, so a busy machine matters less.
Goal: 3 s with two cameras. Both sides: the same pictures through x264 as it comes (preset medium), in time and bytes.
"""

import io
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from causeway.model.observation import ObservationSpec
from causeway.simulation import export
from causeway.simulation.pictures.cameras import MOUNTS, camera_of
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.video import mp4_bytes
from causeway.simulation.world import World, expert_trajectory

SECONDS, HZ, SEED = 20.0, 10, 3


def main() -> None:
    _export(next(iter(SCENARIOS)), export.PICTURES.cameras)  # what is compiled once is not counted
    for cameras in (export.PICTURES.cameras, tuple(MOUNTS)):
        times = [_export(name, cameras) for name in SCENARIOS]
        print(
            f"a drive with {len(cameras)} cameras: {np.median(times):.2f} s (median of {len(times)} scenarios), "
            f"{max(times):.2f} s (slowest); {SECONDS / np.median(times):.0f} x real time"
        )
    _encoders()


def _export(scenario: str, cameras: tuple[str, ...]) -> float:
    """Seconds that one drive takes, from the seed to its last file."""
    export.PICTURES = ObservationSpec(cameras=cameras, height=192, width=320)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        export.write_drive(Path(folder), export.DriveJob(scenario, SEED, 0, "train", HZ))
        return time.process_time() - start


def _encoders() -> None:
    world = World(next(iter(SCENARIOS)), SEED, ObservationSpec((), ()))
    world.reset()
    while not world.now.events.done:
        world.step(expert_trajectory(world))
    camera = camera_of("front_wide", 192, 320)
    start = time.process_time()
    pictures = [world.picture(camera, i) for i in range(len(world.ticks))]
    drawn = time.process_time() - start
    ours, small = _spent(lambda: mp4_bytes(pictures, HZ))
    theirs, smaller = _spent(lambda: _as_it_comes(pictures))
    print(f"one camera: {drawn:.2f} s to draw, {ours:.2f} s and {small / 1e3:.0f} kB to encode")
    print(f"x264 as it comes: {theirs:.2f} s, {smaller / 1e3:.0f} kB: {theirs / ours:.1f} times as long")


def _as_it_comes(pictures: list[NDArray[np.uint8]]) -> bytes:
    target = io.BytesIO()
    with av.open(target, mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(HZ), options={"crf": "20"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return target.getvalue()


def _spent(work) -> tuple[float, int]:  # type: ignore[no-untyped-def]
    start = time.process_time()
    data = work()
    return time.process_time() - start, len(data)


if __name__ == "__main__":
    main()
