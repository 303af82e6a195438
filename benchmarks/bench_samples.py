"""Samples into training beside an MP4 seek per sample, as the released loader does: the same frames, in one run.

Made-up drives: two cameras of 1920 x 1080 at 30 Hz for 20 s, a key frame each second, H.264 in MP4, and the same
pictures at 10 Hz as ingest keeps them. Their samples are built, then read in shuffled order; the other side opens each
camera's MP4, seeks, decodes up to the sample's frames and resizes them, in the same order (and once more with the
videos left open). Both give uint8 [cameras, frames, height, width, 3]; how far their pixels differ is printed (one was
a JPEG in between). Aim: 20 times as many samples a second. Also prints what building gives, and how its memory grows
with the number of drives, each in a process of its own.

    .venv/bin/python benchmarks/bench_samples.py
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from causeway.artifacts import Artifact, run, write_artifact
from causeway.artifacts.schemas import tables_of
from causeway.clips.ingest import IngestConfig
from causeway.clips.readers.video import as_jpeg, picture_array
from causeway.training.sample_stream import stream
from causeway.training.samples import SamplesConfig, build_samples, load_samples

CAMERAS, WIDTH, HEIGHT, VIDEO_HZ, SECONDS = ("front_wide", "front_tele"), 1920, 1080, 30, 20
TICK_US, AIM, CONFIG = 100_000, 20.0, SamplesConfig()
LOOKING_AHEAD = [0, 0, 1, 1.5, -1, 0, 0, 0, 0, -1, 0, 1.4, 0, 0, 0, 1]


def make_video(path: Path, seed: int) -> None:
    """A textured plane that drifts: enough detail that decoding costs what a street's does."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (135, 240, 3), dtype=np.uint8))
    wall = np.asarray(small.resize((2 * WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    with av.open(str(path), "w") as container:
        made = container.add_stream("libx264", rate=VIDEO_HZ)
        made.width, made.height, made.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        made.options = {"preset": "ultrafast", "crf": "23", "g": str(VIDEO_HZ), "bf": "0"}
        for number in range(VIDEO_HZ * SECONDS):
            pixels = np.ascontiguousarray(wall[:, 3 * number % WIDTH :][:, :WIDTH])
            container.mux(made.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(made.encode())


def frames_at(video: Path, camera: str, clip_id: str) -> Iterator[dict[str, Any]]:
    """Every third picture, as ingest keeps it: rows of `frames.parquet`."""
    settings = IngestConfig()
    with av.open(str(video)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0)):
            if number % 3 == 0:
                image, width, height = as_jpeg(picture_array(frame), settings.jpeg_quality, settings.max_width)
                row = {"clip_id": clip_id, "camera": camera, "t_us": number // 3 * TICK_US, "image": image}
                yield row | {"width": width, "height": height}


def blank(table: str) -> dict[str, Any]:
    return dict.fromkeys(tables_of("clips")[table].schema.names)


def clip_rows(clip_id: str) -> dict[str, list[dict[str, Any]]]:
    """A drive straight on at 8 m/s, all its tables but the pictures."""
    ticks = SECONDS * 10
    origin = {f"origin_{name}": 0.0 for name in ("x_m", "y_m", "z_m", "yaw_rad", "qx", "qy", "qz")}
    clip = {"clip_id": clip_id, "drive_id": clip_id, "source": "made-up", "ticks": ticks, "start_us": 0}
    still = dict.fromkeys(("y_m", "z_m", "qx", "qy", "qz", "accel_mps2", "yaw_rate_radps", "curvature_per_m"), 0.0)
    ego = [
        blank("ego") | still | {"clip_id": clip_id, "t_us": t * TICK_US, "x_m": 0.8 * t, "qw": 1.0, "speed_mps": 8.0}
        for t in range(ticks)
    ]
    lens = {"fx": 500.0, "fy": 500.0, "cx": 480.0, "cy": 270.0, "model": "pinhole", "distortion": []}
    rig = blank("rigs") | lens | {"clip_id": clip_id, "rig_from_camera": LOOKING_AHEAD}
    return {
        "clips": [blank("clips") | clip | origin | {"origin_qw": 1.0, "end_us": (ticks - 1) * TICK_US}],
        "ego": [row | {"observed_us": row["t_us"]} for row in ego],
        "rigs": [rig | {"camera": camera} for camera in CAMERAS],
        "route": [],
    }


def label_rows(clip_id: str) -> list[dict[str, Any]]:
    """A label for every tick that has a whole window."""
    told = {"trace": "Stop for the red light ahead.", "status": "accepted", "split": "train", "scenario": "made-up"}
    told |= {"longitudinal_decision": "stop_for_static_constraint", "lateral_decision": "none", "components": []}
    ticks = range(20, SECONDS * 10 - 64)
    return [told | {"moment_id": f"{clip_id}@{t:04d}", "clip_id": clip_id, "t0_us": t * TICK_US} for t in ticks]


def store(folder: Path, rows: list[dict[str, list]]) -> None:
    tables: dict[str, list] = {}
    for part in rows:
        for name, values in part.items():
            tables.setdefault(name, []).extend(values)
    write_artifact("labels", {"labels": tables.pop("labels")}, folder / "labels")
    write_artifact("clips", tables, folder / "clips")


def build(folder: Path) -> float:
    """Seconds that building took."""
    inputs = {"labels": str(folder / "labels"), "clips": str(folder / "clips")}
    began = time.perf_counter()
    run(build_samples, inputs, out=str(folder / "samples"), config=CONFIG)
    return time.perf_counter() - began


def seek(container: Any, times_us: list[int]) -> np.ndarray:
    """The frames shown at these times: go to the key frame before the first, decode up to the last."""
    found, made = [], container.streams.video[0]
    container.seek(round(times_us[0] / 1e6 / made.time_base), stream=made)
    wanted = {round(t / 1e6 * VIDEO_HZ) for t in times_us}
    for frame in container.decode(made):
        number = round(float(frame.pts * made.time_base) * VIDEO_HZ)
        if number in wanted:
            picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
            found.append(np.asarray(picture.resize((CONFIG.width, CONFIG.height), Image.Resampling.BILINEAR)))
        if len(found) == len(wanted):
            break
    return np.stack(found)


def by_seeking(folder: Path, clip_id: str, times_us: list[list[int]], opened: Callable[[Path], Any]) -> np.ndarray:
    videos = [folder / f"{clip_id}-{camera}.mp4" for camera in CAMERAS]
    return np.stack([seek(opened(video), times) for video, times in zip(videos, times_us, strict=True)])


def timed(work: Callable[[], list[np.ndarray]]) -> tuple[np.ndarray, list[np.ndarray]]:
    """(Seconds and CPU seconds a sample, what came out); the CPU's also hold on a machine that others use."""
    began = np.array([time.perf_counter(), time.process_time()])
    found = work()
    return (np.array([time.perf_counter(), time.process_time()]) - began) / len(found), found


def compare(folder: Path, count: int) -> float:
    """How many times as fast samples come out of shards; prints what was measured."""
    samples = load_samples(Artifact.open(folder / "samples"))
    rows = stream(samples, seed=0)
    asked = [(s.clip_id, s.observation.frame_t_us.tolist()) for _, s in (next(rows) for _ in range(count))]
    again = stream(samples, seed=0)
    ours_s, ours = timed(lambda: [next(again)[1].observation.images for _ in asked])
    theirs_s, theirs = timed(lambda: [by_seeking(folder, *one, lambda p: av.open(str(p))) for one in asked])
    held = cache(lambda path: av.open(str(path)))
    open_s, _ = timed(lambda: [by_seeking(folder, *one, held) for one in asked])
    off = np.mean([np.abs(np.int16(a) - b).mean() for a, b in zip(ours, theirs, strict=True)])
    print(f"{count} samples of {ours[0].shape}, shuffled: pixels differ by {off:.2f} of 255 on average")
    for name, spent in (("from shards", ours_s), ("MP4 seek", theirs_s), ("MP4 seek, videos left open", open_s)):
        print(f"{name}: {1e3 * spent[0]:.2f} ms a sample ({1e3 * spent[1]:.2f} of CPU), {1 / spent[0]:.0f} samples/s")
    (ratio, by_cpu), (ratio_open, open_by_cpu) = theirs_s / ours_s, open_s / ours_s
    print(f"ratio {ratio:.0f} ({by_cpu:.0f} by CPU), with open videos {ratio_open:.0f} ({open_by_cpu:.0f}); ", end="")
    return float(ratio)


def drives_with_videos(folder: Path, drives: int) -> None:
    made = []
    for number in range(drives):
        clip_id = f"drive-{number:02d}"
        rows = clip_rows(clip_id) | {"labels": label_rows(clip_id), "frames": []}
        for place, camera in enumerate(sorted(CAMERAS)):
            video = folder / f"{clip_id}-{camera}.mp4"
            make_video(video, 10 * number + place)
            rows["frames"] += frames_at(video, camera, clip_id)
        made.append(rows)
    store(folder, made)


def drives_of_noise(folder: Path, drives: int) -> None:
    """Drives whose pictures are one small JPEG: for the growth of memory."""
    data = BytesIO()
    Image.effect_noise((240, 136), 60).convert("RGB").save(data, "JPEG")
    made = []
    for number in range(drives):
        clip_id = f"drive-{number:04d}"
        frame = {"clip_id": clip_id, "image": data.getvalue(), "width": 240, "height": 136}
        frames = [frame | {"camera": c, "t_us": t * TICK_US} for c in sorted(CAMERAS) for t in range(SECONDS * 10)]
        made.append(clip_rows(clip_id) | {"labels": label_rows(clip_id)[::4], "frames": frames})
    folder.mkdir()
    store(folder, made)


MEASURED = """
import sys; sys.path.insert(0, "benchmarks")
from pathlib import Path; from bench_samples import build
build(Path(sys.argv[1]))
# not ru_maxrss: that of a child begins with its parent's
print(*(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def memory(folder: Path, drives: tuple[int, ...]) -> None:
    peaks = []
    for count in drives:
        drives_of_noise(folder / str(count), count)
        command = [sys.executable, "-c", MEASURED, str(folder / str(count))]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(float(done.stdout.split()[-1]))
    told = ", ".join(f"{count} drives {peak:.0f} MiB" for count, peak in zip(drives, peaks, strict=True))
    print(f"building's peak of memory: {told}; last over first {peaks[-1] / peaks[0]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drives", type=int, default=2)
    parser.add_argument("--samples", type=int, default=100, help="how many are compared")
    parser.add_argument("--memory", type=int, nargs="*", default=(9, 72), help="numbers of drives; none: not measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        drives_with_videos(folder, given.drives)
        began = time.process_time()
        took_s = build(folder)
        spent_s = time.process_time() - began
        built = len(load_samples(Artifact.open(folder / "samples")))
        rates = f"{built / took_s:.0f} samples/s, {built / spent_s:.0f} a core"
        print(f"built {built} samples of 4 pictures in {took_s:.1f} s: {rates}")
        ratio = compare(folder, given.samples)
        print(f"aim {AIM:.0f}: {'met' if ratio >= AIM else 'MISSED'}")
        if given.memory:
            memory(folder, tuple(given.memory))


if __name__ == "__main__":
    main()
